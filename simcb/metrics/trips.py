"""Metrics of the breakers: how much they are open, how soon they see a fault, how often in vain.

What an opening is, and when a fault is felt by a breaker, is said in `simcb.metrics.openings`.
"""

from __future__ import annotations

import math

from simcb.metrics.facts import Scope
from simcb.metrics.openings import Opening
from simcb.metrics.phase import FAULT, HEALTHY, ONE_FAULT, RECOVERY, WHOLE
from simcb.trace import FaultInfo


def open_fraction(scope: Scope) -> float | None:
    """Share of the breakers' time that they spend open; half-open is not open.

    It differs from `rejected` wherever a rejected caller comes back sooner, or later, than one
    that was answered: users in a closed loop ask the faster the sooner they are turned away. A
    half-open breaker rejects, too.
    """
    breakers = scope.facts.trace.layout.breaker_count
    if not breakers:
        return None
    return scope.facts.open_spans.seconds_within(scope.phase.windows) / (breakers * scope.seconds)


def time_to_trip(scope: Scope) -> float | None:
    """Time from a fault's begin to the first opening of any breaker while the fault is felt.

    `never` if no breaker opens. Over several faults, in `whole` and in `fault`, it is the
    slowest: a value below a limit says that every fault was noticed in that time. Each window of
    a fault that comes again and again counts as a fault, also in its own phase. One that finds a
    breaker open, because the fault before it is not forgotten yet, is noticed at once.
    """
    faults = _faults(scope)
    if not faults:
        return None
    slowest = 0.0
    for fault, noticed, awaited in faults:
        first = min((each.at for each in noticed), default=math.inf)
        slowest = max(slowest, 0.0 if awaited else first - fault.start)
    return slowest


def false_trips(scope: Scope) -> float | None:
    """Openings at a moment when no fault is felt."""
    if not scope.facts.trace.layout.breaker_count:
        return None
    end_of_run = scope.facts.trace.duration
    return float(
        sum(
            start <= each.at < end or each.at == end == end_of_run
            for each in scope.facts.openings.unprovoked
            for start, end in scope.phase.windows
        )
    )


def missed_trips(scope: Scope) -> float | None:
    """Faults during which no breaker opens, or is open already; harmless ones count too.

    Each window of a fault that comes again and again is one that can be missed.
    """
    faults = _faults(scope)
    if faults is None:
        return None
    return float(sum(not noticed and not awaited for _, noticed, awaited in faults))


def flaps(scope: Scope) -> float | None:
    """Openings of a breaker beyond its first during one fault, over all breakers and faults.

    Each is a time the breaker closed in the middle of the fault and had to open again. Where a
    fault comes again and again, one opening in each of its windows is none too many.
    """
    faults = _faults(scope)
    if faults is None:
        return None
    again = 0
    for _, noticed, _ in faults:
        again += len(noticed) - len({each.breaker for each in noticed})
    return float(again)


def _faults(scope: Scope) -> list[tuple[FaultInfo, tuple[Opening, ...], bool]] | None:
    """Return the phase's faults with their openings, and whether each found a breaker open.

    None stands for a phase, or a run, in which the question makes no sense.
    """
    facts, name = scope.facts, scope.phase.name
    if not facts.trace.layout.breaker_count or name in (HEALTHY, RECOVERY):
        return None
    found = facts.openings
    every = list(zip(facts.faults, found.by_fault, found.awaited, strict=True))
    if name in (WHOLE, FAULT):
        return every
    return [each for each in every if ONE_FAULT + each[0].name == name]
