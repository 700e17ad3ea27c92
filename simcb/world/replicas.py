"""Who answers: a service's replicas, and the workers and queue of each.

A worker is held from the moment it takes an attempt through the service's own work and, if
the service blocks, through the calls it makes in turn. What becomes of an attempt whose
caller has gone is the service's own policy; by default it never learns.
"""

from __future__ import annotations

from math import inf

from simcb.scenario.faults import Cold, Restart
from simcb.scenario.model import OnAbandon, Service
from simcb.trace import Flag
from simcb.world.adapting import ANSWERED, DROPPED, NEITHER
from simcb.world.admission import gate_after
from simcb.world.clock import Clock, Order
from simcb.world.conditions import Conditions
from simcb.world.crashing import Crash, Falls
from simcb.world.delays import delay_limit_of
from simcb.world.metering import Meter
from simcb.world.occurrence import Callback, Occurrence
from simcb.world.queues import PriorityQueue
from simcb.world.recorder import Recorder
from simcb.world.replica_state import ReplicaState
from simcb.world.tasks import ERROR, OK, REFUSED, THROTTLED, Attempt
from simcb.world.workforce import Workforce

_DONE = int(Order.DONE)
_CONDITIONS = int(Order.CONDITIONS)
_HUNG = int(Flag.HUNG)
_DROPPED = int(Flag.DROPPED)
_THROTTLED = int(Flag.THROTTLED)
_TAKEN = 0
_NEXT = 0
"""Before all orders: after the present event, before all others of the moment."""
_HOLD_WEIGHT = 0.05
"""Weight of the newest attempt in the moving mean of how long a worker is held."""


class _Still(Occurrence):
    """An attempt that holds its worker on, for whose work the heap has its own completion."""

    __slots__ = ("attempt",)

    def __init__(self, callback: Callback, attempt: Attempt) -> None:
        self.callback = callback
        self.attempt = attempt


class Replica(ReplicaState):
    """One process of a service: it takes attempts in, and lets them go.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        index: the replica's index in the run.
        service: the service as the file has it.
        conditions: the faults that touch this replica.
        workforce: its workers over time.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        service: Service,
        conditions: Conditions,
        workforce: Workforce,
    ) -> None:
        super().__init__(clock, service, conditions, workforce)
        self._recorder = recorder
        self.index = index
        self._blocking = service.blocking
        self._drops = service.on_abandon is not OnAbandon.FINISH
        self._stops = service.on_abandon is OnAbandon.STOP
        self._delay_limit = delay_limit_of(service.admit)
        self._done_callback = self._done
        for moment in workforce.changes:
            clock.tell(moment, _CONDITIONS, self._change_capacity)
        for window in conditions.beginnings(Cold):
            clock.tell(window.start, _CONDITIONS, lambda window=window: self._go_cold(window))  # type: ignore[misc]
        # Who is inside is only needed by a restart, which throws them all out.
        restarts = conditions.beginnings(Restart)
        if service.falls:
            self.falls = Falls(clock, self._restart)
        self._crash: Crash | None = None
        if service.crash is not None and self.falls is not None:
            self._crash = Crash(clock, service.crash, self.falls)
        self._inside: dict[int, Attempt] | None = {} if restarts or self.falls else None
        for window in restarts:
            clock.tell(window.start, _CONDITIONS, self._restart)
        self._meter = None if service.scale is None else Meter(clock, service.scale.measure)
        self.follow(service)

    def follow(self, service: Service) -> None:
        """Serve as the file has it from now on.

        Who waits in a queue that becomes shorter stays there, and admission goes on with what it
        has counted. How many workers there are, the workforce knows.
        """
        self._errors = service.errors
        self._contention = service.contention
        self._limit = inf if service.queue.limit is None else service.queue.limit
        self._gate = gate_after(self._gate, service.admit, self._clock.now)
        self._watched = self._inside is not None or self._gate is not None

    def close(self) -> None:
        """Forget who is still here, and whom it asks; the run is over."""
        self.sites = ()
        self.queue.clear()
        self._held.clear()
        if self._inside is not None:
            self._inside.clear()

    # Taking attempts in.

    def offer(self, attempt: Attempt, now: float) -> int:
        """Take an attempt in, to work or to wait; return 0, or why not: an outcome's code."""
        attempt.arrive = now
        if now >= self._change_at:
            self._look_around(now)
        if self._active.refusing and self._active.refuses(
            now, attempt.site.caller, attempt.node, attempt.number
        ):
            attempt.freed = now
            return REFUSED
        if self.falls is not None and now < self.falls.down_until:
            attempt.freed = now
            return REFUSED
        if attempt.settled and self._drops:
            self._drop(attempt, now)
            return _TAKEN
        gate = self._gate
        if gate is not None:
            if not gate.has_room(now):
                return self._throttle(attempt, now)
            gate.enter(now)
        if self.busy < self.capacity:
            if self._delay_limit is not None:
                self._delay_limit.throws_out(now, 0.0, 0)
            attempt.owed = True
            self._start(attempt, now)
        elif len(self.queue) >= self._limit:
            if gate is not None:
                gate.leave(now, now, DROPPED)
            if isinstance(self.queue, PriorityQueue):
                return self._make_room(self.queue, attempt, now)
            attempt.freed = now
            return REFUSED
        else:
            attempt.owed = True
            self.queue[attempt] = None
        return _TAKEN

    def _throttle(self, attempt: Attempt, now: float) -> int:
        """Turn an attempt away; it is told when it may come again."""
        attempt.freed = now
        attempt.flags |= _THROTTLED
        attempt.retry_after = 0.0 if self._gate is None else self._gate.retry_after
        return THROTTLED

    def _make_room(self, queue: PriorityQueue, attempt: Attempt, now: float) -> int:
        """Turn the least of those in a full queue and of one that comes away; return 0 or why."""
        least = queue.least(attempt)
        if least is attempt:
            return self._throttle(attempt, now)
        del queue[least]
        self._throw_out(least, now)
        attempt.owed = True
        queue[attempt] = None
        return _TAKEN

    def _throw_out(self, attempt: Attempt, now: float) -> None:
        """Turn an attempt away that was in the queue."""
        self._throttle(attempt, now)
        # When all that follows from the present event is done.
        self._clock.at(now, _NEXT, Occurrence(lambda _: attempt.site.answer(attempt, THROTTLED)))

    def _start(self, attempt: Attempt, now: float) -> None:
        others = self.busy
        self.busy = others + 1
        if self._crash is not None:
            self._crash.look(self.busy, self.capacity)
        attempt.begin = now
        if self._inside is not None:
            self._inside[attempt.attempt_row] = attempt
        node, number = attempt.node, attempt.number
        work = node.work.at(number)
        if self._errors and node.errors.at(number) < self._errors:
            attempt.fails = True
        if self._contention:
            work += self._contention * others
        if now >= self._change_at:
            self._look_around(now)
        if self._active.working:
            work, fails, hung = self._active.effect(
                now, attempt.site.caller, node, number, work, self._warmth
            )
            if fails:
                attempt.fails = True
            if hung:
                attempt.flags |= _HUNG
                if self._meter is not None:
                    self._meter.begins(attempt, hangs=True)
                self._held[attempt] = None
                self._hang(attempt)
                return
        if self._meter is not None:
            self._meter.begins(attempt, hangs=False)
        attempt.callback = self._done_callback
        done = now + work if self._steady else self._workforce.finish(now, work)
        self._clock.at(done, _DONE, attempt)

    def _hang(self, attempt: Attempt) -> None:
        """Hold the worker until no hang that catches this attempt is in force."""
        now = self._clock.now
        caller, node, number = attempt.site.caller, attempt.node, attempt.number
        ends = self._conditions.active(now).hang_ends(now, caller, node, number)
        if ends > now:
            self._clock.at(ends, _CONDITIONS, _Still(self._hangs_on, attempt))
        else:
            self._lose(attempt)

    def _hangs_on(self, event: _Still) -> None:
        if not event.attempt.finished:
            self._hang(event.attempt)

    # What an autoscaler asks.

    def busy_seconds(self) -> float:
        """Return how long its workers have been busy until now, in worker-seconds."""
        return 0.0 if self._meter is None else self._meter.seconds()

    # Letting them go.

    def _done(self, attempt: Attempt) -> None:
        if attempt.finished:
            return
        if attempt.fails or not self.sites:
            self.complete(attempt, ERROR if attempt.fails else OK)
            return
        if self._meter is not None:
            self._meter.has_worked(attempt)
        if not self._blocking:
            self._release(attempt)
        attempt.asked = self._clock.now
        attempt.sites = self.sites
        attempt.streams = attempt.node.calls
        attempt.proceed()

    def answered(self, attempt: Attempt, outcome: int) -> None:
        """Complete an attempt whose calls are over, later if its worker is not all there."""
        now = self._clock.now
        if not self._steady and attempt.freed != attempt.freed:
            until = self._workforce.released(attempt.asked, now)
            if until > now:
                attempt.answer = outcome
                self._clock.at(until, _DONE, _Still(self._complete_late, attempt))
                return
        self.complete(attempt, outcome)

    def _complete_late(self, event: _Still) -> None:
        if not event.attempt.finished:
            self.complete(event.attempt, event.attempt.answer)

    def complete(self, attempt: Attempt, outcome: int) -> None:
        """Release the worker, let the next in the queue begin, and answer the caller."""
        if outcome == OK:
            self._served += 1
        if self._watched:
            self._see_out(attempt, ANSWERED if outcome == OK else NEITHER)
        if attempt.freed != attempt.freed:  # still holds its worker
            self._hold += _HOLD_WEIGHT * (self._clock.now - attempt.begin - self._hold)
            self._release(attempt)
        attempt.site.answer(attempt, outcome)

    def _see_out(self, attempt: Attempt, how: int) -> None:
        """Take note that an attempt that a worker had taken is no longer inside."""
        if self._inside is not None:
            del self._inside[attempt.attempt_row]
        if self._gate is not None:
            self._gate.leave(self._clock.now, attempt.arrive, how)

    def _release(self, attempt: Attempt) -> None:
        attempt.freed = self._clock.now
        self.busy -= 1
        if self._meter is not None:
            self._meter.lets_go(attempt)
        if self.queue or self._checks:
            self._dispatch()
        if self._crash is not None:
            self._crash.look(self.busy, self.capacity)

    def _dispatch(self) -> None:
        queue = self.queue
        now = self._clock.now
        while queue and self.busy < self.capacity:
            if self._checks:
                self._answer_checks(now)
            attempt, _ = queue.popitem(last=self._lifo)
            limit = self._delay_limit
            if limit is not None and limit.throws_out(now, now - attempt.arrive, len(queue)):
                self._throw_out(attempt, now)
            else:
                self._start(attempt, now)
        if self._checks and self.busy < self.capacity:
            self._answer_checks(now)

    def _lose(self, attempt: Attempt) -> None:
        """Release the worker of an attempt that will never be answered."""
        attempt.finished = True
        attempt.owed = False
        del self._held[attempt]
        if self._watched:
            self._see_out(attempt, DROPPED)
        self._release(attempt)
        if attempt.settled:
            self._recorder.close_attempt(attempt)

    def _drop(self, attempt: Attempt, now: float) -> None:
        """Write off an attempt that no worker has taken and whose caller has gone."""
        attempt.freed = now
        attempt.flags |= _DROPPED
        attempt.owed = False
        self._recorder.close_attempt(attempt)

    def abandoned(self, attempt: Attempt) -> None:
        """Learn that a caller has gone, and do what the service does about it."""
        if not self._drops:
            return
        if attempt in self.queue:
            del self.queue[attempt]
            if self._gate is not None:
                self._gate.leave(self._clock.now, attempt.arrive, DROPPED)
            self._drop(attempt, self._clock.now)
        elif self._stops and attempt.begin == attempt.begin and not attempt.finished:
            self._cancel(attempt)
            self._recorder.close_attempt(attempt)

    def _cancel(self, attempt: Attempt) -> None:
        """Stop working on an attempt and on all that is done on its behalf."""
        attempt.flags |= _DROPPED
        attempt.finished = True
        attempt.owed = False
        if attempt.flags & _HUNG:
            del self._held[attempt]
        if self._watched:
            self._see_out(attempt, DROPPED)
        attempt.stop()
        if attempt.freed != attempt.freed:
            self._release(attempt)

    def meet(self, conditions: Conditions) -> None:
        """Meet these faults from now on, in place of those it has met.

        Workers, restarts and cold caches stay as they are. What no hang holds any more is lost.
        """
        now = self._clock.now
        self._conditions = conditions
        self.loses_attempts = conditions.loses_attempts
        self._may_hang = conditions.hangs
        self._look_around(now)
        for attempt in list(self._held):
            self._hang(attempt)

    def _change_capacity(self) -> None:
        self.capacity = self._workforce.count(self._clock.now)
        self._dispatch()
        if self._crash is not None:
            self._crash.look(self.busy, self.capacity)

    def _restart(self) -> None:
        """Lose the queue and the work; callers see their connections break."""
        assert self._inside is not None
        thrown_out = [*self._inside.values(), *self.queue]
        now = self._clock.now
        for check in self._checks:
            if check.answered > now:
                check.answered, check.taken = inf, True
        self.queue.clear()
        for attempt in thrown_out:
            if attempt.begin == attempt.begin:
                self._cancel(attempt)
            else:
                attempt.flags |= _DROPPED
                attempt.freed = now
                if self._gate is not None:
                    self._gate.leave(now, attempt.arrive, DROPPED)
            # Its row stays open until it is answered: what one caller hears may end a request
            # for which another of them is waiting.
            attempt.owed = True
        for attempt in thrown_out:
            attempt.site.answer(attempt, ERROR)
