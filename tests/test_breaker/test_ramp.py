"""Half-open by a growing share: which calls pass, who judges them, and how it ends."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, balanced, fail, passes, tripped


def ramping(room: ModuleType, clock: Clock, start: float = 0.1, **settings: Any) -> Any:
    """A breaker at its deadline, ten seconds after it opened; its ramp takes twenty."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(ramp=20.0, start=start), **settings)
    clock.advance(10.0)
    return breaker


@pytest.mark.parametrize(("start", "gap"), [(0.1, 1.0), (0.0, 0.125), (0.5, 0.01), (1.0, 3.0)])
def test_line_02_a_ramp_lets_the_sum_of_the_shares_through(
    room: ModuleType, clock: Clock, start: float, gap: float
) -> None:
    """The first call passes, and at no moment have more or less passed than a call apart."""
    breaker = ramping(room, clock, start)
    passed, due, age = 0, 0.0, 0.0
    while age < 20.0:
        due += start + (1.0 - start) * age / 20.0
        passed += passes(room, breaker)
        assert passed >= 1
        assert abs(passed - due) <= 1.0 + 1e-6
        clock.advance(gap)
        age += gap
    assert balanced(breaker)


def test_line_07_a_healthy_ramp_ends_closed(room: ModuleType, clock: Clock) -> None:
    """At the first call after it, with a transition each way and the reason."""
    heard: list[Any] = []
    breaker = ramping(room, clock, listeners=[heard.append])
    assert passes(room, breaker)
    assert breaker.state is room.CircuitState.HALF_OPEN
    clock.advance(19.999)
    passes(room, breaker)
    assert breaker.state is room.CircuitState.HALF_OPEN
    clock.advance(0.001)
    assert passes(room, breaker)
    assert breaker.state is room.CircuitState.CLOSED
    told = [(one.after.value, one.reason) for one in heard[1:]]
    reasons = room.Reason.DEADLINE_PASSED, room.Reason.RAMP_ENDED
    assert told == [*zip(("half_open", "closed"), reasons, strict=True)]


def test_the_trip_rules_judge_a_ramp(room: ModuleType, clock: Clock) -> None:
    """One failure is not the end of it; the rule opens it again, and for longer if that grows."""
    breaker = tripped(
        room,
        clock,
        failure_threshold=2,
        recovery=room.Recovery(10.0, factor=3.0, max=100.0),
        half_open=room.HalfOpen(ramp=20.0, start=1.0),
    )
    clock.advance(10.0)
    fail(breaker)
    assert breaker.state is room.CircuitState.HALF_OPEN
    seen = breaker.snapshot()
    assert (seen.consecutive_failures, seen.probes_out, seen.rules[0].counted) == (1, 0, 1)
    assert seen.reason is room.Reason.CONSECUTIVE_FAILURES
    fail(breaker)
    assert breaker.state is room.CircuitState.OPEN
    assert breaker.snapshot().next_probe_at == clock.now + 30.0


def test_line_04_what_passed_in_a_ramp_is_stale_after_it(room: ModuleType, clock: Clock) -> None:
    """A late failure of a ramp's call does not count against the closed state."""
    breaker = ramping(room, clock)
    late = breaker.acquire()
    clock.advance(20.0)
    assert passes(room, breaker)
    late.failure()
    assert breaker.state is room.CircuitState.CLOSED
    assert breaker.snapshot().stale == 1


def test_what_a_call_of_a_ramp_calls_through_its_own_breaker_is_part_of_it(
    room: ModuleType, clock: Clock
) -> None:
    """It passes though no share is left, and takes none; outside of it the next is rejected."""
    breaker = ramping(room, clock)
    assert breaker.call(lambda: breaker.call(lambda: 5)) == 5
    assert breaker.snapshot().admitted == 2  # of which the failure that opened it is one
    assert not passes(room, breaker)


def test_line_14_threads_share_one_credit(room: ModuleType, clock: Clock) -> None:
    """Of eight hundred calls of eight threads at one moment just a tenth pass."""
    breaker = ramping(room, clock)
    passed: list[bool] = []
    crowd = [
        threading.Thread(target=lambda: passed.extend(passes(room, breaker) for _ in range(100)))
        for _ in range(8)
    ]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert (len(passed), sum(passed)) == (800, 80)


@pytest.mark.parametrize(
    "words",
    [
        {"ramp": 0.0},
        {"ramp": 5.0, "start": 1.5},
        {"start": 0.5},
        {"ramp": 5.0, "probes": 2},
        {"ramp": 5.0, "verdict": 0.5},
        {"ramp": 5.0, "successes": 1},
    ],
)
def test_a_ramp_that_makes_no_sense_is_refused(room: ModuleType, words: dict[str, Any]) -> None:
    """With what may be given instead."""
    with pytest.raises(room.ParameterError):
        room.HalfOpen(**words)
    assert "ramp=5.0" in repr(room.HalfOpen(ramp=5.0))
