"""The sweep: one scenario at many settings with the same random streams, on many cores.

`sweep` is the study. Its parts, from the bottom: axes and plans, cells and who runs them, the
store that survives everything, and the ranking. The room prints nothing and draws nothing.
"""

from simcb.studies.sweep.axes import Axis, Span, axis_of, parse_axis
from simcb.studies.sweep.backends import WorkersLostError
from simcb.studies.sweep.columns import Column
from simcb.studies.sweep.dispatch import Lost
from simcb.studies.sweep.evaluator import Tally
from simcb.studies.sweep.manifest import StoreChangedError, StoreError
from simcb.studies.sweep.objective import Better, Border, Objective, parse_objective
from simcb.studies.sweep.plan import Design, Kind, Setting
from simcb.studies.sweep.planning import (
    Plan,
    SweepSize,
    SweepTooLargeError,
    check_block,
    check_sweep_size,
    make_plan,
    measure_plan,
)
from simcb.studies.sweep.ranking import TOLERANCE, Ranked, tolerance
from simcb.studies.sweep.result import SweepResult
from simcb.studies.sweep.store import check_store
from simcb.studies.sweep.sweep import is_sweep, open_sweep, run_sweep, sweep
from simcb.studies.sweep.sweep_run import Progress
from simcb.studies.sweep.table import Failure, Outcome

__all__ = [
    "TOLERANCE",
    "Axis",
    "Better",
    "Border",
    "Column",
    "Design",
    "Failure",
    "Kind",
    "Lost",
    "Objective",
    "Outcome",
    "Plan",
    "Progress",
    "Ranked",
    "Setting",
    "Span",
    "StoreChangedError",
    "StoreError",
    "SweepResult",
    "SweepSize",
    "SweepTooLargeError",
    "Tally",
    "WorkersLostError",
    "axis_of",
    "check_block",
    "check_store",
    "check_sweep_size",
    "is_sweep",
    "make_plan",
    "measure_plan",
    "open_sweep",
    "parse_axis",
    "parse_objective",
    "run_sweep",
    "sweep",
    "tolerance",
]
