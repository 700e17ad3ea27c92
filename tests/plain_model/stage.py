"""What the plain model is made of: time, workers, and what is asked of whom.

Two things are added to SimPy. An event may be placed at an absolute moment with a place in
the order of that moment, so that ties fall as the scenario language says: conditions change,
workers finish, waits end, people ask, samples are taken. And what an event sets off at once
happens before anything else of the moment, work of no length that begins meanwhile included,
one consequence after the other, each with all its own consequences: as if the one who hears
had been called by the one who tells.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from heapq import heappush
from itertools import count
from math import inf
from typing import NamedTuple

from plain_model.delays import Next, story_of
from plain_model.record import AttemptRecord
from simpy import Environment, Event
from simpy.events import NORMAL
from simpy.resources.resource import PriorityRequest, PriorityResource, Release, SortedQueue

from simcb.outcomes import AttemptOutcome
from simcb.scenario.calls import Call
from simcb.scenario.faults import Fault
from simcb.scenario.model import Discipline, Service
from simcb.world.clock import Order
from simcb.world.streams import AttemptStreams

IN_FLIGHT = AttemptOutcome.IN_FLIGHT
AT_ONCE = min(Order) - 1
"""The order of what an event sets off at once: before all else of its moment."""


class Moments(Environment):
    """SimPy's environment, with events at absolute moments and consequences in their order.

    The events of a moment stand in the heap by order and turn. A turn is a tuple: that of a
    consequence begins with the turn of the event it follows from, so it sorts before all
    that is set off later.
    """

    def __init__(self) -> None:
        super().__init__()
        self.turn: tuple[float, ...] = ()

    def at(self, moment: float, order: Order) -> Event:
        """Return an event that happens at `moment`, among others of it as `order` says."""
        event = Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (moment, order, (next(self._eid),), event))  # type: ignore[misc]
        return event

    def last(self) -> Event:
        """Return an event that happens when all that the present one sets off is over."""
        event = Event(self)
        event._ok, event._value = True, None
        turn = (*self.turn[:1], inf, next(self._eid))
        heappush(self._queue, (self.now, AT_ONCE, turn, event))  # type: ignore[misc]
        return event

    def schedule(self, event: Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Let an event that SimPy itself has triggered happen: as a consequence, if at once."""
        at_once = delay == 0
        order = AT_ONCE if at_once else priority
        turn = (*self.turn, next(self._eid)) if at_once else (next(self._eid),)
        heappush(self._queue, (self.now + delay, order, turn, event))  # type: ignore[misc]

    def step(self) -> None:
        """Let the next event happen."""
        if self._queue:
            _, _, self.turn, _ = self._queue[0]  # type: ignore[assignment]
        super().step()


class Answer(NamedTuple):
    """How a call, or all of a caller's calls, ended."""

    outcome: AttemptOutcome
    degraded: bool = False
    retry_after: float = 0.0


Answering = Generator[Event, None, Answer]
Process = Generator[Event, None, None]


@dataclass(frozen=True)
class Errand:
    """On whose behalf calls are made: a press of a user, or an attempt being served.

    Args:
        number: the request's number in its group.
        request, parent: places in the record, -1 for no parent.
        over: happens when nobody wants the answer any more.
    """

    number: int
    request: int
    parent: int
    over: Event


@dataclass(eq=False)
class Job:
    """An attempt on its way to a replica, there, and on its way back.

    Args:
        row, place: its row in the record, and where that stands.
        caller: who sent it, by the name of all its like.
        answer: happens when the caller hears of it.
        cut: happens when the service stops in the middle of it.
        priority: of whose request it is.
        displaced: whether it had to make room for one of a higher priority.
        thrown_out: whether it has waited too long.
        held: from when until when a worker is held for it.
    """

    row: AttemptRecord
    place: int
    caller: str
    call: Call
    streams: AttemptStreams
    number: int
    answer: Event
    cut: Event
    priority: int = 0
    displaced: bool = False
    thrown_out: bool = False
    held: list[float] = field(default_factory=list)

    @property
    def deserted(self) -> bool:
        """Whether its caller has gone."""
        return self.row.outcome is not IN_FLIGHT

    def lot(self, label: str, fault: Fault) -> float:
        """Return its lot for a fault: below the fault's share, it is struck."""
        return self.streams.draw(label, self.number, fault.sticky)


class Seat(PriorityRequest):
    """A worker that is asked for: by a job, or by a fault that takes it away.

    Attributes:
        company: how many workers were busy when this one was given.
    """

    company: int = 0

    def __init__(self, workers: Workers, priority: float, job: Job | None, ticket: int = 0) -> None:
        self.job = job
        self.ticket = ticket
        super().__init__(workers, priority)  # type: ignore[arg-type]


class Queue(SortedQueue):
    """Who waits for a worker, by priority."""

    def append(self, item: Seat) -> None:
        """Take one in, without sorting the others anew."""
        insort(self, item, key=lambda seat: seat.key)


class Workers(PriorityResource):
    """The workers of one replica; those that a fault has taken are held by the fault."""

    PutQueue = Queue

    def __init__(self, env: Environment, service: Service, most: int) -> None:
        super().__init__(env, most)
        self.limit = service.queue.limit
        self.lifo = service.queue.discipline is Discipline.LIFO
        self.by_priority = service.queue.discipline is Discipline.PRIORITY
        self.story = story_of(service.admit)
        self.taken: list[Seat] = []
        self._tickets = count(1)
        self.told: Callable[[], None] | None = None
        self.granting: Callable[[Job | None], None] | None = None

    @property
    def left(self) -> int:
        """How many workers the faults leave."""
        return self.capacity - len(self.taken)

    @property
    def busy(self) -> int:
        """How many workers serve a job."""
        return sum(seat.job is not None for seat in self.users)  # type: ignore[attr-defined]

    @property
    def waiting(self) -> int:
        """How many jobs wait for a worker; one that has just got one still lies among them."""
        return sum(seat.job is not None and not seat.triggered for seat in self.queue)

    def send_away(self, job: Job) -> bool:
        """Take a job out of the queue; tell whether it waited there."""
        seats = [seat for seat in self.queue if seat.job is job]
        for seat in seats:
            seat.cancel()
        return bool(seats)

    def clear_queue(self) -> list[Job]:
        """Send away all who wait, and return them in the order in which they came."""
        seats = [seat for seat in self.queue if seat.job is not None]
        for seat in seats:
            seat.cancel()
        jobs = [seat.job for seat in sorted(seats, key=lambda seat: seat.ticket)]
        return [job for job in jobs if job is not None]

    @property
    def full(self) -> bool:
        """Whether there is neither a worker nor a place in the queue."""
        nobody_free = self.count == self.capacity
        return nobody_free and self.limit is not None and self.waiting >= self.limit

    def seat_for(self, job: Job) -> Seat:
        """Ask for a worker: the first who came goes first, or the last, or the most important."""
        ticket = next(self._tickets)
        place = -ticket if self.lifo else ticket
        if self.by_priority:
            place -= 1_000_000_000 * job.priority
        return Seat(self, place, job, ticket)

    def displaced_by(self, job: Job) -> Seat | None:
        """Return who has to make room for a job in a full queue; None if that is the job itself."""
        waiting = [seat for seat in self.queue if seat.job is not None]
        if not waiting:
            return None
        last = max(waiting, key=lambda seat: seat.priority)
        assert last.job is not None
        return last if last.job.priority < job.priority else None

    def leave(self, left: int) -> None:
        """Take workers away, or give them back, until `left` are left.

        The fault goes before all others, so it gets the next worker that is free.
        """
        while self.left > left:
            self.taken.append(Seat(self, -inf, None))
        while self.left < left:
            last = self.taken.pop()
            last.cancel()
            if last.triggered:
                self.release(last)
        self.tell()

    def _do_put(self, event: Seat) -> bool:  # type: ignore[override]
        if self.count == self.capacity:
            return False
        event.company = self.busy
        if self.granting is not None and event.job is not None:
            self.granting(event.job)
        if self.story is not None and event.job is not None:
            delay = self._env.now - event.job.row.arrive
            if self.story.send(Next(self._env.now, delay, self.waiting - 1)):
                event.job.thrown_out = True
                event.succeed()
                return True
        super()._do_put(event)
        self.tell()
        return True

    def _trigger_put(self, get_event: Release | None) -> None:
        super()._trigger_put(get_event)
        if self.granting is not None:
            self.granting(None)

    def tell(self) -> None:
        """Tell whoever wants to know that somebody came or went."""
        if self.told is not None:
            self.told()

    def _do_get(self, event: Release) -> bool:  # type: ignore[override]
        super()._do_get(event)
        self.tell()
        return True
