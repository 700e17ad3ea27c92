"""Lines 9, 10, 13 and 14 of the contract: listeners, locks, memory, one state for everybody."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
import tracemalloc
import weakref
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import (
    Clock,
    Interrupts,
    at_least,
    bad,
    balanced,
    elsewhere,
    fail,
    good,
    passes,
    recovers,
    tripped,
)


def test_line_09_listeners_hear_every_transition_once_in_order(
    room: ModuleType, clock: Clock
) -> None:
    """One frozen record each, with name, time, states, reason and generation."""
    heard: list[Any] = []
    breaker = tripped(room, clock, listeners=[heard.append])
    clock.advance(10.0)
    fail(breaker)
    clock.advance(10.0)
    passes(room, breaker)
    state, reason = room.CircuitState, room.Reason
    assert [(t.at, t.before, t.after, t.reason) for t in heard] == [
        (1000.0, state.CLOSED, state.OPEN, reason.CONSECUTIVE_FAILURES),
        (1010.0, state.OPEN, state.HALF_OPEN, reason.DEADLINE_PASSED),
        (1010.0, state.HALF_OPEN, state.OPEN, reason.PROBE_FAILED),
        (1020.0, state.OPEN, state.HALF_OPEN, reason.DEADLINE_PASSED),
        (1020.0, state.HALF_OPEN, state.CLOSED, reason.PROBES_SUCCEEDED),
    ]
    assert [t.generation for t in heard] == [2, 3, 4, 5, 6]
    with pytest.raises(AttributeError):
        heard[0].at = 0.0
    breaker.remove_listener(heard.append)
    breaker.force_open()
    assert len(heard) == 5


def test_line_09_a_raising_listener_is_logged_and_the_next_one_hears(
    room: ModuleType, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Its exception reaches no caller."""
    heard: list[Any] = []

    def raising(transition: object) -> None:
        raise ZeroDivisionError

    breaker = tripped(room, clock, listeners=[raising, heard.append])
    assert breaker.state is room.CircuitState.OPEN
    assert len(heard) == 1
    assert "ZeroDivisionError" in caplog.text


def test_line_09_listeners_may_use_the_breaker(room: ModuleType, clock: Clock) -> None:
    """Reading, resetting and calling from a listener works, and the order of news stays."""
    heard: list[Any] = []

    def meddling(transition: Any) -> None:
        assert breaker.state is breaker.snapshot().state
        if transition.after is room.CircuitState.OPEN:
            assert not passes(room, breaker)
            breaker.reset()
            assert passes(room, breaker)

    breaker = room.CircuitBreaker(
        clock=clock, failure_threshold=1, listeners=[meddling, heard.append]
    )
    fail(breaker, 2)
    assert [t.generation for t in heard] == [2, 3, 4, 5]
    assert breaker.state is room.CircuitState.CLOSED
    assert balanced(breaker)


def test_line_09_listeners_run_outside_the_lock(room: ModuleType, clock: Clock) -> None:
    """A listener may wait for another thread that calls the breaker, or even moves it."""
    done: list[object] = []
    heard: list[Any] = []

    def waiting(transition: Any) -> None:
        heard.append(transition.after)
        if len(heard) == 1:
            done.append(elsewhere(lambda: (breaker.reset(), passes(room, breaker))))

    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, listeners=[waiting])
    fail(breaker)
    assert heard == [room.CircuitState.OPEN, room.CircuitState.CLOSED]
    assert done == [(None, True)]


def test_line_09_an_interrupt_in_a_listener_loses_no_news(room: ModuleType, clock: Clock) -> None:
    """KeyboardInterrupt passes through; later news is told by the next call that has any."""
    heard: list[Any] = []

    def interrupted(transition: Any) -> None:
        heard.append(transition.after)
        if len(heard) == 1:
            raise KeyboardInterrupt

    later: list[Any] = []
    breaker = room.CircuitBreaker(
        clock=clock, failure_threshold=1, listeners=[interrupted, later.append]
    )
    with pytest.raises(KeyboardInterrupt):
        breaker.call(bad)
    clock.advance(60.0)
    assert passes(room, breaker)
    assert len(heard) == 3
    assert [t.generation for t in later] == [2, 3, 4]
    assert balanced(breaker)


def test_call_listeners_hear_how_every_call_ended(room: ModuleType, clock: Clock) -> None:
    """Outcome, duration by the breaker's clock, and the exception; rejections too."""
    heard: list[Any] = []
    breaker = room.CircuitBreaker(
        "b", clock=clock, failure_threshold=2, call_listeners=[heard.append]
    )
    late = breaker.acquire()
    breaker.call(clock.advance, 0.25)
    for error in (KeyboardInterrupt(), OSError(), OSError()):
        with pytest.raises(type(error)):
            breaker.call(bad, error)
    passes(room, breaker)
    late.success()
    outcome = room.Outcome
    assert [(r.outcome, r.duration) for r in heard] == [
        (outcome.SUCCESS, 0.25),
        (outcome.IGNORED, 0.0),
        (outcome.FAILURE, 0.0),
        (outcome.FAILURE, 0.0),
        (outcome.REJECTED, 0.0),
        (outcome.STALE, 0.25),
    ]
    assert isinstance(heard[2].error, OSError)


def test_a_call_listener_costs_two_readings_of_the_clock(room: ModuleType) -> None:
    """One when the call begins and one when it ends, in the closed state and for a probe."""
    readings = 0

    def clock() -> float:
        nonlocal readings
        readings += 1
        return float(readings)

    heard: list[Any] = []
    breaker = room.CircuitBreaker(
        clock=clock, failure_threshold=1, recovery_timeout=0.0, call_listeners=[heard.append]
    )
    for call in (passes, lambda _, breaker: fail(breaker), passes):
        before = readings
        call(room, breaker)
        assert readings - before == 2
        assert (heard[-1].at, heard[-1].duration) == (float(readings), 1.0)


def test_line_10_protected_calls_run_in_parallel(room: ModuleType) -> None:
    """Four calls that wait for each other can only end if they run together."""
    breaker = room.CircuitBreaker()
    meeting = threading.Barrier(4)

    def meet() -> int:
        return meeting.wait(timeout=60.0)

    threads = [threading.Thread(target=breaker.call, args=(meet,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    breaker.call(meet)
    for thread in threads:
        thread.join(60.0)
    assert breaker.snapshot().successes == 4


def test_line_10_no_user_code_runs_under_the_lock(room: ModuleType, clock: Clock) -> None:
    """From inside every hook another thread can use the breaker at once."""
    used: list[str] = []

    def hook(name: str, answer: Any) -> Any:
        def run(*_: object) -> Any:
            used.append(name)
            for breaker in breakers:
                elsewhere(breaker.snapshot)
            return answer

        return run

    breakers: list[Any] = []
    breaker = room.CircuitBreaker(
        clock=clock,
        failure_threshold=2,
        expected_exception=hook("expected", True),
        ignore=hook("ignore", False),
        failed_result=hook("result", False),
        recovery=room.Recovery(10.0, jitter=0.5),
        random=hook("random", 0.5),
        listeners=[hook("listener", None)],
        call_listeners=[hook("call listener", None)],
    )
    breakers.append(breaker)
    breaker.call(hook("function", None))
    fail(breaker, 2)
    clock.advance(20.0)
    fail(breaker)
    hooks = {"expected", "ignore", "result", "random", "listener", "call listener", "function"}
    assert set(used) == hooks


def test_line_10_a_call_may_enter_the_same_breaker(room: ModuleType, clock: Clock) -> None:
    """Nested calls work closed, and as a probe the inner ones are part of the outer one's."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    assert breaker.call(lambda: passes(room, breaker) and passes(room, breaker)) is True
    seen = breaker.snapshot()
    assert (seen.state, seen.successes, seen.rejected) == (room.CircuitState.CLOSED, 1, 0)
    assert breaker.call(lambda: passes(room, breaker)) is True
    assert breaker.snapshot().successes == 3
    assert balanced(breaker)


@pytest.mark.parametrize("kind", ["plain", "window", "half-open"])
def test_line_10_a_handler_may_enter_at_any_moment(
    room: ModuleType, clock: Clock, kind: str
) -> None:
    """Whenever a call is interrupted by calls from a handler, everything is counted."""
    line = 0
    while True:
        line += 1
        trip: Any = room.FailureRate(0.9, calls=3) if kind == "window" else None
        breaker = room.CircuitBreaker(
            clock=clock, trip=trip, half_open=room.HalfOpen(probes=3, successes=9)
        )
        if kind == "half-open":
            breaker.force_open()
            breaker.reset()
            fail(breaker, 5)
            clock.advance(60.0)
            passes(room, breaker)
        before = breaker.snapshot()

        def handler(breaker: Any = breaker) -> None:
            for _ in range(4):
                passes(room, breaker)
            fail(breaker)

        with Interrupts(room, line, handler) as interrupts:
            if kind != "half-open":
                fail(breaker)
            passes(room, breaker)
        if not interrupts.reached:
            break
        seen = breaker.snapshot()
        assert balanced(breaker), line
        if kind != "half-open":
            assert seen.admitted - before.admitted == 7, line
            assert (seen.failures, seen.successes) == (2, 5), line
    assert line > at_least(20, room)


def test_line_10_a_finalizer_may_enter_the_breaker(room: ModuleType, clock: Clock) -> None:
    """An object that uses the breaker when it dies may die in the middle of a call."""
    breaker = room.CircuitBreaker(clock=clock)

    class Dying:
        def __del__(self) -> None:
            passes(room, breaker)

    def drop() -> None:
        breaker.call(lambda: Dying())

    for _ in range(50):
        drop()
    assert breaker.snapshot().successes == 100


def test_line_10_a_real_signal_handler_may_enter_the_breaker(room: ModuleType) -> None:
    """SIGALRM every half millisecond, each calling through the breaker: no deadlock, no loss."""
    breaker = room.CircuitBreaker(trip=room.FailureRate(1.0, calls=50, minimum_calls=50))
    handled = 0

    def handler(number: int, frame: object) -> None:
        nonlocal handled
        handled += 1
        breaker.call(good)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 5e-4, 5e-4)
    own = 0
    try:
        while handled < 200:
            breaker.call(good)
            own += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert breaker.snapshot().successes == own + handled
    assert balanced(breaker)


def test_line_10_a_real_interrupt_may_come_at_any_moment(room: ModuleType, clock: Clock) -> None:
    """Hundreds of KeyboardInterrupts by signal: the lock is free, the counts add up."""
    breaker = room.CircuitBreaker(clock=clock, trip=room.FailureRate(1.0, calls=50))

    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, handler)
    interrupted = 0
    try:
        while interrupted < 200:
            try:
                signal.setitimer(signal.ITIMER_REAL, 3e-4)
                while True:
                    breaker.call(good)
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    assert elsewhere(lambda: passes(room, breaker)) is True
    assert balanced(breaker)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_line_10_a_forked_child_has_a_usable_lock(room: ModuleType, clock: Clock) -> None:
    """The child of a fork made while another thread holds the lock can use the breaker."""
    inside, leave = threading.Event(), threading.Event()

    def slow_clock() -> float:
        if threading.current_thread() is holder and holding:
            inside.set()
            leave.wait(60.0)
        return clock.now

    holding: list[int] = []
    holder = threading.Thread(target=lambda: passes(room, breaker))
    breaker = room.CircuitBreaker(clock=slow_clock, failure_threshold=1)
    fail(breaker)
    holding.append(1)
    holder.start()
    assert inside.wait(60.0)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        clock.advance(60.0)
        os._exit(0 if passes(room, breaker) else 1)
    leave.set()
    holder.join(60.0)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the child is stuck"


def test_line_13_memory_is_bounded_by_the_window(room: ModuleType, clock: Clock) -> None:
    """A hundred thousand more calls, openings and lost permits take no more memory."""
    rules = [
        room.FailureRate(0.99, calls=20),
        room.FailureRate(0.99, window=5.0),
        room.SlowCallRate(0.5, 0.99, calls=20),
        room.FailuresInWindow(10**6, 5.0),
    ]
    breaker = room.CircuitBreaker(clock=clock, trip=rules, listeners=[lambda t: None])
    late = breaker.acquire()

    def work(times: int) -> int:
        for turn in range(times):
            clock.advance(0.01)
            passes(room, breaker)
            if turn < 50:
                breaker.acquire()
                breaker.force_open()
                breaker.reset()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = work(2_000)
        assert work(10_000) - first < 100_000
    finally:
        tracemalloc.stop()
    late.success()
    assert breaker.snapshot().stale == 1


def test_line_13_a_time_window_is_bounded_whatever_the_traffic(
    room: ModuleType, clock: Clock
) -> None:
    """Beyond its finest resolution a time window merges moments instead of growing."""
    breaker = room.CircuitBreaker(clock=clock, trip=room.FailureRate(0.99, window=1e6))
    tracemalloc.start()
    try:
        for _ in range(25_000):
            clock.advance(1e-3)
            passes(room, breaker)
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert size < 3_000_000
    fail(breaker)
    assert breaker.state is room.CircuitState.CLOSED


def test_line_13_many_short_lives_leave_nothing(room: ModuleType, clock: Clock) -> None:
    """Whoever makes a breaker for every request pays for those that live."""
    tracemalloc.start()
    try:
        for _ in range(1_000):
            room.CircuitBreaker(clock=clock)
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(10_000):
            room.CircuitBreaker(clock=clock)
        assert tracemalloc.get_traced_memory()[0] - first < 100_000
    finally:
        tracemalloc.stop()


def test_line_5_no_interrupt_is_lost_when_a_breaker_dies(room: ModuleType, clock: Clock) -> None:
    """Its death runs no code in which a Ctrl-C would be raised to nobody."""
    breakers = [room.CircuitBreaker(clock=clock) for _ in range(3)]
    called: list[str] = []
    sys.setprofile(lambda frame, event, _: event == "call" and called.append(event))
    try:
        breakers.clear()
    finally:
        sys.setprofile(None)
    assert called == []


def test_line_13_a_breaker_nobody_holds_is_collected(room: ModuleType, clock: Clock) -> None:
    """Without listeners, probes out or a garbage collection, dropping it is enough."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    breaker.acquire()
    gone = weakref.ref(breaker)
    del breaker
    assert gone() is None
    breaker = room.CircuitBreaker(clock=clock)
    with breaker:
        pass
    gone = weakref.ref(breaker)
    del breaker
    assert gone() is None


def test_line_14_threads_and_event_loops_share_one_state(room: ModuleType) -> None:
    """Three threads and three event loops: every call is counted, and one opening is for all."""
    breaker = room.CircuitBreaker(failure_threshold=10**6)

    async def later() -> None:
        await asyncio.sleep(0)

    async def many() -> None:
        await asyncio.gather(*(breaker.call(later) for _ in range(200)))

    def loop() -> None:
        asyncio.run(many())

    def plain() -> None:
        for _ in range(200):
            breaker.call(good)

    threads = [threading.Thread(target=work) for work in (loop, plain) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert breaker.snapshot().successes == 1200
    assert balanced(breaker)
    breaker.force_open()

    async def rejected() -> bool:
        try:
            await breaker.call(later)
        except room.CircuitOpenError:
            return True
        return False

    assert asyncio.run(rejected()) is True
    assert elsewhere(lambda: passes(room, breaker)) is False


def test_line_14_the_breaker_starts_no_threads_and_no_timers(
    room: ModuleType, clock: Clock
) -> None:
    """An opening leaves nothing running, in the process or in the event loop."""
    before = threading.active_count()

    async def main() -> None:
        breaker = tripped(room, clock)
        clock.advance(10.0)
        breaker.acquire()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert threading.active_count() == before


def test_recovery_after_reset_and_by_hand(room: ModuleType, clock: Clock) -> None:
    """Each manual mode does what it says until reset, and reset leaves nothing behind."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=2, recovery_timeout=10.0)
    breaker.force_open()
    clock.advance(1e6)
    with pytest.raises(room.CircuitOpenError) as rejected:
        breaker.acquire()
    assert rejected.value.retry_after == 10.0
    assert breaker.snapshot().mode is room.Mode.FORCED_OPEN
    for mode in (breaker.force_closed, breaker.count_only):
        mode()
        fail(breaker, 5)
        assert breaker.state is room.CircuitState.CLOSED
        assert passes(room, breaker)
    assert breaker.snapshot().failures == 10
    fail(breaker, 5)
    assert breaker.snapshot().consecutive_failures == 5
    breaker.reset()
    assert breaker.snapshot().consecutive_failures == 0
    fail(breaker)
    assert breaker.state is room.CircuitState.CLOSED
    fail(breaker)
    assert breaker.state is room.CircuitState.OPEN
    recovers(room, breaker, clock, within=12.0)
