"""The timeline: what went wrong, what users felt, what services bore, what became of it.

Four panels over one axis of simulated time.
"""

from __future__ import annotations

from matplotlib.axes import Axes

from simcb.studies import Result
from simcb.views.plots.curves import Curves, curves_of
from simcb.views.plots.figures import Picture, new_picture
from simcb.views.plots.latency import latency
from simcb.views.plots.lettering import shortened, text_width
from simcb.views.plots.load import load
from simcb.views.plots.outcomes import outcomes
from simcb.views.plots.states import rows_of, states
from simcb.views.plots.style import BASELINE_COLOR, FIGURE_SIZE, FONT, INK, LABEL_SIZE, TITLE_SIZE

_ROW_HEIGHT = 0.165
_CAPTION_TOP = 0.988
_CAPTION_BOTTOM = 0.955
_PANEL_HEIGHTS = (1.35, 1.15, 1.0)


def timeline(result: Result | Curves) -> Picture:
    """Draw states, latency, load and outcomes of a result above each other, 9 × 6.2 inches."""
    curves = result if isinstance(result, Curves) else curves_of(result)
    picture = new_picture(*FIGURE_SIZE, below=_CAPTION_BOTTOM)
    strip = _ROW_HEIGHT * max(1.5, rows_of(curves))
    rest = FIGURE_SIZE[1] - strip - 1.7
    total = sum(_PANEL_HEIGHTS)
    heights = [strip, *(rest * part / total for part in _PANEL_HEIGHTS)]
    axes: list[Axes] = list(
        picture.subplots(4, 1, sharex=True, gridspec_kw={"height_ratios": heights})
    )
    states(curves, axes[0])
    for panel, ax in zip((latency, load, outcomes), axes[1:], strict=True):
        panel(curves, ax, below_strip=True)
    picture.align_ylabels(axes[1:])
    _caption(picture, curves)
    picture.settle()
    return picture


def _caption(picture: Picture, curves: Curves) -> None:
    """Head the figure with the scenario's name and verdict, and say what the curves are."""
    verdict = curves.verdict
    if curves.baseline_verdict:
        verdict += f" (without breakers: {curves.baseline_verdict})"
    luck = f"seed {curves.seed}"
    if curves.replicates > 1:
        luck += f", {curves.replicates} replicates: median and 10–90 % band"
    picture.text(
        0.994,
        _CAPTION_TOP,
        luck,
        ha="right",
        va="top",
        fontsize=LABEL_SIZE,
        fontfamily=FONT,
        color=BASELINE_COLOR,
        parse_math=False,
        in_layout=False,
    )
    room = FIGURE_SIZE[0] - text_width(f"  {verdict}  {luck}", TITLE_SIZE) - 0.3
    picture.text(
        0.006,
        _CAPTION_TOP,
        f"{shortened(curves.title, room, TITLE_SIZE)}: {verdict}",
        ha="left",
        va="top",
        fontsize=TITLE_SIZE,
        fontfamily=FONT,
        color=INK,
        parse_math=False,
        in_layout=False,
    )
