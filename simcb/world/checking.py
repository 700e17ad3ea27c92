"""Health checks of replicas, which ask a service that they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Protocol

from simcb.scenario.liveness import Liveness
from simcb.world.clock import Clock, Order
from simcb.world.crashing import Falls
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import Attempt

_CONDITIONS = int(Order.CONDITIONS)


class Check:
    """One question to a replica.

    Args:
        caller: who asks, by the name that faults on a link know.
        node: its streams.
        number: its index into them.

    Attributes:
        ahead: who waited there when it came, the last one last.
        taken: it has had its worker, or never will.
        answered: when it is answered well, seconds; inf if it is not, as far as is known.
    """

    def __init__(self, caller: str, node: AttemptStreams, number: int) -> None:
        self.caller = caller
        self.node = node
        self.number = number
        self.ahead: list[Attempt] = []
        self.taken = False
        self.answered = inf


class Asked(Protocol):
    """The replica that a check asks."""

    def take_check(self, check: Check) -> None:
        """Answer a check, now or once there is a worker for it."""

    def forget_check(self, check: Check) -> None:
        """Have nothing more to do with it."""


class Checked(Protocol):
    """The replica whose check it is."""

    def is_down(self) -> bool:
        """Tell whether it is about to start anew."""


class Checker:
    """Makes the checks of one replica, and lets it fall when they go wrong.

    Args:
        clock: the run's clock.
        spec: when a check is made, and what it does.
        caller: the name of its service.
        place: which of how many replicas of that it is.
        node: streams of the service's checks.
        checked: the replica.
        falls: its falls.
        in_rotation: the replicas in rotation, of its own service and of the one it asks.
    """

    def __init__(
        self,
        clock: Clock,
        spec: Liveness,
        caller: str,
        place: tuple[int, int],
        node: AttemptStreams,
        checked: Checked,
        falls: Falls,
        in_rotation: Rotated,
    ) -> None:
        self._clock = clock
        self._spec = spec
        self._caller = caller
        self._place, self._many = place
        self._node = node
        self._checked = checked
        self._falls = falls
        self._in_rotation = in_rotation
        self._nth = self._failures = 0
        self._check_later()

    def _check_later(self) -> None:
        moment = (self._nth + (self._place + 1) / self._many) * self._spec.every
        self._clock.tell(moment, _CONDITIONS, self._check)

    def _check(self) -> None:
        nth, now = self._nth, self._clock.now
        self._nth = nth + 1
        own, others = self._in_rotation()
        if self._place < own and not self._checked.is_down():
            check = Check(self._caller, self._node, nth * self._many + self._place)
            asked = others[(nth + self._place) % len(others)]
            asked.take_check(check)
            end = now + self._spec.timeout
            self._clock.tell(end, _CONDITIONS, lambda: self._judge(check, asked, now))
        else:
            self._failures = 0
        self._check_later()

    def _judge(self, check: Check, asked: Asked, since: float) -> None:
        asked.forget_check(check)
        own, _ = self._in_rotation()
        if self._place >= own or self._falls.down_until > since or self._checked.is_down():
            self._failures = 0
            return
        self._failures = 0 if check.answered <= self._clock.now else self._failures + 1
        if self._failures >= self._spec.failures:
            self._failures = 0
            self._falls.fall(self._spec.restart, by_check=True)


class Rotated(Protocol):
    """Says how many replicas of a service take work, and which of the one that it asks."""

    def __call__(self) -> tuple[int, Sequence[Asked]]:
        """Return both, as they are now."""
