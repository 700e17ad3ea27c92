"""The timeline: the strip of states, and three panels below it over one axis of simulated time.

In the strip up to six breakers have a row each. More of them share one block in which heights are
shares: of 40 breakers one wants to know how many were open. Faults lie above them as bars with
names; those that overlap have rows of their own, and one that comes again is named once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from simcb.studies import Result
from simcb.trace import FaultInfo
from simcb.views.plots.curves import BreakerCourse, Curves, Floats, Variant, curves_of
from simcb.views.plots.figures import Picture, axes_or_new, dress, new_picture
from simcb.views.plots.frame import (
    Entry,
    change_lines,
    crash_marks,
    legend_above,
    paint,
    set_row_ticks,
    time_axis,
)
from simcb.views.plots.panels import lag, latency, load, outcomes
from simcb.views.plots.style import (
    BASELINE_COLOR,
    FAULT_BAR_FILL,
    FIGURE_SIZE,
    LABEL_SIZE,
    SMALL_SIZE,
    STATE_FILLS,
    TITLE_SIZE,
)
from simcb.views.plots.text_fit import letters, literal, shortened, text_width

_ROW_HEIGHT = 0.165
_CAPTION_TOP = 0.988
_CAPTION_BOTTOM = 0.955
_SECOND_LINE = 0.957
_STACKED_BOTTOM = 0.928
_MARGIN = 0.054

_LEAST_NAME = 1.6
"""Inches of the scenario's name, about 20 letters, that are never given up."""


def timeline(result: Result | Curves) -> Picture:
    """Draw states, latency, load and outcomes of a result above each other, 9 × 6.2 inches.

    Where consumers pull messages from a queue their lag is below.
    """
    curves = result if isinstance(result, Curves) else curves_of(result)
    caption = _caption_of(curves)
    picture = new_picture(*FIGURE_SIZE, below=caption.bottom)
    strip = _ROW_HEIGHT * max(1.5, rows_of(curves))
    rest = FIGURE_SIZE[1] - strip - 1.7
    panels = {latency: 1.35, load: 1.15, outcomes: 1.0}
    if curves.main.lag is not None:
        panels[lag] = 0.9
    total = sum(panels.values())
    heights = [strip, *(rest * part / total for part in panels.values())]
    axes: list[Axes] = list(
        picture.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights})
    )
    states(curves, axes[0])
    for panel, ax in zip(panels, axes[1:], strict=True):
        panel(curves, ax, below_strip=True)
    picture.align_ylabels(axes[1:])
    _write(picture, caption)
    picture.settle()
    return picture


@dataclass(frozen=True)
class _Caption:
    """What stands above the panels.

    Args:
        title: the scenario's name and how it went.
        run: seed and replicates.
        stacked: whether that goes below the title instead of beside it.
    """

    title: str
    run: str
    stacked: bool

    @property
    def bottom(self) -> float:
        """The part of the figure's height that is left for the panels."""
        return _STACKED_BOTTOM if self.stacked else _CAPTION_BOTTOM


def _caption_of(curves: Curves) -> _Caption:
    """Return the scenario's name and verdict, and what the curves are.

    The name is shortened last: of several pictures it is what tells them apart.
    """
    verdict = curves.verdict
    if curves.baseline_verdict:
        verdict += f" (without breakers: {curves.baseline_verdict})"
    run = f"seed {curves.seed}"
    if curves.replicates > 1:
        run += f", {curves.replicates} replicates: median and 10–90 % band"
        if curves.faults_drawn:
            run += ", faults as drawn in the first"
    whole = FIGURE_SIZE[0] - 2 * _MARGIN
    kept = min(text_width(literal(curves.title), TITLE_SIZE), _LEAST_NAME)
    needed = text_width(f": {verdict}  ", TITLE_SIZE)
    beside = whole - text_width(run, LABEL_SIZE)
    stacked = kept + needed > beside
    room = whole if stacked else beside
    name = shortened(curves.title, max(kept, room - needed), TITLE_SIZE)
    verdict = shortened(verdict, room - text_width(f"{name}:  ", TITLE_SIZE), TITLE_SIZE)
    return _Caption(f"{name}: {verdict}", run, stacked)


def _write(picture: Picture, caption: _Caption) -> None:
    margin = _MARGIN / FIGURE_SIZE[0]
    x, y, side = 1.0 - margin, _CAPTION_TOP, "right"
    if caption.stacked:
        x, y, side = margin, _SECOND_LINE, "left"
    title = picture.text(margin, _CAPTION_TOP, caption.title, ha="left", **letters(TITLE_SIZE))
    run = picture.text(x, y, caption.run, ha=side, **letters(LABEL_SIZE, BASELINE_COLOR))
    for text in (title, run):
        text.set(va="top", in_layout=False)


MOST_ROWS = 6
"""Breakers up to which each has a row of its own."""

BLOCK_ROWS = 3.0
"""Rows that the shares of many breakers take."""

MOST_FAULT_ROWS = 4
"""Rows that faults may take; the rest of them shares the last."""

WIDEST_NAME = 1.25
"""Inches that a row's name may take."""

THICKNESS = 0.76
"""Height of a bar, in rows."""

_STATE_LABELS = {"closed": "closed", "half_open": "half-open", "open": "open"}


def states(curves: Curves, ax: Axes | None = None) -> Axes:
    """Draw the breakers' states over time, one row each or shares of many, below the faults.

    With replicates a row's height is shared out, too: the part that is orange is the share of
    the replicates in which the breaker was open.
    """
    ax = axes_or_new(ax, height=0.9 + 0.24 * rows_of(curves))
    dress(ax)
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    time_axis(ax, curves.duration)
    rows = fault_rows(curves.faults)
    places, names = draw_fault_rows(ax, rows, curves.duration)
    top = float(len(rows))
    breakers = curves.main.breakers
    if not breakers:
        places.append(top + 0.5)
        names.append("no breaker used" if curves.main.breaker_count else "no breaker")
    elif len(breakers) <= MOST_ROWS:
        for row, breaker in enumerate(breakers):
            _draw_breaker(ax, curves, breaker, top + row)
            places.append(top + row + 0.5)
            names.append(breaker.name.replace("->", "→"))
    else:
        _draw_shares(ax, curves.edges, _together(curves.main), top + 0.12, BLOCK_ROWS - 0.24)
        places += [top + 0.12, top + BLOCK_ROWS / 2, top + BLOCK_ROWS - 0.12]
        crowd = f"of {curves.main.breaker_count:,} breakers"
        names += [
            "100 %",
            crowd if len(crowd) > len("of 999 breakers") else f"share {crowd}",
            "0 %",
        ]
    ax.set_ylim(top + _breaker_rows(curves), 0.0)
    set_row_ticks(ax, places, names, WIDEST_NAME)
    ax.tick_params(axis="y", length=0.0)
    fills = STATE_FILLS.items() if breakers else ()
    keys = [Entry(paint(Patch(), fill), _STATE_LABELS[state]) for state, fill in fills]
    keys += change_lines(ax, curves.changes) + crash_marks(ax, curves.crashes)
    if keys:
        legend_above(ax, keys, below_strip=True)
    return ax


def rows_of(curves: Curves) -> float:
    """Return how many rows the strip has, so that a figure can give it the height."""
    return len(fault_rows(curves.faults)) + _breaker_rows(curves)


def _breaker_rows(curves: Curves) -> float:
    breakers = len(curves.main.breakers)
    return BLOCK_ROWS if breakers > MOST_ROWS else float(max(1, breakers))


def _draw_breaker(ax: Axes, curves: Curves, breaker: BreakerCourse, row: float) -> None:
    inset = (1.0 - THICKNESS) / 2
    if breaker.replicates > 1:
        _draw_shares(ax, curves.edges, breaker.shares, row + inset, THICKNESS)
        return
    for state, fill in STATE_FILLS.items():
        spans = [(start, end - start) for start, end, each in breaker.stretches if each == state]
        if spans:
            label = f"{breaker.name}: {state}"
            paint(ax.broken_barh(spans, (row + inset, THICKNESS), label=label), fill)


def _draw_shares(
    ax: Axes, edges: Floats, shares: dict[str, Floats], top: float, height: float
) -> None:
    """Stack shares over time, open at the bottom where the y axis points down."""
    times = edges.repeat(2)[1:-1]
    bottom = np.full(len(edges) - 1, top + height)
    for state in ("open", "half_open", "closed"):
        upper = bottom - shares[state] * height
        if shares[state].any():
            area = ax.fill_between(times, bottom.repeat(2), upper.repeat(2), label=state)
            paint(area, STATE_FILLS[state])
        bottom = upper


def _together(variant: Variant) -> dict[str, Floats]:
    """Return the share of all breakers in each state; those that nobody asked are closed."""
    shares = {
        state: np.sum([breaker.shares[state] for breaker in variant.breakers], axis=0)
        / variant.breaker_count
        for state in STATE_FILLS
    }
    shares["closed"] = shares["closed"] + 1.0 - len(variant.breakers) / variant.breaker_count
    return shares


def fault_rows(faults: Sequence[FaultInfo]) -> list[list[FaultInfo]]:
    """Deal faults out to rows so that those of a row do not overlap, as far as four go.

    All windows of a fault lie in the same row.
    """
    rows: list[list[FaultInfo]] = []
    windows: dict[str, list[FaultInfo]] = {}
    for each in sorted(faults, key=lambda each: (each.start, each.end, each.name)):
        windows.setdefault(each.name, []).append(each)
    for same in windows.values():
        free = [row for row in rows if row[-1].end <= same[0].start]
        if free:
            free[0].extend(same)
        elif len(rows) < MOST_FAULT_ROWS:
            rows.append(same)
        else:
            rows[-1] = sorted([*rows[-1], *same], key=lambda each: each.start)
    return rows


def draw_fault_rows(
    ax: Axes, rows: Sequence[Sequence[FaultInfo]], duration: float
) -> tuple[list[float], list[str]]:
    """Draw each fault as bars with its name; return the rows' places on y and their labels.

    The name is in or beside the bar with the most room. A row of one fault that comes again and
    again, which leaves little room, has the fault's name as its label.
    """
    inset = (1.0 - THICKNESS) / 2
    inches = max(1.0, ax.figure.bbox.width / ax.figure.dpi - WIDEST_NAME - 0.5)
    titles = []
    for place, row in enumerate(rows):
        bars = [(fault.start, min(fault.end, duration)) for fault in row]
        for fault, (start, end) in zip(row, bars, strict=True):
            span = [(start, end - start)]
            drawn = ax.broken_barh(span, (place + inset, THICKNESS), label=f"fault: {fault.name}")
            paint(drawn, FAULT_BAR_FILL)
        alone = len(row) > 1 and len({fault.name for fault in row}) == 1
        titles.append(row[0].name if alone else "faults" if place == 0 else "")
        if not alone:
            _name_bars(ax, [fault.name for fault in row], bars, place, duration, duration / inches)
    return [place + 0.5 for place in range(len(rows))], titles


def _name_bars(
    ax: Axes,
    names: Sequence[str],
    bars: Sequence[tuple[float, float]],
    row: int,
    duration: float,
    scale: float,
) -> None:
    """Name the bars of a row, each name once."""
    ends = [*(start for start, _ in bars[1:]), duration]
    roomiest: dict[str, int] = {}
    for number, name in enumerate(names):
        best = roomiest.setdefault(name, number)
        if _room(bars[number], ends[number]) > _room(bars[best], ends[best]):
            roomiest[name] = number
    taken = 0.0
    for number, (name, bar, end) in enumerate(zip(names, bars, ends, strict=True)):
        if roomiest[name] != number:
            taken = max(taken, bar[1])
            continue
        label = _place_name(name, bar, (taken, end), scale)
        taken = max(bar[1], label.right)
        _write_name(ax, label, row + 0.5)


def _room(bar: tuple[float, float], room_end: float) -> float:
    return max(bar[1] - bar[0], room_end - bar[1])


@dataclass(frozen=True)
class _Label:
    """A fault's name, where it is written, and where it ends; x in seconds."""

    text: str
    x: float
    align: str
    right: float


def _place_name(
    name: str, bar: tuple[float, float], room: tuple[float, float], scale: float
) -> _Label:
    """Put a name into its bar, to the right of it, or to the left: where it fits, or fits best.

    Args:
        name: the fault's.
        bar: its window.
        room: what is free before and after it.
        scale: seconds an inch.
    """
    pad = 0.05 * scale
    start, end = bar
    rooms = {
        "center": end - start - 2 * pad,
        "left": room[1] - end - 2 * pad,
        "right": start - room[0] - 2 * pad,
    }
    needed = text_width(literal(name), SMALL_SIZE) * scale
    fitting = [align for align, space in rooms.items() if space >= needed]
    align = fitting[0] if fitting else max(rooms, key=lambda each: rooms[each])
    text = shortened(name, max(0.0, rooms[align]) / scale, SMALL_SIZE)
    x = {"center": (start + end) / 2, "left": end + pad, "right": start - pad}[align]
    right = x + text_width(text, SMALL_SIZE) * scale if align == "left" else end
    return _Label(text, x, align, right)


def _write_name(ax: Axes, label: _Label, y: float) -> None:
    # Only a name in its bar has the bar's grey behind it: beside the bar it would look like one.
    behind = {"facecolor": FAULT_BAR_FILL.color, "edgecolor": "none", "pad": 0.6}
    ax.text(
        label.x,
        y,
        label.text,
        ha=label.align,
        va="center_baseline",
        **letters(SMALL_SIZE),
        clip_on=True,
        bbox=behind if label.align == "center" else None,
    )
