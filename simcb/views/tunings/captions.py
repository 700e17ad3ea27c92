"""What a tune's picture says in words: what was tuned, what is best, and a key to the marks."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from simcb.studies.tune import TuneResult
from simcb.views.plots.lettering import shortened, text_width
from simcb.views.plots.style import BASELINE_COLOR, FONT, INK, LABEL_SIZE, SMALL_SIZE, TITLE_SIZE
from simcb.views.sweeps.captions import TITLE_HEIGHT

BEST_HEIGHT = 0.24
"""Inches that the line with the best setting takes, below that with the scenarios."""

KEY_LINE = 0.18
"""Inches that a line of the key takes."""

_LARGEST_MARK = 7.0
_LONGEST_LABEL = 2.0
_MARK = 0.5
"""Inches that a mark of the key takes, and the space around its label."""

_LOOK: dict[str, Any] = {
    "loc": "upper left",
    "frameon": False,
    "borderaxespad": 0.15,
    "borderpad": 0.2,
    "columnspacing": 1.4,
    "handlelength": 1.5,
    "handletextpad": 0.5,
    "prop": {"family": FONT, "size": SMALL_SIZE},
}


def head(figure: Figure, result: TuneResult) -> None:
    """Head a figure with the scenarios, the best setting, how much was run, and a key.

    The panels have to be there already; they are given the room below.
    """
    width, height = figure.get_size_inches()
    luck = (
        f"{result.searched} + {len(result.trials) - result.searched} settings, up to "
        f"{result.replicates} replicates, seed {result.seed}"
    )
    if not result.complete:
        luck += ", incomplete"
    aims = ": " + ", ".join(f"{aim.better.value} {aim}" for aim in result.aims)
    room = width - text_width(luck, LABEL_SIZE) - text_width(aims, TITLE_SIZE) - 0.4
    names = ", ".join(storm.name for storm in result.storms)
    best = ", ".join(
        f"{axis.label} = {value}"
        for axis, value in zip(result.axes, result.best.values(), strict=True)
    )
    found = "best" if result.feasible else "nearest to the limits, which nothing keeps"
    title = f"{shortened(names, max(room, 0.8), TITLE_SIZE)}{aims}"
    for x, down, side, text, letters, colour in (
        (0.06, 0.07, "left", title, TITLE_SIZE, INK),
        (width - 0.06, 0.07, "right", luck, LABEL_SIZE, BASELINE_COLOR),
        (0.06, TITLE_HEIGHT, "left", f"{found}: {best}", LABEL_SIZE, INK),
    ):
        figure.text(
            x / width,
            1.0 - down / height,
            shortened(text, width - 0.12, letters),
            ha=side,
            va="top",
            fontsize=letters,
            fontfamily=FONT,
            color=colour,
            parse_math=False,
            in_layout=False,
        )
    taken = TITLE_HEIGHT + BEST_HEIGHT
    taken += _key(figure, taken) + 0.04
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - taken / height))


def _key(figure: Figure, below: float) -> float:
    """Say what the marks of all panels mean, so many inches below the top; return its height."""
    width, height = figure.get_size_inches()
    marks: dict[str, Artist] = {}
    for ax in figure.axes:
        for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
            marks.setdefault(shortened(label, _LONGEST_LABEL, SMALL_SIZE), artist)
    if not marks:
        return 0.0
    widest = max(text_width(label, SMALL_SIZE) for label in marks) + _MARK
    columns = max(1, min(len(marks), int((width - 0.2) / widest)))
    anchor = (0.06 / width, 1.0 - below / height)
    legend = figure.legend(
        list(marks.values()), list(marks), ncols=columns, bbox_to_anchor=anchor, **_LOOK
    )
    legend.set_in_layout(False)
    for text in legend.get_texts():
        text.set(color=INK, parse_math=False)
    for handle in legend.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_markersize(min(_LARGEST_MARK, handle.get_markersize()))
    return KEY_LINE * math.ceil(len(marks) / columns) + 0.08
