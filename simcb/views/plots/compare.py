"""The overlay of a comparison: all variants over one axis of simulated time, in one legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from simcb.metrics import Series, series
from simcb.studies.compare import Comparison
from simcb.views.plots.curves import Band, Curves, Floats, band, curves_of, readable_step
from simcb.views.plots.figures import Picture, axes_or_new, new_picture
from simcb.views.plots.frame import Entry, begin, draw_curve, legend_above
from simcb.views.plots.style import (
    BASELINE_COLOR,
    DASH_DOTTED,
    DASHED,
    DOTTED,
    FIGURE_SIZE,
    INK,
    LABEL_SIZE,
    OFFERED_COLOR,
    TITLE_SIZE,
)
from simcb.views.plots.text_fit import letters, shortened

LINES: tuple[tuple[str, object], ...] = (
    (INK, "-"),
    ("#0072B2", "-"),
    ("#D55E00", DASHED),
    ("#009E73", DASH_DOTTED),
    ("#CC79A7", "-"),
    ("#E69F00", DASHED),
    ("#56B4E9", DASH_DOTTED),
    ("#8a6d3b", DOTTED),
)
"""A colour and a dash for each variant; the first is black."""

MOST_BANDS = 3
"""Variants beyond which bands over each other are mud, and only medians are drawn."""

_TOP = 0.985
_MARGIN = 0.006
_BELOW = 0.95


def overlay(comparison: Comparison) -> Picture:
    """Draw what is answered and what reaches the services, each variant a line of its own."""
    picture = new_picture(*FIGURE_SIZE, below=_BELOW)
    axes: list[Axes] = list(picture.subplots(3, 1, sharex=True))
    answered(comparison, axes[0])
    load(comparison, axes[1], named=False)
    opened(comparison, axes[2], named=False)
    picture.align_ylabels(axes)
    first = comparison.results[0]
    name = shortened(first.scenario.name, FIGURE_SIZE[0] * 0.5, TITLE_SIZE)
    picture.text(_MARGIN, _TOP, name, va="top", in_layout=False, **letters(TITLE_SIZE))
    run = f"seed {first.seed}" if comparison.paired else "no common seed"
    if not comparison.alone:
        band_too = " and 10–90 % band" if len(comparison) <= MOST_BANDS else ""
        run += f", {comparison.replicates} runs each: median{band_too}"
    picture.text(
        1.0 - _MARGIN,
        _TOP,
        run,
        ha="right",
        va="top",
        in_layout=False,
        **letters(LABEL_SIZE, BASELINE_COLOR),
    )
    picture.settle()
    return picture


def answered(comparison: Comparison, ax: Axes | None = None) -> Axes:
    """Draw the requests that are answered, ok or by a fallback, beside those that are made."""
    ax = axes_or_new(ax)
    curves = _frame(comparison)
    faults = begin(ax, curves, "answered / s", named=True)
    offered = _band(comparison, 0, lambda each: each.offered)
    line = draw_curve(
        ax,
        curves,
        offered,
        "offered",
        color=OFFERED_COLOR,
        width=0.8,
        dashes=DOTTED,
        spread=False,
        zorder=2.05,
    )
    entries = _draw(ax, curves, comparison, lambda each: each.ok + each.degraded)
    legend_above(ax, [*entries, Entry(line, "offered"), *faults], below_strip=False)
    ax.set_ylim(0.0, _highest(offered) * 1.06 or 1.0)
    return ax


def load(comparison: Comparison, ax: Axes | None = None, *, named: bool = True) -> Axes:
    """Draw the calls that are sent to services."""
    ax = axes_or_new(ax)
    curves = _frame(comparison)
    faults = begin(ax, curves, "calls sent / s", named=named)

    def sent(one: Series) -> Floats:
        total: Floats = np.sum([each.sent for each in one.services], axis=0)
        return total

    entries = _draw(ax, curves, comparison, sent)
    if named:
        legend_above(ax, [*entries, *faults], below_strip=False)
    ax.set_ylim(bottom=0.0)
    return ax


def opened(comparison: Comparison, ax: Axes | None = None, *, named: bool = True) -> Axes:
    """Draw the share of breakers that are open; nothing for a variant without any."""
    ax = axes_or_new(ax)
    curves = _frame(comparison)
    faults = begin(ax, curves, "breakers open (%)", named=named)
    entries = _draw(ax, curves, comparison, lambda each: each.breakers_open * 100.0)
    if named:
        legend_above(ax, [*entries, *faults], below_strip=False)
    ax.set_ylim(0.0, 104.0)
    return ax


def _frame(comparison: Comparison) -> Curves:
    """Return the time and the faults that are drawn: those of the first variant."""
    return curves_of(replace(comparison.results[0], baseline=None))


def _draw(
    ax: Axes,
    curves: Curves,
    comparison: Comparison,
    column: Callable[[Series], Floats],
) -> list[Entry]:
    entries = []
    for place, name in enumerate(comparison.names):
        color, dashes = LINES[place]
        values = _band(comparison, place, column)
        line = draw_curve(
            ax,
            curves,
            values,
            name,
            color=color,
            dashes=dashes,
            spread=len(comparison) <= MOST_BANDS,
            zorder=2.5 + place / 100,
        )
        entries.append(Entry(line, name))
    return entries


def _band(
    comparison: Comparison,
    place: int,
    column: Callable[[Series], Floats],
) -> Band:
    step = readable_step(comparison.results[0].trace)
    return band([column(series(run.trace, step)) for run in comparison.results[place].runs])


def _highest(values: Band) -> float:
    known = values.high[np.isfinite(values.high)]
    return float(np.max(known, initial=0.0))
