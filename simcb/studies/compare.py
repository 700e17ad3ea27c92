"""Comparing variants: each run with the same random streams, and held against the first.

A request of one variant meets the numbers that it meets in all others, so chance cancels in
each pair of replicates and small differences can be told from none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain, islice
from time import perf_counter

from simcb.metrics import (
    METRICS,
    Estimate,
    Summary,
    Unit,
    probability,
    summarise_apart,
    summarise_difference,
)
from simcb.metrics.effect import LEAST
from simcb.metrics.health import SIGMAS
from simcb.metrics.phase import WHOLE, phases
from simcb.options import MOST_EVENTS, MOST_ROWS, CompareOptions, JobOptions
from simcb.scenario import Scenario
from simcb.studies.clients import named_clients, run_coded
from simcb.studies.evaluation.backends import Backend, Inline, WorkersLostError
from simcb.studies.evaluation.evaluator import backend_of
from simcb.studies.limits import SizeEstimate, check_size, estimate_size
from simcb.studies.run import (
    Clients,
    Result,
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

PRACTICAL = 0.05
"""Part of the larger value below which a difference is none; of shares it is a tenth of a point."""

ALONE = 4.0
"""How many times that a difference has to be in a single run, which has no interval."""

SHORTEST = {"time_to_trip": 0.5, "time_to_recover": 1.0}
"""Seconds below which such times do not differ; other times are told apart from 5 ms on."""


class StoppedError(StudyError):
    """A comparison was stopped before all of its runs were made."""


@dataclass(frozen=True)
class Progress:
    """How far a comparison is, in runs."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Change:
    """One number of a variant against that of another.

    Args:
        metric: the number's metric.
        phase: its phase.
        unit: what it counts.
        before: the other variant's.
        after: the variant's.
        by: after minus before, of pairs of replicates where there are pairs.
        told: whether they differ by more than chance, and by enough to matter.
    """

    metric: str
    phase: str
    unit: Unit
    before: Estimate
    after: Estimate
    by: Estimate
    told: bool

    @property
    def more(self) -> bool:
        """Whether the variant has more."""
        return self.told and (self.by.mean or 0.0) > 0.0

    @property
    def less(self) -> bool:
        """Whether the variant has less."""
        return self.told and (self.by.mean or 0.0) < 0.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants and what came of them; the others are held against the first.

    Args:
        variants: what is compared.
        results: what came of each.
        paired: whether replicates of the same place share their random streams.
    """

    variants: tuple[Variant, ...]
    results: tuple[Result, ...]
    paired: bool = True
    _changes: dict[tuple[int, int], Summary] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.variants)

    @property
    def names(self) -> tuple[str, ...]:
        """What the variants are called."""
        return tuple(each.name for each in self.variants)

    @property
    def replicates(self) -> int:
        """How many runs each variant has, or the first one where they differ."""
        return len(self.results[0].runs)

    @property
    def alone(self) -> bool:
        """Whether a variant has a single run, so that there are no intervals."""
        return any(len(each.runs) < 2 for each in self.results)

    def difference(self, variant: int, to: int = 0) -> Summary:
        """Return every number of a variant minus that of another, by their places."""
        key = variant, to
        if key not in self._changes:
            a, b = self.results[to], self.results[variant]
            if self.paired:
                found = summarise_difference(
                    [run.measures for run in a.runs], [run.measures for run in b.runs]
                )
            else:
                found = summarise_apart(a.summary, b.summary)
            self._changes[key] = found
        return self._changes[key]

    def change(
        self, variant: int, metric: str, phase: str = WHOLE, *, to: int = 0, of: str = ""
    ) -> Change | None:
        """Return how a number of a variant differs; None if it is undefined in one of the two."""
        every = self.results[to].summary, self.results[variant].summary
        if not all(_has(summary, phase, of) for summary in every):
            return None
        before, after = (summary.estimate(metric, phase, of) for summary in every)
        by = self.difference(variant, to).estimate(metric, phase, of)
        if before is None or after is None or by is None or not before.n or not after.n:
            return None
        unit = METRICS[metric].unit
        requests = self._requests(to, phase) if self.alone else 0.0
        told = _told(metric, unit, before, after, by, requests)
        return Change(metric, phase, unit, before, after, by, told)

    def _requests(self, variant: int, phase: str) -> float:
        """Return about how many requests a variant's users make in a phase of its first run."""
        result = self.results[variant]
        seconds = next((e.seconds for e in phases(result.trace) if e.name == phase), 0.0)
        return seconds * (result.measures.value("offered_rate", phase) or 0.0)

    @cached_property
    def best(self) -> int:
        """The variant that answers most requests in time, the first of those that are alike."""
        shares = [each.summary.value("answered") or 0.0 for each in self.results]
        return max(range(len(shares)), key=lambda place: (shares[place], -place))

    @cached_property
    def as_good(self) -> tuple[int, ...]:
        """The variants that cannot be told from the best by what they answer, itself included."""
        return tuple(
            place
            for place in range(len(self))
            if place == self.best
            or not ((change := self.change(place, "answered", to=self.best)) and change.told)
        )

    def twin(self, variant: int) -> int | None:
        """Return the variant before this one that is the same scenario; None if none is."""
        own = self.variants[variant]
        scenario = own.scenario.without_sweep()
        same = (
            place
            for place, each in enumerate(self.variants[:variant])
            if each.clients == own.clients and _alike(each.scenario.without_sweep(), scenario)
        )
        return next(same, None)


def _has(summary: Summary, phase: str, of: str) -> bool:
    return phase in summary.phases and (not of or of in summary.entities.names)


def _alike(a: Scenario, b: Scenario) -> bool:
    """Tell whether two scenarios differ in nothing but their names and what is said of them."""
    unnamed = {"name": "", "about": ""}
    return a.model_copy(update=unnamed) == b.model_copy(update=unnamed)


def _told(
    metric: str, unit: Unit, before: Estimate, after: Estimate, by: Estimate, requests: float
) -> bool:
    """Return whether two numbers differ by more than chance, and by enough to matter."""
    if before.never or after.never:
        ends = [probability(each.never, each.n) for each in (before, after)]
        low, high = sorted(ends, key=lambda each: each.mean or 0.0)
        return before.n == 1 == after.n or (high.low or 0.0) > (low.high or 1.0)
    if by.mean is None:
        return False
    known = by.low is not None and by.high is not None
    if known and (by.low or 0.0) <= 0.0 <= (by.high or 0.0):
        return False
    size = abs(by.mean)
    if unit is Unit.SHARE:
        if not known:
            missed = requests * sum(1.0 - (each.mean or 0.0) for each in (before, after))
            return size >= LEAST and size * requests > SIGMAS * math.sqrt(max(missed, 1.0))
        return size >= LEAST
    least = SHORTEST.get(metric, 0.005 if unit is Unit.SECONDS else 0.0)
    part = PRACTICAL * max(abs(before.mean or 0.0), abs(after.mean or 0.0))
    return size >= max(least, part) * (1.0 if known else ALONE)


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


def comparison_of(variants: Sequence[Variant], results: Sequence[Result]) -> Comparison:
    """Return what came of variants as pairs, if all were run with the same streams."""
    streams = {(each.seed, *(run.replicate for run in each.runs)) for each in results}
    return Comparison(tuple(variants), tuple(results), len(streams) == 1)


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
