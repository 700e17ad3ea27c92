"""Which replica an attempt goes to: load balancers, and the breakers it has to pass.

A balancer stands before a service's replicas; it knows how many attempts each has, and nothing
of the work. A breaker is made when it is first asked: of many processes and replicas most may
never be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from simcb.breaker import CircuitBreaker, CircuitState
from simcb.breaker.flights import Grant
from simcb.scenario.model import Balance
from simcb.world.ejection import Health, keeping
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import Server

Ask = Callable[[], Grant | None]
"""Returns what a breaker lets a call through with; None if it rejects it."""


class Asked(Protocol):
    """A breaker that guards calls: the shipped one, or another package's."""

    @property
    def _grant(self) -> Ask:
        """Asks it for one call."""


def _is_open(breaker: Asked | None, now: float) -> bool:
    """Tell whether a breaker is open until later than now.

    Another package's never says for how long it is, nor does one that nobody has asked yet.
    """
    if not isinstance(breaker, CircuitBreaker) or breaker.state is not CircuitState.OPEN:
        return False
    probe_at = breaker.snapshot().next_probe_at
    return probe_at is None or now < probe_at


class LoadBalancer:
    """A service's replicas behind a balancer that takes turns.

    Attributes:
        every: all of them.
        replicas: those in rotation, to which attempts may go.
    """

    def __init__(self, replicas: Sequence[Server]) -> None:
        self.every = self.replicas = tuple(replicas)
        self._turn = 0

    def rotate(self, count: int) -> None:
        """Let attempts go to the first `count` replicas only; the others finish what they have."""
        self.replicas = self.every[:count]
        if self._turn >= count:
            self._turn = 0

    def first(self, node: AttemptStreams, number: int) -> int:
        """Return the place of the replica that an attempt should go to."""
        return self._turn

    def take(self, place: int) -> None:
        """Take note that an attempt goes to the replica at `place`."""
        self._turn = place + 1 if place + 1 < len(self.replicas) else 0

    def pick(self, node: AttemptStreams, number: int) -> Server:
        """Return the replica an attempt goes to, and take note of it."""
        place, replicas = self._turn, self.replicas
        self._turn = place + 1 if place + 1 < len(replicas) else 0
        return replicas[place]

    def other(self, node: AttemptStreams, number: int, tried: int) -> Server:
        """Return a replica not asked yet, the first from its choice on, and take note of it.

        Args:
            node: the attempt's streams.
            number: the request's number.
            tried: the places of those that were, as bits; all of them if there is no other.
        """
        first, count = self.first(node, number), len(self.replicas)
        place = first
        for offset in range(count):
            place = (first + offset) % count
            if not tried >> place & 1:
                break
        else:
            place = first
        self.take(place)
        return self.replicas[place]

    def would_answer(
        self,
        caller: str,
        node: AttemptStreams,
        number: int,
        timeout: float | None,
        ways: float,
        now: float,
    ) -> bool:
        """Tell whether the replica that is next would have answered; see `Replica`."""
        replica = self.replicas[self.first(node, number)]
        return replica.would_answer(caller, node, number, timeout, ways, now)


class ChoosingBalancer(LoadBalancer):
    """A balancer that does not simply take turns."""

    def pick(self, node: AttemptStreams, number: int) -> Server:
        """Return the replica of its choice, and take note of it."""
        place = self.first(node, number)
        self.take(place)
        return self.replicas[place]


class RandomBalancer(ChoosingBalancer):
    """A balancer that picks a replica at random, by a draw of the attempt's own."""

    def first(self, node: AttemptStreams, number: int) -> int:
        """Return the place that the attempt's draw says."""
        return int(node.balance.at(number) * len(self.replicas))


class LeastBusyBalancer(ChoosingBalancer):
    """A balancer that knows how many attempts each replica has, waiting or in work."""

    def first(self, node: AttemptStreams, number: int) -> int:
        """Return the place with the fewest attempts; of equals, the first from the turn on."""
        count = len(self.replicas)
        least, found = -1, self._turn
        for offset in range(count):
            place = (self._turn + offset) % count
            replica = self.replicas[place]
            load = replica.load()
            if load < least or least < 0:
                least, found = load, place
        return found


BALANCERS: dict[Balance, type[LoadBalancer]] = {
    Balance.ROUND_ROBIN: LoadBalancer,
    Balance.RANDOM: RandomBalancer,
    Balance.LEAST_BUSY: LeastBusyBalancer,
}


class Unguarded(Grant):
    """What an attempt is let through with that passes no breaker, and of which none hears."""

    def success(self) -> None:
        """Leave the breaker as it is."""

    def failure(self) -> None:
        """Leave the breaker as it is."""

    def ignore(self) -> None:
        """Leave the breaker as it is."""


UNGUARDED = Unguarded()


class Guard:
    """One breaker around a call site's attempts at a service.

    Args:
        make: makes the breaker.
        index: its index in the run.

    Attributes:
        index: that of the breaker that was asked last.
        replica: the one that its permit is for, if it matters.
        tried: the places of the replicas that come last, as bits, because the call has asked them.
    """

    def __init__(self, make: Callable[[], Asked], index: int) -> None:
        self.tried = 0
        self.index = index
        self.replica: Server | None = None
        self._make = make
        self._breaker: Asked | None = None
        self.ask: Ask = self._ask_first

    def _ask_first(self) -> Grant | None:
        self._breaker = self._make()
        self.ask = self._breaker._grant
        return self.ask()

    def is_open(self, balancer: LoadBalancer, now: float) -> bool:
        """Tell whether nothing is let through until later than now."""
        return _is_open(self._breaker, now)

    def admit(self, balancer: LoadBalancer, node: AttemptStreams, number: int) -> Grant | None:
        """Return a permit, or None if the call is rejected; `index` and `replica` say the rest."""
        return self.ask()


class ReplicaGuard(Guard):
    """One breaker for each replica: when one is open, the caller goes on to the next replica.

    In a panic the balancer's choice is asked, open or not: past an open breaker, which hears
    nothing of it. Otherwise those come last that the call has asked before, or that are just back
    and leave their turn to others; they are asked if no other admits.

    Args:
        make: makes the breaker of the replica of a number, from 0.
        replicas: how many there are.
        first_index: the run's index of the first breaker.
        health: what is known of the replicas, if the caller does anything about that.
        keeps: whether breakers are kept from opening where too many are open.
    """

    def __init__(
        self,
        make: Callable[[int], Asked],
        replicas: int,
        first_index: int,
        health: Health | None = None,
        keeps: bool = False,
    ) -> None:
        self._make_for = make
        self._keeps = keeps
        self._first_index = first_index
        self._health = health
        self.tried = 0
        self.index = first_index
        self.replica = None
        self._asks: list[Ask | None] = [None] * replicas
        self._breakers: list[Asked | None] = [None] * replicas

    def _ask_of(self, place: int) -> Ask:
        breaker = self._breakers[place] = self._make_for(place)
        ask = breaker._grant
        if self._keeps and isinstance(breaker, CircuitBreaker):
            ask = keeping(breaker)
        self._asks[place] = ask
        return ask

    def is_open(self, balancer: LoadBalancer, now: float) -> bool:
        """Tell whether the breakers of all replicas in rotation are open until later than now."""
        every = self._breakers[: len(balancer.replicas)]
        return all(_is_open(breaker, now) for breaker in every)

    def admit(self, balancer: LoadBalancer, node: AttemptStreams, number: int) -> Grant | None:
        """Return the permit of the first breaker, from the balancer's choice on, that admits."""
        first, count = balancer.first(node, number), len(balancer.replicas)
        health, last = self._health, 0
        if health is not None and health.panics(count):
            return self._admit_in_panic(balancer, health, first)
        for offset in range(count):
            place = (first + offset) % count
            if self.tried or health is not None:
                bit = 1 << place
                if self.tried & bit or (health is not None and health.passes_over(place)):
                    last |= bit
                    continue
            permit = self._ask_at(place)
            if permit is not None:
                return self._goes(balancer, place, permit)
        for offset in range(count if last else 0):
            place = (first + offset) % count
            permit = self._ask_at(place) if last >> place & 1 else None
            if permit is not None:
                return self._goes(balancer, place, permit)
        self.replica = None
        return None

    def _admit_in_panic(self, balancer: LoadBalancer, health: Health, first: int) -> Grant:
        permit = None if health.is_out(first) else self._ask_at(first)
        if permit is None:
            self.index = -1
        return self._goes(balancer, first, permit or UNGUARDED)

    def _ask_at(self, place: int) -> Grant | None:
        self.index = self._first_index + place
        ask = self._asks[place] or self._ask_of(place)
        return ask()

    def _goes(self, balancer: LoadBalancer, place: int, permit: Grant) -> Grant:
        balancer.take(place)
        self.replica = balancer.replicas[place]
        return permit
