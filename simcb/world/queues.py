"""Where attempts wait for a worker: in the order in which they came, or by priority."""

from __future__ import annotations

from collections import OrderedDict

from simcb.scenario.model import Discipline
from simcb.world.tasks import Attempt, UserAttempt

Queue = OrderedDict[Attempt, None]
"""Attempts in the order in which they came."""


class PriorityQueue(Queue):
    """A queue whose next is the first of the highest priority."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: dict[int, Queue] = {}

    def __setitem__(self, attempt: Attempt, value: None) -> None:
        super().__setitem__(attempt, None)
        self._levels.setdefault(priority_of(attempt), OrderedDict())[attempt] = None

    def __delitem__(self, attempt: Attempt) -> None:
        super().__delitem__(attempt)
        priority = priority_of(attempt)
        del self._levels[priority][attempt]
        if not self._levels[priority]:
            del self._levels[priority]

    def popitem(self, last: bool = False) -> tuple[Attempt, None]:
        """Take out the one that is next."""
        attempt = next(iter(self._levels[max(self._levels)]))
        del self[attempt]
        return attempt, None

    def clear(self) -> None:
        """Take out all."""
        super().clear()
        self._levels.clear()

    def least(self, newcomer: Attempt) -> Attempt:
        """Return who has to go for want of room: the last of the lowest priority, or who comes."""
        lowest = min(self._levels, default=None)
        if lowest is None or priority_of(newcomer) <= lowest:
            return newcomer
        return next(reversed(self._levels[lowest]))


def priority_of(attempt: Attempt) -> int:
    """Return the priority of the client group for whose request an attempt is made."""
    task = attempt.task
    while isinstance(task, Attempt):
        task = task.task
    assert isinstance(task, UserAttempt)
    return task.request.group.priority


def queue_of(discipline: Discipline) -> Queue:
    """Return the queue of one replica, empty."""
    return PriorityQueue() if discipline is Discipline.PRIORITY else OrderedDict()
