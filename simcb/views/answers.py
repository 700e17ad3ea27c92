"""A run's first screen: how bad it was, whether it is over, what the breaker did, what to do next.

About fifteen lines, in plain words; the tables by phase come with `--details`.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from simcb.metrics import METRICS, Effect, Facts, Summary, Unit
from simcb.metrics.phase import (
    BETWEEN,
    FAULT,
    HEALTHY,
    ONE_CHANGE,
    ONE_FAULT,
    RECOVERY,
    WHOLE,
    effective_faults,
)
from simcb.scenario import Scenario
from simcb.studies import Result
from simcb.views.document import Entries, Table
from simcb.views.load import loaded_service
from simcb.views.quantities import UNDEFINED, clock, difference, quantity
from simcb.views.run_tables import cell_with_interval
from simcb.views.safe_text import one_line

_WHEN = {
    WHOLE: "",
    HEALTHY: " before the fault",
    FAULT: " under the fault",
    BETWEEN: " between the faults",
    RECOVERY: " after the fault",
}

_LONGEST_NAME = 28
_MOST_CHANGES = 3
_MOST_GROUPS = 4
_APART = 0.05
"""The difference of two client groups' shares from which they are told one by one."""


@dataclass(frozen=True)
class _Row:
    """A line of the screen: what is told, as it is with the breaker, and without it."""

    words: str
    with_it: str
    without_it: str = ""
    change: str = ""


def answers_table(result: Result, paired: Summary | None) -> Table:
    """Return how bad it was, whether it is over and what it costs, with the breaker and without.

    Args:
        result: what was run.
        paired: every metric with the breaker minus without it; None without a baseline.
    """
    rows = list(_rows(result, paired))
    if result.baseline is None:
        header: tuple[str, ...] = ("", "")
        lines: list[tuple[str, ...]] = [(row.words, row.with_it) for row in rows]
    else:
        header = ("", "with it", "without it", "")
        lines = [(row.words, row.with_it, row.without_it, row.change) for row in rows]
    limits = result.runs[0].limits
    return Table(
        header,
        tuple(lines),
        heading="In short",
        words=frozenset({3}) if result.baseline else frozenset(),
        notes=(f"answered: ok{_or_degraded(result)} {limits.words}".rstrip(),),
    )


def _or_degraded(result: Result) -> str:
    variants = (result, result.baseline) if result.baseline else (result,)
    fallback = any(each.summary.value("degraded") for each in variants)
    return " or from a fallback" if fallback else ""


def _rows(result: Result, paired: Summary | None) -> Iterator[_Row]:
    there = result.measures.phases
    phases = [phase for phase in (FAULT, BETWEEN, RECOVERY) if phase in there] or [WHOLE]
    for phase in phases:
        yield _metric(result, paired, "answered", phase, f"answered{_WHEN[phase]}")
        if phase == phases[0]:
            for group in _unlike(result, phase):
                words = f"  those of {one_line(group, _LONGEST_NAME)}"
                yield _metric(result, paired, "answered", phase, words, group)
    worst = phases[0]
    yield _metric(result, None, "success_p99", worst, f"p99 of the ok ones{_WHEN[worst]}")
    if FAULT in there:
        yield _healed(result)
    for change in result.trace.layout.changes[:_MOST_CHANGES]:
        words = f"changed at {clock(round(change.at, 6))}: {one_line(change.name, _LONGEST_NAME)}"
        row = _metric(result, paired, "answered", ONE_CHANGE + change.name, words)
        healed = _healed_since(result, change.at)
        yield replace(
            row, with_it=", ".join(each for each in (f"{row.with_it} answered", healed) if each)
        )
    service = loaded_service([result])
    where = f" that reach {one_line(service, _LONGEST_NAME)}" if service else " that are sent"
    yield _metric(result, None, "downstream_rate", worst, f"calls{where}{_WHEN[worst]}", service)
    if result.trace.layout.breaker_count and FAULT in there and result.opened:
        yield _tripped(result)
    day = result.ordinary_day
    if day is not None:
        yield _day(day, result)


def _unlike(result: Result, phase: str) -> tuple[str, ...]:
    """Return the client groups, worst off first, unless all fare alike; of many the outermost."""
    groups = result.trace.layout.groups
    found = [(result.summary.value("answered", phase, each), each) for each in groups]
    shares = sorted((share, each) for share, each in found if share is not None)
    if len(shares) < 2 or shares[-1][0] - shares[0][0] < _APART:
        return ()
    names = tuple(each for _, each in shares)
    half = _MOST_GROUPS // 2
    return names if len(names) <= _MOST_GROUPS else (*names[:half], *names[-half:])


def _metric(
    result: Result, paired: Summary | None, name: str, phase: str, words: str, of: str = ""
) -> _Row:
    other, change = "", ""
    if result.baseline is not None:
        other = cell_with_interval(result.baseline, name, phase, of)
    found = paired.estimate(name, phase, of) if paired else None
    if found is not None and found.mean is not None:
        change = difference(found.mean, found.low, found.high, METRICS[name].unit)
        change = ("+" if found.mean > 0.0 else "") + change.replace(" pp", " points")
    return _Row(words, cell_with_interval(result, name, phase, of), other, change)


def _healed(result: Result) -> _Row:
    """Return when it is healthy again; of several faults after the slowest, and which is never."""
    facts = Facts(result.trace, limits=result.runs[0].limits)
    active = next(phase for phase in facts.phases if phase.name == FAULT)
    if len(active.windows) == 1:
        return _metric(result, None, "time_to_recover", WHOLE, "healthy again, after its end")
    words = "healthy again, after the slowest fault"
    row = _metric(result, None, "time_to_recover", WHOLE, words)
    if len(result.runs) > 1 or result.summary.value("time_to_recover") != math.inf:
        return row
    end = facts.recovery.fault_end
    return row if end is None else replace(row, with_it=f"{row.with_it} (fault until {clock(end)})")


def _tripped(result: Result) -> _Row:
    """Return when a breaker opens; of several faults at the slowest, and which that is."""
    opens = cell_with_interval(result, "time_to_trip")
    if len(effective_faults(result.trace)) == 1:
        return _Row("first breaker opens after", opens, UNDEFINED)
    after = {
        each: result.summary.value("time_to_trip", each) or 0.0
        for each in result.measures.phases
        if each.startswith(ONE_FAULT)
    }
    slowest = [each for each, seconds in after.items() if seconds == max(after.values())]
    if len(slowest) == 1:
        opens += f" ({one_line(slowest[0].removeprefix(ONE_FAULT), _LONGEST_NAME)})"
    elif slowest:
        opens += f" ({len(slowest)} of {len(after)} faults)"
    return _Row("breaker opens, at the slowest fault", opens, UNDEFINED)


def _healed_since(result: Result, at: float) -> str:
    """Return in words whether it is healthy again after a change; "" if no fault ends before it."""
    ends = [fault.end for fault in effective_faults(result.trace) if fault.end <= at]
    last = max((fault.end for fault in effective_faults(result.trace)), default=math.inf)
    if not ends or last > at:
        return ""
    after = result.summary.value("time_to_recover")
    if after is None:
        return "never healthy again"
    later = last + after - at
    return (
        "healthy before" if later <= 0.0 else f"healthy again {quantity(later, Unit.SECONDS)} later"
    )


def _day(day: Result, result: Result) -> _Row:
    """Return how the same goes on an ordinary day, and what the breaker did there."""
    share = cell_with_interval(day, "answered")
    without = cell_with_interval(day.baseline, "answered") if day.baseline else share
    remark = ""
    if result.trace.layout.breaker_count:
        remark = "never opened"
        if day.opened:
            trips = quantity(day.summary.value("false_trips"), METRICS["false_trips"].unit)
            remark = f"opened {trips} times"
    if result.baseline is None and remark:
        return _Row("answered on an ordinary day", f"{share}, {remark}")
    return _Row("answered on an ordinary day", share, without, remark)


def remarks(result: Result) -> Entries:
    """Return why it went so, how sure that is, and what it rests on if that was guessed."""
    items = [("why  ", _why(result)), ("sure?", _sure(result))]
    return Entries((*items, *(("guess", each) for each in _decided_by_workers(result))))


FULL = 0.95
"""The part of a service's workers that is busy where their number decides what comes out."""

_STOPPED = ("hang", "pause", "refuse", "restart")
"""Faults under which a service answers nothing, however many workers it has."""


def _decided_by_workers(result: Result) -> Iterator[str]:
    """Yield the services at the end of a chain that are full: somebody else's, as a rule."""
    stopped = {each.on for each in result.trace.layout.faults if each.kind in _STOPPED}
    variants = [("", result)]
    if result.baseline is not None:
        variants.append((" without the breaker", result.baseline))
    for name, service in result.scenario.services.items():
        if service.calls:
            continue
        for words, variant in variants:
            full = [
                phase
                for phase in variant.measures.phases
                if phase in _WHEN
                and phase != WHOLE
                and not (phase == FAULT and name in stopped)
                and (variant.summary.value("utilisation", phase, name) or 0.0) >= FULL
            ]
            if full:
                count = service.workers
                tried = ",".join(str(n) for n in sorted({max(1, count // 2), count, 2 * count}))
                yield (
                    f"{one_line(name, _LONGEST_NAME)} is full{_WHEN[full[0]]}{words}, so its "
                    f"workers, {count}, decide this; if that was guessed, sweep --over "
                    f"{one_line(name, _LONGEST_NAME)}.workers={tried}"
                )
                break


def _why(result: Result) -> str:
    effect, baseline = result.effect, result.baseline
    if effect is None or baseline is None or not result.opened:
        return one_line(result.judgement.reason, 1000)
    rejected = _rejected(result)
    if effect.effect is Effect.HURT:
        needless = quantity(result.summary.value("unneeded_rejections"), Unit.COUNT)
        open_for = quantity(result.summary.value("open_fraction"), Unit.SHARE)
        return (
            f"the breaker rejected {rejected} attempts, {needless} of which would have been "
            f"answered; breakers were open {open_for} of the time"
        )
    waited, unaided = (
        quantity(each.summary.value("worker_seconds_waiting"), Unit.WORKER_SECONDS)
        for each in (result, baseline)
    )
    fast = f"{rejected} attempts failed at once; " if rejected != "0" else ""
    return f"{fast}callers waited {waited} in all, {unaided} without it"


def _rejected(result: Result) -> str:
    """Return how many attempts were rejected, on average over the replicates."""
    share = result.summary.value("rejected") or 0.0
    rate = result.summary.value("attempt_rate") or 0.0
    return f"{share * rate * result.scenario.duration:,.0f}"


def _sure(result: Result) -> str:
    runs = len(result.runs)
    if runs == 1:
        return "one run; -n 10 gives intervals"
    effect = result.effect
    said = f"{runs} runs with other random streams, 95 % intervals"
    if effect is None or not effect.phases:
        return said
    apart = [each for each in effect.phases if each.told_apart]
    return f"{said}; the difference is {'more than' if apart else 'within'} chance"


def proposal(result: Result, source: str) -> str:
    """Return the command that shows what to set; "" if there is none to propose.

    Args:
        result: what was run.
        source: what names the scenario on a command line.
    """
    path = breaker_path(result.scenario)
    if not path or not source:
        return ""
    words = ["simcb", "sweep", *shlex.split(source)]
    breaker = next(
        call.breaker
        for *_, call in result.scenario.guarded_calls
        if call.breaker is not None and call.breaker.enabled
    )
    axes = []
    if breaker.use is not None:
        return ""
    if breaker.trip is None:
        axes += ["--over", f"{path}.failure_threshold=3,5,10,20"]
    if breaker.recovery is None:
        axes += ["--over", f"{path}.recovery_timeout=5s,15s,60s"]
    return shlex.join([*words, *axes]) if axes else ""


def breaker_path(scenario: Scenario) -> str:
    """Return the shortest path of the first breaker that is switched on; "" if there is none."""
    calls = [
        (caller, name)
        for caller, name, call in scenario.guarded_calls
        if call.breaker is not None and call.breaker.enabled
    ]
    if not calls:
        return ""
    caller, name = calls[0]
    if len(calls) == 1 and len(scenario.guarded_calls) == 1:
        return "breaker"
    if [named for _, named, _ in scenario.guarded_calls].count(name) == 1:
        return f"{name}.breaker"
    kind = "clients" if caller in scenario.clients else "services"
    return f"{kind}.{caller}.calls.{name}.breaker"
