"""The numbers of a cell as one row: which column holds which metric of which phase.

Rows come back from workers and lie in the log as bytes: 64-bit floats, least byte first, nan
where a value is undefined, infinity for a time that never came. So they are exact, small, and
quick to read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import METRICS, Measures, entities_of
from simcb.metrics.phase import BETWEEN, FAULT, HEALTHY, ONE_FAULT, RECOVERY, WHOLE
from simcb.scenario import Scenario

Floats = NDArray[np.float64]

ROW = np.dtype("<f8")


@dataclass(frozen=True)
class Column:
    """One metric, in one phase, of one service, one client group or ("") of the run."""

    metric: str
    phase: str
    of: str

    def __str__(self) -> str:
        inside = [each for each in (self.phase, self.of) if each not in (WHOLE, "")]
        return f"{self.metric}{{{','.join(inside)}}}" if inside else self.metric


def columns_of(scenario: Scenario) -> tuple[Column, ...]:
    """Return every number that a run of a scenario can have, in the order of reports.

    Some settings lack a phase (the fault lasts until the end); theirs is undefined.
    """
    labels = tuple(dict.fromkeys(label for label, _ in scenario.labelled_faults))
    single = tuple(ONE_FAULT + label for label in labels) if len(labels) > 1 else ()
    phases = (WHOLE, HEALTHY, FAULT, *single, BETWEEN, RECOVERY) if labels else (WHOLE,)
    entities = entities_of(scenario)
    return tuple(
        Column(metric.name, phase, entity.name)
        for phase in phases
        for metric in METRICS.values()
        if metric.phased or phase == WHOLE
        for entity in entities.having(metric.per)
    )


def packed(measures: Measures, columns: Iterable[Column]) -> bytes:
    """Return a run's measures as a row; a column that this run does not know is undefined.

    A setting may rename a fault, and with it the fault's own phase.
    """
    known = {(each.name, each.phase, each.of): each.value for each in measures}
    values = (known.get((each.metric, each.phase, each.of)) for each in columns)
    return np.array([math.nan if v is None else v for v in values], ROW).tobytes()


def unpacked(row: bytes) -> Floats:
    """Return the numbers of a row."""
    return np.frombuffer(row, ROW)


def value_of(number: float) -> float | None:
    """Return a column's number as a measure: None where it is undefined."""
    return None if math.isnan(number) else float(number)
