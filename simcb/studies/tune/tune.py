"""The study: scenarios and a space to the setting that holds in all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.sweep import MOST_REPLICATES
from simcb.studies import StudyError
from simcb.studies.limits import demand_size, estimate_size, in_words
from simcb.studies.sweep.axes import Axis, Over, axes_of
from simcb.studies.sweep.crews import crew_of
from simcb.studies.sweep.engine import scenario_digest, this_engine
from simcb.studies.sweep.manifest import Manifest
from simcb.studies.sweep.planning import MOST_CELLS, MOST_REQUESTS, spec_of
from simcb.studies.sweep.store import Store, check_store
from simcb.studies.tune.arena import Ledger
from simcb.studies.tune.checking import Contest
from simcb.studies.tune.reach import STEPS
from simcb.studies.tune.result import TuneResult
from simcb.studies.tune.search import Search
from simcb.studies.tune.storms import Storm, demand_space, make_storms
from simcb.studies.tune.tuning import TuneProgress, Tuning

TRIALS = 60
BATCH = 8
REPLICATES = 10
FRESH = 20
TOLERANCE = 0.01
MOST_TRIALS = 10_000
MOST_BATCH = 1_000


def tune(
    scenarios: Scenario | Sequence[Scenario],
    space: Over,
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    subject_to: Sequence[str] = (),
    trials: int = TRIALS,
    batch: int = BATCH,
    replicates: int = REPLICATES,
    fresh: int = FRESH,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TuneResult:
    """Find the setting whose worst regret over all scenarios is smallest, and check it.

    All settings have the same luck, and bad ones get few replicates. What comes out depends on
    the scenarios, the space, the aims, the seed, the batch and the versions, and not on who
    ran what.

    Args:
        scenarios: the storms that the setting has to hold in.
        space: where to look: `{"breaker.recovery_timeout": "1s..2m@log"}`, or texts
            `PATH=SPEC`; ranges, or lists of values.
        minimize: numbers to make small, such as `p99` or `max:` for none.
        maximize: numbers to make large; with neither, goodput.
        subject_to: what has to hold in every scenario, such as `success >= 99%`.
        trials: settings that are tried at most.
        batch: settings that are tried at a time, before the search learns from them.
        replicates: runs of a good setting in each scenario.
        fresh: runs of the winner, and of each contender, in each scenario on other luck.
        seed: names the luck; the check uses the next one.
        tolerance: the loss that does not matter, as a share.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core. With `executor`, how many jobs it runs at once.
        executor: somebody to run the cells instead.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        progress: called as runs come back.
        stop: asked again and again; once it says true, no more runs are sent out.

    Raises:
        StudyError: something does not make sense, or is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds something else.
        MissingExtraError: Optuna, or Dask if it is asked for, is not installed.
    """
    given = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    storms = make_storms(given, minimize=minimize, maximize=maximize, subject_to=subject_to)
    axes = axes_of(space)
    demand_space(storms, axes)
    _demand_sense(
        trials=trials, batch=batch, replicates=replicates, fresh=fresh, tolerance=tolerance
    )
    if not allow_large:
        _demand_small(storms, axes, trials, replicates, fresh)
    search = Search(axes, len(storms[0].aims), batch, seed)
    engine = this_engine()
    store = None
    if out is not None:
        check_store(out, resume=resume)
        manifest = _manifest(storms, axes, engine.items, trials, batch, replicates, fresh, seed)
        store = Store.begin(out, manifest, resume=resume)
    try:
        ledger = Ledger(store, storms)
        crew = crew_of(workers=workers, executor=executor, dask=dask)
        orderly = False
        try:
            contest = Contest(storms, engine, ledger, crew, stop or _never)
            tuning = Tuning(contest, axes, search, trials, replicates, seed, tolerance, progress)
            result = tuning.run(fresh, batch)
            orderly = True
        finally:
            crew.close(at_once=not orderly)
    finally:
        if store is not None:
            store.close()
    return result


def _demand_sense(
    *, trials: int, batch: int, replicates: int, fresh: int, tolerance: float
) -> None:
    bounds = (
        ("trials", trials, 1, MOST_TRIALS),
        ("batch", batch, 1, MOST_BATCH),
        ("replicates", replicates, 2, MOST_REPLICATES),
        ("fresh", fresh, 2, MOST_REPLICATES),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise StudyError(f"{name} is {value}", f"give {least} to {most}")
    if not 0.0 <= tolerance < 1.0:
        raise StudyError(f"tolerance is {tolerance!r}", "give a share from 0 to below 1")


def _demand_small(
    storms: Sequence[Storm], axes: Sequence[Axis], trials: int, replicates: int, fresh: int
) -> None:
    """Refuse a tune that is too large to be run without being asked for explicitly."""
    sizes = [estimate_size(storm.scenario) for storm in storms]
    for size in sizes:
        demand_size(size)
    walked = sum(len(axis.values) or STEPS for axis in axes)
    each = (trials + walked) * replicates + Contest.most_contenders() * fresh
    runs, requests = each * len(storms), each * sum(size.requests for size in sizes)
    if runs > MOST_CELLS or requests > MOST_REQUESTS:
        raise StudyError(
            f"this would be up to {runs:,} runs with about {in_words(requests)} requests",
            "give fewer trials, replicates or scenarios, or allow it with --allow-large",
        )


def _manifest(
    storms: Sequence[Storm],
    axes: Sequence[Axis],
    engine: Mapping[str, str],
    trials: int,
    batch: int,
    replicates: int,
    fresh: int,
    seed: int,
) -> Manifest:
    first = storms[0]
    aims = [f"{aim.better.value}:{aim}" for aim in first.aims]
    limits = [limit.text for limit in first.limits]
    return Manifest(
        engine=dict(engine),
        scenario="---\n".join(storm.scenario.to_yaml() for storm in storms),
        digest="-".join(scenario_digest(storm.scenario) for storm in storms),
        axes=tuple(f"{axis.path}={spec_of(axis)}" for axis in axes),
        design=f"a search of {trials} settings, {batch} at a time, checked {fresh} times",
        replicates=replicates,
        seed=seed,
        refine="",
        columns=tuple(column for storm in storms for column in storm.columns),
        settings=(),
        digests=(),
        goal=", ".join([*aims, *limits]),
    )


def _never() -> bool:
    return False
