"""How plots look: colours, sizes and hatches, said once.

Everything is passed to artists explicitly; nothing reads or writes matplotlib's global
settings, so a plot looks the same wherever it is drawn.

The colours are from Okabe and Ito's set, which people with any kind of colour-blindness can
tell apart. What is half good is hatched too, so that it survives a grey printer.
"""

from __future__ import annotations

from dataclasses import dataclass

FONT = "DejaVu Sans"
"""The font that comes with matplotlib: the same letters on every machine."""

TITLE_SIZE = 10.0
LABEL_SIZE = 8.0
TICK_SIZE = 7.5
SMALL_SIZE = 7.0
"""Sizes of letters, in points."""

FIGURE_SIZE = (9.0, 6.2)
"""Width and height of the timeline, in inches."""

PANEL_SIZE = (9.0, 2.6)
"""Width and height of a panel that stands alone, in inches."""

RESOLUTION = 150
"""Dots per inch of a PNG file."""

SCREEN_RESOLUTION = 100
"""Dots per inch of a picture in a notebook."""

TIDY_STEPS = (1, 2, 2.5, 5, 10)
"""Steps between ticks, up to a power of ten."""

INK = "#222222"
PAPER = "#ffffff"
GRID = "#e4e4e4"
FRAME = "#8a8a8a"


@dataclass(frozen=True)
class Fill:
    """A filled area: its colour and, if it has one, its hatch."""

    color: str
    hatch: str = ""
    hatch_color: str = "#6e6a1c"


STATE_FILLS = {
    "closed": Fill("#56B4E9"),
    "half_open": Fill("#F0E442", "////"),
    "open": Fill("#D55E00"),
}

OUTCOME_FILLS = {
    "ok": Fill("#56B4E9"),
    "degraded": Fill("#F0E442", "////"),
    "failed": Fill("#D55E00"),
    "unfinished": Fill("#c9c9c9", "....", "#7d7d7d"),
}

FAULT_FILL = Fill("#f4f4f4", "////", "#e0e0e0")
"""The window of a fault, behind the curves."""

FAULT_BAR_FILL = Fill("#e3e3e3", "////", "#a8a8a8")
"""A fault's bar in the strip of states, where nothing else is drawn."""

PERCENTILE_COLORS = {"p50": "#56B4E9", "p95": "#0072B2", "p99": "#062f4f"}
PERCENTILE_WIDTHS = {"p50": 1.2, "p95": 1.2, "p99": 1.4}

OFFERED_COLOR = "#3d3d3d"
SERVICE_COLORS = ("#0072B2", "#CC79A7", "#E69F00", "#009E73")
BASELINE_COLOR = "#6f6f6f"
PALE_COLOR = "#9db7c9"
PASSED_COLOR = "#222222"
MISSED_COLOR = "#D55E00"

LINE_WIDTH = 1.3
BAND_ALPHA = 0.22
DASHED = (0, (4.0, 2.0))
DOTTED = (0, (1.0, 1.6))
DASH_DOTTED = (0, (6.0, 1.6, 1.2, 1.6))
