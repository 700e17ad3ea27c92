"""Studies: what one does with scenarios, as functions that return values.

A study walks scenario, world, trace, measures once or many times. It prints nothing and
draws nothing.
"""

from simcb.studies.reading import read
from simcb.studies.run import Baseline, Result, Run, StudyError, measured, result_of, run, run_once

__all__ = [
    "Baseline",
    "Result",
    "Run",
    "StudyError",
    "measured",
    "read",
    "result_of",
    "run",
    "run_once",
]
