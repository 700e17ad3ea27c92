"""How many replicas an autoscaler makes of how busy a service's workers are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

from simcb.scenario.model import Service
from simcb.scenario.scaling import Scale
from simcb.world.clock import Clock, Order
from simcb.world.replicas import Replica

_CONDITIONS = int(Order.CONDITIONS)
_ROUNDING = 1e-9
"""A part of a replica that is none: sums of seconds are not exact."""


class Autoscaler:
    """Says how many of a service's replicas take work, and looks again every so often.

    Args:
        clock: the run's clock.
        service: the service as the file has it, with its `scale`.
        replicas: all it may ever have.
        let_be: lets so many of them take work.
        renew: told of each that begins to, which is a new process.
    """

    def __init__(
        self,
        clock: Clock,
        service: Service,
        replicas: Sequence[Replica],
        let_be: Callable[[int], None],
        renew: Callable[[Replica], None],
    ) -> None:
        self._clock = clock
        self._replicas = replicas
        self._let_be = let_be
        self._renew = renew
        self._up = service.first_replicas
        self._coming: list[float] = []
        self._joined = [0.0] * len(replicas)
        self._seen = [0.0] * len(replicas)
        self._looks = 0
        self._wanted = [(0.0, self._up)]
        self.follow(service)
        let_be(self._up)
        self._look_later()

    def follow(self, service: Service) -> None:
        """Scale as the file has it, from the next look on."""
        assert service.scale is not None
        self._scale = service.scale
        self._workers = service.workers

    def _look_later(self) -> None:
        self._clock.tell((self._looks + 1) * self._scale.every, _CONDITIONS, self._look)

    def _look(self) -> None:
        now, scale, there = self._clock.now, self._scale, self._up + len(self._coming)
        wanted = self._recommended(now, there)
        self._looks += 1
        since = now - scale.window - _ROUNDING
        self._wanted = [each for each in self._wanted if each[0] >= since] + [(now, wanted)]
        most = max(each for _, each in self._wanted)
        self._aim_at(scale.bounded(max(wanted, min(there, most))))
        self._look_later()

    def _recommended(self, now: float, there: int) -> int:
        """Return how many replicas the time since the last look asks for, of so many."""
        busy = room = 0.0
        ready = 0
        for place, replica in enumerate(self._replicas[: self._up]):
            seconds = replica.busy_seconds()
            if not replica.is_down():
                ready += 1
                busy += seconds - self._seen[place]
                since = max(self._looks * self._scale.every, self._joined[place])
                room += self._workers * (now - since)
            self._seen[place] = seconds
        if room <= 0.0:
            return there
        return wanted_replicas(self._scale, busy / room, ready, there - ready)

    def _aim_at(self, count: int) -> None:
        """Start replicas, or end some, until there are so many; those on their way end first."""
        now, new = self._clock.now, count - self._up - len(self._coming)
        if new > 0:
            begin = now + self._scale.delay
            self._coming += [begin] * new
            if begin > now:
                self._clock.tell(begin, _CONDITIONS, self._join)
            else:
                self._join()
        elif new < 0:
            del self._coming[max(0, len(self._coming) + new) :]
            if count < self._up:
                self._up = count
                self._let_be(count)

    def _join(self) -> None:
        """Let those take work that have started."""
        now, before = self._clock.now, self._up
        while self._coming and self._coming[0] <= now:
            del self._coming[0]
            replica = self._replicas[self._up]
            self._joined[self._up], self._seen[self._up] = now, replica.busy_seconds()
            self._up += 1
            self._renew(replica)
        if self._up > before:
            self._let_be(self._up)


def wanted_replicas(scale: Scale, share: float, ready: int, others: int) -> int:
    """Return how many replicas an autoscaler wants.

    Args:
        scale: its settings.
        share: the busy share of the workers of those that take work.
        ready: how many these are.
        others: how many more there are, on their way or down.
    """
    ratio, counted = share / scale.target, ready
    if ratio > 1.0:
        # To want more for those that are on their way already would be to count them twice.
        counted += others
        ratio *= ready / counted
        if ratio < 1.0:
            return counted
    if abs(ratio - 1.0) <= scale.tolerance + _ROUNDING:
        return ready + others
    return ceil(ratio * counted - _ROUNDING)
