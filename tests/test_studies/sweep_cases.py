"""A scenario whose runs take some milliseconds, and sweeps over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np

from simcb.metrics import Verdict
from simcb.options import JobOptions, Over, SweepOptions
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.sweep import Design, Kind
from simcb.studies.evaluation.cells import columns_of
from simcb.studies.evaluation.evaluator import Tally
from simcb.studies.evaluation.objective import parse_objective
from simcb.studies.evaluation.settings import make_settings, parse_axis
from simcb.studies.evaluation.table import VERDICTS, Table
from simcb.studies.sweep import Plan, Progress, SweepResult, make_plan
from simcb.studies.sweep import sweep as study

SMALL = """
name: small
duration: 12s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      store:
        timeout: 500ms
        breaker: {failure_threshold: 3, recovery_timeout: 2s}
services:
  store: {workers: 8, work: {kind: exponential, mean: 20ms}}
faults:
  - {kind: refuse, on: store, at: 3s, for: 4s}
thresholds:
  - success >= 60%
"""

OVER = {"breaker.failure_threshold": [1, 3, 30], "breaker.recovery_timeout": ["1s", "2s", "8s"]}


@cache
def scenario(text: str = SMALL) -> Scenario:
    """Return the scenario of a text."""
    return parse_scenario(text)


def planned(base: Scenario, over: Over | None = None, **words: object) -> Plan:
    """Return the plan of a sweep of a scenario, with nothing beside it."""
    words.setdefault("alone", True)
    return make_plan(base, SweepOptions(over, **words))  # type: ignore[arg-type]


def job_of(words: dict[str, object]) -> JobOptions:
    """Take out of some words those that say who runs a study, and return them."""
    taken = {each.name: words.pop(each.name) for each in fields(JobOptions) if each.name in words}
    return JobOptions(**taken)  # type: ignore[arg-type]


def sweep(
    base: Scenario,
    over: Over | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **words: object,
) -> SweepResult:
    """Return a sweep of what is asked for and who runs it, in words; with nothing beside it."""
    words.setdefault("alone", True)
    job = job_of(words)
    return study(base, SweepOptions(over, **words), job, progress=progress, stop=stop)  # type: ignore[arg-type]


@cache
def swept() -> SweepResult:
    """Return a sweep of nine settings and four replicates, kept in memory."""
    return sweep(scenario(), OVER, replicates=4, workers=0)


def kept(out: Path, *, resume: bool = False, workers: int = 0, **more: object) -> SweepResult:
    """Return the same sweep kept in a directory."""
    return sweep(  # type: ignore[arg-type]
        scenario(), OVER, replicates=4, workers=workers, out=out, resume=resume, **more
    )


def after(calls: int) -> Callable[[], bool]:
    """Return a wish to stop that comes after it has been asked for so often."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > calls

    return stop


def made(
    numbers: Sequence[Sequence[float]],
    *over: str,
    by: str = "time_to_recover",
) -> SweepResult:
    """Return a sweep that came to given numbers: of each setting, the objective in each replicate.

    Of `collapse` 1 is a run that collapses. Everything else is undefined.
    """
    base = scenario()
    axes = tuple(parse_axis(text) for text in over)
    settings = make_settings(axes, Design(Kind.GRID), 0)
    columns = columns_of(base)
    objective = parse_objective(by, base, columns)
    table = Table(columns, len(numbers[0]))
    table.grow(len(settings))
    table.verdicts[:] = VERDICTS.index(Verdict.RECOVERED)
    if objective.is_collapse:
        table.verdicts[np.array(numbers) == 1.0] = VERDICTS.index(Verdict.COLLAPSED)
    else:
        table.values[:, :, table.index[objective.column]] = numbers
    return SweepResult(
        scenario=base,
        axes=axes,
        design=Design(Kind.GRID),
        settings=settings,
        replicates=table.replicates,
        seed=0,
        objective=objective,
        border=None,
        fine_settings=0,
        table=table,
        lost=(),
        complete=True,
        tally=Tally(0, 0, 0),
    )
