"""Holding measures against the scenario's thresholds, such as `p99{fault} < 1s`.

The syntax belongs to the scenario; what a name means is known here: which metrics there are,
which phases, services and client groups they have, and what kind of limit suits which unit.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from simcb.errors import FieldsError
from simcb.metrics.measures import Entities, Per, Unit, Valued, entities_of
from simcb.metrics.phase import (
    FAULT,
    HEALTHY,
    ONE_CHANGE,
    ONE_FAULT,
    PHASES,
    RECOVERY,
    WHOLE,
    PhaseNames,
    is_single,
    phase_names,
    phases_of,
)
from simcb.metrics.table import METRICS, Metric
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.scenario.thresholds import Comparison, LimitUnit, Threshold
from simcb.scenario.units import parse_share

FEW = 0.01
"""Share of requests that do not end ok from which on they are worth a word."""

LESS = 0.95
"""Part of the latency of ok requests below which that of all requests flatters."""


def is_flattered(values: Valued, name: str, phase: str = WHOLE, of: str = "") -> bool:
    """Return whether a latency over all requests is lower only for those that did not end ok.

    False for anything that is no such latency, and where it is undefined.
    """
    counterpart = f"success_{name}"
    if counterpart not in METRICS:
        return False
    value, ok = values.value(name, phase, of), values.value("success", phase, of)
    if value is None or ok is None or ok > 1.0 - FEW:
        return False
    fair = values.value(counterpart, phase, of)
    return fair is None or value < LESS * fair


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


@dataclass(frozen=True)
class ThresholdProblem:
    """A threshold that cannot be judged: its text, what is wrong, what to write instead."""

    text: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"threshold {quoted(self.text)}: {self.what}; {self.remedy}"


class ThresholdError(FieldsError):
    """Thresholds name what does not exist, or compare what cannot be compared.

    Args:
        problems: all of them, in the order of the thresholds.
    """

    problems: tuple[ThresholdProblem, ...]

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


@dataclass(frozen=True)
class ThresholdResult:
    """A threshold held against a value.

    Args:
        text: the threshold as written.
        metric: the metric's name.
        phase: the phase it was taken from.
        of: the service or the client group it is about, or "" for the run.
        op: the comparison.
        limit: seconds, per second, a share, or a plain number.
        value: what was measured; None if undefined.
        passed: whether the comparison holds; never for an undefined value.
        note: why the value is undefined, whose it is where the threshold does not say so, or
            what flatters it; else "".
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

    @property
    def fails(self) -> bool:
        """Whether the comparison is shown not to hold; never for an undefined value."""
        return self.value is not None and not self.passed


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
        ThresholdError: one or more name an unknown metric, phase, fault, service or client
            group, or have a limit of another kind than the metric's unit, or more than the whole of
            a share.
    """
    _targets(thresholds, entities_of(scenario), phase_names(scenario))


def place_of(threshold: Threshold, scenario: Scenario) -> tuple[str, str]:
    """Return the phase, and the service or the client group or "", that a threshold is about.

    Raises:
        ThresholdError: as for `check_thresholds`.
    """
    names = phase_names(scenario)
    (target,) = _targets((threshold,), entities_of(scenario), names)
    return names.meant(target.phase), target.of


def refusal_of(
    threshold: Threshold,
    services: Sequence[str],
    groups: Sequence[str],
    faults: Sequence[str],
    changes: Sequence[str],
) -> Refused | None:
    """Return why a threshold cannot be judged; None if it can.

    Args:
        threshold: what is demanded.
        services: names of the services there are.
        groups: names of the client groups there are.
        faults: labels of the faults there are.
        changes: labels of the changes there are.
    """
    try:
        _target(threshold, Entities(tuple(services), tuple(groups)), phases_of(faults, changes))
    except _Unjudgeable as error:
        return Refused(*error.args)
    return None


def judge(thresholds: Sequence[Threshold], values: Valued) -> tuple[ThresholdResult, ...]:
    """Return how each threshold fares.

    A threshold on a phase that the run does not have (there was no recovery, say) fails with a
    note; only `healthy` of a run without any fault is taken from the whole run. `fault:NAME` of
    a run with a single fault is its `fault` phase. Where a metric is measured for services and
    the threshold names none, the worst value counts, be it a service's or the run's: of all that
    is measured for services, more is worse.

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
    phase, moved = _phase_of(target, values)
    name, of, value = target.metric.name, target.of, None
    if phase in values.phases:
        of, value = _worst(target, phase, values)
    if value is None:
        missing = _missing(target.metric, values)
        why = f"undefined: {missing}" if phase in values.phases else f"the run has no {phase}"
    elif of != target.of:
        several = len(values.entities.services) > 1
        why = f"at {of}, the worst service" if several else f"at {of}"
    elif values.entities.is_shared(of) and Per.SERVICE in target.metric.per:
        why = f"of the service {of}, not of the client group"
    else:
        why = _flattered(values, name, phase, of)
    note = "; ".join(each for each in (moved, why) if each)
    passed = value is not None and bool(_COMPARE[threshold.op](value, threshold.limit))
    return ThresholdResult(
        text=threshold.text,
        metric=name,
        phase=phase,
        of=of,
        op=threshold.op,
        limit=threshold.limit,
        value=value,
        passed=passed,
        note=note,
    )


def _worst(target: _Target, phase: str, values: Valued) -> tuple[str, float | None]:
    """Return the value a threshold is held against, and the service it is taken from, if any."""
    name = target.metric.name
    if target.of or Per.SERVICE not in target.metric.per:
        return target.of, values.value(name, phase, target.of)
    found = [
        (entity.name, value)
        for entity in values.entities.having(target.metric.per & (Per.RUN | Per.SERVICE))
        if (value := values.value(name, phase, entity.name)) is not None
    ]
    return max(found, key=lambda each: each[1], default=(target.of, None))


def _missing(metric: Metric, values: Valued) -> str:
    """Return why a metric has no value, more closely where the run tells which of several it is."""
    if metric is METRICS["time_to_recover"] and RECOVERY in values.phases:
        if not values.value("offered_rate", RECOVERY):
            return "no request arrived after the last fault"
        return "the run ends too soon after the last fault"
    return metric.undefined


def _flattered(values: Valued, name: str, phase: str, of: str) -> str:
    """Return what has to be said of a latency that requests without an answer pull down; or ""."""
    if not is_flattered(values, name, phase, of):
        return ""
    ok, fair = values.value("success", phase, of), values.value(f"success_{name}", phase, of)
    if not ok or fair is None:
        return "flattered: no request ended ok"
    return f"flattered: {ok:.1%} ok, success_{name} {fair:.3g} s"


def _phase_of(target: _Target, values: Valued) -> tuple[str, str]:
    """Return the phase to take the value from, and a note if it is not the one asked for."""
    if target.phase in values.phases:
        return target.phase, ""
    if target.phase == HEALTHY and FAULT not in values.phases:
        return WHOLE, "no fault was active: taken from the whole run"
    several = any(each.startswith(ONE_FAULT) for each in values.phases)
    if FAULT in values.phases and not several and target.phase in values.phase_names.faults:
        return FAULT, ""
    return target.phase, ""


def _targets(
    thresholds: Iterable[Threshold], entities: Entities, known: PhaseNames | None
) -> list[_Target]:
    targets, problems = [], []
    for threshold in thresholds:
        try:
            targets.append(_target(threshold, entities, known))
        except _Unjudgeable as error:
            what, remedy = error.args
            problems.append(ThresholdProblem(threshold.text, what, remedy))
    if problems:
        raise ThresholdError(tuple(problems))
    return targets


def _target(threshold: Threshold, entities: Entities, known: PhaseNames | None) -> _Target:
    metric = METRICS.get(threshold.metric)
    if metric is None:
        raise _Unjudgeable(
            f"there is no metric {quoted(threshold.metric)}",
            choice_remedy(threshold.metric, METRICS),
        )
    phases, names = [], []
    for name in threshold.qualifiers:
        if name in PHASES or is_single(name):
            phases.append(name)
            _check_single(name, known)
        elif name in entities.names:
            names.append(name)
        else:
            there = known.askable if known else PHASES
            raise _Unjudgeable(
                f"{quoted(name)} is neither a phase, a service nor a client group",
                choice_remedy(name, [*there, *entities.names]),
            )
    for kind, found in (("phases", phases), ("services or client groups", names)):
        if len(found) > 1:
            raise _Unjudgeable(f"it names {len(found)} {kind}", "write one threshold for each")
    phase = phases[0] if phases else WHOLE
    if not metric.phased and phase != WHOLE:
        raise _Unjudgeable(
            f"{metric.name} is measured once in a run, not by phase", f"leave out {quoted(phase)}"
        )
    _check_limit(threshold, metric)
    return _Target(metric, phase, _place(metric, names[0], entities) if names else "")


def _check_single(phase: str, known: PhaseNames | None) -> None:
    if known is None or phase in known.askable:
        return
    kinds = (("fault", ONE_FAULT, known.faults), ("change", ONE_CHANGE, known.changes))
    for kind, prefix, there in kinds:
        if phase.startswith(prefix):
            name = phase.removeprefix(prefix)
            names = [each.removeprefix(prefix) for each in there]
            raise _Unjudgeable(f"there is no {kind} {quoted(name)}", choice_remedy(name, names))


def _place(metric: Metric, name: str, entities: Entities) -> str:
    """Return where a metric's number for a service or a client group stands."""
    place = entities.meant(metric.per, name)
    if place is None:
        kind = "a service" if name in entities.services else "a client group"
        known = [each.name for each in entities.having(metric.per) if each.name]
        remedy = f"leave out {quoted(name)}"
        raise _Unjudgeable(
            f"{metric.name} is measured for the {_kinds(metric)}, not for {kind}",
            f"{remedy}, or {choice_remedy(name, known)}" if known else remedy,
        )
    return place


def _kinds(metric: Metric) -> str:
    words = {Per.RUN: "whole system", Per.SERVICE: "services", Per.GROUP: "client groups"}
    return " and the ".join(word for kind, word in words.items() if kind in metric.per)


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
