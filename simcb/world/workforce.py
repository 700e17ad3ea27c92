"""How many of a replica's workers there are over time, and how fast they work."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import ceil, inf

from simcb.scenario.faults import Capacity, Pause
from simcb.world.conditions import Calendar, FaultWindow

_CAPACITY_STEPS = 64
"""Steps in which a ramping capacity fault takes workers away or gives them back."""


class Workforce:
    """How many of a replica's workers there are over time, and how fast they work.

    Capacity faults leave a part of the workers. Where that is no whole number, one more is
    there and all of them are the slower: half of three workers are two that each do three
    quarters of a second's work in a second. While it pauses, nobody works.

    Args:
        windows: the windows that touch the replica, in file order.
        workers: how many it has.
        later: how many it has from some moments on, where somebody changes that.

    Attributes:
        changes: moments at which the number of workers is looked up anew, seconds, ascending.
        steady: they always work at full speed.
    """

    def __init__(
        self,
        windows: Sequence[FaultWindow],
        workers: int,
        later: Sequence[tuple[float, int]] = (),
    ) -> None:
        chosen = [window for window in windows if isinstance(window.fault, Capacity | Pause)]
        self.changes = sorted({*_capacity_moments(chosen), *(at for at, _ in later)})
        self._moments = [-inf, *self.changes]
        self._counts: list[int] = []
        self._paces = _Paces()
        self._paces_but_pauses = _Paces()
        calendar = Calendar(chosen)
        for moment in self._moments:
            there = next((each for at, each in reversed(later) if at <= moment), workers)
            left, pauses = _workers_left(calendar.active(moment), there, moment)
            count = ceil(left)
            pace = left / count if count else 0.0
            self._counts.append(0 if pauses else count)
            self._paces.add(moment, 0.0 if pauses else pace)
            self._paces_but_pauses.add(moment, pace)
        self.steady = self._paces.are_full

    def count(self, now: float) -> int:
        """Return how many workers there are at `now`."""
        return self._counts[bisect_right(self._moments, now) - 1]

    def left(self, now: float) -> float:
        """Return how much is left of the workers at `now`: how many of full speed do as much."""
        return self.count(now) * self._paces.at(now)

    def finish(self, now: float, work: float) -> float:
        """Return when so many seconds of work, begun at `now`, are done; inf if never."""
        return self._paces.finish(now, work)

    def released(self, begun: float, now: float) -> float:
        """Return when a worker that has waited since `begun`, until `now`, is free again.

        Of workers that are not all there nobody may do more by waiting than by working. A worker
        that has not waited is free, also at the moment at which all are gone.
        """
        if now <= begun:
            return now
        return max(now, self._paces_but_pauses.finish(begun, now - begun))


class _Paces:
    """Seconds of work done in a second, over time, in steps."""

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._paces: list[float] = []

    def add(self, moment: float, pace: float) -> None:
        """Let `pace` hold from `moment` on, which is not before those added earlier."""
        if not self._paces or self._paces[-1] != pace:
            self._moments.append(moment)
            self._paces.append(pace)

    @property
    def are_full(self) -> bool:
        """Whether a second's work always takes a second."""
        return self._paces == [1.0]

    def at(self, now: float) -> float:
        """Return the seconds of work done in a second at `now`."""
        return self._paces[bisect_right(self._moments, now) - 1]

    def finish(self, now: float, work: float) -> float:
        """Return when work begun at `now` is done; inf if it never is."""
        last = len(self._moments) - 1
        for place in range(bisect_right(self._moments, now) - 1, last + 1):
            pace, until = self._paces[place], self._moments[place + 1] if place < last else inf
            if pace > 0.0 and now + work / pace <= until:
                return now + work / pace
            work -= pace * (until - now) if pace > 0.0 else 0.0
            now = until
        return inf


def _workers_left(active: Sequence[FaultWindow], workers: int, now: float) -> tuple[float, bool]:
    """Return what is left of so many workers at `now`, and whether they pause."""
    left = float(workers)
    for window in active:
        if isinstance(window.fault, Capacity):
            left *= window.factor_at(now, now)
    # A billionth of a worker is rounding.
    return round(left, 9), any(isinstance(window.fault, Pause) for window in active)


def _capacity_moments(windows: Sequence[FaultWindow]) -> list[float]:
    moments: set[float] = set()
    for window in windows:
        ramp = window.fault.ramp
        moments |= {window.start, window.end}
        if ramp > 0:
            for step in range(1, _CAPACITY_STEPS + 1):
                moments.add(window.start + ramp * step / _CAPACITY_STEPS)
                moments.add(window.end - ramp * step / _CAPACITY_STEPS)
    return sorted(moments)
