"""When goodput is healthy again after each fault; what healthy is, says `simcb.metrics.health`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simcb.metrics.health import Health
from simcb.metrics.phase import Window
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


def recovery_of(health: Health, windows: Sequence[Window], duration: float) -> Recovery:
    """Return when goodput was healthy again after the faults of a run.

    Args:
        health: of the run.
        windows: in which any fault is active, ordered and apart from each other.
        duration: of the run, seconds.
    """
    if not windows or not health.judged:
        return Recovery(None)
    begins, healed = np.array(windows).T
    width = health.window
    stops = np.append(begins[1:], duration)
    sure, unsure = _first_healthy(health, healed, stops, width)
    requests = health.within(healed, stops).decided
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
    low, tried = int(health.at.searchsorted(healed[0])), _FEWEST_TRIED
    while low < len(health.at):
        high = min(low + tried, len(health.at))
        begun, over = healed.searchsorted(health.at[[low, high - 1]], side="right")
        # Whatever is found later is later, so nothing more is tried where a moment is known.
        if np.isinf(sure[max(0, begun - 1) : over]).any():
            good = health.at[low:high][health.good(low, high)]
            if len(good):
                _try(health, good, healed, stops, width, (sure, unsure))
        low, tried = high, min(2 * tried, _MOST_TRIED)
    return sure, unsure


_FEWEST_TRIED = 2**8
"""Moments tried at once at first: most runs are healthy again soon."""
_MOST_TRIED = 2**12
"""Moments tried at once in the end."""


def _try(
    health: Health,
    tried: Floats,
    healed: Floats,
    stops: Floats,
    width: float,
    found: tuple[Floats, Floats],
) -> None:
    """Put down the first of some moments, ascending, from which each stretch is healthy."""
    place = healed.searchsorted(tried, side="right") - 1
    inside = (tried < stops[place]) & np.isinf(found[0][place])
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
