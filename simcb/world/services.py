"""Who answers: services, their replicas, and the workers and queue of each.

A worker is held from the moment it takes an attempt until its answer, through the service's
own work and through the calls it makes in turn. The service never learns that a caller has
gone: it finishes what it began.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario.model import Service
from simcb.trace import Flag
from simcb.world.calls import OK, Attempt
from simcb.world.clock import Clock, Occurrence, Order
from simcb.world.conditions import Conditions, Spell
from simcb.world.recorder import Recorder

if TYPE_CHECKING:
    from simcb.world.calls import CallSite
    from simcb.world.luck import AttemptLuck

ERROR = ATTEMPT_CODE[AttemptOutcome.ERROR]
_DONE = int(Order.DONE)
_CONDITIONS = int(Order.CONDITIONS)
_HUNG = int(Flag.HUNG)
_HOLD_WEIGHT = 0.05
"""Weight of the newest attempt in the moving mean of how long a worker is held."""


class Replica:
    """One process of a service: workers, a queue, and what is wrong with it just now.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        index: the replica's index in the run.
        service: the service as the file has it.
        conditions: the faults that touch this replica.
    """

    sites: Sequence[CallSite] = ()
    """The calls that serving an attempt makes, set when all services exist."""

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        service: Service,
        conditions: Conditions,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self._workers = service.workers
        self._errors = service.errors
        self._limit = float("inf") if service.queue.limit is None else service.queue.limit
        self._conditions = conditions
        self._active: tuple[Spell, ...] = ()
        self._change_at = 0.0
        self._hold = service.work.mean_value
        self._done_callbacks = (self._done,)
        self.busy = 0
        self.queue: deque[Attempt] = deque()
        self.capacity = conditions.capacity(service.workers, 0.0)
        for moment in conditions.capacity_changes():
            clock.tell(moment, _CONDITIONS, self._change_capacity)

    def offer(self, attempt: Attempt) -> bool:
        """Take an attempt in, to work or to wait; return whether it was taken."""
        now = self._clock._now
        if now >= self._change_at:
            self._look_around(now)
        if self._active and self._refuses(attempt.node, attempt.number, now):
            return False
        if self.busy < self.capacity:
            self._start(attempt)
        elif len(self.queue) >= self._limit:
            return False
        else:
            self.queue.append(attempt)
        return True

    def _look_around(self, now: float) -> None:
        self._active = self._conditions.active(now)
        self._change_at = self._conditions.next_change(now)

    def _refuses(self, node: AttemptLuck, number: int, now: float) -> bool:
        return self._conditions.refuses(self._active, now, node.lot, number)

    def _start(self, attempt: Attempt) -> None:
        clock = self._clock
        now = clock._now
        self.busy += 1
        attempt.begin = now
        node, number = attempt.node, attempt.number
        work = node.work.at(number)
        if self._errors and node.errors.at(number) < self._errors:
            attempt.fails = True
        if now >= self._change_at:
            self._look_around(now)
        if self._active:
            work, fails, hung = self._conditions.effect(self._active, now, node.lot, number, work)
            if fails:
                attempt.fails = True
            if hung:
                attempt.flags |= _HUNG
                self._hang(attempt)
                return
        attempt.callbacks = self._done_callbacks  # type: ignore[assignment]
        clock.at(now + work, _DONE, attempt)

    def _hang(self, attempt: Attempt) -> None:
        """Hold the worker until no hang that catches this attempt is in force."""
        node, number = attempt.node, attempt.number

        def end(_: object) -> None:
            now = self._clock._now
            ends = self._conditions.hang_ends(now, node.lot, number)
            if ends > now:
                self._clock.at(ends, _CONDITIONS, Occurrence(end))
            else:
                self._release(attempt)
                if attempt.settled:
                    self._recorder.close_attempt(attempt)

        end(None)

    def _done(self, attempt: Attempt) -> None:
        if attempt.fails or not self.sites:
            self.complete(attempt, attempt.fails)
        else:
            attempt.sites = self.sites
            attempt.luck = attempt.node.calls
            attempt.proceed()

    def complete(self, attempt: Attempt, fails: bool) -> None:
        """Release the worker, let the next in the queue begin, and answer the caller."""
        self._hold += _HOLD_WEIGHT * (self._clock._now - attempt.begin - self._hold)
        self._release(attempt)
        if attempt.settled:
            self._recorder.close_attempt(attempt)
        else:
            attempt.site.answered(attempt, ERROR if fails else OK)

    def _release(self, attempt: Attempt) -> None:
        attempt.freed = self._clock._now
        self.busy -= 1
        if self.queue:
            self._dispatch()

    def _dispatch(self) -> None:
        while self.queue and self.busy < self.capacity:
            self._start(self.queue.popleft())

    def _change_capacity(self) -> None:
        self.capacity = self._conditions.capacity(self._workers, self._clock._now)
        self._dispatch()

    def would_answer(
        self, node: AttemptLuck, number: int, timeout: float | None, now: float
    ) -> bool:
        """Tell whether an attempt sent now would have been answered well and in time.

        The attempt's own demand and lots are known exactly. Its wait is estimated: with
        all workers busy, those before it in the queue each hold a worker for the moving
        mean of recent holds; a service that calls others is taken to need at least that
        mean itself.
        """
        if now >= self._change_at:
            self._look_around(now)
        if self._errors and node.errors.at(number) < self._errors:
            return False
        work = node.work.at(number)
        if self._active:
            if self._refuses(node, number, now):
                return False
            work, fails, hung = self._conditions.effect(self._active, now, node.lot, number, work)
            if fails or hung:
                return False
        if self.sites:
            work = max(work, self._hold)
        if self.busy >= self.capacity:
            if len(self.queue) >= self._limit or self.capacity == 0:
                return False
            work += (len(self.queue) + 1) * self._hold / self.capacity
        return timeout is None or work <= timeout


class ServiceDesk:
    """A service's replicas behind a round-robin balancer."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        self.replicas = tuple(replicas)
        self.turn = 0
        """Place of the replica that is next."""

    def pick(self) -> Replica:
        """Return the replica that is next and move on."""
        turn = self.turn
        replica = self.replicas[turn]
        turn += 1
        self.turn = turn if turn < len(self.replicas) else 0
        return replica

    def would_answer(
        self, node: AttemptLuck, number: int, timeout: float | None, now: float
    ) -> bool:
        """Tell whether the replica that is next would have answered; see `Replica`."""
        return self.replicas[self.turn].would_answer(node, number, timeout, now)
