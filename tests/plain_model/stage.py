"""What the plain model is made of: time, workers, replicas, and those who make calls.

The one thing added to SimPy is an event at an absolute moment with a place in the order of
that moment, so that ties fall as the scenario language says: conditions change, workers
finish, waits end, people ask, samples are taken.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from heapq import heappush
from typing import TYPE_CHECKING, NamedTuple

from plain_model import conditions
from simpy import Environment, Event, Resource
from simpy.resources.resource import Request

from simcb.breaker import CircuitBreaker
from simcb.outcomes import AttemptOutcome
from simcb.scenario.model import ClientGroup, Service
from simcb.world.clock import Order

if TYPE_CHECKING:
    from plain_model.model import PlainWorld


class Moments(Environment):
    """SimPy's environment, with events at absolute moments."""

    def at(self, moment: float, order: Order) -> Event:
        """Return an event that happens at `moment`, among others of it as `order` says."""
        event = Event(self)
        event._ok, event._value = True, None
        heappush(self._queue, (moment, order, next(self._eid), event))  # type: ignore[misc]
        return event


class Workers(Resource):
    """The workers of one replica; those that a fault has taken are held by the fault."""

    def __init__(self, env: Environment, workers: int) -> None:
        super().__init__(env, workers)
        self.taken: list[Request] = []

    def leave(self, left: int) -> None:
        """Take workers away, or give them back, until `left` are left.

        The fault goes before all others, so it gets the next worker that is free.
        """
        while self.capacity - len(self.taken) > left:
            seat = self.request()
            self.taken.append(seat)
            if not seat.triggered:
                self.queue.remove(seat)
                self.queue.insert(0, seat)
        while self.capacity - len(self.taken) < left:
            last = self.taken.pop()
            last.cancel()
            if last.triggered:
                self.release(last)

    @property
    def waiting(self) -> int:
        """How many attempts wait for a worker."""
        return len(self.queue) - sum(not seat.triggered for seat in self.taken)

    @property
    def busy(self) -> int:
        """How many workers serve an attempt."""
        return self.count - sum(seat.triggered for seat in self.taken)


class Replica:
    """One process of a service."""

    def __init__(self, world: PlainWorld, name: str, number: int) -> None:
        self.name = f"{name}.{number}"
        self.service: Service = world.scenario.services[name]
        self.faults = conditions.faults_on(world.scenario, name, number)
        self.workers = Workers(world.env, self.service.workers)
        self.workers.leave(conditions.workers_left(self.faults, self.service.workers, 0.0))
        self.caller = Caller(world, self.name, name, self.service)


class Desk:
    """A service's replicas, taken in turn."""

    def __init__(self, world: PlainWorld, name: str) -> None:
        self.name = name
        count = world.scenario.services[name].replicas
        self.replicas = [Replica(world, name, number) for number in range(count)]
        self.turn = 0

    def in_turn(self) -> list[int]:
        """Return the replicas' numbers, the one whose turn it is first."""
        count = len(self.replicas)
        return [(self.turn + offset) % count for offset in range(count)]

    def take(self, number: int) -> Replica:
        """Return a replica; the one after it is next."""
        self.turn = (number + 1) % len(self.replicas)
        return self.replicas[number]


class Caller:
    """A process that makes calls: a client group, or one replica of a service.

    Args:
        title: its own name; `kind` is the name of all its like.
    """

    def __init__(
        self, world: PlainWorld, title: str, kind: str, spec: ClientGroup | Service
    ) -> None:
        self.kind = kind
        self.calls = dict(spec.calls)
        self.breakers: dict[str, list[CircuitBreaker]] = {}
        for service, call in self.calls.items():
            if call.breaker is not None and call.breaker.enabled:
                guarded = [service]
                if call.breaker.per_replica:
                    count = world.scenario.services[service].replicas
                    guarded = [f"{service}.{number}" for number in range(count)]
                self.breakers[service] = [
                    world.make_breaker(f"{title}->{what}", call) for what in guarded
                ]


@dataclass(frozen=True)
class Errand:
    """On whose behalf calls are made: a press of a user, or an attempt being served.

    Args:
        number: the request's number in its group.
        request, parent: places in the record, -1 for no parent.
        over: happens when nobody wants the answer any more, None if nobody would say.
    """

    number: int
    request: int
    parent: int
    over: Event | None


class Answer(NamedTuple):
    """How a call, or all of a caller's calls, ended."""

    outcome: AttemptOutcome
    degraded: bool = False


Answering = Generator[Event, None, Answer]
