"""The figure of a sweep: a map of two axes, lines over one, small multiples for three.

What fits neither, a sample or more axes, is shown as points over each axis in turn. Between words
there is nothing, so over words a line is points, and their intervals are bars.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simcb.scenario.sweep import Kind
from simcb.scenario.units import Value, quantity_of
from simcb.studies.evaluation.cells import Floats
from simcb.studies.evaluation.objective import Objective
from simcb.studies.sweep import SweepResult
from simcb.views.plots.axes import label_axis, label_values, name_axis, scale_axis
from simcb.views.plots.figures import axes_or_new, dress, new_picture
from simcb.views.plots.maps import colour_bar, heatmap, paint_of, scatter_map
from simcb.views.plots.marks import (
    AS_GOOD,
    INTERVAL,
    KEY_HEIGHT,
    MEAN,
    MEAN_AND_INTERVAL,
    TITLE_HEIGHT,
    WORSE,
    dots,
    drawable,
    factor_of,
    head_height,
    head_sweep,
    intervals,
    key,
    key_of,
    limits_on,
    name_of,
    named,
    places_along,
    rings,
)
from simcb.views.plots.style import (
    BAND_ALPHA,
    DOTTED,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    PALE_COLOR,
    SERVICE_COLORS,
)
from simcb.views.plots.text_fit import letters, shortened
from simcb.views.quantities import distinct_labels

MOST_PANELS = 12


def sweep_figure(result: SweepResult, objective: Objective | None = None) -> Figure:
    """Return the figure that suits a sweep's axes and design.

    Args:
        result: the sweep.
        objective: the number to show; what it is ranked by if None.
    """
    shown = objective or result.objective
    axes = len(result.axes)
    grid = result.design.kind is Kind.GRID
    if axes == 1 or result.design.kind is Kind.ZIP:
        return _alone(result, shown, "lines")
    if axes == 2:
        return _alone(result, shown, "heatmap" if grid and result.border is None else "scatter")
    third = result.axes[2].values
    if grid and axes == 3 and result.border is None and len(third) <= MOST_PANELS:
        return _multiples(result, shown, third)
    return _over_each_axis(result, shown)


def _alone(result: SweepResult, shown: Objective, kind: str) -> Figure:
    head = head_height(result, shown)
    height = (5.6 if kind != "lines" else 4.4) + head - TITLE_HEIGHT
    figure = new_picture(7.8, height, below=1.0 - head / height)
    drawers = {"lines": lines, "heatmap": heatmap, "scatter": scatter_map}
    drawers[kind](result, shown, figure.add_subplot())
    head_sweep(figure, result, shown)
    return figure


def _multiples(result: SweepResult, shown: Objective, third: Sequence[Value]) -> Figure:
    head = head_height(result, shown)
    figure, slots = _panels(len(third), 3.3, 2.8, head)
    paint = paint_of(result, shown)
    for ax, value in zip(slots, third, strict=True):
        heatmap(result, shown, ax, layer=value, paint=paint, alone=False)
        title = shortened(f"{result.labels[2]} = {value}", 3.0, LABEL_SIZE)
        ax.set_title(title, **letters(LABEL_SIZE))
    colour_bar(slots, shown, paint)
    head_sweep(figure, result, shown)
    key_of(figure, head)
    return figure


def _over_each_axis(result: SweepResult, shown: Objective) -> Figure:
    head = head_height(result, shown)
    figure, slots = _panels(min(len(result.axes), MOST_PANELS), 3.2, 2.6, head)
    for index, ax in enumerate(slots):
        points(result, shown, index, ax)
    head_sweep(figure, result, shown)
    key_of(figure, head)
    return figure


def _panels(count: int, width: float, height: float, head: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with a title and a key, and axes of about that size in rows of three."""
    columns = 2 if count in (2, 4) else min(3, count)
    rows = math.ceil(count / columns)
    whole = max(7.8, 1.0 + width * columns), 0.6 + height * rows + head - TITLE_HEIGHT
    figure = new_picture(*whole, below=1.0 - (head + KEY_HEIGHT) / whole[1])
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]


COLOUR = SERVICE_COLORS[0]


def lines(result: SweepResult, objective: Objective | None = None, ax: Axes | None = None) -> Axes:
    """Draw a number over the first axis: its mean as a line, its 95 % interval as a band.

    Over words the means are points alone, and their intervals bars. The best setting has a
    ring; settings that cannot be told from it are full dots, the others pale ones; thresholds
    are dotted. Zipped axes are named together.
    """
    shown = objective or result.objective
    ax = axes_or_new(ax, 4.0)
    dress(ax)
    zipped = result.design.kind is Kind.ZIP
    axes = result.axes if zipped else result.axes[:1]
    x, order, ordered = _along(result)
    found = [result.table.estimate(number, shown) for number in order]
    low, middle, high = intervals(found, factor_of(shown))
    if ordered:
        ax.plot(x, middle, color=COLOUR, linewidth=LINE_WIDTH, label=MEAN)
    if bool((high > low).any()):
        (_band if ordered else _bars)(ax, x, low, high)
    if shown == result.objective:
        _mark(result, ax, x, middle, order)
    else:
        dots(ax, x, middle, [COLOUR] * len(order), 4.4)
    _limits(result, shown, ax)
    if axes[0].span is not None and axes[0].span.log:
        ax.set_xscale("log")
    texts = [
        distinct_labels([str(setting.values[index]) for setting in result.settings])
        for index in range(len(axes))
    ]
    words = [", ".join(each[number] for each in texts) for number in order]
    if not ordered:
        ax.set_xlim(-0.5, len(x) - 0.5)
    label_values(ax, "x", x.tolist(), words)
    label_axis(ax, "x", *axes)
    name_axis(ax, "y", name_of(shown))
    key(ax)
    return ax


def points(result: SweepResult, shown: Objective, index: int, ax: Axes | None = None) -> Axes:
    """Draw each setting's number over one of many axes, as a point."""
    ax = axes_or_new(ax, 4.0)
    dress(ax)
    x = places_along(result, index)
    y = np.array([drawable(each) * factor_of(shown) for each in result.estimates(shown)])
    scale_axis(ax, "x", result.axes[index])
    if shown == result.objective:
        _mark(result, ax, x, y, list(range(len(x))))
    else:
        dots(ax, x, y, [COLOUR] * len(x), 3.8)
    _limits(result, shown, ax)
    label_axis(ax, "x", result.axes[index])
    name_axis(ax, "y", name_of(shown))
    return ax


def _along(result: SweepResult) -> tuple[Floats, list[int], bool]:
    """Return where settings lie along the first axis, ascending, which, and if by a number."""
    quantities = [quantity_of(setting.values[0]) for setting in result.settings]
    numeric = [each.number for each in quantities if each is not None]
    ordered = len(numeric) == len(result)
    if not ordered:
        numeric = [float(index) for index in range(len(result))]
    order = np.argsort(numeric, kind="stable")
    return np.array(numeric)[order], order.tolist(), ordered


def _band(ax: Axes, x: Floats, low: Floats, high: Floats) -> None:
    band = ax.fill_between(x, low, high, label=INTERVAL)
    band.set(color=COLOUR, alpha=BAND_ALPHA, linewidth=0.0)


def _bars(ax: Axes, x: Floats, low: Floats, high: Floats) -> None:
    """Draw intervals as bars, all of them one line with gaps."""
    gap = np.full(len(x), np.nan)
    ends = np.column_stack((low, high, gap)).ravel()
    ax.plot(np.repeat(x, 3), ends, "_-", color=COLOUR, markersize=9.0, label=MEAN_AND_INTERVAL)


def _mark(result: SweepResult, ax: Axes, x: Floats, y: Floats, order: list[int]) -> None:
    """Draw the settings as dots, pale if they are worse than the best, and ring that."""
    if not result.bests:
        # Nothing is worse than the best where there is none.
        dots(ax, x, y, [COLOUR] * len(order), 4.4)
        return
    good = {each.setting for each in result.tied} | {each.setting for each in result.bests}
    full = [number in good for number in order]
    dots(ax, x, y, [COLOUR if each else PALE_COLOR for each in full], 4.4)
    by_number = np.argsort(order)
    rings(ax, result, x[by_number], y[by_number])
    if sum(full) > len(result.bests):
        named(ax, AS_GOOD, COLOUR, mark="o")
    if not all(full):
        named(ax, WORSE, PALE_COLOR, mark="o")


def _limits(result: SweepResult, shown: Objective, ax: Axes) -> None:
    for limit in limits_on(result, shown):
        if np.isfinite(limit.value):
            line = ax.axhline(limit.value * factor_of(shown), color=INK, linewidth=1.0)
            line.set(linestyle=DOTTED, label=limit.text)
