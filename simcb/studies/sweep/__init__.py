"""The sweep: one scenario at many settings with the same random streams, and their ranking."""

from simcb.studies.sweep.plan import (
    Plan,
    SweepSize,
    SweepTooLargeError,
    check_block,
    check_sweep_size,
    make_plan,
    measure_plan,
)
from simcb.studies.sweep.ranking import TOLERANCE, Ranked, World, tolerance
from simcb.studies.sweep.result import Standing, SweepResult
from simcb.studies.sweep.sweep import Progress, is_sweep, open_sweep, sweep

__all__ = [
    "TOLERANCE",
    "Plan",
    "Progress",
    "Ranked",
    "Standing",
    "SweepResult",
    "SweepSize",
    "SweepTooLargeError",
    "World",
    "check_block",
    "check_sweep_size",
    "is_sweep",
    "make_plan",
    "measure_plan",
    "open_sweep",
    "sweep",
    "tolerance",
]
