"""When a run is well again after its faults.

What is good, and how much of it is enough, is said in `simcb.metrics.health`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcb.metrics.facts import Facts, Scope
from simcb.metrics.health import Health
from simcb.metrics.phase import FAULT
from simcb.metrics.spans import Floats

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
    is more; why is said in `simcb.metrics.patience`, and how much chance is allowed for in
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
    if not windows or not facts.health.decided.any():
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
    good = health.at[health.good & (health.at >= healed[0])]
    tried = np.sort(np.concatenate((healed, good)))
    place = np.searchsorted(healed, tried, side="right") - 1
    inside = tried < stops[place]
    tried, place = tried[inside], place[inside]
    uncut = tried + width <= stops[place]
    seen = health.within(tried, np.minimum(tried + width, stops[place]))
    kept = health.is_kept(seen)
    found = []
    for chosen in (
        kept & uncut & (seen.decided > 0),
        kept & (seen.decided >= FEWEST_SEEN),
    ):
        # The moments ascend, so the first of a stretch is its earliest.
        stretches, firsts = np.unique(place[chosen], return_index=True)
        first = np.full(len(healed), math.inf)
        first[stretches] = tried[chosen][firsts]
        found.append(first)
    return found[0], found[1]
