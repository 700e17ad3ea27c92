"""Which replicas of each service are in rotation."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import groupby

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
        self._counts: dict[str, list[tuple[float, int]]] = {}

    def let_be(self, service: str, count: int, now: float) -> None:
        """Let a service have so many replicas in rotation from now on, its first ones."""
        balancer = self._balancers[service]
        balancer.rotate(count)
        self._resting -= {each.index for each in balancer.replicas}
        self._resting |= {each.index for each in balancer.every[count:]}
        self._counts.setdefault(service, []).append((now, count))

    def capacity(self, replica: Replica) -> int:
        """Return how many workers a replica has; none once it rests."""
        if self._resting and replica.index in self._resting:
            return replica.capacity if replica.busy or replica.queue else 0
        return replica.capacity

    def scaled(
        self, service: str, workers: Sequence[tuple[float, int]]
    ) -> tuple[tuple[float, int, int], ...]:
        """Return from when on a service had how many replicas and workers, if that changed.

        Args:
            service: its name.
            workers: moments in seconds, 0 first, with the workers of each replica from then on.
        """
        counts = self._counts[service]
        moments = sorted({at for at, _ in (*counts, *workers)})
        course = [(at, _at(at, counts), _at(at, workers)) for at in moments]
        kept = [next(same) for _, same in groupby(course, lambda each: each[1:])]
        return tuple(kept) if len(kept) > 1 else ()


def _at(moment: float, course: Sequence[tuple[float, int]]) -> int:
    """Return what of a course holds at a moment."""
    return course[bisect_right(course, moment, key=lambda each: each[0]) - 1][1]
