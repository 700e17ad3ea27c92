"""Which replicas of each service are in rotation."""

from __future__ import annotations

from collections.abc import Mapping

from simcb.world.replicas import Replica
from simcb.world.routing import LoadBalancer


class Rotation:
    """The replicas that attempts may go to; the others finish what they have, and then rest.

    Args:
        balancers: by the service's name.
    """

    def __init__(self, balancers: Mapping[str, LoadBalancer]) -> None:
        self._balancers = balancers
        self._resting: set[int] = set()

    def let_be(self, service: str, count: int) -> None:
        """Let a service have so many replicas in rotation, its first ones."""
        balancer = self._balancers[service]
        balancer.rotate(count)
        self._resting -= {each.index for each in balancer.replicas}
        self._resting |= {each.index for each in balancer.every[count:]}

    def capacity(self, replica: Replica) -> int:
        """Return how many workers a replica has; none once it rests."""
        if replica.index in self._resting and not replica.busy and not replica.queue:
            return 0
        return replica.capacity
