"""The face of the circuit breaker: what a program calls.

`acquire` and the permit it returns are the primitive; `call`, the decorator and `with` are
written on top of them, so all of them give the same states for the same calls at the same
times. How a breaker decides is in `machine`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar

from simcb.breaker.adopting import PLAIN, adopt, unfinished
from simcb.breaker.controls import Controls
from simcb.breaker.errors import CircuitOpenError, ParameterError
from simcb.breaker.guards import decorated, function, start
from simcb.breaker.judging import Expected, Judge
from simcb.breaker.kinds import LASTING, lasting
from simcb.breaker.machine import Refusal
from simcb.breaker.nesting import enter, leave
from simcb.breaker.permit import Permit
from simcb.breaker.records import Outcome
from simcb.breaker.recovery import USUAL_TIMEOUT, HalfOpen, Recovery, luck_of, recovery_of
from simcb.breaker.rules import USUAL_THRESHOLD, TripRule, rules_of
from simcb.breaker.scopes import Scoped, Scopes
from simcb.breaker.states import SETTLED, OpenState, State
from simcb.breaker.tallies import Calm
from simcb.breaker.telling import CallListener, Listener

P = ParamSpec("P")
R = TypeVar("R")

_blank = object.__new__


class UNSEEN:
    """Stands for code one has to look for more closely: it may be of any kind."""

    co_flags = LASTING


class CircuitBreaker(Controls, Scoped[Permit]):
    """Stops calling a service that keeps failing, and finds out by itself when it is back.

    Closed, it lets every call through and trips by its rules; open, it rejects every call
    until its recovery timeout has passed; half-open, it lets a few probes through and closes
    or opens again by how they end. One breaker serves any number of threads and event loops.
    It needs timeouts inside the calls it guards: one that is cancelled from outside, as by
    `asyncio.wait_for(breaker.call(f), 1.0)`, never counts. So it is with blocks: write
    `async with breaker, asyncio.timeout(1.0):`, the breaker first. The other way round the
    timeout cancels the block within, and is neither a success nor a failure.

    Args:
        name: shown in errors, transitions and snapshots.
        failure_threshold: failures in a row that open it, 5 unless given: short for
            `trip=ConsecutiveFailures(…)`, so only one of the two may be given.
        recovery_timeout: seconds it stays open, 60 unless given: short for
            `recovery=Recovery(…)`, likewise.
        expected_exception: the exceptions that are failures: a type, a tuple of types, or a
            predicate. Any other `Exception` is an answer, and counts as a success.
        ignore: exceptions that are neither, given likewise. Cancellation and interrupts
            (whatever is not an `Exception`) never count.
        failed_result: a predicate on results; true means the call failed.
        trip: a rule, or several of which any trips.
        recovery: how long it stays open, where that is more than a fixed time.
        half_open: how many probes, how many successes, and how long a probe may take.
        clock: returns seconds that never go back. It is read inside the critical section, so
            it has to be quick and must not call the breaker.
        random: returns a number in [0, 1) for the jitter of `recovery`.
        listeners: functions called with every `Transition`, outside the critical section.
        call_listeners: functions called with a `CallRecord` for every call that ended.

    Raises:
        ParameterError: when a value makes no sense, or two of them contradict each other.
    """

    __slots__ = ("_scopes",)

    def __init__(
        self,
        name: str = "breaker",
        *,
        failure_threshold: int = USUAL_THRESHOLD,
        recovery_timeout: float = USUAL_TIMEOUT,
        expected_exception: Expected = Exception,
        ignore: Expected = (),
        failed_result: Callable[[Any], bool] | None = None,
        trip: TripRule | Sequence[TripRule] | None = None,
        recovery: Recovery | None = None,
        half_open: HalfOpen | None = None,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] | None = None,
        listeners: Iterable[Listener] = (),
        call_listeners: Iterable[CallListener] = (),
    ) -> None:
        recovery = recovery_of(recovery, recovery_timeout)
        if half_open is not None and not isinstance(half_open, HalfOpen):
            raise ParameterError("half_open", half_open, "a HalfOpen")
        if not callable(clock):
            raise ParameterError("clock", clock, "a function that returns seconds")
        self._scopes: Scopes[Permit] = Scopes()
        super().__init__(
            name,
            rules_of(trip, failure_threshold),
            recovery,
            half_open or HalfOpen(),
            Judge(expected_exception, ignore, failed_result),
            clock,
            luck_of(random, recovery),
            listeners,
            call_listeners,
        )

    def acquire(self) -> Permit:
        """Returns the permit for one call, which then has to be settled.

        Raises:
            CircuitOpenError: if the breaker lets no call through now.
        """
        state = self._state
        if not state.quick:
            if state.__class__ is OpenState:
                refusal = self._refusal()
                if refusal is not None:
                    raise CircuitOpenError(*refusal)
            return self._acquire_by_asking()
        permit = _blank(Permit)
        permit._breaker = self
        permit._probe = None
        permit._generation = SETTLED
        try:
            permit._generation = state.generation; next(self._admitted)  # fmt: skip  # noqa: E702
            return permit
        except BaseException:
            permit.ignore()
            raise

    def _acquire_by_asking(self) -> Permit:
        answer = None
        try:
            answer = self._ask()
            if isinstance(answer, Permit):
                return answer
        except BaseException:
            if isinstance(answer, Permit):
                answer.ignore()
            raise
        raise CircuitOpenError(*answer)

    def _refusal(self) -> Refusal | None:
        """Returns what a call is rejected with if the breaker is open before its deadline."""
        with self._lock: refusal = self._refusal_locked()  # fmt: skip  # noqa: E701
        if self._news:
            self._announce()
        if self._call_listeners and refusal is not None:
            self._report(None, Outcome.REJECTED, None)
        return refusal

    def _ask(self) -> Permit | Refusal:
        """Returns a permit, or what the call is rejected with."""
        permit = _blank(Permit)
        permit._breaker = self
        permit._generation = SETTLED
        try:
            if self._luck is None:
                self._draw_luck()
            with self._lock: refusal = self._admit_locked(permit)  # fmt: skip  # noqa: E701
            if self._news:
                self._announce()
            if refusal is None:
                return permit
        except BaseException:
            permit.ignore()
            raise
        if self._call_listeners:
            self._report(None, Outcome.REJECTED, None)
        return refusal

    def call(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function and returns what it returns, or raises what it raises.

        A coroutine function gives a coroutine to await, a generator function a generator; it
        is the awaiting or the iterating that is guarded then. It is the same with what a plain
        function hands back unfinished. A coroutine, or whatever else can be awaited, counts by
        how the awaiting ends, or the entering by `async with`; thrown away unawaited it counts
        as nothing. A task or future of asyncio's, and the future of an executor's `submit`,
        comes back as it is and counts when it is done, whether or not anybody waits for it.

        A timeout belongs inside, `breaker.call(lambda: asyncio.wait_for(f(), 1.0))`: around
        the call it cancels the call, and what is cancelled is neither success nor failure.

        Raises:
            CircuitOpenError: if the breaker lets no call through now.
            ParameterError: if it is nothing to call; that is not the service's failure.
        """
        state = self._state
        if getattr(func, "__code__", UNSEEN).co_flags & LASTING:
            kind = lasting(function(func))
            if kind:
                return start(self, kind, func, *args, **kwargs)
        if not state.quick:
            if state.__class__ is OpenState:
                refusal = self._refusal()
                if refusal is not None:
                    raise CircuitOpenError(*refusal)
            return self._call_by_permit(func, *args, **kwargs)
        # From here on this is `_call_by_permit` without a permit, which is only made when more
        # than counters has to move. `owed` says that the call is admitted and not settled.
        # It changes before its counter on the same line, and no interrupt fits between the two.
        owed = False
        permit = None
        try:
            try:
                owed = True; next(self._admitted)  # fmt: skip  # noqa: E702
                result = func(*args, **kwargs)
                if (
                    self._state is state
                    and state.tally.__class__ is Calm
                    and (id(type(result)) in PLAIN or not unfinished(result))
                ):
                    owed = False; next(state.step)  # fmt: skip  # noqa: E702
                    if state.tally.__class__ is not Calm:
                        self._look_again(state)
                    return result
                permit, owed = self._permit_for(state), False
                return self._judged(permit, result)
            except BaseException as error:
                if owed:
                    permit, owed = self._permit_for(state), False
                    permit.raised(error)
                raise
        except BaseException:
            if owed:
                permit = self._permit_for(state)
            if permit is not None:
                permit.ignore()
            raise

    def _call_by_permit(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        answer: Permit | Refusal | None = None
        mark = None
        try:
            try:
                answer = self._ask()
                if isinstance(answer, Permit):
                    mark = enter(answer)
                    result = func(*args, **kwargs)
                    leave(mark)
                    return self._judged(answer, result)
            except BaseException as error:
                leave(mark)
                if isinstance(answer, Permit):
                    answer.raised(error)
                raise
        except BaseException:
            if isinstance(answer, Permit):
                answer.ignore()
            raise
        raise CircuitOpenError(*answer)

    def _judged(self, permit: Permit, result: R) -> R:
        """Settles a call by its result, or sees to it that an unfinished result will."""
        if id(type(result)) not in PLAIN and unfinished(result):
            return adopt(result, permit)
        if self._judge.failed_result is None:
            permit.success()
        else:
            permit.returned(result)
        return result

    def _permit_for(self, state: State) -> Permit:
        """Makes the permit of a call that is already admitted and counted."""
        permit = _blank(Permit)
        permit._breaker = self
        permit._probe = None
        permit._generation = state.generation
        return permit

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function, a coroutine function, a generator or an async generator.

        The function keeps its kind, name and signature, and leads to its breaker: a test can
        open it by `fetch.breaker.force_open()` and close it by `fetch.breaker.reset()`. (A
        type checker sees only a callable; no type that says more binds like a function.)

        Raises:
            ParameterError: if it is nothing to call.
        """
        return decorated(self, func)
