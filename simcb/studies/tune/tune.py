"""The study: scenarios and a space to the setting that holds in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

from simcb.scenario import Scenario
from simcb.studies.sweep.axes import Over
from simcb.studies.sweep.crews import crew_of
from simcb.studies.sweep.manifest import StoreChangedError
from simcb.studies.sweep.store import Store, check_store
from simcb.studies.tune.arena import Contest, Ledger
from simcb.studies.tune.planning import (
    BATCH,
    FRESH,
    REPLICATES,
    TOLERANCE,
    TRIALS,
    TunePlan,
    demand_small,
    plan_tune,
)
from simcb.studies.tune.result import TuneResult
from simcb.studies.tune.search import Search
from simcb.studies.tune.tuning import TuneProgress, Tuning


class TuneChangedError(StoreChangedError):
    """A directory holds a study of something else than the tune that is to go on.

    Args:
        path: the directory.
        differences: what differs, each as a phrase.
    """

    def __str__(self) -> str:
        listed = "".join(f"\n  {each}" for each in self.differences)
        return (
            f"{self.path}: it holds another study, and this tune cannot go on with it; "
            f"ask for what it holds, or name another directory:{listed}"
        )


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
        minimize: numbers to make small, such as `p99{fault}` or `collapse`.
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
        TuneChangedError: the directory holds something else.
        MissingExtraError: Optuna, or Dask if it is asked for, is not installed.
    """
    plan = plan_tune(
        scenarios,
        space,
        minimize=minimize,
        maximize=maximize,
        subject_to=subject_to,
        trials=trials,
        batch=batch,
        replicates=replicates,
        fresh=fresh,
        seed=seed,
        tolerance=tolerance,
    )
    return run_tune(
        plan,
        out=out,
        resume=resume,
        workers=workers,
        executor=executor,
        dask=dask,
        allow_large=allow_large,
        progress=progress,
        stop=stop,
    )


def run_tune(
    plan: TunePlan,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TuneResult:
    """Do what a plan says; see `tune` for the arguments and errors."""
    if not allow_large:
        demand_small(plan)
    search = Search(plan.axes, len(plan.storms[0].aims), plan.batch, plan.seed)
    store = None
    if out is not None:
        check_store(out, resume=resume)
        try:
            store = Store.begin(out, plan.manifest(), resume=resume)
        except StoreChangedError as changed:
            raise TuneChangedError(changed.path, changed.differences) from None
    try:
        ledger = Ledger(store, plan.storms)
        crew = crew_of(workers=workers, executor=executor, dask=dask)
        orderly = False
        try:
            contest = Contest(plan.storms, plan.engine, ledger, crew, stop or _never)
            result = Tuning(plan, contest, search, progress).run()
            orderly = True
        finally:
            crew.close(at_once=not orderly)
    finally:
        if store is not None:
            store.close()
    return result


def _never() -> bool:
    return False
