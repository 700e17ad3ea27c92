"""User latency over time: how long those who got an answer had waited for it.

Percentiles are over requests that ended ok, because rejections are fast and flatter the
plain ones while a breaker is open. Where nobody got an answer there is a gap.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from simcb.views.plots.curves import Band, Curves, Limit
from simcb.views.plots.figures import axes_or_new
from simcb.views.plots.frame import (
    Entry,
    begin,
    draw_baseline,
    draw_curve,
    legend_above,
    note,
)
from simcb.views.plots.style import (
    DOTTED,
    MISSED_COLOR,
    PASSED_COLOR,
    PERCENTILE_COLORS,
    PERCENTILE_WIDTHS,
)

BASELINE_PERCENTILE = "p99"
"""The one percentile of the baseline that is drawn; three more lines would hide the run's."""

MOST_LIMITS = 4
SHORTEST = 1e-6
"""Seconds below which a latency is drawn as this long: a logarithm has no zero."""

_NOTHING = (1e-3, 10.0)
_MOST_DECADES = 7


def latency(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw p50, p95 and p99 of the requests that ended ok, on a logarithmic scale of seconds.

    The baseline's p99 is dashed, thresholds on these percentiles are dotted over
    the phase they speak of; one on a percentile of all requests is of another curve.
    """
    ax = axes_or_new(ax)
    faults = begin(ax, curves, "latency of ok requests", named=not below_strip)
    entries = []
    for name, values in curves.main.latency.items():
        color, width = PERCENTILE_COLORS[name], PERCENTILE_WIDTHS[name]
        line = draw_curve(ax, curves, _raised(values), name, color=color, width=width)
        entries.append(Entry(line, name))
    if curves.baseline:
        label = f"{BASELINE_PERCENTILE} without breakers"
        values = _raised(curves.baseline.latency[BASELINE_PERCENTILE])
        entries.append(Entry(draw_baseline(ax, curves, values, label), label))
    entries += [_draw_limit(ax, limit) for limit in curves.limits[:MOST_LIMITS]]
    _log_seconds(ax, _span(curves))
    if not any(each.known for each in _drawn(curves)):
        note(ax, "no request ended ok")
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


def _drawn(curves: Curves) -> list[Band]:
    bands = list(curves.main.latency.values())
    if curves.baseline:
        bands.append(curves.baseline.latency[BASELINE_PERCENTILE])
    return bands


def _raised(values: Band) -> Band:
    low, middle, high, mean = (
        np.maximum(each, SHORTEST) for each in (values.low, values.middle, values.high, values.mean)
    )
    return Band(low, middle, high, mean, values.replicates)


def _draw_limit(ax: Axes, limit: Limit) -> Entry:
    color = PASSED_COLOR if limit.passed else MISSED_COLOR
    label = f"{limit.text} {'✓' if limit.passed else '✗'}"
    corners: list[float] = []
    heights: list[float] = []
    for start, end in limit.windows:
        corners += [start, end, math.nan]
        heights += [limit.seconds, limit.seconds, math.nan]
    (line,) = ax.plot(
        corners, heights, label=label, color=color, linewidth=1.4, linestyle=DOTTED, zorder=2.8
    )
    return Entry(line, label)


def _span(curves: Curves) -> tuple[float, float]:
    """Return the decades that hold every value, in seconds."""
    values = [np.concatenate((each.low, each.high)) for each in _drawn(curves)]
    values.append(np.array([limit.seconds for limit in curves.limits[:MOST_LIMITS]]))
    every = np.concatenate(values)
    every = np.maximum(every[np.isfinite(every)], SHORTEST)
    if not len(every):
        return _NOTHING
    low, high = float(every.min()), float(every.max())
    # A little air, and at least most of a decade, so that a flat line is not all there is.
    low, high = low / 1.3, high * 1.3
    if high / low < 8.0:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(8.0), middle * math.sqrt(8.0)
    return low, high


def _log_seconds(ax: Axes, span: tuple[float, float]) -> None:
    ax.set_yscale("log", nonpositive="clip")
    ax.set_ylim(*span)
    first, last = math.ceil(math.log10(span[0])), math.floor(math.log10(span[1]))
    every = 1 if last - first < _MOST_DECADES else 2
    decades = [10.0**power for power in range(first, last + 1, every)]
    if len(decades) < 2:
        ticks = [times * 10.0**power for power in range(first - 1, last + 1) for times in (1, 2, 5)]
        decades = [tick for tick in ticks if span[0] <= tick <= span[1]]
    ax.yaxis.set_major_locator(FixedLocator(decades))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: seconds_text(seconds)))
    ax.yaxis.set_minor_locator(LogLocator(base=10.0, subs=tuple(range(2, 10))))
    ax.yaxis.set_minor_formatter(NullFormatter())


def seconds_text(seconds: float) -> str:
    """Write a length of time with its unit: `20 µs`, `5 ms`, `10 s`."""
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds:,.0f} s" if seconds >= 100.0 else f"{seconds:.3g} s"
