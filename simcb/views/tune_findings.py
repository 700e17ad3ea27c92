"""What a tune finds, in sentences: the winner, whom it beats, how far it can be moved.

Regrets are read as percent where they are relative, else in the aim's own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcb.metrics import Estimate, Unit
from simcb.studies.sweep.axes import Value
from simcb.studies.sweep.objective import Better
from simcb.studies.tune import YOURS, Check, Contender, Reach, TuneResult, is_until
from simcb.views.quantities import difference, interval, quantity
from simcb.views.safe_text import one_line

USUAL = "pybreaker 5/60s"
"""The contender that most people run: the one named in the first lines."""

BEATS = "beats"

IN_POINTS = "in points"
"""Of shares a regret is a difference, not a part of the best."""


def findings(result: TuneResult) -> tuple[str, ...]:
    """Return the winner, and what it is worth, each as a line."""
    if result.winner is None:
        return ("no setting was run to the end",)
    values = ", ".join(
        f"{axis.label} = {shown_value(value)}"
        for axis, value in zip(result.axes, result.best.values(), strict=True)
    )
    lines = [f"best: {values}"]
    if not result.feasible:
        limits = ", ".join(limit.text for limit in result.storms[0].limits)
        lines = [f"no setting keeps {limits}; the nearest: {values}"]
    if result.check is not None:
        lines += _won(result, result.check)
    if result.reach:
        stretches = "; ".join(f"{each.axis.label} {stretch(each)}" for each in result.reach)
        near = quantity(result.tolerance, Unit.SHARE)
        lines.append(f"as good within {near}, one at a time: {stretches}")
    lines += [_at_the_edge(reach) for reach in result.reach if reach.beyond]
    return tuple(lines)


def _won(result: TuneResult, check: Check) -> list[str]:
    """Return how the winner compares with what people run, and who else comes up to it."""
    lines = []
    if result.feasible and not check.winner.feasible:
        lines.append(f"on a fresh seed it misses {', '.join(_missed(check.winner))}")
    others: dict[str, list[str]] = {}
    for contender in check.contenders[1:]:
        compared, why = _compared(check.winner, contender)
        if contender.name in (YOURS, USUAL):
            difference = _difference(result, contender)
            lines.append(f"{compared} {contender.marked_name}{why}: {difference}")
        elif compared != BEATS:
            others.setdefault(compared, []).append(contender.marked_name)
    lines += [f"{compared} {'; '.join(names)}" for compared, names in others.items()]
    return lines


def _compared(winner: Contender, contender: Contender) -> tuple[str, str]:
    """Return in a word or two whether the winner beats a contender, and why whatever the aim."""
    if winner.feasible and not contender.feasible:
        return BEATS, f", which misses {', '.join(_missed(contender))}"
    if contender.feasible and not winner.feasible:
        return "loses to", f", which keeps {', '.join(_missed(winner))}"
    behind = contender.behind or ()
    sure = any(each.low is not None and each.low > 0.0 for each in behind)
    lost = any(each.high is not None and each.high < 0.0 for each in behind)
    if lost:
        return ("is good otherwise than" if sure else "loses to"), ""
    return (BEATS if sure else "cannot be told from"), ""


def _difference(result: TuneResult, contender: Contender) -> str:
    """Return by how much the winner is better, worse, or neither, for each aim."""
    many = len(result.storms) > 1
    better, worse = ("lower by", "higher by") if many else ("better by", "worse by")
    said: dict[str, list[str]] = {better: [], worse: [], "no different in": []}
    for read, behind in zip(readings(result), contender.behind or (), strict=True):
        if not behind.mean:
            said["no different in"].append(read.name)
        elif behind.mean > 0.0:
            said[better].append(f"{read.words(behind)} of {read.name}")
        else:
            said[worse].append(f"{read.words(_turned(behind))} of {read.name}")
    words = " and ".join(f"{how} {', '.join(what)}" for how, what in said.items() if what)
    return f"worst regret {words}" if many else words


def _turned(found: Estimate) -> Estimate:
    """Return an estimate of the opposite."""
    mean, low, high = (None if x is None else -x for x in (found.mean, found.high, found.low))
    return replace(found, mean=mean, low=low, high=high)


def _missed(contender: Contender) -> tuple[str, ...]:
    """Return the limits that a contender misses somewhere."""
    limits = (limit for storm in contender.storms for limit in storm.limits)
    return tuple(dict.fromkeys(one_line(limit.text, 80) for limit in limits if not limit.passed))


def _at_the_edge(reach: Reach) -> str:
    span, numbers = reach.axis.span, reach.axis.numbers or ()
    if reach.axis.values:
        by_number = dict(zip(numbers, reach.axis.values, strict=True))
        low, high = by_number[min(numbers)], by_number[max(numbers)]
    else:
        assert span is not None
        low, high = span.at(0.0), span.at(1.0)
    end = low if reach.beyond == "below" else high
    return (
        f"{reach.axis.label} = {shown_value(reach.value)} is at the edge of its range: "
        f"look {reach.beyond} {shown_value(end)}"
    )


def stretch(reach: Reach) -> str:
    """Return the values that are as good as the winner's: `5s … 19.5s`, or a list of words."""
    good = [step.value for step in reach.steps if step.as_good or step.value == reach.value]
    return _values(reach, good, reach.low, reach.high)


def wider_stretch(reach: Reach) -> str:
    """Return the values that are not shown to be worse, those that are as good included."""
    good = [step.value for step in reach.steps if step.not_worse or step.value == reach.value]
    return _values(reach, good, reach.lowest, reach.highest)


def shown_value(value: Value) -> str:
    """Return a value of an axis as a line of text."""
    return one_line(str(value), 40)


def _values(reach: Reach, good: Sequence[Value], low: Value, high: Value) -> str:
    if reach.axis.numbers is None:
        return ", ".join(shown_value(value) for value in good[:8])
    if low == high:
        return f"only {shown_value(reach.value)}"
    return f"{shown_value(low)} … {shown_value(high)}"


@dataclass(frozen=True)
class Reading:
    """How the regrets of an aim are to be read.

    Args:
        name: the aim, after `of`.
        factor: what makes a number of `unit` of a regret.
        unit: the unit it is then in.
        share: what a regret is a share of, as words, or "" if of nothing.
    """

    name: str
    factor: float
    unit: Unit
    share: str

    def words(self, found: Estimate) -> str:
        """Return a regret with its interval: `3.1 ±0.4%`, `3.1 ±0.4 pp`, `12.1 ±1.4 s`."""
        return self._written(found.mean, found.low, found.high)

    def amount(self, regret: float | None) -> str:
        """Return a regret alone: `3.1%`, `12.1 s`."""
        return self._written(regret, None, None)

    def _written(self, *numbers: float | None) -> str:
        mean, low, high = (None if each is None else each * self.factor for each in numbers)
        write = difference if self.share == IN_POINTS else interval
        return write(mean, low, high, self.unit)

    @property
    def drawn(self) -> float:
        """What to multiply a regret with to draw it."""
        return 100.0 if self.unit is Unit.SHARE else self.factor

    @property
    def mark(self) -> str:
        """The unit beside an axis: ` (%)`, ` (s)`, or nothing."""
        return {Unit.SHARE: " (%)", Unit.SECONDS: " (s)"}.get(self.unit, "")


def readings(result: TuneResult) -> tuple[Reading, ...]:
    """Return how each aim's regrets are to be read.

    Of times until something happens a regret is a share of a scenario's duration: where all
    scenarios last equally long that is a number of seconds.
    """
    first, *others = dict.fromkeys(storm.scenario.duration for storm in result.storms)
    found = []
    for aim in result.aims:
        name = str(aim)
        if is_until(aim) and not others:
            found.append(Reading(name, first, Unit.SECONDS, ""))
        elif is_until(aim):
            found.append(Reading(f"the duration in {name}", 1.0, Unit.SHARE, "of the duration"))
        elif aim.unit in (Unit.COUNT, Unit.RATIO):
            found.append(Reading(name, 1.0, aim.unit, ""))
        elif aim.unit is Unit.SHARE:
            found.append(Reading(name, 1.0, Unit.SHARE, IN_POINTS))
        else:
            least = "" if aim.better is Better.HIGHER else ", or to what is usual if that is more"
            found.append(Reading(name, 1.0, Unit.SHARE, f"relative to it{least}"))
    return tuple(found)


def explained(result: TuneResult) -> str:
    """Return what a regret is, in a line."""
    pairs = zip(result.aims, readings(result), strict=True)
    alone = len(result.aims) == 1
    shares = [each.share if alone else f"{aim} {each.share}" for aim, each in pairs if each.share]
    how = f" ({'; '.join(shares)})" if shares else ""
    return (
        f"regret: what is lost to the best setting known for a scenario alone{how}; "
        "behind: how much more than the best loses"
    )
