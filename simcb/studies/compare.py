"""Comparing variants: each run with the same random streams, and held against the first.

A request of one variant meets the numbers that it meets in all others, so chance cancels in
each pair of replicates and small differences can be told from none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from time import perf_counter

from simcb.options import MOST_EVENTS, MOST_ROWS, CompareOptions, JobOptions
from simcb.scenario import Scenario
from simcb.studies.clients import named_clients, run_coded
from simcb.studies.comparison import Comparison, comparison_of
from simcb.studies.evaluation.backends import Backend, Inline, WorkersLostError
from simcb.studies.evaluation.evaluator import backend_of
from simcb.studies.limits import SizeEstimate, check_size, estimate_size
from simcb.studies.run import (
    Clients,
    Run,
    StudyError,
    check_ranges,
    checked_seed,
    result_of,
)
from simcb.studies.variants import MOST_VARIANTS, Variant, check_variants, coded_variants

ENOUGH = 10
"""Replicates if nothing else is said."""

IN_ONE_PROCESS = 2.0
"""Seconds of work for which no worker processes are started."""

MOST_DEATHS = 3
"""Deaths of workers after which a comparison is given up."""

POLL = 0.1
"""Seconds after which a wish to stop is noticed."""


class StoppedError(StudyError):
    """A comparison was stopped before all of its runs were made."""


@dataclass(frozen=True)
class Progress:
    """How far a comparison is, in runs."""

    done: int
    total: int


def compare(
    variants: Sequence[Variant],
    options: CompareOptions = CompareOptions(),  # noqa: B008
    job: JobOptions = JobOptions(),  # noqa: B008
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    most: int = MOST_VARIANTS,
    make: Make | None = None,
    clients: Clients | None = None,
) -> Comparison:
    """Run variants with the same random streams.

    What was run before is not run again, and decides the seed and the number of replicates if
    nothing else is said.

    Args:
        variants: what is compared; the first is what the others are held against.
        options: how many replicates, and the seed.
        job: who runs them; nothing is kept, so only where, and `allow_large`, count.
        progress: called whenever a run has ended.
        stop: asked again and again whether to run no more.
        most: how many variants there may be.
        make: makes one run in place of `run_coded`; it goes to worker processes by its name.
        clients: code in the place of client groups' calls, in each variant that is run.

    Raises:
        StudyError: something makes no sense, or `stop` said so (a StoppedError).
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
        EventBudgetError, RowBudgetError: a run is not over after what is allowed.
    """
    variants = coded_variants(variants, named_clients(clients))
    check_variants(variants, most)
    check_ranges(options, "replicates")
    kept = [each.kept for each in variants if each.kept is not None]
    replicates = options.replicates or (len(kept[0].runs) if kept else ENOUGH)
    usual = kept[0].seed if kept else 0
    seed = checked_seed(usual if options.seed is None else options.seed)
    new = [place for place, each in enumerate(variants) if each.kept is None]
    if not job.allow_large:
        check_size(_size(variants, replicates))
    todo = [(place, replicate) for place in new for replicate in range(replicates)]
    makes = [make or partial(run_coded, each.clients) for each in variants]
    found = _run_all(variants, todo, seed, job, progress, stop, makes)
    if found is None:
        raise StoppedError("the comparison was stopped", "start it again: nothing of it is kept")
    results = [
        each.kept or result_of([found[place, replicate] for replicate in range(replicates)])
        for place, each in enumerate(variants)
    ]
    return comparison_of(variants, results)


def _size(variants: Sequence[Variant], replicates: int) -> SizeEstimate:
    """Estimate how large a comparison is: its variants together."""
    sizes = [
        estimate_size(each.scenario, runs=replicates) for each in variants if each.kept is None
    ]
    names = ("requests", "worst_attempts", "megabytes", "most_requests")
    return SizeEstimate(*(sum(getattr(each, name) for each in sizes) for name in names))


Place = tuple[int, int]
"""A variant and a replicate."""

Job = tuple[Place, Callable[[], Run]]
"""A run: where it belongs, and what makes it."""

Make = Callable[[Scenario, int, int, int | None, int | None], Run]
"""Makes a run of a scenario: its seed, its replicate, its most events and rows."""


def _run_all(
    variants: Sequence[Variant],
    todo: Sequence[Place],
    seed: int,
    job: JobOptions,
    progress: Callable[[Progress], None] | None,
    stop: Callable[[], bool],
    makes: Sequence[Make],
) -> Mapping[Place, Run] | None:
    """Return the runs, or None if that was stopped.

    The first one is made here; only if the others would take long are workers started.
    """
    found: dict[Place, Run] = {}

    def one(place: Place, run: Run) -> None:
        found[place] = run
        if progress is not None:
            progress(Progress(len(found), len(todo)))

    limits = (None, None) if job.allow_large else (MOST_EVENTS, MOST_ROWS)
    jobs: Iterator[Job] = iter(
        [
            (place, partial(makes[place[0]], variants[place[0]].scenario, seed, place[1], *limits))
            for place in todo
        ]
    )
    unasked = job.workers is None and job.executor is None and job.dask is None
    backend: Backend = Inline()
    if unasked:
        begin = perf_counter()
        for place, wanted in islice(jobs, 1):
            one(place, wanted())
        if (perf_counter() - begin) * (len(todo) - len(found)) > IN_ONE_PROCESS:
            backend = backend_of(job)
    else:
        backend = backend_of(job)
    orderly = False
    try:
        complete = _flown(backend, jobs, one, stop)
        orderly = True
    finally:
        backend.close(at_once=not orderly)
    return found if complete else None


def _flown(
    backend: Backend,
    jobs: Iterator[Job],
    take: Callable[[Place, Run], None],
    stop: Callable[[], bool],
) -> bool:
    """Have runs made, a few at a time; return false if that was stopped.

    What was in flight when a worker died is run again, up to three deaths.
    """
    flying: dict[Future[Run], Job] = {}
    deaths = 0
    while True:
        while len(flying) < backend.max_in_flight and not stop():
            job = next(jobs, None)
            if job is None:
                break
            flying[backend.submit(job[1])] = job
        if not flying:
            return next(jobs, None) is None
        dead = []
        for future in wait(flying, timeout=POLL, return_when=FIRST_COMPLETED).done:
            job, error = flying.pop(future), future.exception()
            if error is None:
                take(job[0], future.result())
            elif backend.deaths(error):
                dead.append(job)
            else:
                raise error
        if dead:
            deaths += 1
            again = [*dead, *(flying.values() if backend.falls_together else ())]
            if backend.falls_together:
                flying.clear()
            backend.renew()
            if deaths >= MOST_DEATHS:
                what = f"worker processes died {deaths} times (killed, or out of memory)"
                raise WorkersLostError(what, "free memory, or give fewer workers or replicates")
            jobs = chain(again, jobs)
