"""Values along the axes of sweeps and tunes, written as a scenario file has them; and regrets.

Where the settings have few values of their own, those are written; along a range from which
they were drawn, tidy values in between: whole numbers at whole numbers, durations in the
steps of a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullLocator

from simcb.scenario.axes import Axis, Span
from simcb.scenario.units import Measuring, written
from simcb.studies.evaluation.cells import Floats
from simcb.views.plots.frame import tidy_step
from simcb.views.plots.style import LABEL_SIZE, SMALL_SIZE, TIDY_STEPS
from simcb.views.plots.text_fit import letters, shortened, text_width

MOST_TICKS = 14
LONGEST_PATH = 4.5
"""Inches after which the name of an axis is shortened."""

LONGEST_VALUE = 1.2
"""Inches after which a value along an axis is shortened."""

_GAP = 0.1
_LINE = 0.16
_MARGIN = 0.04
_STEPS_BY_FACTORS = ((1, 2, 5), (1, 2, 3, 5, 7))
_CLOCK = (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200)
_FEWEST = 3

SYMLOG_FROM = 1.0
"""Percent, seconds or pieces up to which regrets are drawn evenly; beyond, equal factors."""

LARGE = 20.0
"""The regret beyond which an even scale would hide the small ones."""

FARTHEST_END = 3.0
"""How far an interval's end may widen an axis, as a multiple of the largest mean."""

_REGRET_MARGIN = 0.06
_REGRET_STEPS = ((1, 2, 5), (1, 3), (1,))
_MOST_REGRETS = {"x": 13, "y": 9}


def label_axis(ax: Axes, which: str, *axes: Axis) -> None:
    """Name an axis by what is varied along it: one path, or all that are varied together."""
    text = ", ".join(shortened(axis.path, LONGEST_PATH, LABEL_SIZE) for axis in axes)
    name_axis(ax, which, shortened(text, 1.5 * LONGEST_PATH, LABEL_SIZE))


def name_axis(ax: Axes, which: str, text: str) -> None:
    """Write an axis's name, to be read as it is."""
    write = ax.set_xlabel if which == "x" else ax.set_ylabel
    write(text, **letters(LABEL_SIZE))


def label_values(
    ax: Axes,
    which: str,
    places: Sequence[float],
    values: Sequence[object],
    *,
    longest: float = LONGEST_VALUE,
    certain: int = 0,
) -> None:
    """Write values at places of an axis; of many only some, and none over another.

    Args:
        ax: where.
        which: `x` or `y`.
        places: where each value lies.
        values: what is written there.
        longest: inches after which a value is shortened.
        certain: the one that is written for sure.
    """
    step = max(1, -(-len(values) // MOST_TICKS))
    texts = {
        index: shortened(str(values[index]), longest, SMALL_SIZE)
        for index in (certain, *range(0, len(values), step))
    }
    kept = sorted(_apart(ax, which, places, texts)) if values else []
    write = ax.set_xticks if which == "x" else ax.set_yticks
    write(
        [places[index] for index in kept], [texts[index] for index in kept], **letters(SMALL_SIZE)
    )
    ax.minorticks_off()


def scale_axis(ax: Axes, which: str, axis: Axis) -> None:
    """Scale an axis as its range is, and write the settings' values or tidy ones along it."""
    span = axis.span
    if span is not None and span.log:
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    places: Sequence[float] = (0.0,)
    if axis.values:
        numbers = axis.numbers
        places = numbers if numbers is not None else tuple(map(float, range(len(axis.values))))
        label_values(ax, which, places, axis.values)
    elif span is not None:
        places = tidy_values(span)
        label_values(ax, which, places, [_written(place, span.measuring) for place in places])
    low, high = (span.low, span.high) if span is not None else (min(places), max(places))
    if low < high:
        log = span is not None and span.log
        (ax.set_xlim if which == "x" else ax.set_ylim)(*_with_margins(low, high, log=log))


def tidy_values(span: Span) -> tuple[float, ...]:
    """Return a few tidy numbers within a range, in order."""
    inside = [each for each in _tidy(span) if span.low <= each <= span.high]
    return tuple(inside) if len(inside) > 1 else (span.low, span.high)


def _tidy(span: Span) -> list[float]:
    if span.log:
        found = _by_factors(span, _STEPS_BY_FACTORS[0])
        return found if len(found) >= _FEWEST else _by_factors(span, _STEPS_BY_FACTORS[1])
    if span.measuring is Measuring.DURATION:
        step = tidy_step(span.high - span.low)
        first, last = math.ceil(span.low / step), math.floor(span.high / step * (1 + 1e-9))
        return [float(f"{number * step:.9g}") for number in range(first, last + 1)]
    whole = span.measuring is Measuring.INTEGER
    percent = 100.0 if span.measuring is Measuring.SHARE else 1.0
    locator = MaxNLocator(nbins=8, steps=TIDY_STEPS, integer=whole)
    ticks = locator.tick_values(span.low * percent, span.high * percent)
    return [float(f"{tick:.9g}") / percent for tick in np.asarray(ticks).tolist()]


def _by_factors(span: Span, steps: Sequence[int]) -> list[float]:
    lowest, highest = math.floor(math.log10(span.low)), math.ceil(math.log10(span.high))
    found = [float(f"{step}e{power}") for power in range(lowest, highest + 1) for step in steps]
    if span.measuring is Measuring.DURATION:
        found = [each for each in found if each < _CLOCK[0]] + [float(each) for each in _CLOCK]
        found += [86400.0 * 10**power for power in range(4)]
    if span.measuring is Measuring.INTEGER:
        found = [each for each in found if each >= 1.0]
    inside = [each for each in found if span.low <= each <= span.high]
    decades = [each for each in inside if f"{each:e}".startswith("1.000000e")]
    return decades if len(inside) > MOST_TICKS else inside


def _written(number: float, measuring: Measuring) -> str:
    if measuring is Measuring.NUMBER:
        return f"{number:g}"
    return str(written(float(f"{number:.9g}"), measuring))


def _with_margins(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """Return a range with a little room at both ends, for the points that lie there."""
    if log:
        factor = (high / low) ** _MARGIN
        return low / factor, high * factor
    room = (high - low) * _MARGIN
    return low - room, high + room


def _apart(ax: Axes, which: str, places: Sequence[float], texts: dict[int, str]) -> list[int]:
    """Return which of the texts can stand beside each other, the first for sure."""
    log = (ax.get_xscale() if which == "x" else ax.get_yscale()) == "log"
    drawn: Floats = np.asarray(np.log(places) if log else places, np.float64)
    size, box = ax.get_figure(root=True).get_size_inches(), ax.get_position()  # type: ignore[union-attr]
    inches = float(size[0] * box.width if which == "x" else size[1] * box.height)
    along = (drawn - drawn.min()) / (float(np.ptp(drawn)) or 1.0) * inches * (1 - 2 * _MARGIN)
    if len(places) > 1 and not log and np.allclose(np.diff(drawn), drawn[1] - drawn[0]):
        # Tiles and even steps: there is half a step beyond either end.
        along *= (len(places) - 1) / len(places)
    widths = {index: text_width(text, SMALL_SIZE) for index, text in texts.items()}
    kept: list[int] = []
    for index in texts:
        if all(
            abs(along[index] - along[other])
            >= (_LINE if which == "y" else (widths[index] + widths[other]) / 2 + _GAP)
            for other in kept
        ):
            kept.append(index)
    return kept


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
        room = _REGRET_MARGIN * ((high - low) or SYMLOG_FROM)
        limit(low - room, high + room)
        return
    (ax.set_xscale if which == "x" else ax.set_yscale)("symlog", linthresh=SYMLOG_FROM)
    first, last = _place(low), _place(high)
    room = _REGRET_MARGIN * (last - first)
    first, last = first - room, last + room
    limit(_number(first), _number(last))
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(_regret_ticks(_number(first), _number(last), _MOST_REGRETS[which]))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def _regret_ticks(low: float, high: float, most: int) -> list[float]:
    """Return tidy numbers between two, as many as can stand beside each other."""
    found: list[float] = []
    for steps in _REGRET_STEPS:
        sizes = _sizes(steps, max(-low, high))
        found = [0.0, *sizes, *(-each for each in sizes)]
        found = sorted(each for each in found if low <= each <= high)
        if len(found) <= most:
            break
    return found


def _sizes(steps: Sequence[int], most: float) -> list[float]:
    decades = range(math.ceil(math.log10(most)) + 1)
    return [SYMLOG_FROM * step * 10.0**power for power in decades for step in steps]


def _place(number: float) -> float:
    """Return where a number lies on the scale, one decade being one."""
    size = abs(number) / SYMLOG_FROM
    return math.copysign(size if size <= 1.0 else 1.0 + math.log10(size), number)


def _number(place: float) -> float:
    size = abs(place)
    return math.copysign(SYMLOG_FROM * (size if size <= 1.0 else 10.0 ** (size - 1.0)), place)
