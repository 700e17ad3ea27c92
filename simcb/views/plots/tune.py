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

from simcb.metrics import Unit
from simcb.scenario.units import Value, quantity_of
from simcb.studies.evaluation.cells import Floats
from simcb.studies.tune import Reach, TuneResult
from simcb.views.plots.axes import label_axis, label_values, name_axis, scale_regret
from simcb.views.plots.figures import axes_or_new, dress, new_picture
from simcb.views.plots.frame import set_row_ticks
from simcb.views.plots.marks import BEST, dots, head_tune, intervals, key, named, ring
from simcb.views.plots.style import (
    BAND_ALPHA,
    DOTTED,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    MISSED_COLOR,
    PALE_COLOR,
    SERVICE_COLORS,
    SMALL_SIZE,
    STATE_FILLS,
)
from simcb.views.plots.text_fit import letters, shortened
from simcb.views.quantities import quantity
from simcb.views.tune_data import Reading, at_least, readings, shown_value, stretch

GOOD = STATE_FILLS["closed"].color
MOST_PANELS = 9
LONGEST_WORD = 0.9
"""Inches after which a value along an axis is shortened."""
AT_LEAST = "at least (stopped early)"
COLUMNS = 3


def tune_figure(result: TuneResult) -> Figure:
    """Return the whole picture of a tune that has a winner."""
    reaches = result.reach[:MOST_PANELS]
    pairs = list(combinations(range(len(result.aims)), 2))[:COLUMNS]
    columns = max(1, min(COLUMNS, max(len(reaches), len(pairs), 1)))
    rows = math.ceil(len(reaches) / columns) + bool(pairs) + (result.check is not None)
    width, height = 1.0 + 3.6 * max(columns, 2), 0.8 + 2.9 * max(rows, 1)
    figure = new_picture(width, height)
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
    head_tune(figure, result)
    return figure


def reach_panel(reach: Reach, result: TuneResult, ax: Axes | None = None) -> Axes:
    """Draw what moving one value of the winner costs: worst regret beyond the winner's.

    The stretch that is as good is shaded, what is only not shown to be worse faintly; the
    tolerance is dotted, the winner ringed. With several aims there is a line for each. What was
    stopped early costs at least so much: a hollow mark that points up, beside the line.
    """
    alone = ax is None
    ax = axes_or_new(ax, 3.2)
    dress(ax)
    values = [step.value for step in reach.steps]
    quantities = [quantity_of(value) for value in values]
    x = np.array([each.number for each in quantities if each is not None])
    if len(x) < len(values):
        x = np.arange(float(len(values)))
    _shade(reach, values, x, ax)
    read = readings(result)
    whole = np.array([not step.stopped for step in reach.steps])
    means, ends = [], []
    for index, (aim, reading) in enumerate(zip(result.aims, read, strict=True)):
        colour = SERVICE_COLORS[index % len(SERVICE_COLORS)]
        low, y, high = intervals([step.excess[index] for step in reach.steps], reading.drawn)
        known = x[whole], y[whole]
        # Nothing is known between two values where one in between was stopped.
        ends_there = np.where(whole, low, np.nan), np.where(whole, high, np.nan)
        ax.fill_between(x, *ends_there, color=colour, alpha=BAND_ALPHA, linewidth=0.0)
        bars = np.column_stack((*ends_there, np.full(len(x), np.nan))).ravel()
        ax.plot(np.repeat(x, 3), bars, color=colour, alpha=BAND_ALPHA, linewidth=LINE_WIDTH)
        name = f"{aim}{_own(reading, read)}" if len(read) > 1 else None
        line = np.where(whole, y, np.nan)
        ax.plot(x, line, color=colour, linewidth=LINE_WIDTH, label=name)
        kept = [step.feasible for step in reach.steps if not step.stopped]
        dots(ax, *known, [colour if each else PALE_COLOR for each in kept], 3.8)
        _at_least(ax, x[~whole], y[~whole], colour)
        place = values.index(reach.value)
        ring(ax, float(x[place]), float(y[place]), BEST)
        means += y.tolist()
        ends += [*low[whole].tolist(), *high[whole].tolist()]
    if not all(step.feasible or step.stopped for step in reach.steps):
        named(ax, "misses a limit", PALE_COLOR, mark="o")
    label = f"tolerance {quantity(result.tolerance, Unit.SHARE)}"
    for tolerance in dict.fromkeys(result.tolerance * each.drawn for each in read):
        ax.axhline(tolerance, color=INK, linewidth=1.0, linestyle=DOTTED, label=label)
        # It is always seen, so that what does not matter looks as small as it is.
        means.append(tolerance)
    scale_regret(ax, "y", means, ends)
    if reach.axis.span is not None and reach.axis.span.log:
        ax.set_xscale("log")
    best = values.index(reach.value)
    words = [*map(shown_value, values)]
    label_values(ax, "x", x.tolist(), words, longest=LONGEST_WORD, certain=best)
    if None in quantities and len(ax.get_xticks()) < len(words):
        _slant(ax, x, words)
    label_axis(ax, "x", reach.axis)
    name_axis(ax, "y", f"regret beyond the best{_mark(read)}")
    if alone:
        key(ax)
    else:
        title = shortened(f"as good: {stretch(reach)}", 3.2, LABEL_SIZE)
        ax.set_title(title, loc="left", **letters(LABEL_SIZE))
    return ax


def _slant(ax: Axes, x: Floats, words: Sequence[str]) -> None:
    """Write every word along an axis, aslant: between words nobody can guess one."""
    texts = [shortened(each, LONGEST_WORD, SMALL_SIZE) for each in words]
    ax.set_xticks(x.tolist(), texts, **letters(SMALL_SIZE))
    for label in ax.get_xticklabels():
        label.set(rotation=25.0, ha="right", rotation_mode="anchor")


def _at_least(ax: Axes, x: Floats, y: Floats, colour: str) -> None:
    """Draw what was stopped early: hollow, and pointing to where more runs would lead."""
    if len(x):
        ax.plot(
            x,
            y,
            "^",
            markersize=5.6,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.2,
            zorder=3,
            clip_on=False,
            label=AT_LEAST,
        )


def check_panel(result: TuneResult, ax: Axes | None = None) -> Axes:
    """Draw every contender's worst regret on a fresh seed, the winner first."""
    check = result.check
    if check is None:
        raise ValueError("this tune was not checked")
    alone = ax is None
    ax = axes_or_new(ax, 3.6)
    dress(ax)
    names = [f"{at_least(each)}{each.marked_name or 'best'}" for each in check.contenders]
    places = np.arange(float(len(names)))
    several = len(result.aims)
    read = readings(result)
    means, ends = [], []
    for index, (aim, reading) in enumerate(zip(result.aims, read, strict=True)):
        colour = SERVICE_COLORS[index % len(SERVICE_COLORS)]
        found = [each.worst[index] for each in check.contenders]
        low, x, high = intervals(found, reading.drawn)
        y = places + (index - (several - 1) / 2) * 0.22
        for height, *both in np.column_stack((y, low, high)).tolist():
            ax.plot(both, [height, height], color=colour, linewidth=2.4, alpha=0.45)
            ends += both
        colours = [MISSED_COLOR if not place and several == 1 else colour for place in places]
        dots(ax, x, y, colours, 5.0)
        means += x.tolist()
        if several > 1:
            named(ax, f"{aim}{_own(reading, read)}", colour, mark="o")
    ax.invert_yaxis()
    set_row_ticks(ax, places.tolist(), names, 2.4)
    scale_regret(ax, "x", means, ends)
    scenarios = (
        f"{len(result.scenarios)} scenarios" if len(result.scenarios) > 1 else "the scenario"
    )
    aims = read[0].name if several == 1 else "each aim"
    runs = f"{'up to ' * result.family}{check.replicates} runs of each"
    seed = f"on a fresh seed ({check.seed}; {runs})"
    near = any(each.differs for each in check.contenders)
    note = "; * comes only near the library" if near else ""
    note += "; ≥ at least" if any(each.stopped for each in check.contenders) else ""
    name_axis(ax, "x", f"worst regret of {aims} over {scenarios}, {seed}{_mark(read)}{note}")
    if alone:
        key(ax)
    return ax


def front_panel(result: TuneResult, x: int, y: int, ax: Axes | None = None) -> Axes:
    """Draw two aims against each other: every trial, and the front that none beats.

    Args:
        result: the tune.
        x: the aim along the bottom, by its place.
        y: the aim along the side.
        ax: where; a picture of its own if None.
    """
    alone = ax is None
    ax = axes_or_new(ax, 3.2)
    dress(ax)
    known = [trial for trial in result.trials if trial.worst]
    front = set(result.front)
    read = readings(result)
    pairs = [[trial.worst[each] * read[each].drawn for each in (x, y)] for trial in known]
    points = np.array(pairs)
    colours = [SERVICE_COLORS[0] if trial.number in front else PALE_COLOR for trial in known]
    order = np.argsort([trial.number in front for trial in known], kind="stable")
    dots(ax, points[order, 0], points[order, 1], [colours[place] for place in order], 4.0)
    line = sorted(points[i].tolist() for i, trial in enumerate(known) if trial.number in front)
    # Of more than two aims this is a shadow of the front, which has no edge.
    if line and len(result.aims) == 2:
        corners = np.array(line)
        x_steps, y_steps = corners[:, 0], corners[:, 1]
        colour = SERVICE_COLORS[0]
        ax.plot(x_steps, y_steps, color=colour, linewidth=1.0, drawstyle="steps-post")
    winner = next((i for i, trial in enumerate(known) if trial.number == result.winner), None)
    if winner is not None:
        ring(ax, float(points[winner, 0]), float(points[winner, 1]), BEST)
    named(ax, "on the front", SERVICE_COLORS[0], mark="o")
    named(ax, "beaten, or misses a limit", PALE_COLOR, mark="o")
    scale_regret(ax, "x", points[:, 0].tolist())
    scale_regret(ax, "y", points[:, 1].tolist())
    name_axis(ax, "x", f"worst regret of {read[x].name}{read[x].mark}")
    name_axis(ax, "y", f"worst regret of {read[y].name}{read[y].mark}")
    if alone:
        key(ax)
    return ax


def _slot(grid: GridSpec, row: int, column: int, columns: int) -> SubplotSpec:
    wide = 6 // columns
    return grid[row, column * wide : (column + 1) * wide]


def _shade(reach: Reach, values: Sequence[Value], x: Floats, ax: Axes) -> None:
    """Shade what is as good as the winner, and faintly what is only not shown to be worse."""
    stretches = (
        (reach.low, reach.high, 0.24, "as good"),
        (reach.lowest, reach.highest, 0.09, "not shown to be worse"),
    )
    for low, high, depth, label in stretches:
        ends = (float(x[values.index(end)]) for end in (low, high))
        ax.axvspan(*ends, color=GOOD, alpha=depth, linewidth=0.0, label=label)


def _own(reading: Reading, read: Sequence[Reading]) -> str:
    """Return the unit of one regret, if it has to be told from that of others."""
    return "" if _mark(read) else reading.mark


def _mark(read: Sequence[Reading]) -> str:
    """Return the unit of several regrets together; nothing if they differ."""
    marks = {each.mark for each in read}
    return marks.pop() if len(marks) == 1 else ""
