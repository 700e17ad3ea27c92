"""Metrics of how a run takes its faults: how soon breakers see them, how soon it is well again.

What is good, and how much of it is enough, is said in `simcb.metrics.health`; what an opening is,
and when a fault is felt by a breaker, in `simcb.metrics.openings`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from simcb.metrics.facts import Scope
from simcb.metrics.openings import Opening
from simcb.metrics.phase import FAULT, ONE_FAULT, WHOLE
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

    `never` if no breaker opens, even if the fault does no harm. Over several faults, in `whole`
    and in `fault`, it is the slowest: a value below a limit says that every fault was noticed in
    that time. Each window of a fault that comes again and again counts as a fault, also in its
    own phase. One that finds a breaker open, because the fault before it is not forgotten yet, is
    noticed at once.
    """
    faults = _faults(scope)
    if not faults:
        return None
    slowest = 0.0
    for each in faults:
        first = min((opening.at for opening in each.openings), default=math.inf)
        slowest = max(slowest, 0.0 if each.awaited else first - each.fault.start)
    return slowest


def false_trips(scope: Scope) -> float | None:
    """Openings at a moment when no fault is felt."""
    if not scope.facts.trace.layout.breaker_count:
        return None
    at = [each.at for each in scope.facts.openings.unprovoked]
    duration = scope.facts.trace.duration
    return float(
        sum(
            (bisect_right if end >= duration else bisect_left)(at, end) - bisect_left(at, start)
            for start, end in scope.phase.windows
        )
    )


def missed_trips(scope: Scope) -> float | None:
    """Faults that cost answers and during which no breaker opens, or is open already.

    A fault that does no harm need not be noticed. It does harm if fewer requests than 99 % of the
    healthy share, and than chance allows, are good among those that arrive during it or in the
    10 s after it (longer at low rates, but not longer than until the next fault). Each window of
    a fault that comes again and again is one that can be missed.
    """
    faults = _faults(scope)
    if faults is None:
        return None
    return float(sum(each.harmful and not each.openings and not each.awaited for each in faults))


def flaps(scope: Scope) -> float | None:
    """Openings of a breaker beyond its first during one fault, over all breakers and faults.

    Each is a time the breaker closed in the middle of the fault and had to open again. Where a
    fault comes again and again, one opening in each of its windows is none too many.
    """
    faults = _faults(scope)
    if faults is None:
        return None
    again = 0
    for each in faults:
        again += len(each.openings) - len({opening.breaker for opening in each.openings})
    return float(again)


class _Noticed(NamedTuple):
    """A fault, its openings, whether it found a breaker open, and whether it cost answers."""

    fault: FaultInfo
    openings: tuple[Opening, ...]
    awaited: bool
    harmful: bool


def _faults(scope: Scope) -> list[_Noticed] | None:
    """Return the phase's faults with what came of them.

    None stands for a phase, or a run, in which the question makes no sense.
    """
    facts, name = scope.facts, scope.phase.name
    if not facts.trace.layout.breaker_count:
        return None
    if name not in (WHOLE, FAULT) and not name.startswith(ONE_FAULT):
        return None
    every = range(len(facts.faults))
    chosen = every if name in (WHOLE, FAULT) else facts.places[name.removeprefix(ONE_FAULT)]
    found = facts.openings
    return [
        _Noticed(facts.faults[i], found.by_fault[i], found.awaited[i], bool(facts.harmful[i]))
        for i in chosen
    ]


def time_to_recover(scope: Scope) -> float | None:
    """Time from a fault's end to the first moment from which goodput stays healthy.

    Over several faults, or several windows of one, it is the slowest; `never` if goodput is not
    healthy again before the next fault begins, or after the last one. Healthy is at least 95 % of
    the healthy phase's, relative to what is offered, over the next 10 s (longer at low rates,
    until a window holds 20 requests on average). The moments tried are the fault's end and every
    later arrival of a request that turns out good. A good request ends ok within ten times the
    99th percentile of its client group's ok latency before the first fault, or within 1 s if that
    is more: waits below a second break nobody's thought. Where the number of good requests varies
    by chance by more than those 5 %, three standard deviations less are enough. It is 0 if the
    fault did no harm that outlived it.

    Where the next fault begins within those 10 s, being healthy until then is enough, if at least
    10 requests show it; faults with fewer than 10 requests between them are counted as one. The
    end of the run shows nothing: if goodput is healthy from some moment to the end, but not for
    10 s, the time is undefined, and so it is if the last fault ends less than that before it.
    """
    return scope.facts.recovery.seconds
