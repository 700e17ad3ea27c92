"""Losses: an aim's numbers turned so that less is better, and what a loss is a share of.

A time that never came counts as the scenario's duration, so that `never` is worse than any time
and a mean exists. What is undefined in a run, such as the latency of answers where there were
none, counts as the worst that is known there: a setting gains nothing by having nothing that
could be measured.

A loss is made comparable between scenarios by a size of its own kind. Shares, counts and ratios
are as they are: points, pieces, attempts per request. A time until something happens is a share
of the scenario's duration. All others are relative to the best, which for what is to be large is
the largest number there is. The best of what is to be small may be next to nothing, so it is
never taken for less than what is usual in the scenario: the latency of an answer, the rate of
requests, one caller that waits all the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcb.metrics import METRICS, Unit, Verdict
from simcb.metrics.phase import WHOLE
from simcb.scenario.refusal import quoted
from simcb.studies import StudyError
from simcb.studies.evaluation.cells import Column, Floats
from simcb.studies.evaluation.objective import Better, Objective
from simcb.studies.evaluation.table import MISSING, VERDICTS, Table
from simcb.studies.tune.scenarios import TuneScenario, is_until

_USUAL = {
    Unit.SECONDS: Column("success_p50", WHOLE, ""),
    Unit.PER_SECOND: Column("offered_rate", WHOLE, ""),
}
"""What is usual in a run, by the unit of the number that is compared with it."""


@dataclass(frozen=True)
class Filled:
    """How often an aim had no number of its own in a scenario, and was given one.

    Args:
        scenario: the scenario's place.
        aim: the aim's place.
        never: runs in which the time never came; each counts as the scenario's duration.
        undefined: runs in which there was nothing to measure; each counts as the worst.
        runs: all runs there were.
    """

    scenario: int
    aim: int
    never: int
    undefined: int
    runs: int


def losses_of(table: Table, scenario: TuneScenario, aim: Objective) -> Floats:
    """Return an aim's loss in every run: candidates × replicates, nan where nothing was run."""
    values, ran = _values(table, aim), table.verdicts != MISSING
    duration, higher = scenario.base.duration, aim.better is Better.HIGHER
    values = np.where(np.isposinf(values), duration, values)
    known = values[ran & ~np.isnan(values)]
    worst = 0.0
    if aim.unit is Unit.SECONDS:
        worst = 0.0 if higher else duration
    elif len(known):
        worst = float(known.min() if higher else known.max())
    values = np.where(np.isnan(values), worst, values)
    return np.where(ran, -values if higher else values, np.nan)


def sizes_of(table: Table, scenario: TuneScenario, aim: Objective) -> Floats:
    """Return what a loss is at least a share of, in every run: candidates × replicates."""
    found = np.zeros(table.verdicts.shape)
    if aim.better is Better.HIGHER:
        return found
    if aim.unit is Unit.WORKER_SECONDS:
        return found + scenario.base.duration
    column = _USUAL.get(aim.unit)
    if column is None:
        return found
    usual = table.values[:, :, table.index[column]]
    return np.where(np.isnan(usual), 0.0, usual)


def fixed_size(scenario: TuneScenario, aim: Objective) -> float | None:
    """Return what every loss of an aim is a share of; None if it is relative to the best."""
    if is_until(aim):
        return scenario.base.duration
    return 1.0 if aim.unit in (Unit.SHARE, Unit.COUNT, Unit.RATIO) else None


def filled_in(table: Table, aim: Objective) -> tuple[int, int, int]:
    """Return in how many runs of a table an aim is never, or undefined; and how many there are."""
    values, ran = _values(table, aim), table.verdicts != MISSING
    never, undefined = np.isposinf(values) & ran, np.isnan(values) & ran
    return int(never.sum()), int(undefined.sum()), int(ran.sum())


def check_defined(table: Table, scenario: TuneScenario) -> None:
    """Check that every aim is defined in some run of a scenario.

    Raises:
        StudyError: one is not, so nothing there could be told from anything else.
    """
    for aim in scenario.aims:
        _, undefined, runs = filled_in(table, aim)
        if runs and undefined == runs:
            why = METRICS[aim.column.metric].undefined
            raise StudyError(
                f"{quoted(scenario.name)}: {quoted(str(aim))} is undefined in all of {runs} runs: "
                f"{why}",
                "leave the scenario out, or ask for another number",
            )


def _values(table: Table, aim: Objective) -> Floats:
    if aim.is_collapse:
        ended = table.verdicts == VERDICTS.index(Verdict.COLLAPSED)
        collapsed: Floats = ended.astype(np.float64)
        return collapsed
    return table.numbers(aim)
