"""What happened on real sockets, drawn over what the simulation says would."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from simcb.live.study import Live
from simcb.metrics import series
from simcb.views.plots.figures import Picture, dress, new_picture
from simcb.views.plots.frame import Entry, fault_windows, legend_above, tidy_step, time_axis
from simcb.views.plots.style import BAND_ALPHA, INK, LABEL_SIZE, LINE_WIDTH, SERVICE_COLORS
from simcb.views.plots.text_fit import letters

Floats = NDArray[np.float64]

BINS = 60.0
"""About how many stretches of time have a value each."""

_PANELS = (
    ("ok", "ok requests (/s)"),
    ("rejected", "rejected attempts (/s)"),
    ("p99", "p99 (s)"),
)


def live_figure(live: Live) -> Picture:
    """Return a panel for each of three numbers over time: measured, over the replicates' range."""
    duration = live.scenario.duration
    step = max(1.0, tidy_step(duration / BINS * 10.0))
    one = series(live.measured.trace, step)
    many = [series(run.trace, step) for run in live.predicted.runs]
    picture = new_picture(7.2, 2.0 * len(_PANELS) + 0.6)
    for number, (name, label) in enumerate(_PANELS):
        ax = picture.add_subplot(len(_PANELS), 1, number + 1)
        drawn = _panel(ax, one.t, getattr(one, name), [getattr(each, name) for each in many])
        ax.set_ylabel(label, **letters(LABEL_SIZE))
        time_axis(ax, duration)
        entries = fault_windows(ax, live.measured.trace.layout.faults, duration)
        if number == 0:
            legend_above(ax, [*drawn, *entries], below_strip=False)
        if number < len(_PANELS) - 1:
            ax.set_xlabel("")
    picture.settle()
    return picture


def _panel(ax: Axes, t: Floats, one: Floats, many: Sequence[Floats]) -> list[Entry]:
    dress(ax)
    runs = np.array(many)
    none = np.isnan(runs).all(axis=0)
    low = np.where(none, np.nan, np.nanmin(np.where(none, 0.0, runs), axis=0))
    high = np.where(none, np.nan, np.nanmax(np.where(none, 0.0, runs), axis=0))
    band = ax.fill_between(
        t, low, high, step="post", color=SERVICE_COLORS[0], alpha=BAND_ALPHA, linewidth=0
    )
    (line,) = ax.step(t, one, where="post", color=INK, linewidth=LINE_WIDTH)
    ax.set_ylim(bottom=0.0)
    return [Entry(line, "measured"), Entry(band, f"predicted, all of {len(many)} runs")]
