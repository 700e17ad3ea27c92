"""The timeline: what went wrong, what users felt, what services bore, what became of it.

Four panels over one axis of simulated time.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes

from simcb.studies import Result
from simcb.views.plots.curves import Curves, curves_of
from simcb.views.plots.figures import Picture, new_picture
from simcb.views.plots.latency import latency
from simcb.views.plots.load import load
from simcb.views.plots.outcomes import outcomes
from simcb.views.plots.states import rows_of, states
from simcb.views.plots.style import BASELINE_COLOR, FIGURE_SIZE, INK, LABEL_SIZE, TITLE_SIZE
from simcb.views.plots.text_fit import letters, literal, shortened, text_width

_ROW_HEIGHT = 0.165
_CAPTION_TOP = 0.988
_CAPTION_BOTTOM = 0.955
_SECOND_LINE = 0.957
_STACKED_BOTTOM = 0.928
_MARGIN = 0.054

_LEAST_NAME = 1.6
"""Inches of the scenario's name, about 20 letters, that are never given up."""

_PANEL_HEIGHTS = (1.35, 1.15, 1.0)


def timeline(result: Result | Curves) -> Picture:
    """Draw states, latency, load and outcomes of a result above each other, 9 × 6.2 inches."""
    curves = result if isinstance(result, Curves) else curves_of(result)
    caption = _caption_of(curves)
    picture = new_picture(*FIGURE_SIZE, below=caption.bottom)
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
    _line(picture, margin, _CAPTION_TOP, caption.title, TITLE_SIZE, INK, "left")
    x, y, side = 1.0 - margin, _CAPTION_TOP, "right"
    if caption.stacked:
        x, y, side = margin, _SECOND_LINE, "left"
    _line(picture, x, y, caption.run, LABEL_SIZE, BASELINE_COLOR, side)


def _line(
    picture: Picture, x: float, y: float, text: str, size: float, color: str, side: str
) -> None:
    picture.text(x, y, text, ha=side, va="top", in_layout=False, **letters(size, color))
