"""The figure of a sweep: a map of two axes, lines over one, small multiples for three.

What fits neither, a sample or more axes, is shown as points over each axis in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from simcb.studies.sweep import Kind, Objective, SweepResult
from simcb.studies.sweep.axes import Value
from simcb.views.plots.figures import new_picture
from simcb.views.plots.style import FONT, INK, LABEL_SIZE, TITLE_SIZE
from simcb.views.sweeps.lines import lines, points
from simcb.views.sweeps.maps import colour_range, heatmap, scatter_map

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
    figure = new_picture(7.6, 5.4 if kind != "lines" else 4.2)
    drawers = {"lines": lines, "heatmap": heatmap, "scatter": scatter_map}
    drawers[kind](result, shown, figure.add_subplot())
    return figure


def _multiples(result: SweepResult, shown: Objective, third: Sequence[Value]) -> Figure:
    columns = min(3, len(third))
    rows = math.ceil(len(third) / columns)
    figure = new_picture(1.2 + 3.6 * columns, 0.6 + 3.1 * rows, below=0.95)
    scale = colour_range(result, shown)
    for place, value in enumerate(third, 1):
        ax = figure.add_subplot(rows, columns, place)
        heatmap(result, shown, ax, layer=value, scale=scale)
        ax.set_title(
            f"{result.axes[2].label} = {value}",
            fontsize=LABEL_SIZE,
            fontfamily=FONT,
            color=INK,
            parse_math=False,
        )
    figure.suptitle(str(shown), fontsize=TITLE_SIZE, fontfamily=FONT, color=INK, parse_math=False)
    return figure


def _over_each_axis(result: SweepResult, shown: Objective) -> Figure:
    count = min(len(result.axes), MOST_PANELS)
    columns = min(3, count)
    rows = math.ceil(count / columns)
    figure = new_picture(0.8 + 3.4 * columns, 0.6 + 2.8 * rows)
    for place in range(count):
        points(result, shown, place, figure.add_subplot(rows, columns, place + 1))
    return figure
