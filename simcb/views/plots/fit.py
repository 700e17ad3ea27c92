"""How good fits are: which share of times is longer, measured and fitted, on two log scales."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from simcb.measurements import Fit, FittedService
from simcb.metrics import Unit
from simcb.predictions.spread import beyond
from simcb.scenario.distributions import Piecewise
from simcb.views.plots.figures import Picture, axes_or_new, dress, new_picture
from simcb.views.plots.frame import Entry, legend_above
from simcb.views.plots.style import (
    BASELINE_COLOR,
    INK,
    LABEL_SIZE,
    LINE_WIDTH,
    SMALL_SIZE,
    TITLE_SIZE,
)
from simcb.views.plots.text_fit import letters, shortened
from simcb.views.quantities import quantity

MOST_PANELS = 6
_FITTED = "#D55E00"
_LEAST = 1e-4  # the smallest share that is drawn, unless more is known
_COLUMNS = 3
_MOST_TICKS = 6


def fit_figure(fit: Fit) -> Picture:
    """Return a panel for each service that has times, up to `MOST_PANELS`."""
    drawn = [each for each in fit.services if each.work is not None][:MOST_PANELS]
    columns = max(1, min(_COLUMNS, len(drawn)))
    rows = max(1, math.ceil(len(drawn) / columns))
    picture = new_picture(4.6 if columns == 1 else 3.7 * columns, 0.5 + 3.0 * rows)
    for number, each in enumerate(drawn):
        tail(each, picture.add_subplot(rows, columns, number + 1))
    picture.settle()
    return picture


def tail(service: FittedService, ax: Axes | None = None) -> Axes:
    """Draw which share of a service's times is longer than each time, measured and fitted."""
    ax = axes_or_new(ax)
    dress(ax)
    law = service.work
    assert law is not None
    known = [(p.measured, 1.0 - p.share) for p in service.points if p.share is not None]
    inside = [(time, share) for time, share in known if time > 0.0 and 0.0 < share < 1.0]
    steps = [(time, share) for time, share in service.steps if time > 0.0 and share > 0.0]
    shares = [share for _, share in inside + steps]
    times = [time for time, _ in known + steps if time > 0.0 and math.isfinite(time)]
    mean = law.mean_value
    low = max(min([*times, mean / 2.0]) * 0.8, 1e-9)
    high = max([*times, mean * 2.0]) * 1.25
    if isinstance(law, Piecewise):
        high = max(high, min(law.pieces[-1].high, 4.0 * high))
    least = (
        min([_LEAST, *(share * 0.5 for share in shares)]) if steps else min([*shares, 0.01]) * 0.3
    )
    grid = np.geomspace(low, high, 400)
    entries = []
    if steps:
        (line,) = ax.plot(
            *zip(*steps, strict=True), color=INK, linewidth=LINE_WIDTH * 1.6, alpha=0.45
        )
        entries.append(Entry(line, "measured"))
    (curve,) = ax.plot(grid, [beyond(law, t) for t in grid], color=_FITTED, linewidth=LINE_WIDTH)
    if inside:
        at, shown = zip(*inside, strict=True)
        dots = ax.scatter(at, shown, s=16.0, color=INK, zorder=3)
        entries.append(Entry(dots, "percentiles"))
    entries.append(Entry(curve, "fitted"))
    ax.axvline(mean, color=BASELINE_COLOR, linewidth=0.8, linestyle=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(least, 1.3)
    ticks = _ticks(low, high)
    ax.set_xticks(ticks, [quantity(tick, Unit.SECONDS) for tick in ticks])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{100 * s:g}%"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(labelsize=SMALL_SIZE)
    ax.set_xlabel("time; dotted: the mean", **letters(LABEL_SIZE))
    ax.set_ylabel("share that is longer", **letters(LABEL_SIZE))
    ax.set_title(
        shortened(service.name, 2.5, TITLE_SIZE), loc="left", pad=18, **letters(TITLE_SIZE)
    )
    legend_above(ax, entries, below_strip=False)
    return ax


def _ticks(low: float, high: float) -> list[float]:
    """Return tidy times between two, not too many of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1,)):
        found = [float(f"{step}e{power}") for power in powers for step in steps]
        inside = [tick for tick in found if low <= tick <= high]
        if len(inside) <= _MOST_TICKS:
            return inside
    return inside[:: math.ceil(len(inside) / _MOST_TICKS)]
