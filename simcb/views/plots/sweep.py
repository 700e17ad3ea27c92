"""The figure of a sweep: a map of two axes, lines over one, small multiples for three.

What fits neither, a sample or more axes, is shown as points over each axis in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simcb.studies.sweep import Kind, Objective, SweepResult
from simcb.studies.sweep.axes import Value
from simcb.views.plots.captions import KEY_HEIGHT, TITLE_HEIGHT, head_sweep, key_of
from simcb.views.plots.figures import new_picture
from simcb.views.plots.lines import lines, points
from simcb.views.plots.maps import colour_bar, heatmap, paint_of, scatter_map
from simcb.views.plots.style import LABEL_SIZE
from simcb.views.plots.text_fit import letters, shortened

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
    height = 5.6 if kind != "lines" else 4.4
    figure = new_picture(7.8, height, below=1.0 - TITLE_HEIGHT / height)
    drawers = {"lines": lines, "heatmap": heatmap, "scatter": scatter_map}
    drawers[kind](result, shown, figure.add_subplot())
    head_sweep(figure, result, shown)
    return figure


def _multiples(result: SweepResult, shown: Objective, third: Sequence[Value]) -> Figure:
    figure, slots = _panels(len(third), 3.3, 2.8)
    paint = paint_of(result, shown)
    for ax, value in zip(slots, third, strict=True):
        heatmap(result, shown, ax, layer=value, paint=paint, alone=False)
        title = shortened(f"{result.axes[2].label} = {value}", 3.0, LABEL_SIZE)
        ax.set_title(title, **letters(LABEL_SIZE))
    colour_bar(slots, shown, paint)
    head_sweep(figure, result, shown)
    key_of(figure)
    return figure


def _over_each_axis(result: SweepResult, shown: Objective) -> Figure:
    figure, slots = _panels(min(len(result.axes), MOST_PANELS), 3.2, 2.6)
    for index, ax in enumerate(slots):
        points(result, shown, index, ax)
    head_sweep(figure, result, shown)
    key_of(figure)
    return figure


def _panels(count: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with a title and a key, and axes of about that size in rows of three."""
    columns = 2 if count in (2, 4) else min(3, count)
    rows = math.ceil(count / columns)
    whole = max(7.8, 1.0 + width * columns), 0.6 + height * rows
    figure = new_picture(*whole, below=1.0 - (TITLE_HEIGHT + KEY_HEIGHT) / whole[1])
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
