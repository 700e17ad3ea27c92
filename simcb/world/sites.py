"""How a caller asks: the policies of one call at work, from the first try to giving up.

Order from outside to inside: fallback( retry( breaker( bulkhead( timeout( network and
service ))))); a breaker `around: request` stands outside the retries instead, and a fallback
`around: attempt` inside them.
"""

from __future__ import annotations

import math

from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.trace import Flag
from simcb.world.clock import Clock, Expiries, Order
from simcb.world.foreign import BusyError
from simcb.world.limits import Limits
from simcb.world.occurrence import Callback, Occurrence
from simcb.world.policies import (
    Budget,
    Cache,
    Throttle,
    budget_after,
    retrying_of,
    throttle_after,
)
from simcb.world.recorder import Recorder
from simcb.world.routing import Guard, LoadBalancer
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import (
    ABANDONED,
    DEGRADED,
    OK,
    REJECTED,
    SHED,
    THROTTLED,
    TIMEOUT,
    Attempt,
    Server,
    Site,
    Task,
    time_out,
)
from simcb.world.verdicts import verdicts_of

_ASK = int(Order.ASK)
_DONE = int(Order.DONE)
_DROPPED = int(Flag.DROPPED)
_HEDGE = int(Flag.HEDGE)
_LOST = int(Flag.LOST)
_UNNEEDED = int(Flag.UNNEEDED)
_NOT_YET = -1
"""Instead of a number of retries: the call has not begun."""


class _Retry(Occurrence):
    """A caller's wait before it tries again, or until a breaker lets it ask."""

    __slots__ = ("retry", "task", "waited")

    def __init__(self, site: CallSite, task: Task, retry: int, waited: float) -> None:
        self.callback = site.try_again
        self.task = task
        self.retry = retry
        self.waited = waited


class _Reply(Occurrence):
    """An answer on its way that is no attempt, for which the heap still has another use."""

    __slots__ = ("attempt",)

    def __init__(self, callback: Callback, attempt: Attempt) -> None:
        self.callback = callback
        self.attempt = attempt


class CallSite(Site):
    """One caller process's policy towards one service, at work.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        caller: the caller's name, by which faults on a link know it.
        index: the call's index in the layout.
        slot: the call's place among its caller's calls.
        call: the policy as the file has it.
        balancer: the service that answers.
        guard: the breakers, or None if nothing guards the call.
        cache: the answers kept to fall back on, or None.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        caller: str,
        index: int,
        slot: int,
        call: Call,
        balancer: LoadBalancer,
        guard: Guard | None,
        cache: Cache | None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.caller = caller
        self.index = index
        self._slot = slot
        self._balancer = balancer
        self._own_guard = guard
        self._timeout: float | None = math.nan
        self._travels = call.network is not None
        self._limits: Limits | None = None
        self._throttle: Throttle | None = None
        self._budget: Budget | None = None
        self._cache = cache
        # Where nothing travels, a site that points to itself would only be left to the collector.
        self._arrive_callback = self._arrive if self._travels else None
        self._reply_callback = self._reply if self._travels else None
        self.follow(call)

    def follow(self, call: Call) -> None:
        """Ask as a call says, from now on.

        An attempt under way keeps the timeout that it was sent with, and a retry whose wait has
        begun is made. Budgets, limits and throttle go on with what they have counted, and a
        breaker that is switched off and on again with the state it had.
        """
        breaker = call.breaker
        guard = self._own_guard if breaker is None or breaker.enabled else None
        around_request = breaker is not None and breaker.around is Around.REQUEST
        self._guard = None if around_request else guard
        self._outer_guard = guard if around_request else None
        self._verdicts = verdicts_of(breaker)
        self._share = call.share
        if call.timeout != self._timeout:
            self._timeout = call.timeout
            self._timeouts: Expiries | None = None
            if call.timeout is not None:
                self._timeouts = self._clock.timers(call.timeout, Order.EXPIRE, time_out)
        if self._limits is not None:
            self._limits.follow(call)
        elif call.rate_limit is not None or call.bulkhead is not None:
            late = self._send_late, self._shed_late
            self._limits = Limits(self._clock, call, self._balancer, *late)
        self._throttle = throttle_after(self._throttle, call.throttle)
        retrying = retrying_of(call.retry)
        self._retried = retrying.retried
        self._max_retries = retrying.max_retries
        self._elsewhere = retrying.elsewhere
        self._heeded = retrying.heeded
        self._wait = retrying.wait
        self._budget = budget_after(self._budget, retrying.budget)
        if self._guard is not None:
            self._guard.tried = 0
        fallback = call.fallback
        self._hit_rate = None if fallback is None else fallback.hit_rate
        self._each_try = fallback is not None and fallback.around is Around.ATTEMPT

    def is_open(self, now: float) -> bool:
        """Tell whether its breaker, or that of every replica, is open until later than now."""
        guard = self._guard or self._outer_guard
        return guard is not None and guard.is_open(self._balancer, now)

    # Asking: the first try, sending, and everything that can stop an attempt on its way.

    def ask(self, task: Task) -> None:
        """Make the call for `task`, which hears of the result when there is one."""
        if self._share < 1 and task.streams[self._slot].needed.at(task.number) >= self._share:
            task.proceed()
            return
        if self._outer_guard is not None:
            try:
                admitted = self._admit_request(task, self._outer_guard)
            except BusyError as busy:
                busy.breaker.wait(_Retry(self, task, _NOT_YET, 0.0))
                return
            if not admitted:
                self._give_up(task, REJECTED)
                return
        if self._budget is not None:
            self._budget.earn()
        task.tried = 0
        outcome = self.try_once(task, 0, 0.0)
        if outcome is not None:
            self._after_failure(task, 0, 0.0, outcome)

    def _admit_request(self, task: Task, guard: Guard) -> bool:
        task.permit = guard.ask()
        if task.permit is None:
            node = task.streams[self._slot].attempt(0)
            self.reject(task, node, 0, guard.index)
        return task.permit is not None

    def try_once(
        self, task: Task, retry: int, waited: float, node: AttemptStreams | None = None
    ) -> int | None:
        """Make one attempt; return the code of an outcome that is known at once, or None.

        Its streams are those of its number, unless others are given.
        """
        now = self._clock.now
        if node is None:
            made = task.streams[self._slot]
            node = made.attempts[retry] if retry < len(made.attempts) else made.attempt(retry)
        entry, breaker = None, -1
        replica: Server | None = None
        if self._outer_guard is not None and retry == 0 and not node.flags:
            breaker = self._outer_guard.index
        throttle = self._throttle
        if throttle is not None and throttle.sheds(now, node.throttle.at(task.number)):
            self._write_unsent(task, retry, breaker, SHED, node.flags)
            return SHED
        guard = self._guard
        if guard is not None:
            if self._elsewhere:
                guard.tried = task.tried
            try:
                entry = guard.admit(self._balancer, node, task.number)
            except BusyError as busy:
                if node.flags:
                    return None  # A hedge does not wait for a breaker.
                busy.breaker.wait(_Retry(self, task, retry, waited))
                return None
            breaker, replica = guard.index, guard.replica
            if entry is None:
                self.reject(task, node, retry, breaker)
                return REJECTED
        if self._elsewhere and task.tried and replica is None:
            replica = self._balancer.other(node, task.number, task.tried)
        wait: float | None = 0.0
        limits = self._limits
        if limits is not None:
            wait, replica = limits.turn(node, task.number, replica, now)
            if wait is None:
                if entry is not None:
                    self._verdicts.tell(entry, SHED, task)
                self._write_unsent(task, retry, breaker, SHED, node.flags)
                return SHED
        attempt = Attempt.__new__(Attempt)
        attempt.prepare(self, task, node, retry, waited, entry, breaker, now, replica)
        attempt.attempt_row = self._recorder.open_attempt(attempt)
        task.current = attempt
        if self._budget is not None:
            self._budget.begun()
        if wait and limits is not None:
            limits.wait(attempt, wait)
            return None
        return self._send(attempt, now)

    def reject(self, task: Task, node: AttemptStreams, retry: int, breaker: int) -> None:
        """Write down an attempt that a breaker rejected, and whether it needed to."""
        number = task.number
        ways = node.send.at(number) + node.reply.at(number) if self._travels else 0.0
        now = self._clock.now
        unneeded = self._balancer.would_answer(self.caller, node, number, self._timeout, ways, now)
        flags = node.flags | (_UNNEEDED if unneeded else 0)
        self._write_unsent(task, retry, breaker, REJECTED, flags)

    def _write_unsent(self, task: Task, retry: int, breaker: int, outcome: int, flags: int) -> None:
        if self._budget is not None:
            self._budget.missed(0 if flags & _HEDGE else retry)
        self._recorder.unsent_attempt(
            self._clock.now,
            task.request_row,
            task.attempt_row,
            self.index,
            retry,
            breaker,
            outcome,
            flags,
        )

    def _send(self, attempt: Attempt, now: float) -> int | None:
        """Send an attempt on its way; return the code of an answer that is known at once."""
        replica = attempt.replica
        if replica is None:
            attempt.replica = replica = self._balancer.pick(attempt.node, attempt.number)
        attempt.replica_index = replica.index
        if self._elsewhere:
            self._note_tried(attempt.task, replica)
        attempt.sent = True
        attempt.since = now
        if replica.loses_attempts and replica.loses(attempt, now):
            attempt.flags |= _LOST
        elif self._travels:
            attempt.owed = True
            attempt.callback = self._arrive_callback
            self._clock.at(now + attempt.node.send.at(attempt.number), _ASK, attempt)
        elif turned_away := replica.offer(attempt, now):
            if turned_away == THROTTLED:
                attempt.task.told = attempt.retry_after
            self._settle(attempt, turned_away)
            return turned_away
        if self._timeouts is not None:
            self._timeouts.add(attempt)
        return None

    def _note_tried(self, task: Task, replica: Server) -> None:
        """Take note that a call asks a replica; once it has asked all, it begins anew."""
        this = 1 << replica.index - self._balancer.every[0].index
        task.tried |= this
        everyone = (1 << len(self._balancer.replicas)) - 1
        if task.tried & everyone == everyone:
            task.tried = this

    def _send_late(self, attempt: Attempt) -> None:
        """Send an attempt that has waited for its turn, or for a place in the bulkhead."""
        outcome = self._send(attempt, self._clock.now)
        if outcome is not None:
            self._after_failure(attempt.task, attempt.retry, attempt.waited, outcome)

    def _shed_late(self, attempt: Attempt) -> None:
        """Give up on an attempt that has waited for a place for too long."""
        self._settle(attempt, SHED)
        self._after_failure(attempt.task, attempt.retry, attempt.waited, SHED)

    def _arrive(self, attempt: Attempt) -> None:
        replica = attempt.replica
        assert replica is not None
        if turned_away := replica.offer(attempt, self._clock.now):
            self.answer(attempt, turned_away)

    # Hearing: answers, timeouts, and callers who leave.

    def answer(self, attempt: Attempt, outcome: int) -> None:
        """Send the service's answer back to the caller; the service is done with the attempt."""
        attempt.finished = True
        if attempt.settled:
            attempt.owed = False
            self._recorder.close_attempt(attempt)
        elif self._travels:
            attempt.owed = True
            attempt.answer = outcome
            reply: Attempt | Occurrence = attempt
            if attempt.flags & _DROPPED:
                # Work that a restart cut short has left its own completion in the heap.
                reply = _Reply(self._reply_late, attempt)
            else:
                attempt.callback = self._reply_callback
            way = attempt.node.reply.at(attempt.number)
            self._clock.at(self._clock.now + way, _DONE, reply)
        else:
            attempt.owed = False
            self._hear(attempt, outcome)

    def _reply_late(self, event: _Reply) -> None:
        self._reply(event.attempt)

    def _reply(self, attempt: Attempt) -> None:
        attempt.owed = False
        if attempt.settled:
            self._recorder.close_attempt(attempt)
        else:
            self._hear(attempt, attempt.answer)

    def _hear(self, attempt: Attempt, outcome: int) -> None:
        task = attempt.task
        if outcome == THROTTLED:
            task.told = attempt.retry_after
        self._settle(attempt, outcome)
        if outcome != OK:
            self._after_failure(task, attempt.retry, attempt.waited, outcome)
            return
        if attempt.flags & DEGRADED:
            task.degraded = True
        if self._cache is not None:
            self._cache.store(task.streams[self._slot].key.at(task.number), self._clock.now)
        if task.permit is not None:
            self._settle_request(task, OK)
        task.proceed()

    def expire(self, attempt: Attempt) -> None:
        """End the caller's wait: the answer has not come in time."""
        self._leave(attempt, TIMEOUT)
        self._after_failure(attempt.task, attempt.retry, attempt.waited, TIMEOUT)

    def abandon(self, attempt: Attempt) -> None:
        """Stop waiting for an attempt whose outcome nobody wants any more."""
        self._leave(attempt, ABANDONED)

    def _leave(self, attempt: Attempt, outcome: int) -> None:
        # One that still waited for a place in the bulkhead was never sent.
        self._settle(attempt, outcome if attempt.sent else SHED)
        if attempt.owed and attempt.replica is not None:
            attempt.replica.abandoned(attempt)

    def _settle(self, attempt: Attempt, outcome: int) -> None:
        """End the caller's wait: tell the breaker and give back what the attempt held."""
        attempt.settled = True
        attempt.outcome = outcome
        attempt.end = self._clock.now
        attempt.task.current = None
        if attempt.entry is not None:
            if outcome == OK:
                attempt.entry._succeed()
            else:
                self._verdicts.tell(attempt.entry, outcome, attempt.task)
        if not attempt.owed:
            self._recorder.close_attempt(attempt)
        if self._throttle is not None and outcome == OK:
            self._throttle.accepted(attempt.end)
        if self._budget is not None:
            retry = 0 if attempt.flags & _HEDGE else attempt.retry
            self._budget.ended(retry, outcome == OK)
        if self._limits is not None and attempt.sent:
            self._limits.leave(attempt)

    def _settle_request(self, task: Task, outcome: int) -> None:
        if task.permit is not None:
            self._verdicts.tell(task.permit, outcome, task)
            task.permit = None

    # Going on: retries, and what is left when they are used up.

    def _after_failure(self, task: Task, retry: int, waited: float, outcome: int) -> None:
        """Try again as the policy says, or give up."""
        known: int | None = outcome
        now = self._clock.now
        budget = self._budget
        while known is not None:
            if self._each_try and self._falls_back(task):
                self._settle_request(task, OK)
                self._serve(task)
                return
            again = known in self._retried
            if again and budget is not None:
                budget.failed()
            if not again or retry >= self._max_retries or not (budget is None or budget.spend(now)):
                self._give_up(task, known)
                return
            made = task.streams[self._slot]
            waited = self._wait(retry, waited, made.attempt(retry).jitter, task.number)
            if known == THROTTLED and 0.0 < task.told <= self._heeded:
                waited = task.told
            retry += 1
            if waited > 0:
                self._clock.at(now + waited, _ASK, _Retry(self, task, retry, waited))
                return
            known = self.try_once(task, retry, waited)

    def try_again(self, event: _Retry) -> None:
        """Retry after the wait, unless nobody wants the outcome any more."""
        task = event.task
        if task.over:
            if self._budget is not None and event.retry != _NOT_YET:
                self._budget.missed(event.retry)
            return
        if event.retry == _NOT_YET:
            self.ask(task)
            return
        outcome = self.try_once(task, event.retry, event.waited)
        if outcome is not None:
            self._after_failure(task, event.retry, event.waited, outcome)

    def _give_up(self, task: Task, outcome: int) -> None:
        self._settle_request(task, outcome)
        if not self._each_try and self._falls_back(task):
            self._serve(task)
        else:
            task.break_off(outcome)

    def _serve(self, task: Task) -> None:
        """Go on with the answer of the fallback."""
        task.degraded = True
        task.proceed()

    def _falls_back(self, task: Task) -> bool:
        streams = task.streams[self._slot]
        if self._cache is not None:
            return self._cache.serves(streams.key.at(task.number), self._clock.now)
        return self._hit_rate is not None and streams.fallback.at(task.number) < self._hit_rate
