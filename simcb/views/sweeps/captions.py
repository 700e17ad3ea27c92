"""What a sweep's picture says in words: a line with what was swept, and a key to its marks.

A mark has its label from when it is drawn, so the key names what occurs and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from simcb.studies.sweep import TOLERANCE, Kind, Objective, SweepResult
from simcb.views.plots.lettering import shortened, text_width
from simcb.views.plots.style import BASELINE_COLOR, FONT, INK, LABEL_SIZE, SMALL_SIZE, TITLE_SIZE

BEST = "best"
AS_GOOD = f"cannot be told from it within {TOLERANCE:.0%}"
WORSE = "worse than it"
MEAN = "mean"
INTERVAL = "its 95% interval"
MEAN_AND_INTERVAL = "mean and its 95% interval"
SETTING = "a setting; colours between are interpolated"

TITLE_HEIGHT = 0.32
"""Inches that the title takes at the top of a figure."""

KEY_HEIGHT = 0.28
"""Inches that one key for all panels takes below the title."""

_LONGEST_LABEL = 3.4
_LARGEST_MARK = 7.0
_LOOK: dict[str, Any] = {
    "frameon": False,
    "borderaxespad": 0.15,
    "borderpad": 0.2,
    "columnspacing": 1.6,
    "handlelength": 1.6,
    "handletextpad": 0.5,
    "prop": {"family": FONT, "size": SMALL_SIZE},
}
_MADE = {Kind.GRID: "", Kind.ZIP: ", zipped", Kind.LHS: ", Latin hypercube"}


def best_of(result: SweepResult) -> str:
    """Return what the ring around a best setting is called: of all, or of each world."""
    given = [
        axis.label for axis, policy in zip(result.axes, result.policies, strict=True) if not policy
    ]
    return f"{BEST} for each {' and '.join(given)}" if given else BEST


def head(figure: Figure, result: SweepResult, shown: Objective) -> None:
    """Head a figure with the scenario, the number shown, and how much was run."""
    width, height = figure.get_size_inches()
    luck = (
        f"{len(result)} settings × {result.replicates} replicates"
        f"{_MADE[result.design.kind]}, seed {result.seed}"
    )
    if not result.complete:
        luck += ", incomplete"
    room = width - text_width(luck, LABEL_SIZE) - text_width(f": {shown}", TITLE_SIZE) - 0.4
    name = shortened(result.scenario.name, max(room, 0.8), TITLE_SIZE)
    for x, side, text, letters, colour in (
        (0.06, "left", f"{name}: {shown}", TITLE_SIZE, INK),
        (width - 0.06, "right", luck, LABEL_SIZE, BASELINE_COLOR),
    ):
        figure.text(
            x / width,
            1.0 - 0.07 / height,
            text,
            ha=side,
            va="top",
            fontsize=letters,
            fontfamily=FONT,
            color=colour,
            parse_math=False,
            in_layout=False,
        )


def key(ax: Axes) -> None:
    """Say above a panel what its marks mean."""
    marks = _labelled([ax])
    if marks:
        legend = ax.legend(list(marks.values()), list(marks), ncols=len(marks), **_LOOK)
        legend.set_loc("lower left")
        legend.set_bbox_to_anchor((0.0, 1.0), ax.transAxes)
        _letter(legend)


def key_of(figure: Figure) -> None:
    """Say below a figure's title what the marks of all its panels mean."""
    marks = _labelled(figure.axes)
    if marks:
        width, height = figure.get_size_inches()
        legend = figure.legend(list(marks.values()), list(marks), ncols=len(marks), **_LOOK)
        legend.set_loc("upper left")
        place = (0.06 / width, 1.0 - TITLE_HEIGHT / height)
        legend.set_bbox_to_anchor(place, figure.transFigure)
        legend.set_in_layout(False)
        _letter(legend)


def _labelled(panels: Iterable[Axes]) -> dict[str, Artist]:
    marks: dict[str, Artist] = {}
    for ax in panels:
        for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, artist)
    return marks


def _letter(legend: Legend) -> None:
    for text in legend.get_texts():
        text.set(fontsize=SMALL_SIZE, fontfamily=FONT, color=INK, parse_math=False)
        text.set_text(shortened(text.get_text(), _LONGEST_LABEL, SMALL_SIZE))
    for handle in legend.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_markersize(min(_LARGEST_MARK, handle.get_markersize()))
