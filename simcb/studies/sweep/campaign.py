"""A sweep under way: what is known, what is missing, and what the next round is.

Cells come back in any order and only the store and the table notice; what comes out does not
depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate, Verdict
from simcb.studies.sweep.asking import policies
from simcb.studies.sweep.cells import Base, Cell, Done, Order
from simcb.studies.sweep.columns import ROW
from simcb.studies.sweep.crews import Crew
from simcb.studies.sweep.dispatch import Dispatcher, Lost
from simcb.studies.sweep.engine import cell_key, scenario_digest
from simcb.studies.sweep.plan import Setting, applied, changes_of
from simcb.studies.sweep.planning import Plan
from simcb.studies.sweep.ranking import badness
from simcb.studies.sweep.refining import Refinement
from simcb.studies.sweep.result import SweepResult, Tally
from simcb.studies.sweep.store import Store, collect
from simcb.studies.sweep.table import Outcome, Table


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Args:
        done: cells whose numbers are known.
        total: all cells known of; a refinement may find more.
        lost: cells that were given up.
        seconds: since the first cell of this process was sent out.
        ran: how many of the done cells were run since then.
        best: the best of the settings that are complete, and its objective; None where there
            is no one best.
    """

    done: int
    total: int
    lost: int
    seconds: float
    ran: int
    best: tuple[Setting, Estimate] | None


class Campaign:
    """A sweep under way: what is known, what is missing, and where it is kept.

    Args:
        plan: what is to be done.
        digests: the effective scenario of each of the plan's settings.
        store: where finished cells are kept; None keeps them in memory alone.
        progress: called after each chunk.
    """

    def __init__(
        self,
        plan: Plan,
        digests: Sequence[str],
        store: Store | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self._plan = plan
        self._store = store
        self._progress = progress
        self._settings: list[Setting] = []
        self._numbers: dict[Setting, int] = {}
        self._keys: dict[Cell, str] = {}
        self._table = Table(plan.columns, plan.replicates)
        self._dispatcher: Dispatcher | None = None
        self._ran = self._reused = 0
        self._begun = time.monotonic()
        self._best: tuple[Setting, Estimate] | None = None
        # Of several worlds each has a best of its own.
        self._crowning = all(policies(plan.scenario, plan.axes))
        self._waiting: dict[str, tuple[Verdict, bytes]] = {}
        self._refinement = Refinement(plan.axes, plan.depth) if plan.border else None
        self._add(plan.settings, digests)
        if store is not None:
            self._recall(store)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be run."""
        return self._refinement is None and not self._missing()

    def run(self, crew: Crew, stop: Callable[[], bool]) -> bool:
        """Run what is missing, then what the refinement asks for; false if it was stopped."""
        base = Base.of([(self._plan.scenario, self._plan.columns)], self._plan.seed)
        dispatcher = self._dispatcher = Dispatcher(crew, base, self._take, stop)
        orderly = False
        self._begun = time.monotonic()
        try:
            complete = self._round(dispatcher)
            while complete and self._refine():
                complete = self._round(dispatcher)
            orderly = True
        finally:
            crew.close(at_once=not orderly)
        return complete

    def recalled(self) -> SweepResult:
        """Return what the store knows, without running anything."""
        while not self._missing() and self._refine():
            pass
        return self.result(complete=not self._missing())

    def result(self, *, complete: bool) -> SweepResult:
        """Return what is known."""
        plan = self._plan
        return SweepResult(
            scenario=plan.scenario,
            axes=plan.axes,
            design=plan.design,
            settings=tuple(self._settings),
            replicates=plan.replicates,
            seed=plan.seed,
            objective=plan.objective,
            border=plan.border,
            fine_settings=self._refinement.fine_settings if self._refinement else 0,
            table=self._table,
            lost=tuple(sorted(self._lost, key=lambda each: each.cell)),
            complete=complete,
            tally=Tally(self._ran, self._reused, self._store.damaged if self._store else 0),
        )

    def _add(self, settings: Sequence[Setting], digests: Sequence[str]) -> None:
        first = len(self._settings)
        self._table.grow(len(settings))
        for number, (setting, digest) in enumerate(zip(settings, digests, strict=True), first):
            self._settings.append(setting)
            self._numbers[setting] = number
            for replicate in range(self._plan.replicates):
                cell = Cell(number, replicate)
                key = cell_key(digest, replicate, self._plan.seed, self._plan.engine)
                self._keys[cell] = key
                if key in self._waiting:
                    self._table.put(number, replicate, *self._waiting.pop(key))
                    self._reused += 1

    def _recall(self, store: Store) -> None:
        """Take in what the store holds; records of settings not yet known wait for them."""
        cells: dict[str, list[Cell]] = {}
        for cell, key in self._keys.items():
            cells.setdefault(key, []).append(cell)

        def wanted(key: str, verdict: Verdict, row: bytes) -> bool:
            for cell in cells.get(key, ()):
                self._reused += not self._table.has(cell.setting, cell.replicate)
                self._table.put(cell.setting, cell.replicate, verdict, row)
            return key in cells

        self._waiting = collect(store, wanted, {len(self._plan.columns) * ROW.itemsize})

    def _missing(self) -> list[Cell]:
        return [cell for cell in self._keys if not self._table.has(cell.setting, cell.replicate)]

    def _round(self, dispatcher: Dispatcher) -> bool:
        given_up = {each.cell for each in self._lost}
        missing = [cell for cell in self._missing() if cell not in given_up]
        return dispatcher.run(self._orders(missing), len(missing)) if missing else True

    @property
    def _lost(self) -> list[Lost]:
        return self._dispatcher.lost if self._dispatcher else []

    def _orders(self, cells: Sequence[Cell]) -> Iterator[Order]:
        for cell in cells:
            yield Order(cell, changes_of(self._plan.axes, self._settings[cell.setting]))

    def _take(self, done: tuple[Done, ...]) -> None:
        if self._store is not None:
            self._store.save((self._keys[each.cell], each) for each in done)
        for each in done:
            if each.verdict is not None:
                self._table.put(each.cell.setting, each.cell.replicate, each.verdict, each.row)
                self._ran += 1
        if self._progress is not None:
            for number in sorted({each.cell.setting for each in done}):
                self._compare(number)
            seconds = time.monotonic() - self._begun
            known = self._ran + self._reused
            self._progress(
                Progress(known, len(self._keys), len(self._lost), seconds, self._ran, self._best)
            )

    def _compare(self, number: int) -> None:
        """Keep a setting in mind that is complete and better than any before."""
        if not self._crowning or not self._table.is_complete(number):
            return
        found = self._table.estimate(number, self._plan.objective)
        if not found.n or Outcome(self._table, number, self._plan.scenario).failure:
            return
        objective = self._plan.objective
        if self._best is None or badness(found, objective) < badness(self._best[1], objective):
            self._best = (self._settings[number], found)

    def _refine(self) -> bool:
        """Add the settings that the border asks for; false if it asks for no more."""
        if self._refinement is None:
            return False
        while True:
            points = self._refinement.points
            sides = {point: self._side(self._refinement.setting_at(point)) for point in points}
            found = [self._refinement.setting_at(point) for point in self._refinement.more(sides)]
            if not found:
                return False
            # Points between neighbouring whole numbers are no settings of their own.
            added = [each for each in dict.fromkeys(found) if each not in self._numbers]
            if added:
                self._add(added, [self._digest(each) for each in added])
                return True

    def _side(self, setting: Setting) -> bool | None:
        """Return on which side of the border a setting lies; None if that is undefined."""
        border = self._plan.border
        if border is None:
            return None
        mean = self._table.estimate(self._numbers[setting], border.objective).mean
        return None if mean is None else mean >= border.value

    def _digest(self, setting: Setting) -> str:
        changes = changes_of(self._plan.axes, setting)
        return scenario_digest(applied(self._plan.scenario, changes))
