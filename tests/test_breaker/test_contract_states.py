"""Lines 1 to 4 and 6 to 8 of the contract: when calls pass, and what their ends change."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, Interrupts, bad, fail, good, passes, recovers, tripped


def test_line_01_no_call_passes_before_the_deadline(room: ModuleType, clock: Clock) -> None:
    """An open breaker rejects until its deadline, says how long, and calls nothing."""
    breaker = tripped(room, clock)
    called = []
    for wait in (10.0, 6.0, 3.5, 0.5):
        clock.now = 1010.0 - wait
        with pytest.raises(room.CircuitOpenError) as rejected:
            breaker.call(lambda: called.append(1))
        assert rejected.value.name == "upstream"
        assert rejected.value.retry_after == wait
        assert "upstream" in str(rejected.value)
    clock.now = math.nextafter(1010.0, 0.0)
    assert not passes(room, breaker)
    assert not called
    assert breaker.state is room.CircuitState.OPEN


def test_line_01_a_probe_passes_at_exactly_the_deadline(room: ModuleType, clock: Clock) -> None:
    """The deadline itself is after the wait, in the breaker, the snapshot and this test."""
    for timeout in (10.0, 0.1, 0.3, 1e-3):
        breaker = tripped(room, clock, recovery_timeout=timeout)
        assert breaker.snapshot().next_probe_at == clock.now + timeout
        clock.advance(timeout)
        assert passes(room, breaker)
        assert breaker.state is room.CircuitState.CLOSED


def test_line_02_half_open_lets_only_its_probes_through(room: ModuleType, clock: Clock) -> None:
    """Never more than `probes` permits are out, and a place comes back when one settles."""
    half_open = room.HalfOpen(probes=3, successes=5)
    breaker = tripped(room, clock, half_open=half_open)
    clock.advance(10.0)
    out = [breaker.acquire() for _ in range(3)]
    for _ in range(20):
        with pytest.raises(room.CircuitOpenError) as rejected:
            breaker.acquire()
        assert rejected.value.retry_after >= 0.0
    assert breaker.snapshot().probes_out == 3
    out[1].success()
    out[2].ignore()
    out += [breaker.acquire(), breaker.acquire()]
    with pytest.raises(room.CircuitOpenError):
        breaker.acquire()
    assert breaker.state is room.CircuitState.HALF_OPEN


def test_line_02_one_probe_and_one_success_are_the_default(room: ModuleType, clock: Clock) -> None:
    """Out of the box one probe is out at a time, and its success closes the breaker."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    probe = breaker.acquire()
    with pytest.raises(room.CircuitOpenError):
        breaker.acquire()
    probe.success()
    assert breaker.state is room.CircuitState.CLOSED


def test_line_03_an_opening_gives_one_half_open_transition(room: ModuleType, clock: Clock) -> None:
    """A thousand callers after the deadline make one transition between them."""
    seen: list[object] = []
    breaker = tripped(room, clock, listeners=[lambda t: seen.append((t.before, t.after))])
    clock.advance(10.0)
    let_through = 0
    for _ in range(1000):
        try:
            breaker.acquire()
            let_through += 1
        except room.CircuitOpenError:
            pass
    assert let_through == 1
    state = room.CircuitState
    assert seen == [(state.CLOSED, state.OPEN), (state.OPEN, state.HALF_OPEN)]


def test_line_04_a_permit_settles_once(room: ModuleType, clock: Clock) -> None:
    """The first word counts; later words on the same permit are not heard."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=3)
    for first in ("success", "failure", "ignore"):
        permit = breaker.acquire()
        assert not permit.settled
        getattr(permit, first)()
        for _ in range(5):
            permit.failure()
            permit.success()
            permit.ignore()
        assert permit.settled
    seen = breaker.snapshot()
    assert (seen.successes, seen.failures, seen.ignored, seen.stale) == (1, 1, 1, 0)
    assert breaker.state is room.CircuitState.CLOSED


def test_line_04_a_late_success_never_closes(room: ModuleType, clock: Clock) -> None:
    """A call admitted before the opening changes only the stale count, open or half-open."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, recovery_timeout=10.0)
    late = [breaker.acquire() for _ in range(3)]
    fail(breaker)
    late[0].success()
    assert breaker.state is room.CircuitState.OPEN
    clock.advance(10.0)
    probe = breaker.acquire()
    late[1].success()
    assert breaker.state is room.CircuitState.HALF_OPEN
    probe.success()
    late[2].success()
    seen = breaker.snapshot()
    assert (seen.stale, seen.successes, seen.state) == (3, 1, room.CircuitState.CLOSED)


def test_line_04_a_late_failure_never_opens_or_extends(room: ModuleType, clock: Clock) -> None:
    """It neither moves a running deadline nor opens a half-open or a newly closed breaker."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, recovery_timeout=10.0)
    late = [breaker.acquire() for _ in range(3)]
    fail(breaker)
    deadline = breaker.snapshot().next_probe_at
    clock.advance(9.0)
    late[0].failure()
    assert breaker.snapshot().next_probe_at == deadline
    clock.advance(1.0)
    probe = breaker.acquire()
    late[1].failure()
    assert breaker.state is room.CircuitState.HALF_OPEN
    probe.success()
    late[2].failure()
    seen = breaker.snapshot()
    assert (seen.stale, seen.failures, seen.state) == (3, 1, room.CircuitState.CLOSED)


def test_line_04_a_call_that_returns_after_a_change_is_stale(
    room: ModuleType, clock: Clock
) -> None:
    """However the state changed while it ran, and however it was made."""
    guards: tuple[Callable[..., Any], ...] = (
        lambda breaker, work: breaker.call(work),
        lambda breaker, work: breaker(work)(),
    )
    changes: tuple[Callable[[Any], object], ...] = (fail, lambda breaker: breaker.reset())
    for guard in guards:
        for change in changes:
            breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)
            guard(breaker, functools.partial(change, breaker))
            seen = breaker.snapshot()
            assert (seen.stale, seen.successes, seen.in_flight) == (1, 0, 0)


def test_line_04_a_permit_is_of_the_state_that_admitted_it(room: ModuleType, clock: Clock) -> None:
    """Wherever in `acquire` the breaker goes on to half-open: the permit is no probe."""
    line = 0
    while True:
        line += 1
        breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, recovery_timeout=10.0)

        def go_on(breaker: Any = breaker) -> None:
            fail(breaker)
            clock.advance(10.0)
            breaker.acquire()

        late = None
        interrupts = Interrupts(room, line, go_on)
        with contextlib.suppress(room.CircuitOpenError), interrupts:
            late = breaker.acquire()
        if not interrupts.reached:
            break
        if late is not None:
            late.success()
        seen = breaker.snapshot()
        assert (seen.state.value, seen.stale) == ("half_open", late is not None), line
        assert (seen.in_flight, seen.probes_out) == (1, 1), line
    assert line > 3


def test_line_04_a_permit_is_of_the_state_that_admitted_it_and_no_later_one(
    room: ModuleType, clock: Clock
) -> None:
    """Once `acquire` has seen a state, a closed one that begins anew meanwhile is not its own."""
    stale, line = [0], 0
    while True:
        line += 1
        breaker = room.CircuitBreaker(clock=clock)
        interrupts = Interrupts(room, line, breaker.reset)
        with interrupts:
            permit = breaker.acquire()
        if not interrupts.reached:
            break
        permit.success()
        seen = breaker.snapshot()
        assert (seen.stale + seen.successes, seen.in_flight) == (1, 0), line
        stale.append(seen.stale)
    assert stale == sorted(stale)
    assert stale.count(1)


def test_line_06_a_hung_probe_counts_as_failed_when_its_lease_ends(
    room: ModuleType, clock: Clock
) -> None:
    """The breaker opens again at the first call after the lease, for a whole timeout more."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(lease=5.0))
    clock.advance(10.0)
    hung = breaker.acquire()
    clock.advance(4.9)
    assert not passes(room, breaker)
    assert breaker.state is room.CircuitState.HALF_OPEN
    clock.advance(0.2)
    with pytest.raises(room.CircuitOpenError) as rejected:
        breaker.acquire()
    assert breaker.state is room.CircuitState.OPEN
    assert rejected.value.retry_after == pytest.approx(10.0)
    hung.success()
    assert breaker.state is room.CircuitState.OPEN
    assert breaker.snapshot().stale == 1


def test_line_06_each_probe_has_its_own_lease(room: ModuleType, clock: Clock) -> None:
    """The older of two runs out first, as what it is, and the younger is then too late."""
    heard: list[Any] = []
    half_open = room.HalfOpen(probes=2, successes=2, lease=5.0)
    breaker = tripped(room, clock, half_open=half_open, listeners=[heard.append])
    clock.advance(10.0)
    breaker.acquire()
    clock.advance(3.0)
    younger = breaker.acquire()
    clock.advance(2.0)
    younger.success()
    seen = breaker.snapshot()
    assert (seen.state, seen.stale, seen.since) == (room.CircuitState.OPEN, 1, clock.now)
    assert heard[-1].reason is room.Reason.LEASE_EXPIRED
    clock.advance(10.0)
    older, younger = breaker.acquire(), breaker.acquire()
    clock.advance(4.0)
    older.ignore()
    clock.advance(0.9)
    younger.success()
    assert passes(room, breaker)
    assert breaker.state is room.CircuitState.CLOSED


def test_line_06_a_result_after_the_lease_is_too_late(room: ModuleType, clock: Clock) -> None:
    """A probe that comes back when its lease is over has failed, even if nobody asked since."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(lease=5.0))
    clock.advance(10.0)
    slow = breaker.acquire()
    clock.advance(5.0)
    slow.success()
    seen = breaker.snapshot()
    assert (seen.state, seen.stale, seen.successes) == (room.CircuitState.OPEN, 1, 0)
    assert seen.next_probe_at == clock.now + 10.0


def test_line_06_the_default_lease_is_finite(room: ModuleType, clock: Clock) -> None:
    """With default settings a lost probe does not keep the breaker half-open."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    lost = breaker.acquire()
    clock.advance(3600.0)
    assert not passes(room, breaker)
    assert breaker.state is room.CircuitState.OPEN
    assert not lost.settled


def test_line_06_a_raising_predicate_leaves_no_probe_behind(
    room: ModuleType, clock: Clock, caplog: pytest.LogCaptureFixture | None
) -> None:
    """A mistake in a predicate counts as a failure, is logged, and reaches no caller."""

    def broken(value: object) -> bool:
        raise ZeroDivisionError

    for settings in ({"expected_exception": broken}, {"failed_result": broken}):
        breaker = room.CircuitBreaker(
            clock=clock, failure_threshold=1, recovery_timeout=10.0, **settings
        )
        for _ in range(3):
            if "failed_result" in settings:
                assert breaker.call(good) == "good"
            else:
                fail(breaker)
            assert breaker.state is room.CircuitState.OPEN
            assert breaker.snapshot().probes_out == 0
            clock.advance(10.0)
    if caplog is not None:
        assert "predicate" in caplog.text


@pytest.mark.parametrize("situation", ["open", "half-open", "hung", "failed again", "stale"])
def test_line_07_healthy_calls_always_close_it_again(
    room: ModuleType, clock: Clock, situation: str
) -> None:
    """From every kind of state, healthy calls close it within timeout + lease + successes."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(probes=2, successes=3, lease=7.0))
    held = []
    if situation != "open":
        clock.advance(10.0)
        held.append(breaker.acquire())
    if situation == "hung":
        held.append(breaker.acquire())
    if situation == "failed again":
        held.pop().failure()
    if situation == "stale":
        held.pop().failure()
        clock.advance(10.0)
        held.append(breaker.acquire())
        held.append(breaker.acquire())
    recovers(room, breaker, clock, within=10.0 + 7.0 + 3.0 + 1.0)


def test_line_08_time_never_goes_back(room: ModuleType, clock: Clock) -> None:
    """A clock set back an hour neither lengthens nor shortens an opening."""
    breaker = tripped(room, clock)
    clock.advance(4.0)
    assert not passes(room, breaker)
    clock.advance(-3600.0)
    with pytest.raises(room.CircuitOpenError) as rejected:
        breaker.acquire()
    assert rejected.value.retry_after == 6.0
    clock.now = 1010.0
    assert passes(room, breaker)


@pytest.mark.parametrize("reading", [math.nan, math.inf, -math.inf, None, "soon"])
def test_line_08_a_clock_without_a_time_is_an_error_that_changes_nothing(
    room: ModuleType, clock: Clock, reading: object
) -> None:
    """The call fails with ClockError, the state stays, and all is well once the clock is."""
    breaker = tripped(room, clock)
    before = breaker.snapshot()
    healthy = clock.now
    clock.now = reading  # type: ignore[assignment]
    with pytest.raises(room.ClockError) as broken:
        breaker.call(good)
    assert repr(reading) in str(broken.value)
    assert breaker.snapshot() == before
    clock.now = healthy + 10.0
    assert passes(room, breaker)
    with pytest.raises(room.ClockError):
        room.CircuitBreaker(clock=lambda: reading)


def test_line_08_wall_clock_changes_have_no_effect(room: ModuleType) -> None:
    """By default the breaker reads a monotonic clock."""
    import time

    breaker = room.CircuitBreaker(failure_threshold=1, recovery_timeout=1000.0)
    fail(breaker)
    before = time.time
    try:
        time.time = lambda: before() + 1e6  # type: ignore[assignment]
        assert not passes(room, breaker)
    finally:
        time.time = before
    with pytest.raises(ValueError, match="down"):
        bad()


def test_line_03_without_probes_an_open_period_ends_in_a_closed_one(
    room: ModuleType, clock: Clock
) -> None:
    """At its deadline it closes for all who come, as if new, and trips again by its rules."""
    heard: list[Any] = []
    breaker = room.CircuitBreaker(
        failure_threshold=2,
        recovery_timeout=10.0,
        half_open=room.HalfOpen(0),
        clock=clock,
        listeners=[heard.append],
    )
    for _ in range(2):
        breaker.acquire().failure()
    clock.advance(9.5)
    with pytest.raises(room.CircuitOpenError):
        breaker.acquire()
    clock.advance(0.5)
    held = [breaker.acquire() for _ in range(5)]
    assert breaker.state is room.CircuitState.CLOSED
    assert (heard[-1].before.value, heard[-1].after.value) == ("open", "closed")
    assert heard[-1].reason is room.Reason.DEADLINE_PASSED
    held[0].failure()
    assert breaker.state is room.CircuitState.CLOSED
    held[1].failure()
    assert breaker.state is room.CircuitState.OPEN
    assert breaker.snapshot().next_probe_at == clock.now + 10.0
    for words in ({"successes": 1}, {"verdict": 0.5}):
        with pytest.raises(room.ParameterError, match="there are no probes"):
            room.HalfOpen(0, **words)
