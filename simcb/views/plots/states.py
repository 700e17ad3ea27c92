"""The strip of states: when each breaker was closed, half-open or open, and what went wrong.

Up to six breakers have a row each. More of them share one block in which heights are shares:
of 40 breakers one wants to know how many were open.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from simcb.views.plots.curves import BreakerCourse, Curves, Floats, Variant
from simcb.views.plots.figures import axes_or_new, dress
from simcb.views.plots.frame import (
    Entry,
    legend_above,
    paint,
    set_row_ticks,
    time_axis,
)
from simcb.views.plots.lanes import THICKNESS, WIDEST_NAME, draw_lanes, fault_lanes
from simcb.views.plots.style import STATE_FILLS

MOST_ROWS = 6
"""Breakers up to which each has a row of its own."""

BLOCK_ROWS = 3.0
"""Rows that the shares of many breakers take."""

_STATE_LABELS = {"closed": "closed", "half_open": "half-open", "open": "open"}


def states(curves: Curves, ax: Axes | None = None) -> Axes:
    """Draw the breakers' states over time, one row each or shares of many, below the faults.

    With replicates a row's height is shared out, too: the part that is orange is the share of
    the replicates in which the breaker was open.

    Args:
        curves: what to draw.
        ax: where; axes of a new picture if absent.
    """
    ax = axes_or_new(ax, height=0.9 + 0.24 * rows_of(curves))
    dress(ax)
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
    time_axis(ax, curves.duration)
    lanes = fault_lanes(curves.faults)
    places, names = draw_lanes(ax, lanes, curves.duration)
    top = float(len(lanes))
    breakers = curves.main.breakers
    if not breakers:
        places.append(top + 0.5)
        names.append("no breaker asked" if curves.main.breaker_count else "no breaker")
    elif len(breakers) <= MOST_ROWS:
        for row, breaker in enumerate(breakers):
            _draw_breaker(ax, curves, breaker, top + row)
            places.append(top + row + 0.5)
            names.append(breaker.name.replace("->", "→"))
    else:
        _draw_shares(ax, curves.edges, _together(curves.main), top + 0.12, BLOCK_ROWS - 0.24)
        places += [top + 0.12, top + BLOCK_ROWS / 2, top + BLOCK_ROWS - 0.12]
        crowd = f"of {curves.main.breaker_count:,} breakers"
        names += [
            "100 %",
            crowd if len(crowd) > len("of 999 breakers") else f"share {crowd}",
            "0 %",
        ]
    ax.set_ylim(top + _breaker_rows(curves), 0.0)
    set_row_ticks(ax, places, names, WIDEST_NAME)
    ax.tick_params(axis="y", length=0.0)
    if breakers:
        keys = [
            Entry(paint(Patch(), fill), _STATE_LABELS[state]) for state, fill in STATE_FILLS.items()
        ]
        legend_above(ax, keys, below_strip=True)
    return ax


def rows_of(curves: Curves) -> float:
    """Return how many rows the strip has, so that a figure can give it the height."""
    return len(fault_lanes(curves.faults)) + _breaker_rows(curves)


def _breaker_rows(curves: Curves) -> float:
    breakers = len(curves.main.breakers)
    return BLOCK_ROWS if breakers > MOST_ROWS else float(max(1, breakers))


def _draw_breaker(ax: Axes, curves: Curves, breaker: BreakerCourse, row: float) -> None:
    inset = (1.0 - THICKNESS) / 2
    if breaker.replicates > 1:
        _draw_shares(ax, curves.edges, breaker.shares, row + inset, THICKNESS)
        return
    for state, fill in STATE_FILLS.items():
        spans = [(start, end - start) for start, end, each in breaker.stretches if each == state]
        if spans:
            label = f"{breaker.name}: {state}"
            paint(ax.broken_barh(spans, (row + inset, THICKNESS), label=label), fill)


def _draw_shares(
    ax: Axes, edges: Floats, shares: dict[str, Floats], top: float, height: float
) -> None:
    """Stack shares over time, open at the bottom where the y axis points down."""
    times = edges.repeat(2)[1:-1]
    bottom = np.full(len(edges) - 1, top + height)
    for state in ("open", "half_open", "closed"):
        upper = bottom - shares[state] * height
        if shares[state].any():
            area = ax.fill_between(times, bottom.repeat(2), upper.repeat(2), label=state)
            paint(area, STATE_FILLS[state])
        bottom = upper


def _together(variant: Variant) -> dict[str, Floats]:
    """Return the share of all breakers in each state; those that nobody asked are closed."""
    shares = {
        state: np.sum([breaker.shares[state] for breaker in variant.breakers], axis=0)
        / variant.breaker_count
        for state in STATE_FILLS
    }
    shares["closed"] = shares["closed"] + 1.0 - len(variant.breakers) / variant.breaker_count
    return shares
