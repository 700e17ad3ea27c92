"""A tune's numbers in full: as JSON, as CSV, and the overlay with the winner.

Equal tunes are equal bytes; how much of the work had been done before is no part of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate, Unit
from simcb.scenario import parse_value
from simcb.scenario.units import Value
from simcb.studies.evaluation.objective import Better
from simcb.studies.tune import Contender, InScenario, Reach, Trial, TuneResult, is_until
from simcb.studies.tune.space import rule_words
from simcb.views.data import estimate_object, number, plain
from simcb.views.document import JsonValue, Row
from simcb.views.quantities import difference, interval
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import objective_object

IN_POINTS = "in points"
"""Of shares a regret is a difference, not a part of the best."""

_RULES = ("{kind: ", "[{kind: ")
"""How a trip rule begins, as a file has it."""

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def tune_object(result: TuneResult) -> dict[str, JsonValue]:
    """Return a tune as plain data."""
    check = result.check
    return {
        "scenarios": [scenario.name for scenario in result.scenarios],
        "storms": [scenario.storm for scenario in result.scenarios],
        "advice": result.advice or None,
        **plain(result, "seed", "replicates", "batch", "tolerance", "complete"),
        **plain(result, "feasible", "winner", "searched"),
        "space": [axis.path for axis in result.axes],
        "aims": [objective_object(aim) for aim in result.aims],
        "limits": [limit.text for limit in result.scenarios[0].limits],
        "best": {**result.best},
        "front": [*result.front],
        "trials": [_trial(trial) for trial in result.trials],
        "reach": [_reach(reach) for reach in result.reach],
        "importance": {
            axis.path: number(share)
            for axis, share in zip(result.axes, result.importance, strict=True)
        },
        "check": None
        if check is None
        else {
            **plain(check, "seed", "replicates"),
            "contenders": [_contender(result, each) for each in check.contenders],
        },
        "filled": [
            {
                "scenario": result.scenarios[each.scenario].name,
                "aim": str(result.aims[each.aim]),
                **plain(each, "never", "undefined", "runs"),
            }
            for each in result.filled
        ],
        "lost": [
            {
                "setting": each.cell.setting,
                "scenario": result.scenarios[each.cell.scenario].name,
                "replicate": each.cell.replicate,
                "reason": each.reason,
            }
            for each in result.lost
        ],
    }


def _trial(trial: Trial) -> dict[str, JsonValue]:
    return {
        **plain(trial, "number", "replicates", "violation"),
        "values": [*trial.setting.values],
        "worst_regret": [number(each) for each in trial.worst],
        "lost_on_the_day": number(trial.day),
        "refused": trial.refused or None,
    }


def _reach(reach: Reach) -> dict[str, JsonValue]:
    return {
        "path": reach.axis.path,
        "best": reach.value,
        **plain(reach, "low", "high", "lowest", "highest", "beyond", "at_stake"),
        "stakes": [number(each) for each in reach.stakes],
        "steps": [
            {
                **plain(step, "value", "replicates", "as_good", "not_worse", "feasible", "stopped"),
                "excess": _estimates(step.excess),
            }
            for step in reach.steps
        ],
    }


def _contender(result: TuneResult, contender: Contender) -> dict[str, JsonValue]:
    pairs = zip(result.scenarios, contender.scenarios, strict=True)
    return {
        "name": contender.name or "best",
        "differs": contender.differs or None,
        **plain(contender, "feasible", "runs"),
        "stopped_early": contender.stopped,
        "ordinary_day": None
        if contender.day is None
        else {
            "lost": estimate_object(contender.day.lost),
            "rejected": estimate_object(contender.day.rejected),
            "false_trips_in_24_hours": estimate_object(contender.day.false_trips),
            "kept": contender.day.kept,
        },
        "worst_regret": _estimates(contender.worst),
        "behind": None if contender.behind is None else _estimates(contender.behind),
        "scenarios": {scenario.name: _in_scenario(found) for scenario, found in pairs},
    }


def _in_scenario(found: InScenario) -> dict[str, JsonValue]:
    return {
        "replicates": found.replicates,
        "aims": _estimates(found.aims),
        "regret": _estimates(found.regret),
        "behind": None if found.behind is None else _estimates(found.behind),
        "verdicts": {verdict.value: count for verdict, count in found.verdicts.items()},
        "thresholds": [
            plain(judged, "text", "value", "passed")
            for judged in (*found.thresholds, *found.limits)
        ],
    }


def _estimates(found: Iterable[Estimate]) -> list[JsonValue]:
    return [estimate_object(each) for each in found]


def trial_rows(result: TuneResult) -> Iterator[Row]:
    """Yield a line for every setting tried: its values, replicates and regrets."""
    paths = [axis.path for axis in result.axes]
    regrets = [f"worst regret {aim}" for aim in result.aims]
    yield ("trial", "found", *paths, "replicates", *regrets, "violation", "front", "refused")
    for trial in result.trials:
        found = "searching" if trial.number < result.searched else "walking"
        yield (
            trial.number,
            "best" if trial.number == result.winner else found,
            *map(str, trial.setting.values),
            trial.replicates,
            *(map(float, trial.worst) if trial.worst else [None] * len(regrets)),
            float(trial.violation),
            trial.number in result.front,
            trial.refused,
        )


def contender_rows(result: TuneResult) -> Iterator[Row]:
    """Yield a line for every contender, scenario and aim: its mean, and how it is behind."""
    whats, ends = ("mean", "regret", "behind"), ("", " low", " high")
    yield (
        "contender",
        "scenario",
        "aim",
        "replicates",
        *(what + end for what in whats for end in ends),
        "differs",
    )
    for contender in result.check.contenders if result.check is not None else ():
        for scenario, found in zip(result.scenarios, contender.scenarios, strict=True):
            for index, aim in enumerate(scenario.aims):
                behind = found.behind[index] if found.behind else None
                yield (
                    *(contender.name or "best", scenario.name, str(aim), found.replicates),
                    *_ends(found.aims[index]),
                    *_ends(found.regret[index] if found.regret else None),
                    *_ends(behind),
                    contender.differs,
                )


def _ends(found: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (found.mean, found.low, found.high) if found else (None, None, None)


def overlay(result: TuneResult, repeat: str = "") -> str:
    """Return the file that puts the winner's values over a scenario: `simcb run … -f` takes it.

    Places are named as they were in the space, which fits all scenarios of the tune.
    """
    names = ", ".join(one_line(scenario.name, 80) for scenario in result.scenarios)
    lines = [f"# The best of {len(result.trials)} settings for {names}."]
    if not result.feasible:
        limits = ", ".join(one_line(limit.text, 200) for limit in result.scenarios[0].limits)
        lines = [
            f"# Does not keep {limits}: of {len(result.trials)} settings for {names}",
            "# none does, and this one comes nearest.",
        ]
    if repeat:
        lines.append(f"# Found by: {one_line(repeat, 2000)}")
    for path, value in result.best.items():
        key = path if _PLAIN_KEY.fullmatch(path) else json.dumps(path)
        lines.append(f"{key}: {value}")
    return "\n".join(lines) + "\n"


def changes_with(best: Mapping[str, Value]) -> dict[str, object]:
    """Return a winner's values as `Scenario.with_` takes them: rules as mappings, not as text."""
    return {
        path: parse_value(str(value)) if str(value).startswith(_RULES) else value
        for path, value in best.items()
    }


def at_least(contender: Contender) -> str:
    """Return what goes before the regrets of a contender that was stopped early."""
    return "≥ " if contender.stopped else ""


def stretch(reach: Reach) -> str:
    """Return the values that are as good as the winner's: `5s … 19.5s`, or a list of words."""
    good = [step.value for step in reach.steps if step.as_good or step.value == reach.value]
    return _values(reach, good, reach.low, reach.high)


def wider_stretch(reach: Reach) -> str:
    """Return the values that are not shown to be worse, those that are as good included."""
    good = [step.value for step in reach.steps if step.not_worse or step.value == reach.value]
    return _values(reach, good, reach.lowest, reach.highest)


def shown_value(value: Value) -> str:
    """Return a value of an axis as a line of text: a trip rule in words."""
    text = str(value)
    return one_line(rule_words(text) if text.startswith(_RULES) else text, 40)


def _values(reach: Reach, good: Sequence[Value], low: Value, high: Value) -> str:
    ordered = all(str(value).startswith(_RULES) for value in reach.axis.values)
    if reach.axis.numbers is None and not (ordered and reach.axis.values):
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
    first, *others = dict.fromkeys(scenario.base.duration for scenario in result.scenarios)
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
