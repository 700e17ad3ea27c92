"""The arena: every entry in every storm on the same luck, run as far as is asked for.

An entry is one set of changes, made to each storm's scenario. An arena has the luck of one seed,
and knows who has been run how often and what came of it; a contest has an arena for the search
and one for the check. This module must not know what is good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import Verdict
from simcb.studies.sweep.cells import Base, Cell, Done, Order
from simcb.studies.sweep.columns import ROW
from simcb.studies.sweep.crews import Crew
from simcb.studies.sweep.dispatch import Dispatcher, Lost
from simcb.studies.sweep.engine import Engine, cell_key, scenario_digest
from simcb.studies.sweep.plan import applied
from simcb.studies.sweep.result import Tally
from simcb.studies.sweep.store import Store, collect
from simcb.studies.sweep.table import MISSING, Outcome, Table
from simcb.studies.tune.losses import Filled, filled_in
from simcb.studies.tune.storms import Storm

Changes = tuple[Mapping[str, object], ...]
"""What an entry changes, a mapping for each storm."""


@dataclass(frozen=True)
class Wanted:
    """An entry to be run: in which storm, and up to how many replicates."""

    entry: int
    storm: int
    replicates: int


class Ledger:
    """What has been run, by the keys of cells: in memory, and in a store if there is one.

    Args:
        store: where cells are kept; None keeps nothing.
        storms: whose cells they are.
    """

    def __init__(self, store: Store | None, storms: Sequence[Storm]) -> None:
        self._store = store
        self._known: dict[str, tuple[Verdict, bytes]] = {}
        if store is not None:
            lengths = {len(storm.columns) * ROW.itemsize for storm in storms}
            self._known = collect(store, lambda *_: False, lengths)

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


class Arena:
    """Where entries meet storms.

    Args:
        storms: the scenarios.
        replicates: the most runs of an entry in a storm.
        seed: names the luck.
        engine: the versions everything is run with.
        ledger: what has been run before.
        crew: who runs it.
        stop: asked again and again whether to send out no more.
    """

    def __init__(
        self,
        storms: Sequence[Storm],
        *,
        replicates: int,
        seed: int,
        engine: Engine,
        ledger: Ledger,
        crew: Crew,
        stop: Callable[[], bool],
    ) -> None:
        self.storms = tuple(storms)
        self.replicates = replicates
        self.seed = seed
        self.tables = tuple(Table(storm.columns, replicates) for storm in storms)
        """The numbers of every run, a table for each storm."""
        self.ran = self.reused = 0
        """How many cells were run now, and how many had been run before."""
        self._engine = engine
        self._ledger = ledger
        self._changes: list[Changes] = []
        self._digests: list[tuple[str, ...]] = []
        self._numbers: dict[tuple[str, ...], int] = {}
        self._wanted: set[Cell] = set()
        base = Base.of([(storm.scenario, storm.columns) for storm in storms], seed)
        self._dispatcher = Dispatcher(crew, base, self._take, stop)
        self.taken: Callable[[], None] = lambda: None
        """Called whenever cells have come back."""

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The cells that could not be run; their setting is the entry's number."""
        return tuple(sorted(self._dispatcher.lost, key=lambda each: each.cell))

    def enter(self, changes: Changes) -> int:
        """Return an entry's number; entries with the same scenarios are one.

        Raises:
            StudyError: a scenario refuses the changes.
        """
        pairs = zip(self.storms, changes, strict=True)
        digests = tuple(scenario_digest(applied(storm.scenario, each)) for storm, each in pairs)
        if digests not in self._numbers:
            self._numbers[digests] = len(self._changes)
            self._changes.append(changes)
            self._digests.append(digests)
            for table in self.tables:
                table.grow(1)
        return self._numbers[digests]

    def changes(self, entry: int) -> Changes:
        """Return what an entry changes in each storm."""
        return self._changes[entry]

    def outcome(self, entry: int, storm: int) -> Outcome:
        """Return everything an entry came to in a storm."""
        return Outcome(self.tables[storm], entry, self.storms[storm].scenario)

    def counts(self) -> NDArray[np.int64]:
        """Return how many replicates were run without a gap: entries × storms."""
        found = np.empty((len(self), len(self.storms)), np.int64)
        for storm, table in enumerate(self.tables):
            missing = table.verdicts == MISSING
            first = missing.argmax(axis=1)
            found[:, storm] = np.where(missing.any(axis=1), first, self.replicates)
        return found

    def run(self, wanted: Iterable[Wanted]) -> bool:
        """Run what is missing; return false if it was stopped before all was done."""
        missing: list[Cell] = []
        for each in wanted:
            for replicate in range(min(each.replicates, self.replicates)):
                cell = Cell(each.entry, replicate, each.storm)
                # What could not be made is not tried again.
                if cell not in self._wanted:
                    self._wanted.add(cell)
                    if not self._recall(cell):
                        missing.append(cell)
        if not missing:
            return True
        # The storms of an entry lie together, and a storm's replicates share its scenario.
        missing.sort(key=lambda cell: (cell.setting, cell.scenario, cell.replicate))
        return self._dispatcher.run(self._orders(missing), len(missing))

    def run_everywhere(self, entries: Iterable[int], replicates: int) -> bool:
        """Run entries in every storm up to so many replicates; false if it was stopped."""
        storms = range(len(self.storms))
        return self.run(Wanted(each, storm, replicates) for each in entries for storm in storms)

    def _recall(self, cell: Cell) -> bool:
        known = self._ledger.recall(self._key(cell))
        if known is None:
            return False
        self.tables[cell.scenario].put(cell.setting, cell.replicate, *known)
        self.reused += 1
        return True

    def _orders(self, cells: Sequence[Cell]) -> Iterator[Order]:
        for cell in cells:
            yield Order(cell, self._changes[cell.setting][cell.scenario])

    def _key(self, cell: Cell) -> str:
        digest = self._digests[cell.setting][cell.scenario]
        return cell_key(digest, cell.replicate, self.seed, self._engine)

    def _take(self, done: tuple[Done, ...]) -> None:
        self._ledger.save((self._key(each.cell), each) for each in done)
        for each in done:
            if each.verdict is not None:
                table = self.tables[each.cell.scenario]
                table.put(each.cell.setting, each.cell.replicate, each.verdict, each.row)
                self.ran += 1
        self.taken()


class Contest:
    """The storms of a tune and who runs them; arenas for its search and its check are made here.

    Args:
        storms: the scenarios.
        engine: the versions everything is run with.
        ledger: what has been run before.
        crew: who runs it.
        stop: asked again and again whether to send out no more.
    """

    def __init__(
        self,
        storms: Sequence[Storm],
        engine: Engine,
        ledger: Ledger,
        crew: Crew,
        stop: Callable[[], bool],
    ) -> None:
        self.storms = tuple(storms)
        self._engine = engine
        self._ledger = ledger
        self._crew = crew
        self._stop = stop
        self._arenas: list[Arena] = []

    def arena(self, replicates: int, seed: int) -> Arena:
        """Return a new arena on the luck of a seed."""
        arena = Arena(
            self.storms,
            replicates=replicates,
            seed=seed,
            engine=self._engine,
            ledger=self._ledger,
            crew=self._crew,
            stop=self._stop,
        )
        self._arenas.append(arena)
        return arena

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The runs that could not be made."""
        return tuple(lost for arena in self._arenas for lost in arena.lost)

    @property
    def filled(self) -> tuple[Filled, ...]:
        """Where aims had no number, over all arenas."""
        found = []
        for place, storm in enumerate(self.storms):
            for index, aim in enumerate(storm.aims):
                each = [filled_in(arena.tables[place], aim) for arena in self._arenas]
                filled = Filled(place, index, *(sum(counts) for counts in zip(*each, strict=True)))
                if filled.never or filled.undefined:
                    found.append(filled)
        return tuple(found)

    @property
    def tally(self) -> Tally:
        """How much work it was so far."""
        ran = sum(arena.ran for arena in self._arenas)
        reused = sum(arena.reused for arena in self._arenas)
        return Tally(ran, reused, self._ledger.damaged)
