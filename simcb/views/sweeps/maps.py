"""Maps of a sweep: a number over two axes, by colour.

The colours are cividis, which reads the same with any kind of colour-blindness. The best
setting has a ring, those that cannot be told from it a dot, and a line runs where a threshold
does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.patches import Ellipse
from matplotlib.tri import LinearTriInterpolator, Triangulation

from simcb.metrics import Unit
from simcb.studies.sweep import Objective, SweepResult
from simcb.studies.sweep.axes import Value, quantity_of
from simcb.studies.sweep.columns import Floats
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.style import FONT, INK, LABEL_SIZE, MISSED_COLOR, PAPER, SMALL_SIZE
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
from simcb.views.tables.quantities import UNDEFINED, quantity

COLOURS = "cividis"
MOST_PRINTED = 150
"""Settings of a map up to which their values are printed in it."""

FINENESS = 240
"""Colours along each side of a map between whose settings is interpolated."""


def colour_range(result: SweepResult, objective: Objective) -> Normalize:
    """Return the range of a number's values over a whole sweep."""
    values = np.array([drawable(found) for found in result.estimates(objective)])
    known = values[np.isfinite(values)] * factor_of(objective)
    if not len(known):
        return Normalize(0.0, 1.0)
    low, high = float(known.min()), float(known.max())
    return Normalize(low, high if high > low else low + max(abs(low), 1.0) * 1e-3)


def heatmap(
    result: SweepResult,
    objective: Objective | None = None,
    ax: Axes | None = None,
    *,
    layer: Value | None = None,
    scale: Normalize | None = None,
) -> Axes:
    """Draw a number over the first two axes of a grid, a tile a setting.

    Args:
        result: the sweep; a grid of two or three axes.
        objective: the number; what the sweep is ranked by if None.
        ax: where; a picture of its own if None.
        layer: the value of the third axis, if there is one.
        scale: the range of the colours; that of the whole sweep if None.
    """
    shown = objective or result.objective
    ax = axes_or_new(ax, 5.0)
    dress(ax)
    ax.grid(visible=False)
    xs, ys = result.axes[0].values, result.axes[1].values
    tiles = np.full((len(ys), len(xs)), np.nan)
    places: dict[int, tuple[int, int]] = {}
    for number, found in enumerate(result.estimates(shown)):
        values = result.settings[number].values
        if layer is not None and values[2] != layer:
            continue
        if values[0] in xs and values[1] in ys:
            place = xs.index(values[0]), ys.index(values[1])
            places[number] = place
            tiles[place[1], place[0]] = drawable(found) * factor_of(shown)
    scale = scale or colour_range(result, shown)
    ax.imshow(np.ma.masked_invalid(tiles), cmap=COLOURS, norm=scale, origin="lower", aspect="auto")
    _contour(result, shown, ax, tiles)
    if len(places) <= MOST_PRINTED:
        _print_values(result, shown, ax, places, scale)
    _mark(result, shown, ax, places)
    label_values(ax, "x", range(len(xs)), xs)
    label_values(ax, "y", range(len(ys)), ys)
    _name_axes(result, shown, ax, scale)
    return ax


def scatter_map(
    result: SweepResult, objective: Objective | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a number over two axes whose settings lie anywhere: a sample, or a refined grid.

    Between settings the colour is interpolated; each setting that was run is a dot.
    """
    shown = objective or result.objective
    ax = axes_or_new(ax, 5.0)
    dress(ax)
    ax.grid(visible=False)
    x, y = (_places(result, index) for index in (0, 1))
    values = np.array([drawable(found) for found in result.estimates(shown)]) * factor_of(shown)
    known = np.isfinite(values)
    scale = colour_range(result, shown)
    for which, index in (("x", 0), ("y", 1)):
        _value_ticks(result, ax, which, index)
    _interpolated(result, shown, ax, scale)
    paint = ScalarMappable(scale, COLOURS)
    colours = [to_hex(tuple(shade)) for shade in paint.to_rgba(values[known]).tolist()]
    dots(ax, x[known], y[known], colours, 3.6)
    best = result.best
    if best is not None and shown == result.objective and result.border is None:
        ring(ax, float(x[best.setting]), float(y[best.setting]))
    _name_axes(result, shown, ax, scale)
    return ax


def _places(result: SweepResult, index: int) -> Floats:
    """Return where each setting lies along an axis: at its number, or at its word's place."""
    axis = result.axes[index]
    found = []
    for setting in result.settings:
        known = quantity_of(setting.values[index])
        words = [str(value) for value in axis.values]
        found.append(known.number if known else float(words.index(str(setting.values[index]))))
    return np.array(found, np.float64)


def _interpolated(result: SweepResult, shown: Objective, ax: Axes, scale: Normalize) -> None:
    """Colour what lies between the settings, and draw where a threshold runs."""
    values = np.array([drawable(found) for found in result.estimates(shown)]) * factor_of(shown)
    known = np.isfinite(values)
    sides = [_spread(result, index) for index in (0, 1)]
    x, y, numbers = sides[0][0][known], sides[1][0][known], values[known]
    if len(set(x.tolist())) < 2 or len(set(y.tolist())) < 2:
        return
    try:
        between = LinearTriInterpolator(Triangulation(x, y), numbers)
    except (RuntimeError, ValueError):
        # All settings lie on one line, which has no inside.
        return
    steps = np.linspace(0.0, 1.0, FINENESS)
    fine = between(*np.meshgrid(steps, steps))
    places = [back(steps) for _, back in sides]
    ax.pcolormesh(
        *places, fine, cmap=COLOURS, norm=scale, shading="nearest", rasterized=True, zorder=0.5
    )
    for limit in thresholds_on(result, shown):
        level = limit * factor_of(shown)
        if numbers.min() < level < numbers.max():
            ax.contour(*places, fine, [level], colors=MISSED_COLOR, linewidths=1.6)


def _spread(result: SweepResult, index: int) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Return the settings' places spread over 0 to 1 as they are drawn, and the way back."""
    places = _places(result, index)
    span = result.axes[index].span
    log = span is not None and span.log
    drawn = np.log(places) if log else places
    low, width = float(drawn.min()), float(np.ptp(drawn)) or 1.0

    def back(shares: Floats) -> Floats:
        found = low + shares * width
        return np.exp(found) if log else found

    return (drawn - low) / width, back


def _value_ticks(result: SweepResult, ax: Axes, which: str, index: int) -> None:
    axis = result.axes[index]
    if axis.span is not None and axis.span.log:
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    numbers = axis.numbers
    if axis.values:
        places = numbers if numbers is not None else tuple(map(float, range(len(axis.values))))
        label_values(ax, which, places, axis.values)


def _contour(
    result: SweepResult,
    shown: Objective,
    ax: Axes,
    tiles: Floats,
) -> None:
    if min(tiles.shape) < 2 or not np.isfinite(tiles).all():
        return
    for limit in thresholds_on(result, shown):
        level = limit * factor_of(shown)
        if tiles.min() < level < tiles.max():
            ax.contour(tiles, [level], colors=MISSED_COLOR, linewidths=1.6)


def _print_values(
    result: SweepResult,
    shown: Objective,
    ax: Axes,
    places: dict[int, tuple[int, int]],
    scale: Normalize,
) -> None:
    size = SMALL_SIZE if len(places) <= MOST_PRINTED / 2 else SMALL_SIZE - 1.5
    for number, (x, y) in places.items():
        found = result.table.estimate(number, shown)
        text = "never" if found.never else _bare(found.mean, shown.unit)
        bright = scale(drawable(found) * factor_of(shown)) > 0.55
        ink = INK if bright or text in ("never", UNDEFINED) else PAPER
        ax.text(x, y, text, ha="center", va="center", fontsize=size, fontfamily=FONT, color=ink)


def _bare(value: float | None, unit: Unit) -> str:
    """Write a value without its unit, which the colour bar names."""
    if value is None:
        return UNDEFINED
    if unit is Unit.SECONDS:
        return f"{value:.3g}"
    return quantity(value, unit).removesuffix("/s").removesuffix("%")


def _mark(
    result: SweepResult, shown: Objective, ax: Axes, places: dict[int, tuple[int, int]]
) -> None:
    """Ring the best setting, and dot those that cannot be told from it."""
    if shown != result.objective:
        return
    for each in result.tied:
        if each.setting not in places:
            continue
        x, y = places[each.setting]
        if each.rank == 1:
            ring_of_tile = Ellipse((x, y), 0.86, 0.72, zorder=4)
            ring_of_tile.set(fill=False, edgecolor=MISSED_COLOR, linewidth=2.2)
            ax.add_patch(ring_of_tile)
        else:
            ax.plot(x + 0.36, y + 0.34, "o", color=MISSED_COLOR, markersize=3.4, zorder=4)


def _name_axes(result: SweepResult, shown: Objective, ax: Axes, scale: Normalize) -> None:
    label_axis(ax, "x", result.axes[0])
    label_axis(ax, "y", result.axes[1])
    bar = ax.figure.colorbar(ScalarMappable(scale, COLOURS), ax=ax, pad=0.02)
    bar.set_label(name_of(shown), fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, parse_math=False)
    bar.ax.tick_params(labelsize=SMALL_SIZE, labelfontfamily=FONT, labelcolor=INK)
    bar.outline.set_linewidth(0.5)
