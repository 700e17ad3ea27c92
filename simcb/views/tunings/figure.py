"""The figure of a tune: how far each value can be moved, whom the winner beats, the front.

Each panel takes a value and `ax=None` and returns the Axes; `tune_figure` puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec
from matplotlib.lines import Line2D

from simcb.metrics import Estimate
from simcb.studies.sweep.axes import Value, quantity_of
from simcb.studies.sweep.columns import Floats
from simcb.studies.tune import Reach, TuneResult
from simcb.views.plots.figures import axes_or_new, dress, new_picture
from simcb.views.plots.lettering import shortened, text_width
from simcb.views.plots.style import (
    BAND_ALPHA,
    DOTTED,
    FONT,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    MISSED_COLOR,
    SERVICE_COLORS,
    SMALL_SIZE,
    STATE_FILLS,
    TITLE_SIZE,
)
from simcb.views.sweeps.scales import dots, label_axis, label_values, ring
from simcb.views.tunings.findings import stretch
from simcb.views.tunings.regrets import Reading, readings

GOOD = STATE_FILLS["closed"].color
PALE = "#9db7c9"
MOST_PANELS = 9
COLUMNS = 3

PANEL_WIDTH = 2.9
"""Inches that the values along a panel have, about."""

BETWEEN = 0.07
"""Inches between two values below a panel."""

_SYMLOG_FROM = 1.0
"""Percent up to which regrets are drawn on an even scale; beyond, equal factors."""


def tune_figure(result: TuneResult) -> Figure:
    """Return the whole picture of a tune that has a winner."""
    reaches = result.reach[:MOST_PANELS]
    pairs = list(combinations(range(len(result.aims)), 2))[:COLUMNS]
    columns = max(1, min(COLUMNS, max(len(reaches), len(pairs), 1)))
    rows = math.ceil(len(reaches) / columns) + bool(pairs) + (result.check is not None)
    width = 1.0 + 3.6 * max(columns, 2)
    figure = new_picture(width, 0.5 + 2.9 * max(rows, 1), below=0.96)
    grid = figure.add_gridspec(max(rows, 1), 6)
    row = 0
    for index, each in enumerate(reaches):
        row, column = divmod(index, columns)
        reach_panel(each, result, figure.add_subplot(_slot(grid, row, column, columns)))
    row += bool(reaches)
    for index, (x, y) in enumerate(pairs):
        front_panel(result, x, y, figure.add_subplot(_slot(grid, row, index, len(pairs))))
    row += bool(pairs)
    if result.check is not None:
        check_panel(result, figure.add_subplot(grid[row, :]))
    best = ", ".join(
        f"{axis.label} = {value}"
        for axis, value in zip(result.axes, result.best.values(), strict=True)
    )
    figure.suptitle(
        shortened(f"best: {best}", width - 0.6, TITLE_SIZE),
        fontsize=TITLE_SIZE,
        fontfamily=FONT,
        color=INK,
        parse_math=False,
    )
    return figure


def reach_panel(reach: Reach, result: TuneResult, ax: Axes | None = None) -> Axes:
    """Draw what moving one value of the winner costs: worst regret beyond the winner's.

    The stretch that is as good is shaded, what is only not shown to be worse faintly; the
    tolerance is dotted, the winner ringed. With several aims there is a line for each.
    """
    ax = axes_or_new(ax, 3.2)
    dress(ax)
    values = [step.value for step in reach.steps]
    quantities = [quantity_of(value) for value in values]
    x = np.array([each.number for each in quantities if each is not None])
    if len(x) < len(values):
        x = np.arange(float(len(values)))
    _shade(reach, values, x, ax)
    read = readings(result)
    for index, (aim, reading) in enumerate(zip(result.aims, read, strict=True)):
        colour = SERVICE_COLORS[index % len(SERVICE_COLORS)]
        found = [step.excess[index] for step in reach.steps]
        y = np.array([_number(each.mean, reading) for each in found])
        low = np.array([_number(_end(each, each.low), reading) for each in found])
        high = np.array([_number(_end(each, each.high), reading) for each in found])
        ax.fill_between(x, low, high, color=colour, alpha=BAND_ALPHA, linewidth=0.0)
        ax.plot(x, y, color=colour, linewidth=LINE_WIDTH, label=f"{aim}{_own(reading, read)}")
        dots(ax, x, y, [colour if step.feasible else PALE for step in reach.steps], 3.8)
        place = values.index(reach.value)
        ring(ax, float(x[place]), float(y[place]))
    for tolerance in dict.fromkeys(result.tolerance * each.drawn for each in read):
        ax.axhline(tolerance, color=INK, linewidth=1.0, linestyle=DOTTED)
    _scale_regret(ax, "y")
    if reach.axis.span is not None and reach.axis.span.log:
        ax.set_xscale("log")
    _label_some(ax, x, reach)
    label_axis(ax, "x", reach.axis)
    _name(ax, "y", f"regret beyond the best{_mark(read)}")
    if len(result.aims) == 1:
        _title(ax, f"as good: {stretch(reach)}")
    if len(result.aims) > 1:
        _legend(ax)
    return ax


def check_panel(result: TuneResult, ax: Axes | None = None) -> Axes:
    """Draw every contender's worst regret on fresh luck, the winner first."""
    check = result.check
    if check is None:
        raise ValueError("this tune was not checked")
    ax = axes_or_new(ax, 3.6)
    dress(ax)
    names = [each.name or "best" for each in check.contenders]
    places = np.arange(float(len(names)))
    several = len(result.aims)
    read = readings(result)
    for index, (aim, reading) in enumerate(zip(result.aims, read, strict=True)):
        colour = SERVICE_COLORS[index % len(SERVICE_COLORS)]
        found = [each.worst[index] for each in check.contenders]
        x = np.array([_number(each.mean, reading) for each in found])
        y = places + (index - (several - 1) / 2) * 0.22
        for each, height in zip(found, y.tolist(), strict=True):
            ends = [_number(_end(each, end), reading) for end in (each.low, each.high)]
            ax.plot(ends, [height, height], color=colour, linewidth=2.4, alpha=0.45)
        colours = [MISSED_COLOR if not place and several == 1 else colour for place in places]
        dots(ax, x, y, colours, 5.0)
        ax.plot([], [], "o", color=colour, markersize=4.0, label=f"{aim}{_own(reading, read)}")
    ax.invert_yaxis()
    written = [shortened(name, 2.4, SMALL_SIZE) for name in names]
    ax.set_yticks(
        places, written, fontsize=SMALL_SIZE, fontfamily=FONT, color=INK, parse_math=False
    )
    _scale_regret(ax, "x")
    scenarios = f"{len(result.storms)} scenarios" if len(result.storms) > 1 else "the scenario"
    aims = read[0].name if several == 1 else "each aim"
    _name(ax, "x", f"worst regret of {aims} over {scenarios}, on fresh luck{_mark(read)}")
    if several > 1:
        _legend(ax)
    return ax


def front_panel(result: TuneResult, x: int, y: int, ax: Axes | None = None) -> Axes:
    """Draw two aims against each other: every trial, and the front that none beats.

    Args:
        result: the tune.
        x: the aim along the bottom, by its place.
        y: the aim along the side.
        ax: where; a picture of its own if None.
    """
    ax = axes_or_new(ax, 3.2)
    dress(ax)
    known = [trial for trial in result.trials if trial.worst]
    front = set(result.front)
    read = readings(result)
    pairs = [[trial.worst[each] * read[each].drawn for each in (x, y)] for trial in known]
    points = np.array(pairs)
    colours = [SERVICE_COLORS[0] if trial.number in front else PALE for trial in known]
    order = np.argsort([trial.number in front for trial in known], kind="stable")
    dots(ax, points[order, 0], points[order, 1], [colours[place] for place in order], 4.0)
    line = sorted(points[i].tolist() for i, trial in enumerate(known) if trial.number in front)
    if line:
        corners = np.array(line)
        x_steps, y_steps = corners[:, 0], corners[:, 1]
        colour = SERVICE_COLORS[0]
        ax.plot(x_steps, y_steps, color=colour, linewidth=1.0, drawstyle="steps-post")
    winner = next((i for i, trial in enumerate(known) if trial.number == result.winner), None)
    if winner is not None:
        ring(ax, float(points[winner, 0]), float(points[winner, 1]))
    _scale_regret(ax, "x")
    _scale_regret(ax, "y")
    _name(ax, "x", f"worst regret of {read[x].name}{read[x].mark}")
    _name(ax, "y", f"worst regret of {read[y].name}{read[y].mark}")
    return ax


def _slot(grid: GridSpec, row: int, column: int, columns: int) -> SubplotSpec:
    wide = 6 // columns
    return grid[row, column * wide : (column + 1) * wide]


def _shade(reach: Reach, values: Sequence[Value], x: Floats, ax: Axes) -> None:
    """Shade what is as good as the winner, and faintly what is only not shown to be worse."""
    stretches = ((reach.low, reach.high, 0.24), (reach.lowest, reach.highest, 0.09))
    for low, high, depth in stretches:
        first, last = values.index(low), values.index(high)
        ax.axvspan(float(x[first]), float(x[last]), color=GOOD, alpha=depth, linewidth=0.0)


def _scale_regret(ax: Axes, which: str) -> None:
    """Let small regrets be seen beside large ones: even up to a percent, then by factors."""
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    if max(abs(low), abs(high)) > 20.0 * _SYMLOG_FROM:
        least = min(float(np.nanmin(line.get_data()[which == "y"])) for line in _data(ax))
        if which == "x":
            ax.set_xscale("symlog", linthresh=_SYMLOG_FROM)
            ax.set_xlim(left=min(least, 0.0) - 0.15)
        else:
            ax.set_yscale("symlog", linthresh=_SYMLOG_FROM)
            ax.set_ylim(bottom=min(least, 0.0) - 0.15)
        axis = ax.xaxis if which == "x" else ax.yaxis
        axis.set_major_formatter(lambda value, _: f"{value:g}")


def _label_some(ax: Axes, x: Floats, reach: Reach) -> None:
    """Write as many values below a panel as fit beside each other, the winner's for sure."""
    log = reach.axis.span is not None and reach.axis.span.log
    drawn = np.log(x) if log else x
    inches = (drawn - drawn[0]) / (float(np.ptp(drawn)) or 1.0) * PANEL_WIDTH
    texts = [shortened(str(step.value), 0.9, SMALL_SIZE) for step in reach.steps]
    widths = [text_width(text, SMALL_SIZE) + BETWEEN for text in texts]
    kept = [[step.value for step in reach.steps].index(reach.value)]
    for index in range(len(texts)):
        apart = [abs(inches[index] - inches[other]) for other in kept]
        room = [(widths[index] + widths[other]) / 2 for other in kept]
        if all(a >= b for a, b in zip(apart, room, strict=True)):
            kept.append(index)
    kept.sort()
    label_values(ax, "x", [float(x[i]) for i in kept], [texts[i] for i in kept])


def _data(ax: Axes) -> list[Line2D]:
    """Return the lines of a panel that show numbers, not its keys or limits."""
    drawn = [line for line in ax.lines if line.get_transform() == ax.transData]
    return [line for line in drawn if np.size(line.get_xdata())]


def _number(regret: float | None, reading: Reading) -> float:
    return math.nan if regret is None else regret * reading.drawn


def _own(reading: Reading, read: Sequence[Reading]) -> str:
    """Return the unit of one regret, if it has to be told from that of others."""
    return "" if _mark(read) else reading.mark


def _mark(read: Sequence[Reading]) -> str:
    """Return the unit of several regrets together; nothing if they differ."""
    marks = {each.mark for each in read}
    return marks.pop() if len(marks) == 1 else ""


def _end(found: Estimate, end: float | None) -> float | None:
    return found.mean if end is None else end


def _name(ax: Axes, which: str, text: str) -> None:
    write = ax.set_xlabel if which == "x" else ax.set_ylabel
    write(text, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, parse_math=False)


def _title(ax: Axes, text: str) -> None:
    written = shortened(text, 3.2, LABEL_SIZE)
    ax.set_title(written, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, parse_math=False)


def _legend(ax: Axes) -> None:
    legend = ax.legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize=SMALL_SIZE,
        prop={"family": FONT, "size": SMALL_SIZE},
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
