"""Maps of a number over two axes, by colour: a grid as tiles, a sample as dots.

Between the dots of a sample the colour is interpolated, and only there: beyond the outermost
settings nothing is known and nothing is drawn.

The colours are cividis, which reads the same with any kind of colour-blindness. The best
setting, of each world if there are several, has a ring, those that cannot be told from it a
dot, and a line runs where a threshold does; a key above names those of them that occur.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_hex
from matplotlib.patches import Ellipse, Polygon
from matplotlib.tri import LinearTriInterpolator, Triangulation

from simcb.metrics import Unit
from simcb.scenario.units import Value
from simcb.studies.evaluation.cells import Floats
from simcb.studies.evaluation.objective import Objective
from simcb.studies.sweep import SweepResult, tolerance
from simcb.studies.sweep.ranking import ROUNDING, badness
from simcb.views.plots.axes import label_axis, label_values, scale_axis
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.marks import (
    AS_GOOD,
    SETTING,
    best_of,
    dots,
    drawable,
    factor_of,
    key,
    limits_on,
    name_of,
    named,
    places_along,
    rings,
)
from simcb.views.plots.style import FONT, INK, LABEL_SIZE, MISSED_COLOR, PAPER, SMALL_SIZE
from simcb.views.plots.text_fit import letters
from simcb.views.quantities import UNDEFINED, distinct_labels, quantity

COLOURS = "cividis"
_LARGEST_DOT = 4.4
_DOT_SHARE = 0.4
_EDGE_SHARE = 0.14
FINENESS = 240
"""Colours along each side of the map."""

_DOT = 5.0
_RIM = 6.4

MOST_PRINTED = 150
"""Settings of a map up to which their values are printed in it."""


@dataclass(frozen=True)
class Paint:
    """How numbers become colours.

    Args:
        norm: the range of the numbers.
        colours: the colours of that range; a single one where all numbers are as good.
    """

    norm: Normalize
    colours: Colormap

    @property
    def mappable(self) -> ScalarMappable:
        """The same as matplotlib takes it."""
        return ScalarMappable(self.norm, self.colours)


def paint_of(result: SweepResult, objective: Objective) -> Paint:
    """Return the colours of a number over a whole sweep.

    They span at least what is as good as the best to either side of it; where no setting is
    further away than that, what is varied does not matter, and the map has one colour.
    """
    estimates = result.estimates(objective)
    values = np.array([drawable(found) for found in estimates])
    known = np.isfinite(values)
    if not known.any():
        return Paint(Normalize(0.0, 1.0), colormaps[COLOURS])
    drawn = [found for found, is_known in zip(estimates, known.tolist(), strict=True) if is_known]
    best = min(drawn, key=lambda found: badness(found, objective))
    middle, low, high = best.mean or 0.0, float(values[known].min()), float(values[known].max())
    near = tolerance(best, objective)
    flat = high - low <= max(near, ROUNDING * abs(middle))
    # A bar of colours needs some width, even where nothing differs at all.
    room = near or (max(abs(middle), 1.0) * 1e-3 if flat else 0.0)
    factor = factor_of(objective)
    norm = Normalize(min(low, middle - room) * factor, max(high, middle + room) * factor)
    colours = colormaps[COLOURS]
    return Paint(norm, ListedColormap([colours(0.5)]) if flat else colours)


def heatmap(
    result: SweepResult,
    objective: Objective | None = None,
    ax: Axes | None = None,
    *,
    layer: Value | None = None,
    paint: Paint | None = None,
    alone: bool = True,
) -> Axes:
    """Draw a number over the first two axes of a grid, a tile a setting.

    Args:
        result: the sweep; a grid of two or three axes.
        objective: the number; what the sweep is ranked by if None.
        ax: where; a picture of its own if None.
        layer: the value of the third axis, if there is one.
        paint: the colours; those of the whole sweep if None.
        alone: with a key and a bar of colours of its own.
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
    paint = paint or paint_of(result, shown)
    ax.imshow(
        np.ma.masked_invalid(tiles),
        cmap=paint.colours,
        norm=paint.norm,
        origin="lower",
        aspect="auto",
    )
    if min(tiles.shape) > 1 and np.isfinite(tiles).all():
        _limit_lines(result, shown, ax, tiles)
    if len(places) <= MOST_PRINTED:
        _print_values(result, shown, ax, places, paint)
    _mark(result, shown, ax, places)
    label_values(ax, "x", range(len(xs)), distinct_labels([str(value) for value in xs]))
    label_values(ax, "y", range(len(ys)), distinct_labels([str(value) for value in ys]))
    label_axis(ax, "x", result.axes[0])
    label_axis(ax, "y", result.axes[1])
    if alone:
        colour_bar([ax], shown, paint)
        key(ax)
    return ax


def colour_bar(panels: Sequence[Axes], shown: Objective, paint: Paint) -> None:
    """Put a bar beside panels that says what their colours mean."""
    figure = panels[0].figure
    bar = figure.colorbar(paint.mappable, ax=list(panels), pad=0.02, aspect=28)
    bar.set_label(name_of(shown), **letters(LABEL_SIZE))
    bar.ax.tick_params(labelsize=SMALL_SIZE, labelfontfamily=FONT, labelcolor=INK)
    bar.outline.set_linewidth(0.5)


def _limit_lines(
    result: SweepResult, shown: Objective, ax: Axes, numbers: Floats, *places: Floats
) -> None:
    """Draw a line where a number reaches a limit.

    Args:
        result: has the limits.
        shown: the number.
        ax: where.
        numbers: it, row by row, as it is drawn.
        places: where columns and rows lie; at 0, 1, … if not given.
    """
    for limit in limits_on(result, shown):
        level = limit.value * factor_of(shown)
        if numbers.min() < level < numbers.max():
            ax.contour(*places, numbers, [level], colors=MISSED_COLOR, linewidths=1.6)
            named(ax, limit.text, MISSED_COLOR, style="-")


def _print_values(
    result: SweepResult,
    shown: Objective,
    ax: Axes,
    places: dict[int, tuple[int, int]],
    paint: Paint,
) -> None:
    size = SMALL_SIZE if len(places) <= MOST_PRINTED / 2 else SMALL_SIZE - 1.5
    for number, (x, y) in places.items():
        found = result.table.estimate(number, shown)
        text = "never" if found.never else _bare(found.mean, shown.unit)
        shade = paint.colours(paint.norm(drawable(found) * factor_of(shown)))
        ink = INK if _is_bright(shade) or text in ("never", UNDEFINED) else PAPER
        ax.text(x, y, text, ha="center", va="center", fontsize=size, fontfamily=FONT, color=ink)


def _is_bright(shade: Sequence[float]) -> bool:
    """Return whether dark letters are the better ones on a colour, by its relative luminance."""
    red, green, blue = shade[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5


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
    bests = [each.setting for each in result.bests]
    ringed = [places[setting] for setting in bests if setting in places]
    for place in ringed:
        around = Ellipse(place, 0.86, 0.72, zorder=4)
        around.set(fill=False, edgecolor=MISSED_COLOR, linewidth=2.2)
        ax.add_patch(around)
    if ringed:
        (entry,) = ax.plot([], [], "o", markerfacecolor="none", markeredgewidth=1.6)
        entry.set(markeredgecolor=MISSED_COLOR, label=best_of(result))
    others = [each.setting for each in result.tied if each.setting not in bests]
    dotted = [places[setting] for setting in others if setting in places]
    if dotted:
        x, y = np.array(dotted, np.float64).T
        size = min(_LARGEST_DOT, _DOT_SHARE * _tile_points(result, ax))
        colours, rim = [MISSED_COLOR] * len(x), size * _EDGE_SHARE
        dots(ax, x + 0.36, y + 0.34, colours, size, edge=PAPER, edge_width=rim)
        named(ax, AS_GOOD, MISSED_COLOR, mark="o")


def _tile_points(result: SweepResult, ax: Axes) -> float:
    """Return about how wide or high a tile is, whichever is less, in points."""
    figure, box = ax.get_figure(root=True), ax.get_position()
    width, height = figure.get_size_inches() * 72.0  # type: ignore[union-attr]
    xs, ys = (len(axis.values) for axis in result.axes[:2])
    return float(min(width * box.width / xs, height * box.height / ys))


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
    x, y = (places_along(result, index) for index in (0, 1))
    values = np.array([drawable(found) for found in result.estimates(shown)]) * factor_of(shown)
    known = np.isfinite(values)
    paint = paint_of(result, shown)
    scale_axis(ax, "x", result.axes[0])
    scale_axis(ax, "y", result.axes[1])
    between = _interpolated(result, ax, values, paint)
    if between is not None:
        columns, rows, numbers = between
        _limit_lines(result, shown, ax, numbers, columns, rows)
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


def _interpolated(
    result: SweepResult, ax: Axes, values: Floats, paint: Paint
) -> tuple[Floats, Floats, np.ma.MaskedArray] | None:
    """Colour what lies between the settings; return columns, rows and numbers, if anything does."""
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
    columns, rows = x_back(steps), y_back(steps)
    mesh = ax.pcolormesh(
        columns,
        rows,
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
    return columns, rows, fine


def _spread(result: SweepResult, index: int) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Return the settings' places spread over 0 to 1 as they are drawn, and the way back."""
    at = places_along(result, index)
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
