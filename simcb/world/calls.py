"""How a caller asks: attempts, their timeouts and retries, and the breaker around each.

Order from outside to inside: fallback( retry( breaker( timeout( service )))). Whoever asks
is a `Task`: a press of a user, or a service's attempt that needs others to be served.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from simcb.breaker import CircuitBreaker, CircuitOpenError, Permit
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario.calls import Call
from simcb.trace import Flag
from simcb.world.clock import Clock, Expiries, Occurrence, Order, Waiter
from simcb.world.recorder import IN_FLIGHT, NAN, REJECTED, Recorder
from simcb.world.retries import wait_of

if TYPE_CHECKING:
    from simcb.world.luck import AttemptLuck, CallLuck
    from simcb.world.services import Replica, ServiceDesk

OK = ATTEMPT_CODE[AttemptOutcome.OK]
TIMEOUT = ATTEMPT_CODE[AttemptOutcome.TIMEOUT]
REFUSED = ATTEMPT_CODE[AttemptOutcome.REFUSED]
ABANDONED = ATTEMPT_CODE[AttemptOutcome.ABANDONED]
_ASK = int(Order.ASK)
_DEGRADED = int(Flag.DEGRADED)
_UNNEEDED = int(Flag.UNNEEDED)


class Task(Waiter):
    """Somebody who makes calls one after the other and then succeeds or fails.

    Attributes:
        number: the request's number in its group, the index into every stream.
        request_row: row of the user's request in the trace.
        attempt_row: row of the attempt on whose behalf the calls are made, or -1.
        sites: the calls to make, in order; `luck` has a node for each.
        current: the attempt waited for, if any.
        over: nobody wants the outcome any more.
        degraded: a fallback answered one of the calls.
    """

    number: int
    request_row: int
    attempt_row: int = -1
    sites: Sequence[CallSite] = ()
    luck: Sequence[CallLuck] = ()
    step: int = 0
    current: Attempt | None = None
    over: bool = False
    degraded: bool = False

    def proceed(self) -> None:
        """Make the next call, or succeed if there is none left."""
        step = self.step
        if step == len(self.sites):
            self.deliver()
        else:
            self.step = step + 1
            self.sites[step].ask(self)

    @abstractmethod
    def deliver(self) -> None:
        """Go on after the last call was answered."""

    @abstractmethod
    def break_off(self, outcome: int) -> None:
        """Go on after a call failed for good; `outcome` is the code of its last attempt."""


class Attempt(Task):
    """One try at one call; SimPy's event of its own work being done, and a task itself.

    Attributes:
        task: who waits for it.
        permit: what the breaker granted, to be settled once.
        begin, freed: when a worker took it and was released, nan before.
        work: seconds the worker needs before the service's own calls.
        fails: the answer will be an error.
    """

    end: float = NAN
    begin: float = NAN
    freed: float = NAN
    outcome: int = IN_FLIGHT
    flags: int = 0
    fails: bool = False

    def __init__(
        self,
        site: CallSite,
        task: Task,
        node: AttemptLuck,
        retry: int,
        waited: float,
        permit: Permit | None,
        breaker: int,
        replica: Replica,
        now: float,
    ) -> None:
        self.site = site
        self.task = task
        self.node = node
        self.number = task.number
        self.request_row = task.request_row
        self.retry = retry
        self.waited = waited
        self.permit = permit
        self.breaker = breaker
        self.replica = replica
        self.start = now

    def deliver(self) -> None:
        """Answer: the service's own calls were answered."""
        if self.degraded:
            self.flags |= _DEGRADED
        self.replica.complete(self, fails=False)

    def break_off(self, outcome: int) -> None:
        """Answer with an error: a call this service depends on failed."""
        self.replica.complete(self, fails=True)


class _Retry(Occurrence):
    """A caller's wait before it tries again."""

    def __init__(
        self, callback: Callable[[_Retry], None], task: Task, retry: int, waited: float
    ) -> None:
        super().__init__(callback)
        self.task = task
        self.retry = retry
        self.waited = waited


class Guard:
    """One breaker around a call site's attempts at a service.

    Args:
        breaker: the breaker.
        index: its index in the layout.
    """

    def __init__(self, breaker: CircuitBreaker, index: int) -> None:
        self._index = index
        self._acquire = breaker.acquire

    def admit(self, service: ServiceDesk) -> tuple[Permit | None, int, Replica | None]:
        """Return a permit, the breaker that gave it, and the replica to send to.

        Without a permit the call is rejected, and the breaker is the last that was asked.
        """
        try:
            return self._acquire(), self._index, service.pick()
        except CircuitOpenError:
            return None, self._index, None


class ReplicaGuard(Guard):
    """One breaker for each replica: when one is open, the caller goes on to the next replica.

    Args:
        breakers: in the order of the replicas.
        first_index: the layout's index of the first of them.
    """

    def __init__(self, breakers: Sequence[CircuitBreaker], first_index: int) -> None:
        self._first_index = first_index
        self._acquires = tuple(breaker.acquire for breaker in breakers)

    def admit(self, service: ServiceDesk) -> tuple[Permit | None, int, Replica | None]:
        """Return the permit of the first breaker, from the balancer's turn on, that admits."""
        turn, count = service.turn, len(self._acquires)
        index = turn
        for offset in range(count):
            index = (turn + offset) % count
            try:
                permit = self._acquires[index]()
            except CircuitOpenError:
                continue
            service.turn = (index + 1) % count
            return permit, self._first_index + index, service.replicas[index]
        return None, self._first_index + index, None


class CallSite:
    """One caller's policy towards one service, at work.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        index: the call's index in the layout.
        slot: the call's place among its caller's calls.
        call: the policy as the file has it.
        service: who answers.
        guard: the breakers, or None if nothing guards the call.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        slot: int,
        call: Call,
        service: ServiceDesk,
        guard: Guard | None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self._slot = slot
        self._service = service
        self._guard = guard
        self._timeout = call.timeout
        self._timeouts: Expiries[Attempt] | None = None
        if call.timeout is not None:
            self._timeouts = Expiries(clock, call.timeout, Order.EXPIRE, self._expire)
        self._max_retries = 0
        self._retried: frozenset[int] = frozenset()
        if call.retry is not None:
            self._max_retries = call.retry.max_retries
            self._retried = frozenset(ATTEMPT_CODE[outcome] for outcome in call.retry.on)
            self._wait = wait_of(call.retry)
        self._hit_rate = None if call.fallback is None else call.fallback.hit_rate

    def ask(self, task: Task) -> None:
        """Make the call for `task`, which hears of the result when there is one."""
        outcome = self._try(task, 0, 0.0)
        if outcome is not None:
            self._after_failure(task, 0, 0.0, outcome)

    def _try(self, task: Task, retry: int, waited: float) -> int | None:
        """Make one attempt; return the code of an outcome that is known at once, or None."""
        clock = self._clock
        now = clock._now
        node = task.luck[self._slot].attempt(retry)
        if self._guard is None:
            permit, breaker, replica = None, -1, self._service.pick()
        else:
            permit, breaker, admitted = self._guard.admit(self._service)
            if admitted is None:
                self._reject(task, node, retry, breaker, now)
                return REJECTED
            replica = admitted
        attempt = Attempt(self, task, node, retry, waited, permit, breaker, replica, now)
        attempt.attempt_row = self._recorder.open_attempt(attempt)
        if not replica.offer(attempt):
            self._settle(attempt, REFUSED, now)
            self._recorder.close_attempt(attempt)
            return REFUSED
        task.current = attempt
        if self._timeouts is not None:
            self._timeouts.add(attempt)
        return None

    def _reject(self, task: Task, node: AttemptLuck, retry: int, breaker: int, now: float) -> None:
        unneeded = self._service.would_answer(node, task.number, self._timeout, now)
        self._recorder.unsent_attempt(
            now,
            task.request_row,
            task.attempt_row,
            self.index,
            retry,
            breaker,
            _UNNEEDED if unneeded else 0,
        )

    def _settle(self, attempt: Attempt, outcome: int, now: float) -> None:
        attempt.settled = True
        attempt.outcome = outcome
        attempt.end = now
        attempt.task.current = None
        permit = attempt.permit
        if permit is not None:
            if outcome == OK:
                permit.success()
            elif outcome == ABANDONED:
                permit.ignore()
            else:
                permit.failure()

    def answered(self, attempt: Attempt, outcome: int) -> None:
        """Take the service's answer to an attempt that is still waited for."""
        self._settle(attempt, outcome, self._clock._now)
        self._recorder.close_attempt(attempt)
        task = attempt.task
        if outcome == OK:
            if attempt.flags & _DEGRADED:
                task.degraded = True
            task.proceed()
        else:
            self._after_failure(task, attempt.retry, attempt.waited, outcome)

    def _expire(self, attempt: Attempt) -> None:
        self._leave(attempt, TIMEOUT)
        self._after_failure(attempt.task, attempt.retry, attempt.waited, TIMEOUT)

    def abandon(self, attempt: Attempt) -> None:
        """Stop waiting for an attempt; the service never learns."""
        self._leave(attempt, ABANDONED)

    def _leave(self, attempt: Attempt, outcome: int) -> None:
        self._settle(attempt, outcome, self._clock._now)
        if attempt.freed == attempt.freed:  # released by the end of a hang, never answered
            self._recorder.close_attempt(attempt)

    def _after_failure(self, task: Task, retry: int, waited: float, outcome: int) -> None:
        """Try again as the policy says, or give up."""
        known: int | None = outcome
        while known is not None:
            if retry >= self._max_retries or known not in self._retried:
                self._give_up(task, known)
                return
            jitter = task.luck[self._slot].attempt(retry).jitter
            waited = self._wait(retry, waited, jitter, task.number)
            retry += 1
            if waited > 0:
                again = _Retry(self._try_again, task, retry, waited)
                self._clock.at(self._clock._now + waited, _ASK, again)
                return
            known = self._try(task, retry, waited)

    def _try_again(self, event: _Retry) -> None:
        task = event.task
        if task.over:
            return
        outcome = self._try(task, event.retry, event.waited)
        if outcome is not None:
            self._after_failure(task, event.retry, event.waited, outcome)

    def _give_up(self, task: Task, outcome: int) -> None:
        hit_rate = self._hit_rate
        if hit_rate is not None and task.luck[self._slot].fallback.at(task.number) < hit_rate:
            task.degraded = True
            task.proceed()
        else:
            task.break_off(outcome)
