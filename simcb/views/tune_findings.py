"""What a tune says in words: the best, what it is worth beside others, and what to know besides."""

from __future__ import annotations

from dataclasses import replace

from simcb.metrics import Estimate, Unit
from simcb.studies.tune import NO_BREAKER, YOURS, Check, Contender, Reach, TuneResult
from simcb.views.quantities import quantity
from simcb.views.safe_text import one_line
from simcb.views.tune_data import readings, shown_value, stretch
from simcb.views.tune_family import family_lines, headline

USUAL = "pybreaker 5/60s"
"""The contender that most people run: the one named in the first lines."""

BEATS = "beats"


def findings(result: TuneResult) -> tuple[str, ...]:
    """Return the winner, and what it is worth, each as a line."""
    if result.winner is None:
        return ("no setting was run to the end",)
    values = winner_words(result)
    lines = [headline(result, values)]
    if not result.feasible:
        limits = ", ".join(limit.text for limit in result.scenarios[0].limits)
        limits = limits or f"the ordinary day within {quantity(result.day_budget, Unit.SHARE)}"
        lines = [f"no setting keeps {limits}; the nearest: {values}"]
    if result.check is not None:
        lines += _won(result, result.check)
        lines += family_lines(result) if result.family else ()
    if result.reach:
        stretches = "; ".join(
            f"{result.label_of(each.axis)} {stretch(each)}" for each in result.reach
        )
        near = quantity(result.tolerance, Unit.SHARE)
        lines.append(f"as good within {near}, one at a time: {stretches}")
    lines += [_at_the_edge(result, reach) for reach in result.reach if reach.beyond]
    return tuple(lines)


def winner_words(result: TuneResult) -> str:
    """Return the winner's values, each after its axis."""
    values = result.trials[result.winner or 0].setting.values
    pairs = zip(result.labels, values, strict=True)
    return ", ".join(f"{label} = {shown_value(value)}" for label, value in pairs)


def _won(result: TuneResult, check: Check) -> list[str]:
    """Return how the winner compares with what people run, and who else comes up to it."""
    lines = []
    if result.feasible and not check.winner.feasible:
        lines.append(f"on a fresh seed it misses {', '.join(_missed(check.winner))}")
    others: dict[str, list[str]] = {}
    for contender in check.contenders[1:]:
        compared, why = _compared(check.winner, contender)
        if contender.name in (YOURS, NO_BREAKER if result.family else USUAL):
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
    many = len(result.scenarios) > 1
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
    limits = (limit for scenario in contender.scenarios for limit in scenario.limits)
    return tuple(dict.fromkeys(one_line(limit.text, 80) for limit in limits if not limit.passed))


def _at_the_edge(result: TuneResult, reach: Reach) -> str:
    span, numbers = reach.axis.span, reach.axis.numbers or ()
    if reach.axis.values:
        by_number = dict(zip(numbers, reach.axis.values, strict=True))
        low, high = by_number[min(numbers)], by_number[max(numbers)]
    else:
        assert span is not None
        low, high = span.at(0.0), span.at(1.0)
    end = low if reach.beyond == "below" else high
    return (
        f"{result.label_of(reach.axis)} = {shown_value(reach.value)} is at the edge of its range: "
        f"look {reach.beyond} {shown_value(end)}"
    )


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


def notes(result: TuneResult) -> tuple[str, ...]:
    """Return what a reader has to know besides."""
    lines = []
    if result.check is not None:
        lines += differing(result.check)
    if result.reach or result.check is not None:
        lines.append(explained(result))
        lines += _filled(result)
    refused = [trial for trial in result.trials if trial.refused]
    if refused:
        what = one_line(refused[0].refused, 200)
        lines.append(f"{len(refused)} settings are refused by a scenario; the first: {what}")
    if result.lost:
        first = result.lost[0]
        where = one_line(result.scenarios[first.cell.scenario].name, 60)
        lines.append(
            f"{len(result.lost)} runs could not be made and are missing; the first, of {where}: "
            f"{one_line(first.reason, 200)}"
        )
    if not result.complete:
        lines.append("interrupted: this is the best so far, and nothing was checked")
    return tuple(lines)


def _filled(result: TuneResult) -> list[str]:
    """Return what runs counted as in which an aim had no number, a line for each kind."""
    lines = []
    for place, aim in enumerate(result.aims):
        here = [each for each in result.filled if each.aim == place]
        for what, counts, as_what in (
            ("never came", [each.never for each in here], "the scenario's duration"),
            ("was undefined", [each.undefined for each in here], "the worst known there"),
        ):
            names = [one_line(result.scenarios[each.scenario].name, 40) for each in here]
            where = [
                f"{count} of {each.runs} runs of {name}"
                for each, count, name in zip(here, counts, names, strict=True)
                if count
            ]
            if where:
                more = f" and in {len(where) - 3} more scenarios" if len(where) > 3 else ""
                listed = ", ".join(where[:3])
                lines.append(f"{aim} {what} in {listed}{more}: each counts as {as_what}")
    return lines


def differing(check: Check) -> list[str]:
    """Return what the libraries do otherwise than the rows marked with their names, in lines."""
    found: dict[str, list[str]] = {}
    for contender in check.contenders:
        if contender.differs:
            found.setdefault(contender.differs, []).append(contender.name)
    lines = [f"* {'; '.join(names)}: {differs}" for differs, names in found.items()]
    ours = "named after libraries: simcb's breaker; `compare … --with use=NAME` has their own"
    return [*lines, ours] if lines else []
