"""What became of the requests, by when they arrived: answers, fallbacks, failures.

The stack's height is the offered load, and its bottom layer is goodput.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from simcb.views.plots.curves import Band, Curves
from simcb.views.plots.figures import axes_or_new
from simcb.views.plots.frame import (
    Entry,
    begin,
    draw_baseline,
    draw_curve,
    legend_above,
    note,
    paint,
)
from simcb.views.plots.style import INK, OUTCOME_FILLS, PAPER, TIDY_STEPS


def outcomes(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw requests per second by outcome, stacked: ok, degraded, failed, unfinished.

    With replicates the layers are means, because medians would not add up to the offered
    load; the median of `ok` with its 10–90 % band is drawn over them. The baseline's `ok` is
    dashed.
    """
    ax = axes_or_new(ax)
    faults = begin(ax, curves, "requests (1/s)", named=not below_strip)
    times = np.concatenate((curves.edges[:1], curves.centers, curves.edges[-1:]))
    bottom = np.zeros(len(times))
    entries = []
    for name, fill in OUTCOME_FILLS.items():
        layer = curves.main.outcomes[name].mean
        # The first and the last value hold up to the borders of the run.
        top = bottom + np.pad(layer, 1, mode="edge")
        if layer.any():
            paint(ax.fill_between(times, bottom, top, label=name, zorder=1.5), fill)
            entries.append(Entry(paint(Patch(), fill), name))
        bottom = top
    if not entries:
        note(ax, "no request arrived")
    ok = curves.main.outcomes["ok"]
    entries += _ok_lines(ax, curves, ok)
    highest = max(float(bottom.max()), float(ok.high.max()))
    ax.set_ylim(0.0, highest * 1.06 if highest > 0.0 else 1.0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=TIDY_STEPS, min_n_ticks=3))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:,.10g}"))
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


def _ok_lines(ax: Axes, curves: Curves, ok: Band) -> list[Entry]:
    entries = []
    if ok.replicates > 1:
        line = draw_curve(ax, curves, ok, "ok, median", color=INK, width=0.9, zorder=2.4)
        entries.append(Entry(line, "ok: median and 10–90 % band"))
    if curves.baseline:
        label = "ok without breakers"
        without = curves.baseline.outcomes["ok"]
        # Grey on the colours below is hard to see without a light edge.
        draw_curve(ax, curves, without, "", color=PAPER, width=2.4, spread=False, zorder=2.5)
        line = draw_baseline(ax, curves, without, label, spread=False, zorder=2.6)
        entries.append(Entry(line, label))
    return entries
