"""Lines of a sweep: a number over one axis, its interval as a band; and points over any axis."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from simcb.metrics import Estimate
from simcb.studies.sweep import Objective, SweepResult
from simcb.studies.sweep.axes import quantity_of
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.style import (
    BAND_ALPHA,
    DOTTED,
    FONT,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    SERVICE_COLORS,
)
from simcb.views.sweeps.scales import (
    dots,
    drawable,
    factor_of,
    label_axis,
    label_values,
    name_of,
    ring,
    thresholds_on,
)

COLOUR = SERVICE_COLORS[0]
WEAK = "#9db7c9"


def lines(result: SweepResult, objective: Objective | None = None, ax: Axes | None = None) -> Axes:
    """Draw a number over the first axis: its mean as a line, its 95 % interval as a band.

    The best setting has a ring; settings that cannot be told from it are full dots, the others
    pale ones; thresholds are dotted.
    """
    shown = objective or result.objective
    ax = axes_or_new(ax, 4.0)
    dress(ax)
    axis = result.axes[0]
    quantities = [quantity_of(setting.values[0]) for setting in result.settings]
    numeric = [each.number for each in quantities if each is not None]
    if len(numeric) < len(result):
        numeric = [float(index) for index in range(len(result))]
    order = np.argsort(numeric, kind="stable")
    x = np.array(numeric)[order]
    found = [result.table.estimate(int(number), shown) for number in order]
    factor = factor_of(shown)
    middle = np.array([drawable(each) for each in found]) * factor
    low = np.array([_end(each, each.low) for each in found]) * factor
    high = np.array([_end(each, each.high) for each in found]) * factor
    ax.fill_between(x, low, high, color=COLOUR, alpha=BAND_ALPHA, linewidth=0.0)
    ax.plot(x, middle, color=COLOUR, linewidth=LINE_WIDTH)
    tied = {each.setting for each in result.tied} if shown == result.objective else set()
    full = [int(number) in tied for number in order]
    colours = [COLOUR if each else WEAK for each in full]
    dots(ax, x, middle, colours, 4.4)
    best = result.best
    if best is not None and shown == result.objective:
        place = order.tolist().index(best.setting)
        ring(ax, float(x[place]), float(middle[place]))
    _limits(result, shown, ax)
    if axis.span is not None and axis.span.log:
        ax.set_xscale("log")
    label_values(ax, "x", x.tolist(), [result.settings[int(n)].values[0] for n in order])
    label_axis(ax, "x", axis)
    _label_number(ax, shown)
    return ax


def points(result: SweepResult, shown: Objective, index: int, ax: Axes | None = None) -> Axes:
    """Draw each setting's number over one of many axes, as a point."""
    ax = axes_or_new(ax, 4.0)
    dress(ax)
    axis = result.axes[index]
    words = [str(value) for value in axis.values]
    x = []
    for setting in result.settings:
        known = quantity_of(setting.values[index])
        x.append(known.number if known else float(words.index(str(setting.values[index]))))
    y = [drawable(each) * factor_of(shown) for each in result.estimates(shown)]
    tied = {each.setting for each in result.tied} if shown == result.objective else set()
    colours = [COLOUR if number in tied else WEAK for number in range(len(x))]
    dots(ax, np.array(x), np.array(y), colours, 3.8)
    _limits(result, shown, ax)
    if axis.span is not None and axis.span.log:
        ax.set_xscale("log")
    if axis.values:
        numbers = axis.numbers
        places = numbers if numbers is not None else tuple(map(float, range(len(words))))
        label_values(ax, "x", places, axis.values)
    label_axis(ax, "x", axis)
    _label_number(ax, shown)
    return ax


def _end(found: Estimate, end: float | None) -> float:
    return drawable(found) if end is None else end


def _limits(result: SweepResult, shown: Objective, ax: Axes) -> None:
    for limit in thresholds_on(result, shown):
        if np.isfinite(limit):
            ax.axhline(limit * factor_of(shown), color=INK, linewidth=1.0, linestyle=DOTTED)


def _label_number(ax: Axes, shown: Objective) -> None:
    ax.set_ylabel(name_of(shown), fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, parse_math=False)
