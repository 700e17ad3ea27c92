"""A process that falls and starts anew: because it is full for too long, or a check says so."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from simcb.scenario.crashing import Crash as CrashSpec
from simcb.world.clock import Clock, Order
from simcb.world.occurrence import Occurrence

_CONDITIONS = int(Order.CONDITIONS)
_ROUNDING = 1e-9
"""A part of a worker by which a share of them may be missed, for products are not exact."""


class Falls:
    """When one replica fell, and until when it is gone.

    Args:
        clock: the run's clock.
        lose: what becomes of its work then.

    Attributes:
        each: from when to when it was gone, seconds, and whether a check was why.
        down_until: from when on it is there again, seconds.
    """

    def __init__(self, clock: Clock, lose: Callable[[], None]) -> None:
        self._clock = clock
        self._lose = lose
        self.each: list[tuple[float, float, bool]] = []
        self.down_until = -inf

    def fall(self, lasts: float, *, by_check: bool) -> None:
        """Let it be gone for so many seconds."""
        now = self._clock.now
        self.down_until = now + lasts
        self.each.append((now, self.down_until, by_check))
        self._lose()


class Crash:
    """Watches how full one replica is, and lets it fall.

    Args:
        clock: the run's clock.
        spec: when it falls, and for how long.
        falls: the replica's.
    """

    def __init__(self, clock: Clock, spec: CrashSpec, falls: Falls) -> None:
        self._clock = clock
        self._spec = spec
        self._falls = falls
        self._since = inf

    def look(self, busy: int, workers: int) -> None:
        """Take note of how many workers are held, of how many."""
        if not 0 < busy >= self._spec.above * workers - _ROUNDING:
            self._since = inf
        elif self._since == inf:
            self._since = now = self._clock.now
            self._clock.at(now + self._spec.lasts, _CONDITIONS, _Alarm(self, now))

    def ring(self, alarm: _Alarm) -> None:
        """Let it fall if it has been full since the alarm was set."""
        if alarm.since == self._since:
            self._falls.fall(self._spec.restart, by_check=False)


class _Alarm(Occurrence):
    """The moment at which a replica that has been full since then falls."""

    __slots__ = ("since",)

    def __init__(self, crash: Crash, since: float) -> None:
        super().__init__(crash.ring)
        self.since = since
