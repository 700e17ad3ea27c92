"""The breakers of a call site, and which of them an attempt has to pass.

A breaker is made when it is first asked: of many processes and replicas most may never be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simcb.breaker import CircuitBreaker, CircuitOpenError, Permit

if TYPE_CHECKING:
    from simcb.world.desks import ServiceDesk
    from simcb.world.luck import AttemptLuck
    from simcb.world.replicas import Replica

Acquire = Callable[[], Permit]


class Guard:
    """One breaker around a call site's attempts at a service.

    Args:
        make: makes the breaker.
        index: its index in the run.
    """

    def __init__(self, make: Callable[[], CircuitBreaker], index: int) -> None:
        self.index = index
        self._make = make
        self.acquire: Acquire = self._acquire_first

    def _acquire_first(self) -> Permit:
        self.acquire = self._make().acquire
        return self.acquire()

    def admit(
        self, desk: ServiceDesk, node: AttemptLuck, number: int
    ) -> tuple[Permit | None, int, Replica | None]:
        """Return a permit, the breaker that gave it, and the replica it is for, if it matters.

        Without a permit the call is rejected, and the breaker is the last that was asked.
        """
        try:
            return self.acquire(), self.index, None
        except CircuitOpenError:
            return None, self.index, None


class ReplicaGuard(Guard):
    """One breaker for each replica: when one is open, the caller goes on to the next replica.

    Args:
        make: makes the breaker of the replica of a number, from 0.
        replicas: how many there are.
        first_index: the run's index of the first breaker.
    """

    def __init__(
        self, make: Callable[[int], CircuitBreaker], replicas: int, first_index: int
    ) -> None:
        self._make_for = make
        self._first_index = first_index
        self._acquires: list[Acquire | None] = [None] * replicas

    def _acquire_of(self, place: int) -> Acquire:
        acquire = self._make_for(place).acquire
        self._acquires[place] = acquire
        return acquire

    def admit(
        self, desk: ServiceDesk, node: AttemptLuck, number: int
    ) -> tuple[Permit | None, int, Replica | None]:
        """Return the permit of the first breaker, from the balancer's choice on, that admits."""
        first, count = desk.first(node, number), len(self._acquires)
        place = first
        for offset in range(count):
            place = (first + offset) % count
            acquire = self._acquires[place] or self._acquire_of(place)
            try:
                permit = acquire()
            except CircuitOpenError:
                continue
            desk.take(place)
            return permit, self._first_index + place, desk.replicas[place]
        return None, self._first_index + place, None
