"""The overlay of a comparison: all variants over one axis of simulated time, in one legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

import numpy as np
from matplotlib.axes import Axes

from simcb.metrics import Series, series
from simcb.metrics.phase import effective_faults
from simcb.studies.comparison import Comparison
from simcb.trace import FaultInfo
from simcb.views.load import has_several_services, loaded_service
from simcb.views.plots.curves import Band, Curves, Floats, band, curves_of, readable_step
from simcb.views.plots.figures import Picture, axes_or_new, new_picture
from simcb.views.plots.frame import Entry, begin, draw_curve, legend_above
from simcb.views.plots.style import (
    BASELINE_COLOR,
    DASH_DOTTED,
    DASHED,
    DOTTED,
    FIGURE_SIZE,
    LABEL_SIZE,
    OFFERED_COLOR,
    TITLE_SIZE,
)
from simcb.views.plots.text_fit import letters, shortened

FIRST_COLOR = "#a9adb3"
"""The first variant's: the others are drawn over it, and it has to be seen where they are one."""

LINES: tuple[tuple[str, object], ...] = (
    (FIRST_COLOR, "-"),
    ("#0072B2", "-"),
    ("#D55E00", DASHED),
    ("#009E73", DASH_DOTTED),
    ("#CC79A7", "-"),
    ("#E69F00", DASHED),
    ("#56B4E9", DASH_DOTTED),
    ("#8a6d3b", DOTTED),
)
"""A colour and a dash for each variant."""

NARROWEST, STEP, FIRST_WIDTH = 1.2, 0.45, 4.2
"""Points: the last line's width, by how much each before it is wider, and at least the first's."""

LEAST_SHARE = 10.0
"""Per cent to which an axis of shares goes at least."""

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
    if len(set(_faults(comparison))) > 1:
        run += ", faults of every variant"
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
    ax.set_ylim(0.0, offered.highest * 1.06 or 1.0)
    return ax


def load(comparison: Comparison, ax: Axes | None = None, *, named: bool = True) -> Axes:
    """Draw the calls that are sent to the service whose load is told, or to all services."""
    ax = axes_or_new(ax)
    curves = _frame(comparison)
    service, label = "", "calls sent / s"
    if has_several_services(comparison.results):
        service = loaded_service(comparison.results)
        whom = shortened(service, 1.0, LABEL_SIZE) if service else "all services"
        label = f"calls to {whom} / s"
    faults = begin(ax, curves, label, named=named)

    def sent(one: Series) -> Floats:
        told = [each.sent for each in one.services if service in ("", each.name)]
        total: Floats = np.sum(told, axis=0)
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
    entries = _draw(ax, curves, comparison, _opened)
    if named:
        legend_above(ax, [*entries, *faults], below_strip=False)
    shares = (_band(comparison, place, _opened) for place in range(len(comparison)))
    ax.set_ylim(0.0, min(max(LEAST_SHARE, *(each.highest for each in shares)) * 1.06, 104.0))
    return ax


def _opened(one: Series) -> Floats:
    return one.breakers_open * 100.0


def _frame(comparison: Comparison) -> Curves:
    """Return the time and the faults that are drawn: those of any variant, each once."""
    curves = curves_of(replace(comparison.results[0], baseline=None))
    return replace(curves, faults=tuple(dict.fromkeys(chain.from_iterable(_faults(comparison)))))


def _faults(comparison: Comparison) -> list[tuple[FaultInfo, ...]]:
    """Return the windows of each variant's faults, in its first run."""
    return [effective_faults(each.trace) for each in comparison.results]


def _draw(
    ax: Axes,
    curves: Curves,
    comparison: Comparison,
    column: Callable[[Series], Floats],
) -> list[Entry]:
    entries = []
    for place, name in enumerate(comparison.names):
        color, dashes = LINES[place]
        # Wide lines below narrow ones: where all are one, each is still seen.
        width = NARROWEST + STEP * (len(comparison) - 1 - place)
        if place == 0:
            width = max(width, FIRST_WIDTH)
        values = _band(comparison, place, column)
        line = draw_curve(
            ax,
            curves,
            values,
            name,
            color=color,
            width=width,
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
