"""Load over time: what users ask for, what reaches services, what these could serve, who is busy.

Retries, refreshes and probes are the difference between the first two; a breaker is there
to keep the second below the third. A caller that waits for a slow dependency holds its worker
meanwhile: when all are held, the service is frozen.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from simcb.views.plots.curves import Band, Curves, ServiceLoad, Variant
from simcb.views.plots.figures import axes_or_new
from simcb.views.plots.frame import Entry, begin, draw_baseline, draw_curve, legend_above, name_text
from simcb.views.plots.style import (
    DASH_DOTTED,
    OFFERED_COLOR,
    SERVICE_COLORS,
    TIDY_STEPS,
)

MOST_SERVICES = len(SERVICE_COLORS)

HEADROOM = 3.0
"""A capacity more than this many times the greatest load is named, not drawn: to show it
would press the load into the floor."""


def load(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw requests offered, attempts reaching each service, and one service's capacity, per s.

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
    highest = _highest(curves, chosen)
    if crucial:
        highest, entry = _draw_capacity(
            ax, curves, crucial, SERVICE_COLORS[chosen.index(crucial)], highest
        )
        entries += entry
        if without := _baseline_load(curves, crucial):
            label = f"{name_text(crucial.name)} without breakers"
            entries.append(Entry(draw_baseline(ax, curves, without, label), label))
    _from_zero(ax, highest)
    legend_above(ax, [*entries, *faults], below_strip=below_strip)
    return ax


def crucial_service(variant: Variant) -> ServiceLoad | None:
    """Return the guarded service closest to its capacity, or if none is guarded, any such."""
    guarded = [service for service in variant.services if service.guarded]
    return max(guarded or variant.services, key=lambda each: each.pressure, default=None)


def chosen_services(variant: Variant, crucial: ServiceLoad | None) -> list[ServiceLoad]:
    """Return the services a plot shows: those reached, or of many the crucial and the busiest."""
    reached = reached_services(variant, crucial)
    busiest = sorted(reached, key=lambda each: (each is not crucial, -_peak(each.sent)))
    kept = busiest[:MOST_SERVICES]
    return [service for service in reached if service in kept]


def reached_services(variant: Variant, crucial: ServiceLoad | None) -> list[ServiceLoad]:
    """Return the services to which any attempt was sent, and the crucial one in any case."""
    return [each for each in variant.services if each is crucial or _peak(each.sent) > 0.0]


def _baseline_load(curves: Curves, crucial: ServiceLoad) -> Band | None:
    if curves.baseline is None:
        return None
    return next(each.sent for each in curves.baseline.services if each.name == crucial.name)


def _draw_capacity(
    ax: Axes, curves: Curves, service: ServiceLoad, color: str, highest: float
) -> tuple[float, list[Entry]]:
    capacity = service.capacity
    if not np.isfinite(capacity.middle).any():
        return highest, []
    most, least = _peak(capacity), float(np.nanmin(capacity.middle))
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


def _highest(curves: Curves, chosen: list[ServiceLoad]) -> float:
    bands = [curves.main.offered, *(service.sent for service in chosen)]
    if curves.baseline and (crucial := crucial_service(curves.main)):
        bands += [each.sent for each in curves.baseline.services if each.name == crucial.name]
    return max((_peak(each) for each in bands), default=0.0)


def _peak(values: Band) -> float:
    known = values.high[np.isfinite(values.high)]
    return float(np.max(known, initial=0.0))


def _from_zero(ax: Axes, highest: float) -> None:
    ax.set_ylim(0.0, highest * 1.06 if highest > 0.0 else 1.0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=TIDY_STEPS, min_n_ticks=3))
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
