"""Virtual time: SimPy's environment, with events placed at absolute moments.

An arrival drawn for second 12.3 has to fire at 12.3, not at `now + (12.3 - now)`, which can
be another float: results would depend on when the event was scheduled. The priorities fix
what happens first among events of the same moment, so a tie never depends on which event
happened to be created earlier.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappush
from itertools import chain
from typing import Any, Generic, TypeVar

from simpy import Environment

from simcb.errors import FieldsError

Callback = Callable[[Any], None]


class Order(IntEnum):
    """What goes first among events of one moment; SimPy's own urgent events are 0."""

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


@dataclass(slots=True, init=False, eq=False, repr=False)
class Occurrence:
    """What SimPy's loop asks of an event, and no more: it succeeds, and calls its callbacks.

    Those are set anew each time it is scheduled. It has slots, for an attempt, which is its own
    completion event, is made for every try of every request.
    """

    callbacks: tuple[Callback, ...] | None = field(init=False)
    _ok = True

    def __init__(self, *callbacks: Callback) -> None:
        self.callbacks = callbacks


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


class Clock(Environment):
    """A SimPy environment that also schedules at an absolute time.

    Args:
        patience: how many events may follow each other without any delay before the run is
            taken for one that never ends.
        most_events: how many events and timers there may be in all; None for any number.
    """

    def __init__(self, patience: int = 1_000_000, most_events: int | None = None) -> None:
        super().__init__(0.0)
        self._most_events = most_events
        if most_events is not None:
            # Events are numbered anyway: a supply of numbers that ends costs nothing to check.
            self._eid = chain(range(most_events), iter(self._stop, None))  # type: ignore[assignment]
        self._patience = patience
        self._still_at = 0.0
        self._still = 0
        self.turn: Callable[[], int] = self._eid.__next__
        """Returns a number that puts what begins now after all that began before."""

    def _stop(self) -> int:
        raise EventBudgetError(self._now, self._most_events or 0)

    def _check_progress(self) -> None:
        if self._still_at != self._now:
            self._still_at = self._now
            self._still = 0
        self._still += 1
        if self._still > self._patience:
            raise TimeStandsStillError(self._now, self._still)

    def at(self, time: float, order: int, event: Occurrence) -> None:
        """Let `event` happen at `time` (seconds, not before now).

        Raises:
            TimeStandsStillError: far too many events in a row were scheduled for this moment.
            EventBudgetError: the run has had all the events it may have.
        """
        if time <= self._now:
            self._check_progress()
        heappush(self._queue, (time, order, self.turn(), event))  # type: ignore[misc]

    def at_turn(self, time: float, order: int, turn: int, event: Occurrence) -> None:
        """Let `event` happen at `time`, among others of that moment in its `turn`."""
        heappush(self._queue, (time, order, turn, event))  # type: ignore[misc]

    def tell(self, time: float, order: int, callback: Callable[[], None]) -> None:
        """Call `callback` at `time`."""
        self.at(time, order, Occurrence(lambda _: callback()))


@dataclass(slots=True, eq=False, repr=False)
class Waiter(Occurrence):
    """What an `Expiries` queue holds: a wait that began at `since` and may be settled."""

    since: float = field(init=False)
    turn: int = field(init=False)
    settled: bool = field(init=False, default=False)


_COMPACT_FROM = 1024

W = TypeVar("W", bound=Waiter)


class Expiries(Generic[W]):
    """Timers of one constant delay, kept in a queue instead of SimPy's heap.

    With a constant delay timers fall due in the order they were set, so only the oldest
    needs a heap entry. A timer whose wait was settled is dropped when it reaches the head,
    or when settled ones are half of the queue: the heap never sees it.

    Args:
        clock: the run's clock.
        delay: seconds from a waiter's `since` to its expiry.
        order: the `Order` in which expiries happen.
        expire: called with each waiter that is not settled in time.
    """

    def __init__(self, clock: Clock, delay: float, order: Order, expire: Callable[[W], None]):
        self._clock = clock
        self._delay = delay
        self._order = int(order)
        self._expire = expire
        self._waiting: deque[W] = deque()
        self._armed = False
        self._compact_at = _COMPACT_FROM
        self._callbacks = (self._wake,)
        self._event = Occurrence()
        self._turn = clock.turn

    def add(self, waiter: W) -> None:
        """Start the timer of a waiter that began now."""
        waiter.turn = self._turn()
        waiting = self._waiting
        waiting.append(waiter)
        if not self._armed:
            self._arm(waiter)
        elif len(waiting) >= self._compact_at:
            self._compact()

    def _arm(self, waiter: W) -> None:
        # With the turn of the waiter's own beginning: of waits in different queues that end
        # together, the one that began first ends first.
        self._armed = True
        self._event.callbacks = self._callbacks
        self._clock.at_turn(waiter.since + self._delay, self._order, waiter.turn, self._event)

    def _compact(self) -> None:
        self._waiting = deque(waiter for waiter in self._waiting if not waiter.settled)
        self._compact_at = max(_COMPACT_FROM, 2 * len(self._waiting))

    def _wake(self, _: object) -> None:
        # Stays armed meanwhile: an expiry may add a waiter, which is never the next one due.
        head = self._waiting[0]
        if not head.settled and head.since + self._delay <= self._clock._now:
            self._waiting.popleft()
            self._expire(head)
        waiting = self._waiting
        while waiting and waiting[0].settled:
            waiting.popleft()
        if waiting:
            self._arm(waiting[0])
        else:
            self._armed = False
