"""The circuit breaker: what a program calls, reads and operates.

`acquire` and the permit it returns are the primitive; `call`, the decorator and `with` are
written on top of them, so all of them give the same states for the same calls at the same
times. How a breaker decides is in `machine`.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from simcb.breaker.controls import Controls
from simcb.breaker.enums import CircuitState, Mode
from simcb.breaker.errors import ParameterError
from simcb.breaker.guards import function
from simcb.breaker.judging import Expected, judge_of
from simcb.breaker.kinds import COROUTINE, lasting
from simcb.breaker.listeners import CallListener, Listener
from simcb.breaker.permit import (
    ADMITTED,
    FAILURES,
    IGNORED,
    REJECTED,
    STALE,
    SUCCESSES,
    Permit,
)
from simcb.breaker.records import RuleReading, Snapshot
from simcb.breaker.scopes import Scoped, Scopes
from simcb.breaker.settings import (
    ConsecutiveFailures,
    HalfOpen,
    Recovery,
    TripRule,
    random_of,
    recovery_of,
    rules_of,
)
from simcb.breaker.states import (
    ClosedState,
    HalfOpenState,
    OpenState,
    opening,
)
from simcb.breaker.windows import NEVER, has_window, reading

P = ParamSpec("P")
R = TypeVar("R")


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
        born: the clock's reading since when it is closed, and counts are cleared every so often;
            now unless given, and never later.
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
        failure_threshold: int | None = None,
        recovery_timeout: float | None = None,
        expected_exception: Expected = Exception,
        ignore: Expected = (),
        failed_result: Callable[[Any], bool] | None = None,
        trip: TripRule | Sequence[TripRule] | None = None,
        recovery: Recovery | None = None,
        half_open: HalfOpen | None = None,
        clock: Callable[[], float] = time.monotonic,
        born: float | None = None,
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
            judge_of(expected_exception, ignore, failed_result),
            clock,
            born,
            random_of(random, recovery),
            listeners,
            call_listeners,
        )

    # Calling; the rest of it is in `Calls`.

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function, a coroutine function, a generator or an async generator.

        The function keeps its kind, name and signature, and leads to its breaker: a test can
        open it by `fetch.breaker.force_open()` and close it by `fetch.breaker.reset()`. (A
        type checker sees only a callable; no type that says more binds like a function.)

        Raises:
            ParameterError: if it is nothing to call.
        """
        if isinstance(func, (staticmethod, classmethod)):
            return cast("Callable[P, R]", type(func)(self(func.__func__)))
        kind = lasting(function(func))
        if not kind:
            import inspect  # slow to import, and only decorating needs it

            kind = COROUTINE if inspect.iscoroutinefunction(func) else 0

        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._call(func, args, kwargs)

        made: Any = functools.wraps(func)(self._guarded(kind, func) if kind else called)
        made.breaker = self
        return cast("Callable[P, R]", made)

    # Reading.

    @property
    def trip(self) -> tuple[TripRule, ...]:
        """The rules of which any opens the breaker."""
        return self._rules

    @property
    def recovery(self) -> Recovery:
        """How long it stays open."""
        return self._recovery

    @property
    def half_open(self) -> HalfOpen:
        """How it finds out whether the service is back."""
        return self._half_open

    @property
    def mode(self) -> Mode:
        """Whether it decides for itself, or what it was told by hand."""
        return self._state.mode

    @property
    def failure_threshold(self) -> int | None:
        """Failures in a row that open the breaker, or None if no rule counts them."""
        rows = [rule.threshold for rule in self._rules if isinstance(rule, ConsecutiveFailures)]
        return min(rows, default=None)

    @property
    def recovery_timeout(self) -> float:
        """Seconds of the first opening, before growth and jitter."""
        return self._recovery.timeout

    @property
    def expected_exception(self) -> Expected:
        """What counts as a failure, as it was given."""
        return self._judge.expected

    @property
    def state(self) -> CircuitState:
        """The state as the last call left it; reading it changes nothing."""
        return self._state.state

    def snapshot(self) -> Snapshot:
        """Returns the state and the counts of one moment.

        Raises:
            ClockError: a rule has a time window, and the clock gives no moment to end it at.
        """
        with self._lock:
            return self._snapshot_locked()

    def _snapshot_locked(self) -> Snapshot:
        rules = self._readings_locked()
        state, counts = self._state, self._counts
        deadline = state.deadline if isinstance(state, OpenState) else NEVER
        half_open = state if isinstance(state, HalfOpenState) else None
        opened = opening(state)
        admitted = counts[ADMITTED]
        settled = {
            "successes": counts[SUCCESSES],
            "failures": counts[FAILURES],
            "ignored": counts[IGNORED],
            "stale": counts[STALE],
        }
        return Snapshot(
            name=self.name,
            state=state.state,
            mode=state.mode,
            since=state.since,
            next_probe_at=deadline if deadline < NEVER else None,
            generation=state.generation,
            consecutive_failures=state.streak,
            probes_out=len(half_open.probes) if half_open else 0,
            probes_ended=half_open.ended.calls if half_open else 0,
            probes_failed=half_open.ended.failed if half_open else 0,
            admitted=admitted,
            rejected=counts[REJECTED],
            **settled,
            in_flight=admitted - sum(settled.values()),
            reason=opened.reason if opened else None,
            last_error=opened.last_error if opened else None,
            rules=rules,
        )

    def _readings_locked(self) -> tuple[RuleReading, ...]:
        """What each rule has counted; read again if a re-entrant call came between."""
        while True:
            state = self._state
            if not isinstance(state, ClosedState):
                return tuple(reading(rule, 0, 0, 0) for rule in self._rules)
            calls, streak, totals = state.calls, state.streak, state.totals
            now = self._now_locked() if self._ages else self._latest
            counts = zip(state.windows, state.ahead, totals, strict=False)
            inside = iter([one.read(calls + more, total, now) for one, more, total in counts])
            readings = tuple(
                reading(rule, *next(inside, (0, 0)), streak)
                if has_window(rule)
                else reading(rule, streak, streak, streak)
                for rule in self._rules
            )
            if self._state is state and state.calls == calls:
                return readings

    def __repr__(self) -> str:
        state = self._state
        by_hand = "" if state.mode is Mode.AUTOMATIC else f", {state.mode}"
        return f"<CircuitBreaker {self.name!r} {state.state}{by_hand}>"
