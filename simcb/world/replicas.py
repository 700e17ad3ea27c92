"""Who answers: a service's replicas, and the workers and queue of each.

A worker is held from the moment it takes an attempt through the service's own work and, if
the service blocks, through the calls it makes in turn. What becomes of an attempt whose
caller has gone is the service's own policy; by default it never learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import inf

from simcb.scenario.faults import Cold, Restart
from simcb.scenario.model import Discipline, OnAbandon, Service
from simcb.trace import Flag
from simcb.world.adapting import ANSWERED, DROPPED, NEITHER
from simcb.world.admission import Gate, gate_after
from simcb.world.checking import Check
from simcb.world.clock import Clock, Order
from simcb.world.conditions import Conditions, FaultWindow
from simcb.world.crashing import Crash, Falls
from simcb.world.delays import delay_limit_of
from simcb.world.metering import Meter
from simcb.world.occurrence import Callback, Occurrence
from simcb.world.queues import PriorityQueue, queue_of
from simcb.world.recorder import Recorder
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import ERROR, OK, REFUSED, THROTTLED, Attempt, Server, Site
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
_LOOKED_AT = 32
"""Attempts at the head of a queue that are looked at to tell how many of it a hang will catch."""


class _Still(Occurrence):
    """An attempt that holds its worker on, for whose work the heap has its own completion."""

    __slots__ = ("attempt",)

    def __init__(self, callback: Callback, attempt: Attempt) -> None:
        self.callback = callback
        self.attempt = attempt


class Replica(Server):
    """One process of a service: workers, a queue, and what is wrong with it just now.

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
        self.sites: Sequence[Site] = ()
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self._blocking = service.blocking
        self._drops = service.on_abandon is not OnAbandon.FINISH
        self._stops = service.on_abandon is OnAbandon.STOP
        self._gate: Gate | None = None
        self._delay_limit = delay_limit_of(service.admit)
        self._lifo = service.queue.discipline is Discipline.LIFO
        self._conditions = conditions
        self.loses_attempts = conditions.loses_attempts
        self._may_hang = conditions.hangs
        self._held: dict[Attempt, None] = {}
        self._active = conditions.active(0.0)
        self._change_at = conditions.next_change(0.0)
        self._hold = service.work.mean_value
        self._done_callback = self._done
        self._warmth, self._warmth_so_far = self._warmed, self._warmed_so_far
        self.busy = 0
        self.queue = queue_of(service.queue.discipline)
        self._workforce = workforce
        self._steady = workforce.steady
        self.capacity = workforce.count(0.0)
        for moment in workforce.changes:
            clock.tell(moment, _CONDITIONS, self._change_capacity)
        self._served = 0
        self._served_before: dict[FaultWindow, int] = {}
        for window in conditions.beginnings(Cold):
            clock.tell(window.start, _CONDITIONS, lambda window=window: self._go_cold(window))  # type: ignore[misc]
        # Who is inside is only needed by a restart, which throws them all out.
        restarts = conditions.beginnings(Restart)
        self.falls = Falls(clock, self._restart) if service.falls else None
        self._crash: Crash | None = None
        if service.crash is not None and self.falls is not None:
            self._crash = Crash(clock, service.crash, self.falls)
        self._checks: list[Check] = []
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
        self._limit = float("inf") if service.queue.limit is None else service.queue.limit
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

    def load(self) -> int:
        """Return how many attempts it has, waiting or in work."""
        return self.busy + len(self.queue)

    def _throw_out(self, attempt: Attempt, now: float) -> None:
        """Turn an attempt away that was in the queue."""
        self._throttle(attempt, now)
        # When all that follows from the present event is done.
        self._clock.at(now, _NEXT, Occurrence(lambda _: attempt.site.answer(attempt, THROTTLED)))

    def loses(self, attempt: Attempt, now: float) -> bool:
        """Tell whether the network loses an attempt sent to this replica now."""
        if now >= self._change_at:
            self._look_around(now)
        return self._active.loses(now, attempt.site.caller, attempt.node, attempt.number)

    def _look_around(self, now: float) -> None:
        self._active = self._conditions.active(now)
        self._change_at = self._conditions.next_change(now)

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

    def is_down(self) -> bool:
        """Tell whether it is about to start anew, and refuses everything."""
        now = self._clock.now
        if self.falls is not None and now < self.falls.down_until:
            return True
        return any(each.kind is Restart for each in self._conditions.active(now).refusing)

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

    def _go_cold(self, window: FaultWindow) -> None:
        self._served_before.setdefault(window, self._served)

    def _warmed(self, window: FaultWindow) -> int:
        # At the window's first moment work may begin before it is told of.
        return self._served - self._served_before.setdefault(window, self._served)

    def _warmed_so_far(self, window: FaultWindow) -> int:
        # For a look ahead: it must not take note of a window that has not begun.
        return self._served - self._served_before.get(window, self._served)

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
