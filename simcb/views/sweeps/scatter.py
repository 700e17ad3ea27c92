"""Maps of settings that lie anywhere: a sample, or a refined grid.

Each setting that was run is a dot in its colour. Between the dots the colour is interpolated,
and only there: beyond the outermost settings nothing is known and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon
from matplotlib.tri import LinearTriInterpolator, Triangulation

from simcb.studies.sweep import Objective, SweepResult
from simcb.studies.sweep.axes import quantity_of
from simcb.studies.sweep.columns import Floats
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.style import INK, MISSED_COLOR, PAPER
from simcb.views.sweeps.captions import SETTING, key
from simcb.views.sweeps.maps import Paint, colour_bar, paint_of
from simcb.views.sweeps.scales import dots, drawable, factor_of, limits_on, named, rings
from simcb.views.sweeps.ticks import label_axis, scale_axis

FINENESS = 240
"""Colours along each side of the map."""

_DOT = 5.0
_RIM = 6.4


def scatter_map(
    result: SweepResult, objective: Objective | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a number over two axes whose settings lie anywhere.

    Args:
        result: the sweep; of its axes the first two are drawn.
        objective: the number; what the sweep is ranked by if None.
        ax: where; a picture of its own if None.
    """
    shown = objective or result.objective
    ax = axes_or_new(ax, 5.0)
    dress(ax)
    ax.grid(visible=False)
    x, y = (places(result, index) for index in (0, 1))
    values = np.array([drawable(found) for found in result.estimates(shown)]) * factor_of(shown)
    known = np.isfinite(values)
    paint = paint_of(result, shown)
    scale_axis(ax, "x", result.axes[0])
    scale_axis(ax, "y", result.axes[1])
    between = _interpolated(result, ax, values, paint)
    if between is not None:
        _limits(result, shown, ax, between)
    colours = [to_hex(tuple(shade)) for shade in paint.mappable.to_rgba(values[known]).tolist()]
    # A white edge shows on dark colours, the thin rim around it on light ones.
    ax.plot(x[known], y[known], "o", color=INK, markersize=_RIM, markeredgewidth=0, clip_on=False)
    dots(ax, x[known], y[known], colours, _DOT, edge=PAPER, edge_width=0.9)
    if shown == result.objective and result.border is None:
        rings(ax, result, x, y)
    named(ax, SETTING, INK, mark="o")
    label_axis(ax, "x", result.axes[0])
    label_axis(ax, "y", result.axes[1])
    colour_bar([ax], shown, paint)
    key(ax)
    return ax


def places(result: SweepResult, index: int) -> Floats:
    """Return where each setting lies along an axis: at its number, or at its word's place."""
    axis = result.axes[index]
    words = [str(value) for value in axis.values]
    found = []
    for setting in result.settings:
        known = quantity_of(setting.values[index])
        found.append(known.number if known else float(words.index(str(setting.values[index]))))
    return np.array(found, np.float64)


@dataclass(frozen=True, eq=False)
class _Between:
    """Colours between settings: where their columns and rows lie, and the number at each."""

    x: Floats
    y: Floats
    numbers: np.ma.MaskedArray


def _interpolated(result: SweepResult, ax: Axes, values: Floats, paint: Paint) -> _Between | None:
    """Colour what lies between the settings; return it, or None if nothing does."""
    known = np.isfinite(values)
    (x, x_back), (y, y_back) = (_spread(result, index) for index in (0, 1))
    x, y, numbers = x[known], y[known], values[known]
    if len(set(x.tolist())) < 2 or len(set(y.tolist())) < 2:
        return None
    try:
        triangles = Triangulation(x, y)
    except (RuntimeError, ValueError):
        # All settings lie on one line, which has no inside.
        return None
    steps = np.linspace(0.0, 1.0, FINENESS)
    fine = LinearTriInterpolator(triangles, numbers)(*np.meshgrid(steps, steps))
    found = _Between(x_back(steps), y_back(steps), fine)
    mesh = ax.pcolormesh(
        found.x,
        found.y,
        _grown(_grown(fine)),
        cmap=paint.colours,
        norm=paint.norm,
        shading="nearest",
        rasterized=True,
        zorder=0.5,
    )
    # The colours go a little beyond the outermost settings and are cut along the line there.
    edge = np.array(_around(x, y))
    corners = np.column_stack((x_back(edge[:, 0]), y_back(edge[:, 1])))
    mesh.set_clip_path(Polygon(corners, transform=ax.transData))
    return found


def _limits(result: SweepResult, shown: Objective, ax: Axes, between: _Between) -> None:
    for limit in limits_on(result, shown):
        level = limit.value * factor_of(shown)
        if between.numbers.min() < level < between.numbers.max():
            ax.contour(
                between.x, between.y, between.numbers, [level], colors=MISSED_COLOR, linewidths=1.6
            )
            named(ax, limit.text, MISSED_COLOR, style="-")


def _spread(result: SweepResult, index: int) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Return the settings' places spread over 0 to 1 as they are drawn, and the way back."""
    at = places(result, index)
    span = result.axes[index].span
    log = span is not None and span.log
    drawn = np.log(at) if log else at
    low, width = float(drawn.min()), float(np.ptp(drawn)) or 1.0

    def back(shares: Floats) -> Floats:
        found = low + shares * width
        return np.exp(found) if log else found

    return (drawn - low) / width, back


def _grown(fine: np.ma.MaskedArray) -> np.ma.MaskedArray:
    """Return an array whose unknown cells beside known ones have the mean of those."""
    padded = np.pad(np.ma.filled(fine, np.nan), 1, constant_values=np.nan)
    rows, columns = fine.shape
    beside = np.stack(
        [
            padded[down : down + rows, right : right + columns]
            for down in range(3)
            for right in range(3)
        ]
    )
    count = np.isfinite(beside).sum(axis=0)
    mean = np.nansum(beside, axis=0) / np.maximum(count, 1)
    grown = np.where(np.ma.getmaskarray(fine), mean, np.ma.getdata(fine))
    return np.ma.array(grown, mask=count == 0)


def _around(x: Floats, y: Floats) -> list[tuple[float, float]]:
    """Return the corners of the convex hull, one after the other (Andrew's monotone chain)."""
    points = sorted(set(zip(x.tolist(), y.tolist(), strict=True)))
    return [*_chain(points)[:-1], *_chain(points[::-1])[:-1]]


def _chain(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    chain: list[tuple[float, float]] = []
    for x, y in points:
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2:]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0.0:
                break
            chain.pop()
        chain.append((x, y))
    return chain
