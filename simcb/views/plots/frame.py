"""What every panel has in common: the axis of time, the windows of faults, the legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from simcb.trace import ChangeInfo, FaultInfo
from simcb.views.plots.curves import Band, Curves
from simcb.views.plots.figures import dress
from simcb.views.plots.style import (
    BAND_ALPHA,
    BASELINE_COLOR,
    DASHED,
    FAULT_FILL,
    FONT,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    SMALL_SIZE,
    Fill,
)
from simcb.views.plots.text_fit import letters, shortened, text_width

Painted = TypeVar("Painted", Patch, Collection)

LONG = 120.0
"""Seconds from which on times are written as minutes and seconds."""

VERY_LONG = 2 * 3600.0
"""Seconds from which on times are written as hours, minutes and seconds."""

MOST_TICKS = 10
_TIDY_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY = 86400.0

LONGEST_LABEL = 3.2
"""Inches after which a legend's label is shortened."""

LONGEST_NAME = 1.2
"""Inches after which a name within a label is shortened."""

MOST_FAULT_LABELS = 3
"""Faults that a legend names; more are only counted."""

MARGINS = 0.95
"""Inches of a figure's width that lie beside its axes, at most."""

STRIP_MARGINS = 1.65
"""The same where a strip of states puts the names of breakers there."""

_HANDLE_WIDTH = 0.26
_HANDLE_GAP = 0.07
_COLUMN_GAP = 0.16


class Entry(NamedTuple):
    """A line of a legend: what is drawn, and what it is called."""

    artist: Artist
    label: str


def tidy_step(duration: float) -> float:
    """Return the seconds between ticks: a length people count in, and at most ten of them."""
    wanted = duration / MOST_TICKS
    if wanted < 1.0:
        power = 10.0 ** math.floor(math.log10(wanted))
        return next(times * power for times in (1, 2, 5, 10) if times * power >= wanted * 0.999)
    for step in _TIDY_SECONDS:
        if step >= wanted:
            return float(step)
    return math.ceil(wanted / _DAY) * _DAY


def clock_text(seconds: float, duration: float) -> str:
    """Write a moment of a run of `duration` seconds: `12`, `2:05` or `1:02:05`."""
    if duration < LONG:
        return f"{seconds:.6g}"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if duration < VERY_LONG:
        return f"{minutes}:{rest:02d}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def time_axis(ax: Axes, duration: float) -> None:
    """Make x the simulated time, in seconds, of a run of `duration` seconds."""
    step = tidy_step(duration)
    ticks = [tick * step for tick in range(int(duration / step * (1 + 1e-9)) + 1)]
    ax.set_xlim(0.0, duration)
    ax.set_xticks(ticks, [clock_text(tick, duration) for tick in ticks])
    if not ax.get_xticklabels():
        # The labels are hidden: axes below share this time and have them.
        return
    unit = "s" if duration < LONG else "m:ss" if duration < VERY_LONG else "h:mm:ss"
    ax.set_xlabel(f"simulated time ({unit})", **letters(LABEL_SIZE))


def begin(ax: Axes, curves: Curves, label: str, *, named: bool) -> list[Entry]:
    """Dress a panel, put time on x, `label` on y and the faults behind.

    Return what a legend has to say of the faults: nothing if they are not to be `named` in it.
    """
    dress(ax)
    time_axis(ax, curves.duration)
    ax.set_ylabel(label, **letters(LABEL_SIZE))
    entries = fault_windows(ax, curves.faults, curves.duration)
    entries += change_lines(ax, curves.changes) + crash_marks(ax, curves.crashes)
    return entries if named else []


def change_lines(ax: Axes, changes: Sequence[ChangeInfo]) -> list[Entry]:
    """Draw a line at every moment at which somebody changes something; return its legend entry."""
    lines = [
        ax.axvline(each.at, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2.5)
        for each in changes
    ]
    if not lines:
        return []
    names = [name_text(each.name) for each in changes]
    told = ", ".join(names) if len(names) <= MOST_FAULT_LABELS else f"{len(names)} in all"
    return [Entry(lines[0], f"changed: {told}")]


def crash_marks(ax: Axes, crashes: Sequence[float]) -> list[Entry]:
    """Mark the moments at which replicas start anew at the top; return their legend entry."""
    if not crashes:
        return []
    marks = ax.plot(
        crashes,
        [1.0] * len(crashes),
        linestyle="none",
        marker="v",
        markersize=4.0,
        color=INK,
        transform=ax.get_xaxis_transform(),
        clip_on=False,
        zorder=4.0,
    )
    return [Entry(marks[0], f"replica restarts: {len(crashes)}")]


def fault_windows(ax: Axes, faults: Sequence[FaultInfo], duration: float) -> list[Entry]:
    """Hatch the windows of `faults` behind the curves and return their legend entries."""
    for fault in faults:
        end = min(fault.end, duration)
        label = f"fault: {fault.name}"
        paint(ax.axvspan(fault.start, end, zorder=0.4, label=label), FAULT_FILL)
    if not faults:
        return []
    key = paint(Patch(), FAULT_FILL)
    names = dict.fromkeys(fault.name for fault in faults)
    if len(names) > MOST_FAULT_LABELS:
        return [Entry(key, f"{len(names)} faults")]
    names = dict.fromkeys(map(name_text, names))
    return [Entry(key, "fault: " + ", ".join(names))]


def paint(artist: Painted, fill: Fill) -> Painted:
    """Give a patch or a collection the colour and the hatch of `fill`, and return it."""
    artist.set_facecolor(fill.color)
    artist.set_edgecolor(fill.hatch_color)
    artist.set_hatch(fill.hatch)
    artist.set_linewidth(0.0)
    return artist


def draw_curve(
    ax: Axes,
    curves: Curves,
    values: Band,
    label: str,
    *,
    color: str,
    width: float = LINE_WIDTH,
    dashes: object = "-",
    spread: bool = True,
    zorder: float = 2.5,
) -> Line2D:
    """Draw the replicates' median, and their 10–90 % band if there are several.

    Gaps stay gaps; a value between two gaps is a dot, for a line through one point is none.
    """
    times = curves.centers
    known = np.isfinite(values.middle)
    left = np.concatenate(([False], known[:-1]))
    right = np.concatenate((known[1:], [False]))
    alone = np.flatnonzero(known & ~left & ~right).tolist()
    (line,) = ax.plot(
        times,
        values.middle,
        label=label,
        color=color,
        linewidth=width,
        linestyle=dashes,
        marker="o" if alone else "",
        markersize=2.2,
        markeredgewidth=0.0,
        markevery=alone or None,
        solid_capstyle="butt",
        solid_joinstyle="round",
        zorder=zorder,
    )
    if spread and values.replicates > 1:
        ax.fill_between(
            times,
            values.low,
            values.high,
            where=known.tolist(),
            color=color,
            alpha=BAND_ALPHA,
            linewidth=0.0,
            zorder=zorder - 0.3,
        )
    return line


def draw_baseline(
    ax: Axes, curves: Curves, values: Band, label: str, *, spread: bool = True, zorder: float = 2.2
) -> Line2D:
    """Draw a curve of the baseline: dashed grey."""
    return draw_curve(
        ax,
        curves,
        values,
        label,
        color=BASELINE_COLOR,
        dashes=DASHED,
        spread=spread,
        zorder=zorder,
    )


def legend_above(ax: Axes, entries: Sequence[Entry], *, below_strip: bool) -> None:
    """Put a legend above the axes, in as many rows as its labels need."""
    if not entries:
        return
    labels = [shortened(entry.label, LONGEST_LABEL, SMALL_SIZE) for entry in entries]
    legend = ax.legend(
        [entry.artist for entry in entries],
        # Real labels are set below: one that begins with `_` would be taken for a hidden one.
        [str(number) for number in range(len(labels))],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=_columns(labels, _width_of(ax, STRIP_MARGINS if below_strip else MARGINS)),
        frameon=False,
        borderaxespad=0.15,
        borderpad=0.0,
        labelspacing=0.3,
        columnspacing=_COLUMN_GAP * 72 / SMALL_SIZE,
        handlelength=_HANDLE_WIDTH * 72 / SMALL_SIZE,
        handletextpad=_HANDLE_GAP * 72 / SMALL_SIZE,
        prop={"family": FONT, "size": SMALL_SIZE},
        labelcolor=INK,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)
        text.set_parse_math(False)
    for handle in legend.legend_handles:
        if isinstance(handle, Line2D):
            # The dots of lone values say nothing in a legend.
            handle.set_marker("")


def name_text(name: str) -> str:
    """Return a name short enough to stand in a label."""
    return shortened(name, LONGEST_NAME, SMALL_SIZE)


def note(ax: Axes, text: str) -> None:
    """Write a remark into the middle of axes that have nothing to show."""
    ax.text(
        0.5,
        0.5,
        text,
        transform=ax.transAxes,
        ha="center",
        va="center",
        **letters(LABEL_SIZE, BASELINE_COLOR),
    )


def set_row_ticks(ax: Axes, places: Sequence[float], names: Sequence[str], width: float) -> None:
    """Name rows on the y axis, each name in at most `width` inches."""
    labels = [shortened(name, width, SMALL_SIZE) for name in names]
    ax.set_yticks(places, labels, **letters(SMALL_SIZE))


def _width_of(ax: Axes, margins: float) -> float:
    """Return about how many inches wide the axes come out, before they are laid out."""
    figure, spec = ax.figure, ax.get_subplotspec()
    # A part of a figure has no size in inches, only one in pixels.
    width = float(figure.bbox.width / figure.dpi)
    share = len(spec.colspan) / spec.get_gridspec().ncols if spec else ax.get_position().width
    return max(1.0, share * width - margins)


def _columns(labels: Sequence[str], room: float) -> int:
    """Return the most columns in which `labels` fit into `room` inches."""
    widths = [text_width(label, SMALL_SIZE) + _HANDLE_WIDTH + _HANDLE_GAP for label in labels]
    for columns in range(len(labels), 1, -1):
        # A legend is filled column by column.
        total = sum(float(column.max()) for column in np.array_split(widths, columns))
        if total + (columns - 1) * _COLUMN_GAP <= room:
            return columns
    return 1
