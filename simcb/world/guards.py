"""The breakers of a call site, and which of them an attempt has to pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcb.breaker import CircuitBreaker, CircuitOpenError, Permit

if TYPE_CHECKING:
    from simcb.world.desks import ServiceDesk
    from simcb.world.luck import AttemptLuck
    from simcb.world.replicas import Replica


class Guard:
    """One breaker around a call site's attempts at a service.

    Args:
        breaker: the breaker.
        index: its index in the layout.
    """

    def __init__(self, breaker: CircuitBreaker, index: int) -> None:
        self.index = index
        self.acquire = breaker.acquire

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
        breakers: in the order of the replicas.
        first_index: the layout's index of the first of them.
    """

    def __init__(self, breakers: Sequence[CircuitBreaker], first_index: int) -> None:
        self._first_index = first_index
        self._acquires = tuple(breaker.acquire for breaker in breakers)

    def admit(
        self, desk: ServiceDesk, node: AttemptLuck, number: int
    ) -> tuple[Permit | None, int, Replica | None]:
        """Return the permit of the first breaker, from the balancer's choice on, that admits."""
        first, count = desk.first(node, number), len(self._acquires)
        place = first
        for offset in range(count):
            place = (first + offset) % count
            try:
                permit = self._acquires[place]()
            except CircuitOpenError:
                continue
            desk.take(place)
            return permit, self._first_index + place, desk.replicas[place]
        return None, self._first_index + place, None
