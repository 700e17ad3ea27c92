"""Limits on the wait in a replica's queue: who is thrown out when a worker comes for it."""

from __future__ import annotations

from math import inf, sqrt

from simcb.scenario.admission import Admission, Codel, Delay, Slough

_MEMORY = 16  # intervals for which a rate of throwing out is remembered


class DelayLimit:
    """A limit on the wait in one replica's queue.

    Args:
        spec: the rule.
    """

    def __init__(self, spec: Delay) -> None:
        self._target, self._interval = spec.target, spec.interval

    def throws_out(self, now: float, delay: float, left: int) -> bool:
        """Tell whether one that has waited for `delay` is thrown out, and `left` others wait.

        It is asked for each for whom there is a worker, in their order.
        """
        raise NotImplementedError


class ControlledDelay(DelayLimit):
    """Faster and faster, one after the other, as long as all have waited too long."""

    def __init__(self, spec: Codel) -> None:
        super().__init__(spec)
        self._above_since = inf
        self._dropping = False
        self._owes_next = False
        self._next = 0.0
        self._count = self._last_count = 0

    def throws_out(self, now: float, delay: float, left: int) -> bool:
        """See `DelayLimit`."""
        above = self._is_above(now, delay, left)
        if not self._dropping:
            if above:
                self._begin(now)
            return above
        if not above:
            self._dropping = self._owes_next = False
            return False
        if self._owes_next:
            self._owes_next = False
            self._next += self._interval / sqrt(self._count)
        if now < self._next:
            return False
        self._count += 1
        # When the next is due is settled when one more has waited too long.
        self._owes_next = True
        return True

    def _is_above(self, now: float, delay: float, left: int) -> bool:
        if delay < self._target or left <= 1:
            self._above_since = inf
            return False
        self._above_since = min(self._above_since, now)
        return now >= self._above_since + self._interval

    def _begin(self, now: float) -> None:
        """Throw the first out, at the pace of last time if that is not long ago."""
        more = self._count - self._last_count
        recent = now - self._next < _MEMORY * self._interval
        self._count = self._last_count = more if more > 1 and recent else 1
        self._next = now + self._interval / sqrt(self._count)
        self._dropping = True


class SloughOff(DelayLimit):
    """All that have waited twice too long, while nobody waits for less than too long."""

    def __init__(self, spec: Slough) -> None:
        super().__init__(spec)
        self._until = 0.0
        self._shortest: float | None = None
        self._overloaded = False

    def throws_out(self, now: float, delay: float, left: int) -> bool:
        """See `DelayLimit`."""
        if now > self._until and self._shortest is not None:
            self._until = now + self._interval
            self._overloaded = self._shortest > self._target
            self._shortest = None
        if self._shortest is None:
            # The first of an interval is never thrown out.
            self._shortest = delay
            return False
        self._shortest = min(self._shortest, delay)
        return self._overloaded and delay > 2.0 * self._target


def delay_limit_of(spec: Admission | None) -> DelayLimit | None:
    """Return the limit on the wait in one replica's queue, or None."""
    if isinstance(spec, Codel):
        return ControlledDelay(spec)
    return SloughOff(spec) if isinstance(spec, Slough) else None
