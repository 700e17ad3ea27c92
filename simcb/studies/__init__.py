"""Studies: what one does with scenarios, as functions that return values.

A study walks scenario, world, trace, measures once or many times. It prints nothing and
draws nothing.
"""

from simcb.options import Baseline
from simcb.studies.run import (
    Clients,
    Result,
    Run,
    StudyError,
    coded,
    measured,
    read,
    read_kept,
    result_of,
    run,
    run_once,
)

__all__ = [
    "Baseline",
    "Clients",
    "Result",
    "Run",
    "StudyError",
    "coded",
    "measured",
    "read",
    "read_kept",
    "result_of",
    "run",
    "run_once",
]
