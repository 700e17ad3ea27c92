"""The faults as bars with names, above the breakers' states.

Faults that overlap lie in lanes of their own, so that every name has its place. A fault that
comes again and again stays in one lane and is named once. This file knows no breaker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from simcb.trace import FaultInfo
from simcb.views.plots.frame import paint
from simcb.views.plots.lettering import literal, shortened, text_width
from simcb.views.plots.style import FONT, INK, LANE_FILL, SMALL_SIZE

MOST_LANES = 4
"""Rows that faults may take; the rest of them shares the last."""

WIDEST_NAME = 1.25
"""Inches that a row's name may take."""

THICKNESS = 0.76
"""Height of a bar, in rows."""


def fault_lanes(faults: Sequence[FaultInfo]) -> list[list[FaultInfo]]:
    """Deal faults out to lanes so that those of a lane do not overlap, as far as four go.

    All windows of a fault lie in the same lane.
    """
    lanes: list[list[FaultInfo]] = []
    windows: dict[str, list[FaultInfo]] = {}
    for each in sorted(faults, key=lambda each: (each.start, each.end, each.name)):
        windows.setdefault(each.name, []).append(each)
    for same in windows.values():
        free = [lane for lane in lanes if lane[-1].end <= same[0].start]
        if free:
            free[0].extend(same)
        elif len(lanes) < MOST_LANES:
            lanes.append(same)
        else:
            lanes[-1] = sorted([*lanes[-1], *same], key=lambda each: each.start)
    return lanes


def draw_lanes(
    ax: Axes, lanes: Sequence[Sequence[FaultInfo]], duration: float
) -> tuple[list[float], list[str]]:
    """Draw each fault as bars with its name; return the lanes' places on y and their labels.

    The name is in or beside the bar with the most room. A lane of one fault that comes again and
    again, which leaves little room, has the fault's name as its label.
    """
    inset = (1.0 - THICKNESS) / 2
    inches = max(1.0, ax.figure.bbox.width / ax.figure.dpi - WIDEST_NAME - 0.5)
    titles = []
    for row, lane in enumerate(lanes):
        bars = [(fault.start, min(fault.end, duration)) for fault in lane]
        for fault, (start, end) in zip(lane, bars, strict=True):
            span = [(start, end - start)]
            drawn = ax.broken_barh(span, (row + inset, THICKNESS), label=f"fault: {fault.name}")
            paint(drawn, LANE_FILL)
        alone = len(lane) > 1 and len({fault.name for fault in lane}) == 1
        titles.append(lane[0].name if alone else "faults" if row == 0 else "")
        if not alone:
            _name_bars(ax, [fault.name for fault in lane], bars, row, duration, duration / inches)
    return [row + 0.5 for row in range(len(lanes))], titles


def _name_bars(
    ax: Axes,
    names: Sequence[str],
    bars: Sequence[tuple[float, float]],
    row: int,
    duration: float,
    scale: float,
) -> None:
    """Name the bars of a lane, each name once."""
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
    inside = label.align == "center"
    ax.text(
        label.x,
        y,
        label.text,
        ha=label.align,
        va="center_baseline",
        fontsize=SMALL_SIZE,
        fontfamily=FONT,
        color=INK,
        parse_math=False,
        clip_on=True,
        bbox={"facecolor": LANE_FILL.color, "edgecolor": "none", "pad": 0.6} if inside else None,
    )
