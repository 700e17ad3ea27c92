"""Metrics of how a run takes its faults: how soon breakers see them, how soon it is well again.

What is good, and how much of it is enough, is said in `simcb.metrics.health`; what an opening is,
and when a fault is felt by a breaker, in `simcb.metrics.openings`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcb.metrics.facts import Facts, Scope
from simcb.metrics.health import Health
from simcb.metrics.openings import Opening
from simcb.metrics.phase import FAULT, ONE_FAULT, WHOLE
from simcb.metrics.spans import Floats
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
    at = np.array([each.at for each in scope.facts.openings.unprovoked])
    return float(
        sum(
            np.searchsorted(at, end, side="right" if end >= scope.facts.trace.duration else "left")
            - np.searchsorted(at, start)
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


FEWEST_SEEN = 10
"""Requests that have to be in a window which something cuts short."""


@dataclass(frozen=True)
class Recovery:
    """When goodput was healthy again.

    Args:
        seconds: the slowest after any fault; infinite if it never was after one of them, None
            if that cannot be told.
        fault_end: the end of the fault after which it was slowest, or never; None without one.
        again_at: when the next fault began, if it never was healthy before that; else None.
        healthy_for: if the run ends too soon to be sure, for how long goodput has been healthy
            then; else None.
    """

    seconds: float | None
    fault_end: float | None = None
    again_at: float | None = None
    healthy_for: float | None = None


def time_to_recover(scope: Scope) -> float | None:
    """Time from a fault's end to the first moment from which goodput stays healthy.

    Over several faults, or several windows of one, it is the slowest; `never` if goodput is not
    healthy again before the next fault begins, or after the last one. Healthy is at least 95 % of
    the healthy phase's, relative to what is offered, over the next 10 s (longer at low rates,
    until a window holds 20 requests on average). The moments tried are the fault's end and every
    later arrival of a request that turns out good. A good request ends ok within ten times the
    99th percentile of its client group's ok latency before the first fault, or within 1 s if that
    is more; why is said in `simcb.metrics.health`, and how much chance is allowed for in
    `simcb.metrics.health`. It is 0 if the fault did no harm that outlived it.

    Where the next fault begins within those 10 s, being healthy until then is enough, if at least
    10 requests show it; faults with fewer than 10 requests between them are counted as one. The
    end of the run shows nothing: if goodput is healthy from some moment to the end, but not for
    10 s, the time is undefined, and so it is if the last fault ends less than that before it.
    """
    return recovery(scope.facts).seconds


def recovery(facts: Facts) -> Recovery:
    """Return when goodput was healthy again after the faults of a run."""
    windows = next((each.windows for each in facts.phases if each.name == FAULT), ())
    if not windows or not facts.health.decided.total:
        return Recovery(None)
    begins, healed = np.array(windows).T
    duration, width = facts.trace.duration, facts.health.window
    stops = np.append(begins[1:], duration)
    sure, unsure = _first_healthy(facts.health, healed, stops, width)
    requests = facts.health.within(healed, stops).decided
    # Too little between two faults shows nothing: they are counted as one.
    times = np.where(requests < FEWEST_SEEN, -math.inf, np.minimum(sure, unsure) - healed)
    slowest = int(np.argmax(times[:-1])) if len(times) > 1 else -1
    if slowest >= 0 and times[slowest] == math.inf:
        return Recovery(math.inf, float(healed[slowest]), float(stops[slowest]))
    after, end = float(sure[-1] - healed[-1]), float(healed[-1])
    if after < math.inf:
        if slowest >= 0 and times[slowest] > after:
            return Recovery(float(times[slowest]), float(healed[slowest]))
        return Recovery(after, end)
    if unsure[-1] < math.inf:
        return Recovery(None, end, healthy_for=duration - float(unsure[-1]))
    too_soon = end + width > duration or not requests[-1]
    return Recovery(None if too_soon else math.inf, end)


def _first_healthy(
    health: Health, healed: Floats, stops: Floats, width: float
) -> tuple[Floats, Floats]:
    """Return the first moment from which each stretch is healthy; inf if there is none.

    Args:
        health: of the run.
        healed: where each stretch without a fault begins.
        stops: where it ends, ascending likewise.
        width: for how long goodput has to be healthy, seconds.

    Returns:
        Such moments at least `width` before the stretch ends, and any in which enough is seen.
    """
    sure, unsure = np.full(len(healed), math.inf), np.full(len(healed), math.inf)
    _try(health, healed, healed, stops, width, (sure, unsure))
    first = int(np.searchsorted(health.at, healed[0]))
    for low in range(first, len(health.at), _TRIED):
        high = min(low + _TRIED, len(health.at))
        begun = slice(*np.searchsorted(healed, health.at[[low, high - 1]], side="right"))
        # Whatever is found later is later, so nothing more is tried where a moment is known.
        if not np.isinf(sure[max(0, begun.start - 1) : begun.stop]).any():
            continue
        good = health.at[low:high][health.good.of(low, high)]
        _try(health, good, healed, stops, width, (sure, unsure))
    return sure, unsure


_TRIED = 2**12
"""Moments tried at once."""


def _try(
    health: Health,
    tried: Floats,
    healed: Floats,
    stops: Floats,
    width: float,
    found: tuple[Floats, Floats],
) -> None:
    """Put down the first of some moments, ascending, from which each stretch is healthy."""
    place = np.searchsorted(healed, tried, side="right") - 1
    inside = tried < stops[place]
    tried, place = tried[inside], place[inside]
    uncut = tried + width <= stops[place]
    seen = health.within(tried, np.minimum(tried + width, stops[place]))
    kept = health.is_kept(seen)
    for first, chosen in zip(
        found,
        (kept & uncut & (seen.decided > 0), kept & (seen.decided >= FEWEST_SEEN)),
        strict=True,
    ):
        np.minimum.at(first, place[chosen], tried[chosen])
