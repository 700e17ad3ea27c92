"""The study: a plan's cells, from whoever runs them or from a directory, to a ranking."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from simcb.options import JobOptions, Over, SweepOptions
from simcb.scenario import Scenario
from simcb.studies.evaluation.backends import Backend, Inline
from simcb.studies.evaluation.evaluator import Evaluator, ResultCache, working
from simcb.studies.evaluation.manifest import MANIFEST, StoreError, SweepSpec, read_manifest
from simcb.studies.evaluation.objective import parse_objective, recorded_border
from simcb.studies.evaluation.settings import parse_design
from simcb.studies.evaluation.store import Store, check_store
from simcb.studies.run import read_kept
from simcb.studies.sweep.plan import Plan, check_plan, make_plan
from simcb.studies.sweep.result import SweepResult
from simcb.studies.sweep.sweep_run import Progress, SweepRun


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
    """Run a scenario at many settings, each with the same random streams, and rank them.

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

    The arguments are those of `simcb.sweep`, and `progress`, called after each chunk of cells,
    and `stop`, asked again and again: once it says true no more cells are sent out, those that
    run are finished and saved, and the result is not `complete`.

    Raises:
        StudyError: something does not make sense.
        SweepTooLargeError: it is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds a sweep of something else.
        MissingExtraError: Dask is asked for and not installed.
    """
    options = SweepOptions(over, design, replicates, seed, by, refine, depth)
    job = JobOptions(workers, dask, out, resume, allow_large, executor)
    return run_sweep(scenario, options, job, progress=progress, stop=stop)


def run_sweep(
    scenario: Scenario,
    options: SweepOptions,
    job: JobOptions,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> SweepResult:
    """Do what the options say; see `sweep` for what they are, and for errors."""
    plan = make_plan(scenario, options)
    if job.out is not None:
        check_store(job.out, resume=job.resume)
    digests = _digests(plan, job)
    with working(job, plan.manifest(digests)) as (store, backend):
        return SweepRun(plan, digests, _evaluator(plan, store, backend, stop), progress).run()


def _evaluator(
    plan: Plan,
    store: Store | None,
    backend: Callable[[], Backend],
    stop: Callable[[], bool] | None,
) -> Evaluator:
    return Evaluator(
        [(plan.scenario, plan.columns)],
        replicates=plan.replicates,
        seed=plan.seed,
        engine=plan.engine,
        cache=ResultCache(store, [len(plan.columns)]),
        backend=backend,
        stop=stop or (lambda: False),
    )


def _digests(plan: Plan, job: JobOptions) -> tuple[str, ...]:
    """Return the settings' digests: those of the directory, or made anew and checked."""
    if job.out is not None and (Path(job.out) / MANIFEST).exists():
        held = read_manifest(Path(job.out))
        # Whatever differs besides is told when the directory is opened.
        if isinstance(held, SweepSpec) and len(held.digests) == len(plan.settings):
            return held.digests
    return check_plan(plan, allow_large=job.allow_large)[0]


def is_sweep(directory: str | Path) -> bool:
    """Tell whether a directory is a sweep's, or a tune's."""
    return (Path(directory) / MANIFEST).is_file()


def open_sweep(directory: str | Path, *, by: str | None = None) -> SweepResult:
    """Read what a sweep has kept in a directory, whether it came to its end or not.

    What the log lacks is missing from the result, which then is not `complete`. The versions
    that made it do not matter: numbers are read, not made. The data that a scenario replays is
    not read again, so the result can be looked at and not be run from.

    Args:
        directory: what `out` named.
        by: the number to rank by; what it was first ranked by if None.

    Raises:
        StoreError: there is no sweep in it, or it is damaged, or it is a tune's.
        StudyError: there is no number `by` in it.
    """
    folder = Path(directory)
    held = read_manifest(folder)
    if not isinstance(held, SweepSpec):
        raise StoreError(
            str(folder),
            "holds a tune, whose steps cannot be shown again",
            "read summary.json in it, or lay its best.yaml over the scenario with -f",
        )
    plan = _plan_of(held, str(folder / MANIFEST), by)
    evaluator = _evaluator(plan, Store(folder), Inline, lambda: True)
    return SweepRun(plan, held.digests, evaluator).run()


def _plan_of(held: SweepSpec, file: str, by: str | None) -> Plan:
    asked = held.options
    try:
        scenario = read_kept(held.scenarios[0], f"{file}, its scenario")
        border = recorded_border(asked.refine, scenario, held.columns) if asked.refine else None
        return Plan(
            scenario=scenario,
            axes=held.axes,
            design=parse_design(asked.design or ""),
            settings=held.settings,
            replicates=asked.replicates or 0,
            seed=asked.seed,
            columns=held.columns,
            objective=parse_objective(by or asked.by or "", scenario, held.columns),
            border=border,
            depth=asked.depth or 0,
            engine=held.engine,
        )
    except (ValueError, TypeError):
        remedy = "name the directory of a sweep, or sweep anew in another"
        raise StoreError(file, "is damaged: it is no manifest of a sweep", remedy) from None
