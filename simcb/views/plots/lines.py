"""Lines of a sweep: a number over one axis, its interval as a band; and points over any axis.

Between words there is nothing, so over words a number is points, their intervals bars.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from simcb.metrics import Estimate
from simcb.studies.sweep import Kind, Objective, SweepResult
from simcb.studies.sweep.axes import Value, quantity_of
from simcb.studies.sweep.columns import Floats
from simcb.views.labels import distinct_labels
from simcb.views.plots.axes import label_axis, label_values, name_axis, scale_axis
from simcb.views.plots.captions import AS_GOOD, INTERVAL, MEAN, MEAN_AND_INTERVAL, WORSE, key
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.marks import (
    dots,
    drawable,
    factor_of,
    limits_on,
    name_of,
    named,
    places_along,
    rings,
)
from simcb.views.plots.style import BAND_ALPHA, DOTTED, INK, LINE_WIDTH, SERVICE_COLORS

COLOUR = SERVICE_COLORS[0]
WEAK = "#9db7c9"


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
    factor = factor_of(shown)
    middle = np.array([drawable(each) for each in found]) * factor
    low = np.array([_end(each, each.low) for each in found]) * factor
    high = np.array([_end(each, each.high) for each in found]) * factor
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
    texts = [distinct_labels([str(v) for v in values]) for values in _values(result, len(axes))]
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


def _values(result: SweepResult, axes: int) -> list[list[Value]]:
    """Return every setting's values on each of the first axes."""
    return [[setting.values[index] for setting in result.settings] for index in range(axes)]


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
    dots(ax, x, y, [COLOUR if each else WEAK for each in full], 4.4)
    by_number = np.argsort(order)
    rings(ax, result, x[by_number], y[by_number])
    if sum(full) > len(result.bests):
        named(ax, AS_GOOD, COLOUR, mark="o")
    if not all(full):
        named(ax, WORSE, WEAK, mark="o")


def _end(found: Estimate, end: float | None) -> float:
    return drawable(found) if end is None else end


def _limits(result: SweepResult, shown: Objective, ax: Axes) -> None:
    for limit in limits_on(result, shown):
        if np.isfinite(limit.value):
            line = ax.axhline(limit.value * factor_of(shown), color=INK, linewidth=1.0)
            line.set(linestyle=DOTTED, label=limit.text)
