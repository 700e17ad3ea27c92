"""Tables of a result: which numbers people see, in which order, and how they are written.

A table is a `Grid` of text made from values; formats decide what to do with it. Nothing here
prints or measures.
"""

from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import clock, difference, interval, quantity
from simcb.views.tables.run import (
    difference_table,
    event_table,
    group_table,
    phase_tables,
    service_table,
    threshold_table,
)
from simcb.views.tables.strip import state_strip

__all__ = [
    "Grid",
    "clock",
    "difference",
    "difference_table",
    "event_table",
    "group_table",
    "interval",
    "phase_tables",
    "quantity",
    "service_table",
    "state_strip",
    "threshold_table",
]
