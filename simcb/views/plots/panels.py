"""Panels over time: how long users waited, what services bore, what became of the requests.

Each takes curves and `ax=None`; `below_strip` says that a strip of states above names the faults.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    MultipleLocator,
    NullFormatter,
)

from simcb.views.plots.curves import Band, Curves, Limit, ServiceLoad, Variant
from simcb.views.plots.figures import axes_or_new
from simcb.views.plots.frame import (
    Entry,
    begin,
    draw_baseline,
    draw_curve,
    legend_above,
    name_text,
    note,
    paint,
)
from simcb.views.plots.style import (
    DASH_DOTTED,
    DOTTED,
    INK,
    MISSED_COLOR,
    OFFERED_COLOR,
    OUTCOME_FILLS,
    PAPER,
    PASSED_COLOR,
    PERCENTILE_COLORS,
    PERCENTILE_WIDTHS,
    SERVICE_COLORS,
    TIDY_STEPS,
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
    log_seconds(ax, _span(curves))
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


def log_seconds(ax: Axes, span: tuple[float, float]) -> None:
    """Scale y by factors between two lengths of time, in seconds, with a tick a decade."""
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


MOST_SERVICES = len(SERVICE_COLORS)

HEADROOM = 3.0
"""A capacity more than this many times the greatest load is named, not drawn: to show it
would press the load into the floor."""


def load(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw requests offered, attempts reaching each service, and one service's capacity, per s.

    What services' admission turned away is dotted; it has reached them, too.

    The capacity is workers over mean work of the service that matters most: the one a breaker
    guards, else the one closest to its limit. Of more than four services the busiest are drawn.
    The baseline's load on that same service is dashed.
    """
    ax = axes_or_new(ax)
    faults = begin(ax, curves, "load (1/s)", named=not below_strip)
    offered = draw_curve(
        ax,
        curves,
        curves.main.offered,
        "offered",
        color=OFFERED_COLOR,
        # Broad and below the others: what reaches a service mostly runs along with it.
        width=2.6,
        spread=False,
        zorder=2.05,
    )
    entries = [Entry(offered, "offered")]
    crucial = crucial_service(curves.main)
    chosen = chosen_services(curves.main, crucial)
    for service, color in zip(chosen, SERVICE_COLORS, strict=False):
        label = f"reaching {name_text(service.name)}"
        line = draw_curve(ax, curves, service.sent, label, color=color)
        entries.append(Entry(line, label))
    if left_out := len(reached_services(curves.main, crucial)) - len(chosen):
        entries[-1] = Entry(entries[-1].artist, f"{entries[-1].label} (+{left_out} not shown)")
    if curves.main.throttled is not None:
        line = draw_curve(
            ax,
            curves,
            curves.main.throttled,
            "throttled",
            color=MISSED_COLOR,
            dashes=DOTTED,
            spread=False,
        )
        entries.append(Entry(line, "throttled"))
    without = _baseline_load(curves, crucial)
    bands = [curves.main.offered, *(service.sent for service in chosen)]
    highest = max(each.highest for each in ([*bands, without] if without else bands))
    if crucial:
        highest, entry = _draw_capacity(
            ax, curves, crucial, SERVICE_COLORS[chosen.index(crucial)], highest
        )
        entries += entry
        if without:
            label = f"{name_text(crucial.name)} without breakers"
            entries.append(Entry(draw_baseline(ax, curves, without, label), label))
    _rates_from_zero(ax, highest, 5)
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


def crucial_service(variant: Variant) -> ServiceLoad | None:
    """Return the guarded service closest to its capacity, or if none is guarded, any such."""
    guarded = [service for service in variant.services if service.guarded]
    return max(guarded or variant.services, key=lambda each: each.pressure, default=None)


def chosen_services(variant: Variant, crucial: ServiceLoad | None) -> list[ServiceLoad]:
    """Return the services a plot shows: those reached, or of many the crucial and the busiest."""
    reached = reached_services(variant, crucial)
    busiest = sorted(reached, key=lambda each: (each is not crucial, -each.sent.highest))
    kept = busiest[:MOST_SERVICES]
    return [service for service in reached if service in kept]


def reached_services(variant: Variant, crucial: ServiceLoad | None) -> list[ServiceLoad]:
    """Return the services to which any attempt was sent, and the crucial one in any case."""
    return [each for each in variant.services if each is crucial or each.sent.highest > 0.0]


def _baseline_load(curves: Curves, crucial: ServiceLoad | None) -> Band | None:
    if curves.baseline is None or crucial is None:
        return None
    return next(each.sent for each in curves.baseline.services if each.name == crucial.name)


def _draw_capacity(
    ax: Axes, curves: Curves, service: ServiceLoad, color: str, highest: float
) -> tuple[float, list[Entry]]:
    capacity = service.capacity
    if not np.isfinite(capacity.middle).any():
        return highest, []
    most, least = capacity.highest, float(np.nanmin(capacity.middle))
    label = f"capacity of {name_text(service.name)}"
    if least > HEADROOM * highest:
        most = 0.0
        label = f"{label} ({rate_text(least)}, above)"
    line = draw_curve(
        ax,
        curves,
        capacity,
        label,
        color=color,
        width=1.1,
        dashes=DASH_DOTTED,
        spread=False,
        zorder=2.1,
    )
    return max(highest, min(most, HEADROOM * least)), [Entry(line, label)]


def _rates_from_zero(ax: Axes, highest: float, ticks: int) -> None:
    ax.set_ylim(0.0, highest * 1.06 if highest > 0.0 else 1.0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=ticks, steps=TIDY_STEPS, min_n_ticks=3))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:,.10g}"))


def rate_text(rate: float) -> str:
    """Write a rate with its unit, to three digits: `5,420/s`."""
    digits = max(0, 2 - math.floor(math.log10(rate))) if rate > 0.0 else 0
    return f"{rate:,.{digits}f}/s"


def workers(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw the share of workers that are busy in each service, waiting for others included.

    Of more than four services the busiest are drawn. The baseline's share is dashed for the
    service whose workers are busiest there.
    """
    ax = axes_or_new(ax)
    faults = begin(ax, curves, "busy workers", named=not below_strip)
    entries = []
    chosen = chosen_services(curves.main, crucial_service(curves.main))
    for service, color in zip(chosen, SERVICE_COLORS, strict=False):
        line = draw_curve(
            ax, curves, service.busy, f"busy in {name_text(service.name)}", color=color
        )
        entries.append(Entry(line, name_text(service.name)))
    if curves.baseline:
        busiest = max(
            curves.baseline.services,
            key=lambda each: float(np.nanmean(each.busy.middle)) if each.busy.known else 0.0,
        )
        label = f"{name_text(busiest.name)} without breakers"
        entries.append(Entry(draw_baseline(ax, curves, busiest.busy, label), label))
    ax.set_ylim(0.0, 1.06)
    ax.yaxis.set_major_locator(MultipleLocator(0.25))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


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
    _rates_from_zero(ax, max(float(bottom.max()), float(ok.high.max())), 4)
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


def lag(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw how many messages were produced and are not over; the baseline's are dashed."""
    ax = axes_or_new(ax)
    faults = begin(ax, curves, "lag (messages)", named=not below_strip)
    entries, highest = [], 0.0
    if curves.main.lag is None:
        note(ax, "nobody pulls messages from a queue")
    else:
        line = draw_curve(ax, curves, curves.main.lag, "lag", color=OFFERED_COLOR)
        entries.append(Entry(line, "lag"))
        highest = curves.main.lag.highest
    without = curves.baseline.lag if curves.baseline else None
    if without is not None:
        label = "lag without breakers"
        entries.append(Entry(draw_baseline(ax, curves, without, label), label))
        highest = max(highest, without.highest)
    _rates_from_zero(ax, highest, 4)
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
