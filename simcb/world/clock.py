"""Virtual time: a run that SimPy's environment drives, with events placed at absolute moments.

An arrival drawn for second 12.3 has to fire at 12.3, not at `now + (12.3 - now)`, which can
be another float: results would depend on when the event was scheduled. The priorities fix
what happens first among events of the same moment, so a tie never depends on which event
happened to be created earlier.

SimPy's environment asks for no more than its own step, before which all that the clock has
until then happens; so what is done for every attempt is no class of SimPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from simpy import Environment

from simcb.errors import FieldsError
from simcb.world.heap import Heap
from simcb.world.occurrence import Occurrence


class Order(IntEnum):
    """What goes first among events of one moment."""

    CONDITIONS = 1
    """A fault begins, changes or ends."""
    DONE = 2
    """A worker finishes: an answer at the very deadline is in time."""
    EXPIRE = 3
    """A wait ends."""
    ASK = 4
    """A request arrives, a retry or a refresh is made."""
    SAMPLE = 5
    """The state of the world is written down."""


class TimeStandsStillError(FieldsError):
    """A run whose clock no longer moves: something happens again and again without delay.

    Args:
        at: the simulated second at which it stands.
        events: how many events were scheduled for that second.
    """

    at: float
    events: int

    def __str__(self) -> str:
        return (
            f"simulated time stands still at {self.at:g} s after {self.events} events in that "
            "moment; give users a think time, retries a backoff, or services some work"
        )


class EventBudgetError(FieldsError):
    """A run has had as many events as it may have, and is not over.

    Args:
        at: the simulated second it has come to.
        events: how many events it was allowed.
    """

    at: float
    events: int

    def __str__(self) -> str:
        return (
            f"stopped at {self.at:g} s of simulated time after {self.events:,} events; shorten "
            f"the run, lower its rates or retries, or let it go on with --max-events "
            f"{10 * self.events}"
        )


class Clock(Heap):
    """The moment, and what is to happen after it.

    Args:
        patience: how many events may follow each other without any delay before the run is
            taken for one that never ends.
        most_events: how many events and timers there may be in all; None for any number.
    """

    def __init__(self, patience: int = 1_000_000, most_events: int | None = None) -> None:
        super().__init__()
        self._most_turns = _ANY_NUMBER if most_events is None else most_events
        self._turns = 0
        self._patience = patience
        self._still_at = 0.0
        self._still = 0
        self._timers: dict[tuple[float, int, Callable[[Any], None]], Expiries] = {}

    def timers(self, delay: float, order: Order, expire: Callable[[Any], None]) -> Expiries:
        """Return the queue of timers of one delay, for all who want the same.

        Of many processes each with a queue of its own, every timer would be the oldest in one.

        Args:
            delay: seconds from a waiter's `since` to its expiry.
            order: the `Order` in which expiries happen.
            expire: called with each waiter that is not settled in time.
        """
        wanted = delay, int(order), expire
        found = self._timers.get(wanted)
        if found is None:
            found = Expiries(self, delay, order, expire)
            if len(self._timers) < _MOST_QUEUES:
                self._timers[wanted] = found
        return found

    def clear(self) -> None:
        """Forget what has not happened, and the waits that are not over."""
        Heap.clear(self)
        for each in self._timers.values():
            each.clear()

    def read(self) -> float:
        """Return the moment, seconds, as a breaker's clock does."""
        return self.now

    def turn(self) -> int:
        """Return a number that puts what begins now after all that began before.

        Raises:
            EventBudgetError: the run has had all the events it may have.
        """
        turn = self._turns
        if turn >= self._most_turns:
            raise EventBudgetError(self.now, self._most_turns)
        self._turns = turn + 1
        return turn

    def _check_progress(self) -> None:
        if self._still_at != self.now:
            self._still_at = self.now
            self._still = 0
        self._still += 1
        if self._still > self._patience:
            raise TimeStandsStillError(self.now, self._still)

    def at(self, time: float, order: int, event: Occurrence) -> None:
        """Let `event` happen at `time` (seconds, not before now).

        Raises:
            TimeStandsStillError: far too many events in a row were scheduled for this moment.
            EventBudgetError: the run has had all the events it may have.
        """
        if time <= self.now:
            self._check_progress()
        turn = self._turns
        if turn >= self._most_turns:
            raise EventBudgetError(self.now, self._most_turns)
        self._turns = turn + 1
        self.push(time, order, turn, event)

    def tell(self, time: float, order: int, callback: Callable[[], None]) -> None:
        """Call `callback` at `time`."""
        self.at(time, order, Occurrence(lambda _: callback()))

    def run(self, until: float | None = None) -> None:
        """Let everything happen that is due before `until`, or ever."""
        _Drive(self).run(until)
        if until is not None:
            self.now = until


_ANY_NUMBER = 1 << 62
_MOST_QUEUES = 1_000
"""Queues that are kept for others; code may work out another timeout for each attempt."""


class _Drive(Environment):
    """SimPy's environment, which drives a run until its own next event.

    Args:
        clock: what happens before that.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.now)
        self._clock = clock

    def step(self) -> None:
        """Let all happen that the clock has before SimPy's next event, and then that."""
        self._clock.advance(self.peek())
        super().step()


class Waiter(Occurrence):
    """What an `Expiries` queue holds: a wait that began at `since` and may be settled."""

    __slots__ = ("settled", "since", "turn")

    since: float
    turn: int

    def __init__(self) -> None:
        self.settled = False


_COMPACT_FROM = 1024


class Expiries:
    """Timers of one constant delay, kept in a queue instead of the clock's heap.

    With a constant delay timers fall due in the order they were set, so only the oldest
    needs a heap entry. A timer whose wait was settled is dropped when it reaches the head,
    or when those that are over are half of the queue: the heap never sees it.

    Args:
        clock: the run's clock.
        delay: seconds from a waiter's `since` to its expiry.
        order: the `Order` in which expiries happen.
        expire: called with each waiter that is not settled in time.
    """

    def __init__(self, clock: Clock, delay: float, order: Order, expire: Callable[[Any], None]):
        self._clock = clock
        self._delay = delay
        self._order = int(order)
        self._expire = expire
        self._waiting: list[Any] = []
        self._head = 0
        self._armed = False
        self._compact_at = _COMPACT_FROM
        self._event = Occurrence(self._wake)

    def clear(self) -> None:
        """Forget all timers; the run is over."""
        self._waiting.clear()

    def add(self, waiter: Waiter) -> None:
        """Start the timer of a waiter that began now."""
        waiter.turn = self._clock.turn()
        waiting = self._waiting
        waiting.append(waiter)
        if not self._armed:
            self._arm(waiter)
        elif len(waiting) >= self._compact_at:
            self._compact()

    def _arm(self, waiter: Waiter) -> None:
        # With the turn of the waiter's own beginning: of waits in different queues that end
        # together, the one that began first ends first.
        self._armed = True
        self._clock.push(waiter.since + self._delay, self._order, waiter.turn, self._event)

    def _compact(self) -> None:
        left = self._waiting[self._head :]
        # The oldest stays, settled or not: the heap has its turn, which is no other's.
        kept = left[:1]
        kept += [waiter for waiter in left[1:] if not waiter.settled]
        self._waiting = kept
        self._head = 0
        self._compact_at = max(_COMPACT_FROM, 2 * len(self._waiting))

    def _wake(self, _: object) -> None:
        # Stays armed meanwhile: an expiry may add a waiter, which is never the next one due.
        head = self._waiting[self._head]
        if not head.settled and head.since + self._delay <= self._clock.now:
            self._waiting[self._head] = None
            self._head += 1
            self._expire(head)
        waiting, place = self._waiting, self._head
        while place < len(waiting):
            head = waiting[place]
            if not head.settled:
                break
            waiting[place] = None
            place += 1
        self._head = place
        if place < len(waiting):
            self._arm(waiting[place])
        else:
            waiting.clear()
            self._head = 0
            self._armed = False
