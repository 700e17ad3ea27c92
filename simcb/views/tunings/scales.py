"""Axes of regrets: small ones beside large ones, with room for the marks and enough labels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

SYMLOG_FROM = 1.0
"""Percent, seconds or pieces up to which regrets are drawn evenly; beyond, equal factors."""

LARGE = 20.0
"""The regret beyond which an even scale would hide the small ones."""

FARTHEST_END = 3.0
"""How far an interval's end may widen an axis, as a multiple of the largest mean."""

_MARGIN = 0.06
_LADDERS = ((1, 2, 5), (1, 3), (1,))
_MOST_TICKS = {"x": 13, "y": 9}


def scale_regret(ax: Axes, which: str, means: Iterable[float], ends: Iterable[float] = ()) -> None:
    """Scale an axis so that all means can be seen, and the ends of intervals if they are near.

    Args:
        ax: where.
        which: `x` or `y`.
        means: what is drawn; nan where there is nothing.
        ends: of intervals around them.
    """
    known = [0.0, *(each for each in means if math.isfinite(each))]
    farthest = FARTHEST_END * max(map(abs, known))
    near = [min(max(each, -farthest), farthest) for each in ends if math.isfinite(each)]
    low, high = min(*known, *near, 0.0), max(*known, *near, 0.0)
    limit = ax.set_xlim if which == "x" else ax.set_ylim
    if max(-low, high) <= LARGE:
        room = _MARGIN * ((high - low) or SYMLOG_FROM)
        limit(low - room, high + room)
        return
    (ax.set_xscale if which == "x" else ax.set_yscale)("symlog", linthresh=SYMLOG_FROM)
    first, last = _place(low), _place(high)
    room = _MARGIN * (last - first)
    first, last = first - room, last + room
    limit(_number(first), _number(last))
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(_ticks(_number(first), _number(last), _MOST_TICKS[which]))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Return tidy numbers between two, as many as can stand beside each other."""
    found: list[float] = []
    for ladder in _LADDERS:
        sizes = _sizes(ladder, max(-low, high))
        found = [0.0, *sizes, *(-each for each in sizes)]
        found = sorted(each for each in found if low <= each <= high)
        if len(found) <= most:
            break
    return found


def _sizes(ladder: Sequence[int], most: float) -> list[float]:
    decades = range(math.ceil(math.log10(most)) + 1)
    return [SYMLOG_FROM * step * 10.0**power for power in decades for step in ladder]


def _place(number: float) -> float:
    """Return where a number lies on the scale, one decade being one."""
    size = abs(number) / SYMLOG_FROM
    return math.copysign(size if size <= 1.0 else 1.0 + math.log10(size), number)


def _number(place: float) -> float:
    size = abs(place)
    return math.copysign(SYMLOG_FROM * (size if size <= 1.0 else 10.0 ** (size - 1.0)), place)
