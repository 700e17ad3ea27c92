"""What `simcb sweep` has to say: the result, how to repeat it, and what to show of it.

Every format is a function of this one value. This module must not know any format.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcb.metrics import ThresholdResult, judge
from simcb.metrics.phase import FAULT, WHOLE
from simcb.studies.sweep import Column, SweepResult

_KEY_METRICS = (
    Column("success", FAULT, ""),
    Column("p99", FAULT, ""),
    Column("time_to_recover", WHOLE, ""),
)


@dataclass(frozen=True)
class SweepAnswer:
    """A sweep as it is presented.

    Args:
        result: what came out.
        repeat: the command that gives the same answer.
        top: how many settings a table shows.
    """

    result: SweepResult
    repeat: str = ""
    top: int = 10


def asked_next(result: SweepResult) -> tuple[Column, ...]:
    """Return what people ask next of a setting, besides what it is ranked by."""
    known = result.table.index
    return tuple(c for c in _KEY_METRICS if c in known and c != result.objective.column)


def thresholds_of(result: SweepResult, setting: int) -> tuple[ThresholdResult, ...]:
    """Return how the scenario's thresholds fare in a setting."""
    return judge(result.scenario.thresholds, result.outcome(setting))
