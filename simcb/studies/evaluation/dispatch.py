"""Dispatch: cells go out to a backend in chunks and come back done, or lost.

Few chunks are in flight at a time, so that ten thousand cells take no more memory than ten.
A chunk is as long as makes the cost of sending it small, and no longer. When a worker dies,
whatever was in flight is under suspicion and runs again alone, one chunk at a time, so that
the innocent are not taken for the guilty.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from itertools import islice

from simcb.studies.evaluation.backends import Backend
from simcb.studies.evaluation.cells import Base, Cell, Done, Order, run_cells

MOST_DEATHS = 3
"""Workers that a cell may take with it before it is given up."""

CHUNK_SECONDS = 0.5
"""How long a chunk should take: sending one takes about a thousandth of that."""

LONGEST_CHUNK = 64
POLL = 0.1
"""Seconds after which a wish to stop is noticed."""

PATIENCE = 30.0
"""Seconds in which a broken pool says so to everyone who waits for it."""


@dataclass(frozen=True)
class Lost:
    """A cell that could not be run.

    Args:
        cell: which.
        reason: why.
        asked: whether that is the user's to mend, and no bug.
    """

    cell: Cell
    reason: str
    asked: bool = False


@dataclass(frozen=True)
class Spare:
    """A cell that somebody will want later: it keeps a worker busy that has nothing else to do.

    Should it fail, that is found out once it is wanted.

    Args:
        base: what it has in common with others.
        order: the cell.
        take: gets it when it is done.
    """

    base: Base
    order: Order
    take: Callable[[tuple[Done, ...]], None]


Chunk = tuple[Order, ...]
Flight = Future[tuple[Done, ...]]


class Dispatcher:
    """Sends cells out and takes them back.

    Args:
        backend: who runs them.
        base: what all cells have in common.
        take: gets the cells that are done, a chunk at a time, in any order.
        stop: asked again and again whether to send out no more.
    """

    def __init__(
        self,
        backend: Backend,
        base: Base,
        take: Callable[[tuple[Done, ...]], None],
        stop: Callable[[], bool],
    ) -> None:
        self._backend = backend
        self._base = base
        self._take = take
        self._stop = stop
        self._flying: dict[Flight, Chunk] = {}
        self._spares: dict[Flight, Spare] = {}
        self._quarantined: deque[Chunk] = deque()
        self._deaths: Counter[Cell] = Counter()
        self._doubted = False
        self._seconds = 0.0
        self._timed = 0
        self._left = 0
        self.lost: list[Lost] = []
        """The cells that were given up."""
        self.spare: Iterator[Spare] = iter(())
        """What to do besides, so that nobody waits for the last cells of a run."""

    def run(self, orders: Iterable[Order], count: int) -> bool:
        """Run cells; return false if it was stopped before all were done.

        Args:
            orders: the cells, made as they are needed.
            count: how many there are at most.
        """
        waiting = iter(orders)
        self._left = count
        while True:
            stopped = self._stop()
            if stopped:
                self._call_back()
            else:
                self._send_out(waiting)
            if not self._flying:
                return not stopped and not self._quarantined and not self._left
            if not stopped:
                self._fill_up()
            flights = [*self._flying, *self._spares]
            done, _ = wait(flights, timeout=POLL, return_when=FIRST_COMPLETED)
            self._take_spares(done)
            self._take_in(each for each in done if each in self._flying)

    def settle(self) -> None:
        """Wait for what was done besides."""
        self._take_spares(wait(self._spares).done)

    def _send_out(self, waiting: Iterator[Order]) -> None:
        while self._quarantined or self._left:
            if self._quarantined:
                # A suspect is sent out alone, so whose death it is cannot be in doubt.
                if not self._flying:
                    self.settle()
                    self._submit(self._quarantined.popleft())
                return
            if len(self._flying) >= self._backend.max_in_flight:
                return
            chunk = tuple(islice(waiting, self._length()))
            self._left = self._left - len(chunk) if chunk else 0
            if chunk:
                self._submit(chunk)

    def _length(self) -> int:
        """Return how many cells the next chunk has."""
        if not self._timed:
            return 1
        each = max(self._seconds / self._timed, 1e-6)
        # Towards the end chunks get shorter, so that no worker is left with a long one alone.
        fair = self._left // (2 * self._backend.concurrency)
        return max(1, min(int(CHUNK_SECONDS / each), LONGEST_CHUNK, fair))

    def _submit(self, chunk: Chunk) -> None:
        self._flying[self._backend.submit(run_cells, self._base, chunk)] = chunk

    def _fill_up(self) -> None:
        """Have something ready for whoever is the first to have nothing left to do."""
        while 0 < len(self._flying) + len(self._spares) <= self._backend.concurrency:
            spare = None if self._quarantined else next(self.spare, None)
            if spare is None:
                return
            self._spares[self._backend.submit(run_cells, spare.base, (spare.order,))] = spare

    def _call_back(self) -> None:
        for flights in (self._flying, self._spares):
            for future in [each for each in flights if each.cancel()]:
                del flights[future]

    def _take_spares(self, futures: Iterable[Flight]) -> None:
        for future in [each for each in futures if each in self._spares]:
            spare, error = self._spares.pop(future), _error_of(future)
            if error is None:
                spare.take(tuple(each for each in future.result() if each.verdict is not None))
            elif self._backend.deaths(error):
                self._doubted = True

    def _take_in(self, futures: Iterable[Flight]) -> None:
        dead: list[tuple[Chunk, int]] = []
        for future in futures:
            chunk, error = self._flying.pop(future), _error_of(future)
            if error is None:
                self._keep(future.result())
            elif deaths := self._backend.deaths(error):
                dead.append((chunk, deaths))
            else:
                self._give_up(chunk, f"{type(error).__name__}: {error}")
        if not dead:
            return
        if self._backend.falls_together and self._flying:
            # The others are lost as well, but may not have been told yet.
            for future in wait(self._flying, timeout=PATIENCE).not_done:
                future.cancel()
            for future, chunk in self._flying.items():
                if _error_of(future) is None:
                    self._keep(future.result())
                else:
                    dead.append((chunk, 1))
            self._flying.clear()
        self._isolate(dead)

    def _keep(self, done: tuple[Done, ...]) -> None:
        self._seconds += sum(each.seconds for each in done)
        self._timed += len(done)
        self.lost.extend(
            Lost(each.cell, each.error, each.asked) for each in done if each.verdict is None
        )
        self._take(done)

    def _isolate(self, dead: list[tuple[Chunk, int]]) -> None:
        """Put the chunks that were in flight when a worker died under suspicion.

        Whose death it was is certain of a chunk that was alone in flight, and only if the worker
        had begun to work.
        """
        alone = len(dead) == 1 and not self._spares and not self._doubted
        certain = alone or not self._backend.falls_together
        certain = self._backend.renew() and certain
        self._doubted = False
        for chunk, deaths in dead:
            if not certain:
                self._quarantined.append(chunk)
            elif len(chunk) > 1:
                self._quarantined.extend((order,) for order in chunk)
            elif self._has_died(chunk[0].cell, deaths):
                times = self._deaths[chunk[0].cell]
                self._give_up(chunk, f"its worker died {times} times (killed, or out of memory)")
            else:
                self._quarantined.append(chunk)

    def _has_died(self, cell: Cell, deaths: int) -> bool:
        """Count a cell's deaths, and tell whether they are enough."""
        self._deaths[cell] += deaths
        return self._deaths[cell] >= MOST_DEATHS

    def _give_up(self, chunk: Chunk, reason: str) -> None:
        self.lost.extend(Lost(order.cell, reason) for order in chunk)


def _error_of(future: Flight) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()
