"""Workers over time: how many each service holds busy, in parts of those it has.

A caller that waits for a slow dependency holds its worker meanwhile. When all are held the
service is frozen, whatever its own work would take; this is where one sees it.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from simcb.views.plots.curves import Curves
from simcb.views.plots.figures import axes_or_new
from simcb.views.plots.frame import Entry, begin, draw_baseline, draw_curve, legend_above, name_text
from simcb.views.plots.load import chosen_services, crucial_service
from simcb.views.plots.style import SERVICE_COLORS


def workers(curves: Curves, ax: Axes | None = None, *, below_strip: bool = False) -> Axes:
    """Draw the share of workers that are busy in each service, waiting for others included.

    Of more than four services the busiest are drawn. The baseline's share is dashed for the
    service whose workers are busiest there.

    Args:
        curves: what to draw.
        ax: where; axes of a new picture if absent.
        below_strip: whether a strip of states above it names the faults and makes the margin.
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
