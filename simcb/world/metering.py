"""How long a replica's workers have been busy, for who wants to know while it goes on."""

from __future__ import annotations

from simcb.scenario.scaling import Measured
from simcb.world.clock import Clock
from simcb.world.tasks import Attempt


class Meter:
    """The busy time of one replica's workers, which may be read at any moment.

    Args:
        clock: the run's clock.
        measure: when a worker is busy.
    """

    def __init__(self, clock: Clock, measure: Measured) -> None:
        self._clock = clock
        self._held = measure is Measured.HELD
        self._busy: set[Attempt] = set()
        self._seconds = 0.0
        self._since = 0.0

    def begins(self, attempt: Attempt, *, hangs: bool) -> None:
        """Take note that a worker has taken an attempt, and whether it hangs."""
        if self._held or not hangs:
            self.seconds()
            self._busy.add(attempt)

    def has_worked(self, attempt: Attempt) -> None:
        """Take note that its own work on an attempt is done."""
        if not self._held:
            self.lets_go(attempt)

    def lets_go(self, attempt: Attempt) -> None:
        """Take note that a worker is free of an attempt, or has been for a while."""
        if attempt in self._busy:
            self.seconds()
            self._busy.remove(attempt)

    def seconds(self) -> float:
        """Return the busy worker-seconds until now."""
        now = self._clock.now
        self._seconds += len(self._busy) * (now - self._since)
        self._since = now
        return self._seconds
