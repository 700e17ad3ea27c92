"""The objective: the one number by which settings are compared, and which way is better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from simcb.metrics import (
    METRICS,
    Per,
    ThresholdError,
    Unit,
    check_thresholds,
    entities_of,
    place_of,
)
from simcb.metrics.phase import WHOLE
from simcb.scenario import Scenario, parse_threshold
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.scenario.thresholds import spelled
from simcb.studies import StudyError
from simcb.studies.evaluation.cells import Column

COLLAPSE = "collapse"
"""The share of replicates that end collapsed: no metric of a run, but one of a setting."""

DEFAULT = "goodput"

OF_THE_WORLD = "success"
"""What is shown where only the world is varied: goodput grows with what comes."""


class Better(StrEnum):
    """Which way is better."""

    HIGHER = "max"
    LOWER = "min"


_HIGHER = frozenset({"success", "answered", "availability", "goodput"})

# More of these is neither good nor bad by itself.
_NEITHER = frozenset(
    {"offered_rate", "attempt_rate", "downstream_rate", "degraded", "utilisation", "rejected"}
    | {"open_fraction"}
)

_EXAMPLES = {Unit.SECONDS: "0s", Unit.PER_SECOND: "0/s"}


@dataclass(frozen=True)
class Objective:
    """What a setting is judged by.

    Args:
        column: the number; its metric may be `collapse`.
        better: which way is better.
        unit: what it counts.
        services: the same of each service, where the metric is measured for services and none
            is named: the largest of them and of the run's counts, as in a threshold.
    """

    column: Column
    better: Better
    unit: Unit
    services: tuple[Column, ...] = ()

    @property
    def is_collapse(self) -> bool:
        """Whether it is the probability of collapse."""
        return self.column.metric == COLLAPSE

    def __str__(self) -> str:
        return str(self.column)


@dataclass(frozen=True)
class Border:
    """Where a number passes a value.

    Args:
        objective: the number.
        value: seconds, per second, a share, or a plain number.
    """

    objective: Objective
    value: float

    def __str__(self) -> str:
        return f"{self.objective}={self.value!r}"


def parse_objective(text: str, scenario: Scenario, columns: Sequence[Column]) -> Objective:
    """Read `METRIC`, `METRIC{phase}` or `METRIC{phase,NAME}`, with `max:` or `min:` before it.

    NAME is a service or a client group.

    The metric's nature says which way is better; of those that have none, like `utilisation`,
    the prefix has to.

    Raises:
        StudyError: there is no such number in this scenario.
    """
    prefix, colon, rest = text.partition(":")
    better = Better(prefix) if colon and prefix in list(Better) else None
    return _objective(rest if better else text, better, scenario, columns)


def recorded_border(text: str, scenario: Scenario, columns: Sequence[Column]) -> Border:
    """Read what `str` makes of a border: its value in the metric's own unit.

    Raises:
        StudyError: there is no such number in this scenario.
        ValueError: it is not of that form.
    """
    name, _, value = text.rpartition("=")
    return Border(_border_objective(name, scenario, columns), float(value))


def parse_border(text: str, scenario: Scenario, columns: Sequence[Column]) -> Border:
    """Read `METRIC{…}=VALUE`: where to look for a border, such as `collapse=50%`.

    Raises:
        StudyError: it is not of that form, or there is no such number in this scenario.
    """
    name, equals, value = text.rpartition("=")
    if not equals:
        raise StudyError(f"{quoted(text)} is no border", "write METRIC=VALUE, as in collapse=50%")
    name, value = name.strip(), value.strip()
    objective = _border_objective(name, scenario, columns)
    standing = name.replace(COLLAPSE, "success", 1) if objective.is_collapse else name
    try:
        threshold = parse_threshold(f"{standing} >= {value}")
        check_thresholds((threshold,), scenario)
    except Refused as refused:
        raise StudyError(f"{quoted(text)}: {refused.what}", refused.remedy) from None
    except ThresholdError as error:
        problem = error.problems[0]
        raise StudyError(f"{quoted(text)}: {problem.what}", problem.remedy) from None
    return Border(objective, threshold.limit)


def _border_objective(name: str, scenario: Scenario, columns: Sequence[Column]) -> Objective:
    neutral = name.partition("{")[0].strip() in _NEITHER
    return _objective(name, Better.LOWER if neutral else None, scenario, columns)


def _objective(
    text: str, better: Better | None, scenario: Scenario, columns: Sequence[Column]
) -> Objective:
    text = text.strip()
    if text == COLLAPSE:
        return Objective(Column(COLLAPSE, WHOLE, ""), better or Better.LOWER, Unit.SHARE)
    column = parse_number(text, scenario, [*METRICS, COLLAPSE])
    name, metric = column.metric, METRICS[column.metric]
    services: tuple[Column, ...] = ()
    if Per.SERVICE in metric.per and not column.of:
        named = entities_of(scenario).services
        services = tuple(Column(name, column.phase, each) for each in named)
    if not any(each in columns for each in (column, *services)):
        raise StudyError(
            f"{quoted(text)} does not exist in this scenario",
            "ask for the whole run, or for a phase that it has",
        )
    if better is None and name in _NEITHER:
        raise StudyError(
            f"more {name} is neither better nor worse by itself",
            f"write max:{text} or min:{text}",
        )
    nature = Better.HIGHER if name in _HIGHER else Better.LOWER
    return Objective(column, better or nature, metric.unit, services)


def parse_number(text: str, scenario: Scenario, known: Sequence[str] = ()) -> Column:
    """Read `METRIC`, `METRIC{phase}` or `METRIC{phase,NAME}`; NAME is a service or a client group.

    Args:
        text: what names the number.
        scenario: where it is looked for.
        known: the names that a wrong one is compared with; those of all metrics if empty.

    Raises:
        StudyError: there is no such number in this scenario.
    """
    name = spelled(text.partition("{")[0].strip())
    metric = METRICS.get(name)
    if metric is None:
        raise StudyError(
            f"there is no metric {quoted(name)}", choice_remedy(name, known or METRICS)
        )
    try:
        # A threshold on it is judged by the same rules, so they are asked.
        threshold = parse_threshold(f"{text.strip()} >= {_EXAMPLES.get(metric.unit, '0')}")
        phase, of = place_of(threshold, scenario)
    except Refused as refused:
        raise StudyError(f"{quoted(text)}: {refused.what}", refused.remedy) from None
    except ThresholdError as error:
        problem = error.problems[0]
        raise StudyError(f"{quoted(text)}: {problem.what}", problem.remedy) from None
    return Column(threshold.metric, phase, of)
