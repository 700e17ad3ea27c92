"""All numbers of a sweep in one block of memory, and each setting's view of its own.

Ten thousand cells are some twenty megabytes here; as objects they would be a gigabyte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import (
    METRICS,
    Entities,
    Estimate,
    Summarised,
    Summary,
    Verdict,
    bounds_of,
    check_asked,
    entities_of,
    estimate,
    judge,
    probability,
)
from simcb.metrics.phase import WHOLE, PhaseNames, phase_names
from simcb.scenario import Scenario
from simcb.studies.evaluation.cells import Column, Floats, unpacked, value_of
from simcb.studies.evaluation.objective import COLLAPSE, Objective

VERDICTS = tuple(Verdict)
MISSING = -1
"""The code of a cell that has not been run."""


class Failure(StrEnum):
    """Why a setting has failed as a whole, as a predicate of it."""

    UNANSWERED = "answers no request in any run"
    COLLAPSED = "collapses in every run"
    THRESHOLDS = "meets none of the thresholds"


class Table:
    """The numbers of all cells, by setting, replicate and column.

    Args:
        columns: what the numbers are.
        replicates: how many runs each setting has.
    """

    def __init__(self, columns: Sequence[Column], replicates: int) -> None:
        self.columns = tuple(columns)
        self.replicates = replicates
        self.index = {column: index for index, column in enumerate(self.columns)}
        self.values: Floats = np.empty((0, replicates, len(self.columns)))
        """Numbers, nan where undefined."""
        self.verdicts: NDArray[np.int8] = np.empty((0, replicates), np.int8)
        """Each cell's verdict as its place in `VERDICTS`, or `MISSING`."""

    def __len__(self) -> int:
        return len(self.verdicts)

    def grow(self, settings: int) -> None:
        """Make room for more settings, nothing of which is known yet."""
        more = np.full((settings, self.replicates, len(self.columns)), np.nan)
        self.values = np.concatenate((self.values, more)) if len(self) else more
        unknown = np.full((settings, self.replicates), MISSING, np.int8)
        self.verdicts = np.concatenate((self.verdicts, unknown))

    def put(self, setting: int, replicate: int, verdict: Verdict, row: bytes) -> None:
        """Take in a cell's numbers."""
        self.values[setting, replicate] = unpacked(row)
        self.verdicts[setting, replicate] = VERDICTS.index(verdict)

    def has(self, setting: int, replicate: int) -> bool:
        """Return whether a cell has been run."""
        return bool(self.verdicts[setting, replicate] != MISSING)

    def is_complete(self, setting: int) -> bool:
        """Return whether all replicates of a setting have been run."""
        return bool((self.verdicts[setting] != MISSING).all())

    def numbers(self, objective: Objective) -> Floats:
        """Return an objective's numbers, settings × replicates; nan where undefined."""
        return self._largest(self.values, objective)

    def _largest(self, values: Floats, objective: Objective) -> Floats:
        asked = (objective.column, *objective.services)
        places = [self.index[column] for column in asked if column in self.index]
        largest: Floats = np.fmax.reduce(values[..., places], axis=-1)
        return largest

    def series(self, setting: int, objective: Objective) -> tuple[float | None, ...]:
        """Return an objective's value in each replicate; 1 and 0 for collapse or none."""
        if objective.is_collapse:
            code = VERDICTS.index(Verdict.COLLAPSED)
            verdicts = self.verdicts[setting].tolist()
            return tuple(None if v == MISSING else float(v == code) for v in verdicts)
        numbers = self._largest(self.values[setting], objective)
        return tuple(value_of(number) for number in numbers.tolist())

    def estimate(self, setting: int, objective: Objective) -> Estimate:
        """Return an objective's mean over a setting's replicates, with its interval."""
        values = self.series(setting, objective)
        known = [value for value in values if value is not None]
        if objective.is_collapse and known:
            return probability(round(sum(known)), len(known))
        return estimate(values, bounds_of(objective.unit))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a setting came to, over its replicates; thresholds can be held against it.

    Args:
        table: the numbers of the sweep.
        number: which setting.
        scenario: the base scenario.
    """

    table: Table
    number: int
    scenario: Scenario

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics, and the number that only a setting has."""
        return (*METRICS, COLLAPSE)

    @property
    def entities(self) -> Entities:
        """Names of the services and of the client groups."""
        return entities_of(self.scenario)

    @property
    def phase_names(self) -> PhaseNames:
        """Names of the phases that may be asked for."""
        return phase_names(self.scenario)

    @cached_property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases of which anything is known."""
        known = ~np.isnan(self.table.values[self.number]).all(axis=0)
        pairs = zip(self.table.columns, known.tolist(), strict=True)
        return tuple(dict.fromkeys(column.phase for column, any_ in pairs if any_))

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many replicates ended in each verdict, the worst last."""
        counts = Counter(self.table.verdicts[self.number].tolist())
        return {verdict: counts[code] for code, verdict in enumerate(VERDICTS) if counts[code]}

    @property
    def runs(self) -> int:
        """How many replicates have been run."""
        return sum(self.verdicts.values())

    @property
    def collapse(self) -> Estimate | None:
        """How likely the setting collapses; None if it has not been run."""
        return (
            probability(self.verdicts.get(Verdict.COLLAPSED, 0), self.runs) if self.runs else None
        )

    @property
    def failure(self) -> Failure | None:
        """Why no run of the setting is any good; None if one is, or if it is unknown."""
        if self.value("success") == 0.0:
            return Failure.UNANSWERED
        if self.runs and self.verdicts.get(Verdict.COLLAPSED) == self.runs:
            return Failure.COLLAPSED
        judged = judge(self.scenario.thresholds, self)
        if judged and all(each.value is not None and not each.passed for each in judged):
            return Failure.THRESHOLDS
        return None

    def estimate(self, name: str, phase: str = WHOLE, of: str = "") -> Estimate | None:
        """Return a metric's mean with its 95 % interval; None if it was not measured.

        Raises:
            UnknownNumberError: there is no such metric, phase, service or client group.
        """
        if name == COLLAPSE:
            return self.collapse
        index = self.table.index.get(Column(name, phase, of))
        if index is None:
            check_asked(name, phase, of, self)
            return self.estimate(name, phase) if self.entities.is_all(of) else None
        numbers = self.table.values[self.number, :, index].tolist()
        return estimate([value_of(number) for number in numbers], bounds_of(METRICS[name].unit))

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return a metric's mean; None if it is undefined."""
        found = self.estimate(name, phase, of)
        return None if found is None else found.mean

    def summary(self) -> Summary:
        """Return every metric's mean with its interval."""
        items = []
        for column in self.table.columns:
            found = self.estimate(column.metric, column.phase, column.of)
            if found is not None and column.phase in self.phases:
                unit = METRICS[column.metric].unit
                items.append(Summarised(column.metric, unit, column.phase, column.of, found))
        return Summary(tuple(items), self.phases, self.entities, self.phase_names, self.runs)
