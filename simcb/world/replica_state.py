"""How a replica is just now, and what an attempt or a health check would meet there.

Nothing here takes an attempt in or lets one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import inf

from simcb.scenario.faults import Restart
from simcb.scenario.model import Discipline, Service
from simcb.world.admission import Gate
from simcb.world.checking import Check
from simcb.world.clock import Clock
from simcb.world.conditions import Conditions, FaultWindow
from simcb.world.crashing import Falls
from simcb.world.queues import queue_of
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import Attempt, Server, Site
from simcb.world.workforce import Workforce

_LOOKED_AT = 32
"""Attempts at the head of a queue that are looked at to tell how many of it a hang will catch."""


class ReplicaState(Server):
    """The workers of one process, its queue, and what is wrong with it just now.

    Args:
        clock: the run's clock.
        service: the service as the file has it.
        conditions: the faults that touch this replica.
        workforce: its workers over time.
    """

    def __init__(
        self, clock: Clock, service: Service, conditions: Conditions, workforce: Workforce
    ) -> None:
        self.sites: Sequence[Site] = ()
        self._clock = clock
        self._errors = self._contention = 0.0
        self._limit = inf
        self._gate: Gate | None = None
        self._lifo = service.queue.discipline is Discipline.LIFO
        self._conditions = conditions
        self.loses_attempts = conditions.loses_attempts
        self._may_hang = conditions.hangs
        self._held: dict[Attempt, None] = {}
        self._active = conditions.active(0.0)
        self._change_at = conditions.next_change(0.0)
        self._hold = service.work.mean_value
        self._warmth, self._warmth_so_far = self._warmed, self._warmed_so_far
        self.busy = 0
        self.queue = queue_of(service.queue.discipline)
        self._workforce = workforce
        self._steady = workforce.steady
        self.capacity = workforce.count(0.0)
        self._served = 0
        self._served_before: dict[FaultWindow, int] = {}
        self.falls: Falls | None = None
        self._checks: list[Check] = []

    def load(self) -> int:
        """Return how many attempts it has, waiting or in work."""
        return self.busy + len(self.queue)

    def is_down(self) -> bool:
        """Tell whether it is about to start anew, and refuses everything."""
        now = self._clock.now
        if self.falls is not None and now < self.falls.down_until:
            return True
        return any(each.kind is Restart for each in self._conditions.active(now).refusing)

    def loses(self, attempt: Attempt, now: float) -> bool:
        """Tell whether the network loses an attempt sent to this replica now."""
        if now >= self._change_at:
            self._look_around(now)
        return self._active.loses(now, attempt.site.caller, attempt.node, attempt.number)

    def _look_around(self, now: float) -> None:
        self._active = self._conditions.active(now)
        self._change_at = self._conditions.next_change(now)

    def _go_cold(self, window: FaultWindow) -> None:
        self._served_before.setdefault(window, self._served)

    def _warmed(self, window: FaultWindow) -> int:
        # At the window's first moment work may begin before it is told of.
        return self._served - self._served_before.setdefault(window, self._served)

    def _warmed_so_far(self, window: FaultWindow) -> int:
        # For a look ahead: it must not take note of a window that has not begun.
        return self._served - self._served_before.get(window, self._served)

    # What health checks ask.

    def take_check(self, check: Check) -> None:
        """Answer a check, now or once there is a worker for it that nobody before it waits for."""
        now = self._clock.now
        caller, node, number = check.caller, check.node, check.number
        active = self._conditions.active(now)
        if self.is_down() or active.refuses(now, caller, node, number):
            return
        if active.loses(now, caller, node, number):
            return
        self._checks.append(check)
        check.ahead = list(self.queue)
        if self.busy < self.capacity:
            self._answer_checks(now)

    def forget_check(self, check: Check) -> None:
        """Have nothing more to do with a check."""
        if check in self._checks:
            self._checks.remove(check)

    def _answer_checks(self, now: float) -> None:
        """Take note when the checks are answered for which there is a worker now."""
        for check in self._checks:
            ahead = check.ahead
            while ahead and ahead[-1] not in self.queue:
                ahead.pop()
            if ahead or check.taken:
                continue
            check.taken = True
            caller, node, number = check.caller, check.node, check.number
            work, fails, hung = self._conditions.active(now).effect(
                now, caller, node, number, node.work.at(number), self._warmed_so_far
            )
            if not (fails or hung or node.errors.at(number) < self._errors):
                check.answered = self._workforce.finish(now, work)

    # What an attempt would meet.

    def would_answer(
        self,
        caller: str,
        node: AttemptStreams,
        number: int,
        timeout: float | None,
        ways: float,
        now: float,
    ) -> bool:
        """Tell whether an attempt sent now would have been answered well and in time.

        The attempt's own demand and draws are known exactly, and so are the faults it would
        meet: on arrival those of now, at work those of the moment at which its work begins.
        Only that moment is estimated, see `_wait`; and a service that calls others is taken
        to need at least the mean of recent holds itself.

        Args:
            caller: who would send it.
            node: its streams.
            number: its request's number.
            timeout: seconds its caller waits; None for ever.
            ways: seconds the network takes there and back.
            now: seconds.
        """
        if now >= self._change_at:
            self._look_around(now)
        if self._errors and node.errors.at(number) < self._errors:
            return False
        active = self._active
        if active.refusing and active.refuses(now, caller, node, number):
            return False
        if self.falls is not None and now < self.falls.down_until:
            return False
        if active.losing and active.loses(now, caller, node, number):
            return False
        if self._gate is not None and not self._gate.has_room(now):
            return False
        begin = now
        if self.busy >= self.capacity:
            if len(self.queue) >= self._limit or self.capacity == 0:
                return False
            begin += self._wait(now)
            if timeout is not None and begin + ways - now > timeout:
                return False
            if begin >= self._change_at:
                active = self._conditions.active(begin)
        work = node.work.at(number) + self._contention * self.busy
        if active.working:
            warmth = self._warmth_so_far
            work, fails, hung = active.effect(begin, caller, node, number, work, warmth)
            if fails or hung:
                return False
        if self.sites:
            work = max(work, self._hold)
        done = begin + work if self._steady else self._workforce.finish(begin, work)
        return timeout is None or done - now + ways <= timeout

    def _wait(self, now: float) -> float:
        """Return about how long an attempt that arrives now waits for a worker: all are busy.

        Those before it in the queue hold a worker for the moving mean of recent holds each.
        A hung worker serves nobody before its hang ends. Of those in the queue a hang will
        catch as large a part as of those at its head, and each takes one more worker away;
        if none is left, all stands still until no hang is in force any more.
        """
        before = len(self.queue)
        if not self._may_hang:
            return (before + 1) * self._hold / self.capacity
        left = self.capacity - len(self._held)
        caught = self._caught_share(now) * before if left > 0 else 0.0
        if left > caught:
            return (before + 1 - caught) * self._hold / (left - caught / 2)
        standstill = self._conditions.hangs_until(now) - now
        return standstill + (before + 1) * self._hold / self.capacity

    def _caught_share(self, now: float) -> float:
        """Return the part of those next in the queue that a hang now in force would catch."""
        if not self.queue or self._conditions.hangs_until(now) <= now:
            return 0.0
        head = list(islice(reversed(self.queue) if self._lifo else self.queue, _LOOKED_AT))
        active = self._conditions.active(now)
        caught = 0
        for attempt in head:
            if active.hang_ends(now, attempt.site.caller, attempt.node, attempt.number) > now:
                caught += 1
        return caught / len(head)
