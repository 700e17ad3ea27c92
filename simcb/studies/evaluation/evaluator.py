"""The evaluator: candidates in scenarios on the same random streams, run as far as asked for.

A candidate is one set of changes to each scenario. What a cell gives depends on nothing but its
key, so results are taken from a cache, and who runs the others, in what order and how often it
has to be tried changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import Verdict
from simcb.options import JobOptions
from simcb.studies.evaluation.backends import Backend, Borrowed, Cluster, Inline, usable_cores
from simcb.studies.evaluation.cells import (
    ROW,
    Base,
    Cell,
    Done,
    Engine,
    Measured,
    Order,
    cell_key,
    effective_digest,
)
from simcb.studies.evaluation.dispatch import Dispatcher, Lost, Spare
from simcb.studies.evaluation.manifest import Spec
from simcb.studies.evaluation.pool import Pool
from simcb.studies.evaluation.settings import applied
from simcb.studies.evaluation.stand_ins import Behaviour, StandIns, in_turn
from simcb.studies.evaluation.store import Store
from simcb.studies.evaluation.table import MISSING, Outcome, Table
from simcb.studies.run import StudyError
from simcb.studies.tags import checked_tags

MOST_WORKERS = 1024

Changes = tuple[Mapping[str, object], ...]
"""What a candidate changes, a mapping for each scenario."""


@dataclass(frozen=True)
class Tally:
    """How much work a study was; unlike its results this depends on what was done before.

    Args:
        ran: cells that were run now.
        reused: cells whose numbers were in the directory already.
        damaged: records of the directory that were torn or damaged, and whose cells were
            therefore run again.
    """

    ran: int
    reused: int
    damaged: int


@dataclass(frozen=True)
class Told:
    """Something worth telling of how clients' code ran.

    Args:
        cell: the first that had it; its setting is the candidate's number.
        text: the sentence, of that cell.
        runs: how many had it.
    """

    cell: Cell
    text: str
    runs: int


class ResultCache:
    """What came of cells, by their keys: what a store held, and what is saved there now.

    Args:
        store: where cells are kept; None keeps nothing.
        widths: how many numbers a record may have; one with another number is damaged.
    """

    def __init__(self, store: Store | None, widths: Iterable[int]) -> None:
        self._store = store
        self._known: dict[str, tuple[Verdict, bytes]] = {}
        sizes = {width * ROW.itemsize for width in widths}
        for key, verdict, row in store.records() if store is not None else ():
            if store is not None and len(row) not in sizes:
                store.damaged += 1
            else:
                self._known[key] = verdict, row

    @property
    def damaged(self) -> int:
        """How many records of the store were torn or damaged."""
        return self._store.damaged if self._store is not None else 0

    def recall(self, key: str) -> tuple[Verdict, bytes] | None:
        """Return what came of a cell before; None if it has to be run."""
        return self._known.get(key)

    def save(self, done: Iterable[tuple[str, Done]]) -> None:
        """Keep what came of cells."""
        if self._store is not None:
            self._store.save(done)


class Evaluator:
    """Candidates, and the numbers of their runs.

    Args:
        scenarios: what is run, each with the columns that are measured.
        replicates: the most runs of a candidate in a scenario.
        seed: random seed; replicate i has the same streams for every candidate.
        engine: the versions everything is run with.
        cache: what has been run before.
        backend: returns who runs the rest; asked when there is something to run.
        stop: asked again and again whether to send out no more.
        clients: the code of client groups, `module:function` each.
    """

    def __init__(
        self,
        scenarios: Sequence[Measured],
        *,
        replicates: int,
        seed: int,
        engine: Engine,
        cache: ResultCache,
        backend: Callable[[], Backend],
        stop: Callable[[], bool],
        clients: Mapping[str, str] | None = None,
    ) -> None:
        self.replicates = replicates
        self.seed = seed
        self.tables = tuple(Table(columns, replicates) for _, columns in scenarios)
        """The numbers of every run, a table for each scenario."""
        self.ran = self.reused = 0
        """How many cells were run now, and how many had been run before."""
        self.taken: Callable[[tuple[Done, ...]], None] = lambda done: None
        """Called whenever cells have come back."""
        self.spare: Iterator[Spare] = iter(())
        """What workers run besides who would otherwise wait for the last cells of a run."""
        self._scenarios = tuple(scenarios)
        self._engine = engine
        self._cache = cache
        self._backend = backend
        self._stop = stop
        self._clients = clients or {}
        self._changes: list[Changes] = []
        self._digests: list[tuple[str, ...]] = []
        self._behaviours: list[tuple[Behaviour, ...]] = []
        self._stand_ins = StandIns([columns for _, columns in scenarios])
        self._numbers: dict[tuple[str, ...], int] = {}
        self._told: dict[str, Told] = {}
        self._asked: set[Cell] = set()
        self._base = Base.of(self._scenarios, seed, clients)
        self._dispatcher: Dispatcher | None = None

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The cells that could not be run; their setting is the candidate's number."""
        found = self._dispatcher.lost if self._dispatcher else ()
        return tuple(sorted(found, key=lambda each: each.cell))

    @property
    def tally(self) -> Tally:
        """How much work it was so far."""
        return Tally(self.ran, self.reused, self._cache.damaged)

    @property
    def told(self) -> tuple[Told, ...]:
        """What is worth telling of how clients' code ran now, the most frequent first."""
        return tuple(sorted(self._told.values(), key=lambda each: (-each.runs, each.cell)))

    def add(self, candidates: Sequence[Changes], digests: Sequence[tuple[str, ...]]) -> None:
        """Add candidates, each with the digests of its effective scenarios."""
        self._changes += candidates
        self._digests += digests
        for table in self.tables:
            table.grow(len(candidates))

    def enter(self, changes: Changes) -> int:
        """Return a candidate's number; those with the same effective scenarios are one.

        Raises:
            StudyError: a scenario refuses the changes.
        """
        pairs = [*zip(self._scenarios, changes, strict=True)]
        digests = tuple(
            effective_digest(scenario, each, self._clients) for (scenario, _), each in pairs
        )
        if digests not in self._numbers:
            self._numbers[digests] = len(self)
            if not self._clients:
                # What clients' own code does is known to nobody.
                effective = (applied(scenario, each) for (scenario, _), each in pairs)
                self._behaviours.append(tuple(map(Behaviour.of, effective)))
            self.add([changes], [digests])
        return self._numbers[digests]

    def changes(self, candidate: int) -> Changes:
        """Return what a candidate changes in each scenario."""
        return self._changes[candidate]

    def outcome(self, candidate: int, place: int) -> Outcome:
        """Return everything a candidate came to in a scenario."""
        return Outcome(self.tables[place], candidate, self._scenarios[place][0])

    def counts(self) -> NDArray[np.int64]:
        """Return how many replicates were run without a gap: candidates × scenarios."""
        found = np.empty((len(self), len(self.tables)), np.int64)
        for place, table in enumerate(self.tables):
            missing = table.verdicts == MISSING
            first = missing.argmax(axis=1)
            found[:, place] = np.where(missing.any(axis=1), first, self.replicates)
        return found

    def run(self, wanted: Iterable[Cell]) -> bool:
        """Run cells that are not known; return false if it was stopped before all was done.

        What could not be run is not tried again. Of candidates that were entered those are not
        run for which a run of another one stands in.
        """
        missing = [cell for cell in dict.fromkeys(wanted) if not self._is_known(cell)]
        missing = sorted(
            (cell for cell in missing if not self._has_stand_in(cell)),
            # The scenarios of a candidate lie together, and their replicates share a scenario.
            key=lambda cell: (cell.setting, cell.scenario, cell.replicate),
        )
        if not missing:
            return True
        if self._dispatcher is None:
            self._dispatcher = Dispatcher(self._backend(), self._base, self._take, self._stop)
            self._dispatcher.spare = self.spare
        if self._behaviours:
            turns = in_turn([(self._behaviour(each), each.replicate) for each in missing])
            missing = [missing[turn] for turn in turns]
        self._asked.update(missing)
        return self._dispatcher.run(self._orders(missing), len(missing))

    def spares(self, certain: Iterable[Cell]) -> Iterator[Spare]:
        """Yield what is not known of cells that will be wanted for sure, for others to run."""
        for cell in certain:
            if not self._is_known(cell) and not self._has_stand_in(cell):
                yield Spare(self._base, self._order(cell), self._take_spare)

    def settle(self) -> None:
        """Wait for the spares of others that are being run."""
        if self._dispatcher is not None:
            self._dispatcher.settle()

    def run_in(self, places: Iterable[int], candidates: Iterable[int], replicates: int) -> bool:
        """Run candidates in some scenarios up to so many replicates; false if it was stopped."""
        places = tuple(places)
        return self.run(
            Cell(candidate, replicate, place)
            for candidate in candidates
            for place in places
            for replicate in range(min(replicates, self.replicates))
        )

    def _is_known(self, cell: Cell) -> bool:
        """Tell whether a cell was asked for before, or its numbers are in the cache."""
        if cell in self._asked:
            return True
        known = self._cache.recall(self._key(cell))
        if known is None:
            return False
        self._put(cell, *known)
        self.reused += 1
        return True

    def _put(self, cell: Cell, verdict: Verdict, row: bytes) -> None:
        self._asked.add(cell)
        self.tables[cell.scenario].put(cell.setting, cell.replicate, verdict, row)
        if self._behaviours:
            self._stand_ins.add(cell.scenario, self._behaviour(cell), cell.replicate, verdict, row)

    def _behaviour(self, cell: Cell) -> Behaviour:
        return self._behaviours[cell.setting][cell.scenario]

    def _has_stand_in(self, cell: Cell) -> bool:
        """Tell whether another candidate's run is the same as a cell, and take its numbers."""
        if not self._behaviours:
            return False
        known = self._stand_ins.find(self._behaviour(cell), cell.replicate)
        if known is not None:
            self._asked.add(cell)
            self.tables[cell.scenario].put(cell.setting, cell.replicate, *known)
        return known is not None

    def _orders(self, cells: Iterable[Cell]) -> Iterator[Order]:
        for cell in cells:
            if not self._has_stand_in(cell):
                yield self._order(cell)

    def _order(self, cell: Cell) -> Order:
        return Order(cell, self._changes[cell.setting][cell.scenario])

    def _key(self, cell: Cell) -> str:
        digest = self._digests[cell.setting][cell.scenario]
        return cell_key(digest, cell.replicate, self.seed, self._engine)

    def _take_spare(self, done: tuple[Done, ...]) -> None:
        # Somebody may have stood in for it, or it was not waited for and asked for once more.
        self._take(tuple(each for each in done if each.cell not in self._asked))

    def _take(self, done: tuple[Done, ...]) -> None:
        self._cache.save((self._key(each.cell), each) for each in done)
        for each in done:
            if each.verdict is not None:
                self._put(each.cell, each.verdict, each.row)
                self.ran += 1
            for note in each.notes:
                known = self._told.get(note.kind)
                runs = 1 + (known.runs if known else 0)
                # Whoever comes back first, the first cell's is told.
                first = Told(each.cell, note.text, runs)
                if known is not None and known.cell < each.cell:
                    first = replace(known, runs=runs)
                self._told[note.kind] = first
        self.taken(done)


@contextmanager
def working(job: JobOptions, spec: Spec) -> Iterator[tuple[Store | None, Callable[[], Backend]]]:
    """Open the directory of a study, and close it with all workers that were needed.

    Yields:
        The store, if there is one, and what returns the backend, which is made when it is
        first asked for.
    """
    spec = replace(spec, tags=checked_tags(job.tags))
    store = Store.begin(job.out, spec, resume=job.resume) if job.out is not None else None
    made: list[Backend] = []

    def backend() -> Backend:
        if not made:
            made.append(backend_of(job))
        return made[0]

    orderly = False
    try:
        yield store, backend
        orderly = True
    finally:
        try:
            for each in made:
                each.close(at_once=not orderly)
        finally:
            if store is not None:
                store.close()


def backend_of(job: JobOptions) -> Backend:
    """Return who is to run a study's cells.

    Raises:
        StudyError: both an executor and a cluster are given, or a number makes no sense.
        MissingExtraError: Dask is asked for and not installed.
    """
    if job.workers is not None and not 0 <= job.workers <= MOST_WORKERS:
        raise StudyError(f"workers is {job.workers}", f"give 0 to {MOST_WORKERS}, or auto")
    if job.executor is not None and job.dask is not None:
        raise StudyError("both an executor and a Dask address are given", "give one of them")
    count = usable_cores() if job.workers is None else job.workers
    if job.dask is not None:
        return Cluster(job.dask, max(1, count))
    if job.executor is not None:
        return Borrowed(job.executor, max(1, count))
    return Pool(count) if count else Inline()
