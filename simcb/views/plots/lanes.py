"""The faults as bars with names, above the breakers' states.

Faults that overlap lie in lanes of their own, so that every name has its place. This file
knows no breaker.
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
    """Deal faults out to lanes so that those of a lane do not overlap, as far as four go."""
    lanes: list[list[FaultInfo]] = []
    for fault in sorted(faults, key=lambda each: (each.start, each.end, each.name)):
        free = [lane for lane in lanes if lane[-1].end <= fault.start]
        if free:
            free[0].append(fault)
        elif len(lanes) < MOST_LANES:
            lanes.append([fault])
        else:
            lanes[-1].append(fault)
    return lanes


def draw_lanes(
    ax: Axes, lanes: Sequence[Sequence[FaultInfo]], duration: float
) -> tuple[list[float], list[str]]:
    """Draw each fault as a bar with its name; return the lanes' places on y and their labels."""
    inset = (1.0 - THICKNESS) / 2
    inches = max(1.0, ax.figure.bbox.width / ax.figure.dpi - WIDEST_NAME - 0.5)
    for row, lane in enumerate(lanes):
        taken = 0.0
        ends = [*(fault.start for fault in lane[1:]), duration]
        for fault, room_end in zip(lane, ends, strict=True):
            bar = (fault.start, min(fault.end, duration))
            spans = [(bar[0], bar[1] - bar[0])]
            drawn = ax.broken_barh(spans, (row + inset, THICKNESS), label=f"fault: {fault.name}")
            paint(drawn, LANE_FILL)
            label = _place_name(fault.name, bar, (taken, room_end), duration / inches)
            taken = max(bar[1], label.right)
            _write_name(ax, label, row + 0.5)
    return [row + 0.5 for row in range(len(lanes))], ["faults", "", "", ""][: len(lanes)]


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
