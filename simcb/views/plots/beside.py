"""Variants beside each other: the same panels of each, on the same scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.axes import Axes

from simcb.studies.comparison import Comparison
from simcb.views.plots import PANELS
from simcb.views.plots.curves import curves_of
from simcb.views.plots.figures import Picture, new_picture
from simcb.views.plots.panels import log_seconds
from simcb.views.plots.style import TITLE_SIZE
from simcb.views.plots.text_fit import letters, shortened

_WIDTH, _HEIGHT, _NAME = 6.0, 2.5, 0.4
"""Inches of a panel, and of the name above it."""


def beside(comparison: Comparison, panels: Sequence[str]) -> Picture:
    """Draw panels of each variant below its name; none of them shows a baseline."""
    many = len(comparison)
    picture = new_picture(_WIDTH * many, _HEIGHT * len(panels) + _NAME)
    parts = picture.subfigures(1, many, squeeze=False)[0]
    rows: list[list[Axes]] = [[] for _ in panels]
    for part, name, result in zip(parts, comparison.names, comparison.results, strict=True):
        part.suptitle(shortened(name, _WIDTH, TITLE_SIZE), **letters(TITLE_SIZE))
        axes = part.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        curves = curves_of(replace(result, baseline=None))
        for row, panel, ax in zip(rows, panels, axes, strict=True):
            row.append(PANELS[panel](curves, ax))
        part.align_ylabels(list(axes))
    for row in rows:
        _on_one_scale(row)
    picture.settle()
    return picture


def _on_one_scale(axes: Sequence[Axes]) -> None:
    """Give axes one span of y, unless it is one of rows, which may differ in number."""
    if any(ax.yaxis_inverted() for ax in axes):
        return
    ends = [ax.get_ylim() for ax in axes]
    span = min(low for low, _ in ends), max(high for _, high in ends)
    for ax in axes:
        if ax.get_yscale() == "log":
            log_seconds(ax, span)
        else:
            ax.set_ylim(*span)
