"""The study: a plan's cells through a crew into a store, to a table and its ranking."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from simcb.scenario import Scenario
from simcb.studies.sweep.axes import Over
from simcb.studies.sweep.campaign import Campaign, Progress
from simcb.studies.sweep.crews import crew_of
from simcb.studies.sweep.manifest import MANIFEST, read_manifest
from simcb.studies.sweep.planning import Plan, make_plan, vet
from simcb.studies.sweep.result import SweepResult
from simcb.studies.sweep.store import Store, check_store


def sweep(
    scenario: Scenario,
    over: Over | None = None,
    *,
    design: str | None = None,
    replicates: int | None = None,
    seed: int = 0,
    by: str | None = None,
    refine: str | None = None,
    depth: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SweepResult:
    """Run a scenario at many settings, each with the same luck, and rank them.

    What is not given is as the scenario's `sweep` has it, and where that says nothing, as here:
    a grid, 10 replicates, ranked by goodput or by what is refined. Where an axis is no policy
    but the world (see `is_policy` in `simcb.scenario.sweep`), settings are ranked within each
    world alone; where all are, none is, and success is what is shown.

    Only numbers come back from the workers, and the numbers depend on nothing but the
    scenario, the settings, the seed and the versions of `Engine`: not on who ran what, when,
    or how often it had to be tried.

    An executor of your own must be able to run `simcb` where its workers are:
    `mpi4py.futures.MPIPoolExecutor()` does, and `ray.util.multiprocessing` or any other
    library with an adapter to `concurrent.futures` does too; say with `workers` how many jobs
    it runs at once. It is neither repaired nor shut down: if it breaks, make a new one and go
    on with `resume=True`.

    Args:
        scenario: the base.
        over: what is varied: `{"breaker.failure_threshold": [3, 5, 10],
            "breaker.recovery_timeout": "5s..120s/8@log"}`, or texts `PATH=SPEC`. If given,
            nothing else is varied.
        design: `grid`, `zip` (first values together, then the second …) or `lhs:N`.
        replicates: runs of each setting; intervals need at least two.
        seed: names the luck; replicate i has the same in every setting.
        by: the number to rank by, such as `goodput`, `p99{fault}`, `collapse` or
            `max:utilisation{database}`.
        refine: a border such as `collapse=50%`, along which settings are added.
        depth: how often the refinement halves the distance between neighbours.
        out: a directory in which every finished cell is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core. With `executor`, how many jobs it runs at once.
        executor: somebody to run the cells instead.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        progress: called after each chunk of cells.
        stop: asked again and again; once it says true no more cells are sent out, those that
            run are finished and saved, and the result is not `complete`.

    Raises:
        StudyError: something does not make sense.
        SweepTooLargeError: it is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds a sweep of something else.
        MissingExtraError: Dask is asked for and not installed.
    """
    plan = make_plan(
        scenario,
        over,
        design=design,
        replicates=replicates,
        seed=seed,
        by=by,
        refine=refine,
        depth=depth,
    )
    if out is not None:
        check_store(out, resume=resume)
    digests = _digests(plan, out, allow_large=allow_large)
    store = Store.begin(out, plan.manifest(digests), resume=resume) if out is not None else None
    campaign = Campaign(plan, digests, store, progress)
    try:
        if campaign.settled:
            return campaign.result(complete=True)
        crew = crew_of(workers=workers, executor=executor, dask=dask)
        complete = campaign.run(crew, stop or _never)
    finally:
        if store is not None:
            store.close()
    return campaign.result(complete=complete)


def _digests(plan: Plan, out: str | Path | None, *, allow_large: bool) -> tuple[str, ...]:
    """Return the settings' digests: those of the directory, or made anew and checked."""
    if out is not None and (Path(out) / MANIFEST).exists():
        held = read_manifest(Path(out))
        # Whatever differs besides is told when the directory is opened.
        if len(held.digests) == len(plan.settings):
            return held.digests
    return vet(plan, allow_large=allow_large)[0]


def _never() -> bool:
    return False
