"""Which replica answers: a service's balancers.

A desk stands before a service's replicas and says which of them an attempt goes to. It
knows how many attempts each has, and nothing of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcb.scenario.model import Balance
from simcb.world.conditions import Struck
from simcb.world.replicas import Replica

if TYPE_CHECKING:
    from simcb.world.luck import AttemptLuck


class ServiceDesk:
    """A service's replicas behind a balancer that takes turns."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.replicas = tuple(replicas)
        self._turn = 0

    def first(self, node: AttemptLuck, number: int) -> int:
        """Return the place of the replica that an attempt should go to."""
        return self._turn

    def take(self, place: int) -> None:
        """Take note that an attempt goes to the replica at `place`."""
        self._turn = place + 1 if place + 1 < len(self.replicas) else 0

    def pick(self, node: AttemptLuck, number: int) -> Replica:
        """Return the replica an attempt goes to, and take note of it."""
        place = self._turn
        self.take(place)
        return self.replicas[place]

    def would_answer(
        self, attempt: Struck, node: AttemptLuck, timeout: float | None, ways: float, now: float
    ) -> bool:
        """Tell whether the replica that is next would have answered; see `Replica`."""
        replica = self.replicas[self.first(node, attempt.number)]
        return replica.would_answer(attempt, node, timeout, ways, now)


class ChoosingDesk(ServiceDesk):
    """A balancer that does not simply take turns."""

    def pick(self, node: AttemptLuck, number: int) -> Replica:
        """Return the replica of its choice, and take note of it."""
        place = self.first(node, number)
        self.take(place)
        return self.replicas[place]


class RandomDesk(ChoosingDesk):
    """A balancer that draws a replica by lot, the attempt's own."""

    def first(self, node: AttemptLuck, number: int) -> int:
        """Return the place that the attempt's lot falls on."""
        return int(node.balance.at(number) * len(self.replicas))


class LeastBusyDesk(ChoosingDesk):
    """A balancer that knows how many attempts each replica has, waiting or in work."""

    def first(self, node: AttemptLuck, number: int) -> int:
        """Return the place with the fewest attempts; of equals, the first from the turn on."""
        count = len(self.replicas)
        turns = ((self._turn + offset) % count for offset in range(count))
        return min(turns, key=lambda place: self._load(self.replicas[place]))

    @staticmethod
    def _load(replica: Replica) -> int:
        return replica.busy + len(replica.queue)


DESKS: dict[Balance, type[ServiceDesk]] = {
    Balance.ROUND_ROBIN: ServiceDesk,
    Balance.RANDOM: RandomDesk,
    Balance.LEAST_BUSY: LeastBusyDesk,
}
