"""Holding measures against the scenario's thresholds, such as `p99{fault} < 1s`.

The syntax belongs to the scenario; what a name means is known here: which metrics there are,
which phases and services they have, and what kind of limit suits which unit.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simcb.errors import SimcbError
from simcb.metrics.asking import PHASES
from simcb.metrics.measures import Unit
from simcb.metrics.metric import Metric, Per
from simcb.metrics.phase import FAULT, HEALTHY, ONE_FAULT, WHOLE
from simcb.metrics.table import METRICS
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.scenario.thresholds import Comparison, LimitUnit, Threshold
from simcb.scenario.units import parse_share

_COMPARE = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.MORE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.EQUAL: operator.eq,
}

_LIMITS: dict[Unit, tuple[tuple[LimitUnit, ...], str]] = {
    Unit.SECONDS: ((LimitUnit.DURATION, LimitUnit.NEVER), "a duration such as `250ms`"),
    Unit.PER_SECOND: ((LimitUnit.RATE,), "a rate such as `40/s`"),
    Unit.SHARE: ((LimitUnit.SHARE, LimitUnit.NUMBER), "a share such as `99.9%`"),
    Unit.RATIO: ((LimitUnit.NUMBER, LimitUnit.SHARE), "a number such as `1.5`"),
    Unit.COUNT: ((LimitUnit.NUMBER,), "a number such as `10`"),
    Unit.WORKER_SECONDS: ((LimitUnit.DURATION, LimitUnit.NUMBER), "a duration such as `5m`"),
}


class Valued(Protocol):
    """Where a threshold finds its values: the measures of one run, or a summary of several."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases there are."""

    @property
    def entities(self) -> tuple[str, ...]:
        """Names of the services."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the faults."""

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return a metric's value, None if undefined."""


@dataclass(frozen=True)
class ThresholdProblem:
    """A threshold that cannot be judged: its text, what is wrong, what to write instead."""

    text: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"threshold {quoted(self.text)}: {self.what}; {self.remedy}"


class ThresholdError(SimcbError):
    """Thresholds name what does not exist, or compare what cannot be compared.

    Args:
        problems: all of them, in the order of the thresholds.
    """

    def __init__(self, problems: tuple[ThresholdProblem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class ThresholdResult:
    """A threshold held against a value.

    Args:
        text: the threshold as written.
        metric: the metric's name.
        phase: the phase it was taken from.
        of: the service it is about, or "".
        op: the comparison.
        limit: seconds, per second, a share, or a plain number.
        value: what was measured; None if undefined.
        passed: whether the comparison holds; never for an undefined value.
        note: why the value is undefined, or from where it was taken instead; else "".
    """

    text: str
    metric: str
    phase: str
    of: str
    op: Comparison
    limit: float
    value: float | None
    passed: bool
    note: str


@dataclass(frozen=True)
class _Target:
    metric: Metric
    phase: str
    of: str


class _Unjudgeable(Exception):
    """What is wrong with a threshold, and the remedy, on their way to a `ThresholdProblem`."""


def check_thresholds(thresholds: Sequence[Threshold], scenario: Scenario) -> None:
    """Check, before a run, that every threshold can be judged after it.

    Raises:
        ThresholdError: one or more name an unknown metric, phase, fault or service, or have a
            limit of another kind than the metric's unit, or more than the whole of a share.
    """
    faults = [label for label, _ in scenario.labelled_faults]
    _targets(thresholds, tuple(scenario.services), faults)


def refusal_of(
    threshold: Threshold, services: Sequence[str], faults: Sequence[str]
) -> Refused | None:
    """Return why a threshold cannot be judged; None if it can.

    Args:
        threshold: what is demanded.
        services: names of the services there are.
        faults: labels of the faults there are.
    """
    try:
        _target(threshold, tuple(services), faults)
    except _Unjudgeable as error:
        return Refused(*error.args)
    return None


def judge(thresholds: Sequence[Threshold], values: Valued) -> tuple[ThresholdResult, ...]:
    """Return how each threshold fares.

    A threshold on a phase that the run does not have (there was no recovery, say) fails with a
    note; only `healthy` of a run without any fault is taken from the whole run. `fault:NAME` of
    a run with a single fault is its `fault` phase.

    Args:
        thresholds: what is demanded.
        values: the measures of a run, or the summary of several, whose means count.

    Raises:
        ThresholdError: as for `check_thresholds`; which faults exist is not asked again.
    """
    targets = _targets(thresholds, values.entities, None)
    pairs = zip(thresholds, targets, strict=True)
    return tuple(_judged(threshold, target, values) for threshold, target in pairs)


def _judged(threshold: Threshold, target: _Target, values: Valued) -> ThresholdResult:
    phase, note = _phase_of(target, values)
    name = target.metric.name
    value = values.value(name, phase, target.of) if phase in values.phases else None
    if value is None and not note:
        missing = target.metric.undefined
        note = f"undefined: {missing}" if phase in values.phases else f"the run has no {phase}"
    passed = value is not None and bool(_COMPARE[threshold.op](value, threshold.limit))
    return ThresholdResult(
        text=threshold.text,
        metric=name,
        phase=phase,
        of=target.of,
        op=threshold.op,
        limit=threshold.limit,
        value=value,
        passed=passed,
        note=note,
    )


def _phase_of(target: _Target, values: Valued) -> tuple[str, str]:
    """Return the phase to take the value from, and a note if it is not the one asked for."""
    if target.phase in values.phases:
        return target.phase, ""
    if target.phase == HEALTHY and FAULT not in values.phases:
        return WHOLE, "no fault was active: taken from the whole run"
    several = any(each.startswith(ONE_FAULT) for each in values.phases)
    if (
        FAULT in values.phases
        and not several
        and target.phase.startswith(ONE_FAULT)
        and target.phase.removeprefix(ONE_FAULT) in values.faults
    ):
        return FAULT, ""
    return target.phase, ""


def _targets(
    thresholds: Iterable[Threshold], services: tuple[str, ...], faults: Sequence[str] | None
) -> list[_Target]:
    targets, problems = [], []
    for threshold in thresholds:
        try:
            targets.append(_target(threshold, services, faults))
        except _Unjudgeable as error:
            what, remedy = error.args
            problems.append(ThresholdProblem(threshold.text, what, remedy))
    if problems:
        raise ThresholdError(tuple(problems))
    return targets


def _target(
    threshold: Threshold, services: tuple[str, ...], faults: Sequence[str] | None
) -> _Target:
    metric = METRICS.get(threshold.metric)
    if metric is None:
        raise _Unjudgeable(
            f"there is no metric {quoted(threshold.metric)}",
            choice_remedy(threshold.metric, METRICS),
        )
    phases, entities = [], []
    for name in threshold.qualifiers:
        if name in PHASES or name.startswith(ONE_FAULT):
            phases.append(name)
            _check_fault(name, faults)
        elif name in services:
            entities.append(name)
        else:
            known = [*PHASES, *(ONE_FAULT + each for each in faults or ()), *services]
            raise _Unjudgeable(
                f"{quoted(name)} is neither a phase nor a service", choice_remedy(name, known)
            )
    for kind, found in (("phase", phases), ("service", entities)):
        if len(found) > 1:
            raise _Unjudgeable(
                f"it names {len(found)} {kind}s", f"write one threshold for each {kind}"
            )
    target = _Target(metric, phases[0] if phases else WHOLE, entities[0] if entities else "")
    _check_place(target, services)
    _check_limit(threshold, metric)
    return target


def _check_fault(phase: str, faults: Sequence[str] | None) -> None:
    name = phase.removeprefix(ONE_FAULT)
    if faults is not None and phase.startswith(ONE_FAULT) and name not in faults:
        raise _Unjudgeable(f"there is no fault {quoted(name)}", choice_remedy(name, faults))


def _check_place(target: _Target, services: tuple[str, ...]) -> None:
    metric = target.metric
    if metric.per is Per.SERVICE and not target.of:
        example = services[0] if services else "SERVICE"
        raise _Unjudgeable(
            f"{metric.name} is measured for each service", f"write `{metric.name}{{{example}}}`"
        )
    if metric.per is Per.RUN and target.of:
        raise _Unjudgeable(
            f"{metric.name} is measured for the whole system, not for a service",
            f"leave out {quoted(target.of)}",
        )
    if not metric.phased and target.phase != WHOLE:
        raise _Unjudgeable(
            f"{metric.name} is measured once in a run, not by phase",
            f"leave out {quoted(target.phase)}",
        )


def _check_limit(threshold: Threshold, metric: Metric) -> None:
    allowed, example = _LIMITS[metric.unit]
    if threshold.unit not in allowed:
        raise _Unjudgeable(
            f"{metric.name} cannot be compared with a limit written as a {threshold.unit.value}",
            f"write {example}",
        )
    if metric.unit is Unit.SHARE and threshold.limit > 1.0:
        try:
            parse_share(threshold.text.rpartition(" ")[2])
        except Refused as refused:
            raise _Unjudgeable(refused.what, refused.remedy) from None
