"""Plots: a value in, axes or a figure or bytes out.

A panel takes curves and `ax=None`, where to draw (axes of a new picture if absent), and returns
the axes. The timeline is the panels above each other; `below_strip` says that the strip of states
above one names the faults and makes the margin. Nothing here touches pyplot, or computes a number.
"""

from collections.abc import Callable

from matplotlib.axes import Axes

from simcb.views.plots.curves import Curves, curves_of
from simcb.views.plots.figures import (
    FORMATS,
    SUFFIXES,
    Picture,
    PlotFileError,
    check_plot_path,
    drawn,
    save,
)
from simcb.views.plots.panels import lag, latency, load, outcomes, workers
from simcb.views.plots.timeline import states, timeline

Panel = Callable[[Curves, Axes | None], Axes]

PANELS: dict[str, Panel] = {
    "states": states,
    "latency": latency,
    "load": load,
    "outcomes": outcomes,
    "workers": workers,
    "lag": lag,
}
"""Name to panel."""

__all__ = [
    "FORMATS",
    "PANELS",
    "SUFFIXES",
    "Curves",
    "Picture",
    "PlotFileError",
    "check_plot_path",
    "curves_of",
    "drawn",
    "latency",
    "load",
    "outcomes",
    "save",
    "states",
    "timeline",
    "workers",
]
