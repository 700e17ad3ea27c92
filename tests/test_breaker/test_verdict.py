"""Half-open by rate: so many probes in all, and when they have ended their rates decide."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, balanced, fail, passes, recovers, tripped


def half_open(room: ModuleType, clock: Clock, **settings: Any) -> Any:
    """A breaker whose deadline has come; ten seconds open, five seconds of lease."""
    words = {"probes": 4, "verdict": 0.5, "lease": 5.0} | settings.pop("half_open", {})
    breaker = tripped(room, clock, half_open=room.HalfOpen(**words), **settings)
    clock.advance(10.0)
    return breaker


def probed(breaker: Any, failures: int, successes: int) -> None:
    """Probes one after the other, the failures first."""
    for _ in range(failures):
        breaker.acquire().failure()
    for _ in range(successes):
        breaker.acquire().success()


def test_line_02_with_a_verdict_so_many_probes_are_let_through_in_all(
    room: ModuleType, clock: Clock
) -> None:
    """A place is used once, whether its probe is still out or has ended."""
    breaker = half_open(room, clock)
    first = breaker.acquire()
    first.success()
    held = [breaker.acquire() for _ in range(3)]
    assert not passes(room, breaker)
    held[0].failure()
    assert not passes(room, breaker)
    seen = breaker.snapshot()
    assert (seen.probes_out, seen.probes_ended, seen.probes_failed) == (2, 2, 1)
    assert seen.rejected == 2


@pytest.mark.parametrize(("failures", "state"), [(1, "closed"), (2, "open"), (4, "open")])
def test_the_verdict_is_given_when_all_probes_have_ended(
    room: ModuleType, clock: Clock, failures: int, state: str
) -> None:
    """Not before, however clear it is; it opens at exactly the share, and closes below it."""
    heard: list[Any] = []
    breaker = half_open(room, clock, listeners=[heard.append])
    held = [breaker.acquire() for _ in range(4)]
    for permit in held[:failures]:
        permit.failure()
    for permit in held[failures:]:
        assert breaker.state is room.CircuitState.HALF_OPEN
        permit.success()
    assert breaker.state.value == state
    expected = room.Reason.FAILURE_RATE if failures > 1 else room.Reason.PROBES_SUCCEEDED
    assert heard[-1].reason is expected
    assert balanced(breaker)


def test_an_ignored_probe_gives_its_place_to_another(room: ModuleType, clock: Clock) -> None:
    """It is no part of the rate, however many of them there are."""
    breaker = half_open(room, clock)
    for _ in range(20):
        breaker.acquire().ignore()
    probed(breaker, failures=1, successes=2)
    assert breaker.state is room.CircuitState.HALF_OPEN
    breaker.acquire().ignore()
    probed(breaker, failures=0, successes=1)
    assert breaker.state is room.CircuitState.CLOSED


@pytest.mark.parametrize(("slow", "state"), [(2, "closed"), (3, "open")])
def test_slow_probes_have_the_rate_of_their_own_rule(
    room: ModuleType, clock: Clock, slow: int, state: str
) -> None:
    """A probe of exactly the limit is slow, failed or not; one slow probe decides nothing."""
    rules = [room.ConsecutiveFailures(1), room.SlowCallRate(2.0, 0.75, calls=10)]
    breaker = room.CircuitBreaker(
        trip=rules, recovery_timeout=0.0, clock=clock, half_open=room.HalfOpen(4, verdict=0.5)
    )
    fail(breaker)
    held = [breaker.acquire() for _ in range(4)]
    held[3].success()
    if slow == 2:
        held[2].success()
    clock.advance(2.0)
    held[0].failure()
    held[1].success()
    held[2].success()
    assert breaker.state.value == state
    assert breaker.snapshot().reason is (room.Reason.SLOW_CALL_RATE if slow == 3 else None)


def test_line_06_a_lost_probe_counts_as_failed_in_the_verdict(
    room: ModuleType, clock: Clock
) -> None:
    """One lost probe is one failure of four; its late result is stale and moves nothing."""
    breaker = half_open(room, clock)
    lost = breaker.acquire()
    probed(breaker, failures=0, successes=1)
    clock.advance(5.0)
    probed(breaker, failures=0, successes=1)
    seen = breaker.snapshot()
    assert (seen.state.value, seen.probes_out, seen.probes_failed) == ("half_open", 0, 1)
    lost.success()
    assert breaker.snapshot().stale == 1
    assert breaker.snapshot().probes_ended == 3
    probed(breaker, failures=1, successes=0)
    assert breaker.state is room.CircuitState.OPEN
    assert balanced(breaker)


def test_line_06_the_last_lost_probe_closes_it_if_the_others_were_well(
    room: ModuleType, clock: Clock
) -> None:
    """Whoever comes after its lease is let through by a breaker that is closed."""
    breaker = half_open(room, clock)
    breaker.acquire()
    probed(breaker, failures=0, successes=3)
    assert not passes(room, breaker)
    clock.advance(5.0)
    assert passes(room, breaker)
    assert breaker.state is room.CircuitState.CLOSED


def test_line_04_results_of_before_are_no_probes(room: ModuleType, clock: Clock) -> None:
    """Calls from before it opened, and probes of another period, count for nothing."""
    breaker = room.CircuitBreaker(
        failure_threshold=1,
        recovery_timeout=10.0,
        clock=clock,
        half_open=room.HalfOpen(2, verdict=0.5),
    )
    early = [breaker.acquire() for _ in range(3)]
    early.pop().failure()
    clock.advance(10.0)
    probe = breaker.acquire()
    early.pop().failure()
    probed(breaker, failures=1, successes=0)
    assert breaker.state is room.CircuitState.HALF_OPEN
    probe.failure()
    clock.advance(10.0)
    breaker.acquire().success()
    early.pop().failure()
    breaker.acquire().success()
    assert breaker.state is room.CircuitState.CLOSED
    assert breaker.snapshot().stale == 2


def test_a_longer_opening_follows_each_verdict_that_opens_it(
    room: ModuleType, clock: Clock
) -> None:
    """As a failed probe has it where one is enough."""
    breaker = half_open(room, clock, recovery=room.Recovery(10.0, factor=2.0))
    probed(breaker, failures=4, successes=0)
    assert breaker.snapshot().next_probe_at == clock.now + 20.0


@pytest.mark.parametrize("out", [0, 1, 4])
def test_line_07_healthy_calls_close_it_whatever_is_out(
    room: ModuleType, clock: Clock, out: int
) -> None:
    """Within the lease of what hangs, one more timeout, and the probes a verdict needs."""
    breaker = half_open(room, clock)
    for _ in range(out):
        breaker.acquire()
    recovers(room, breaker, clock, within=5.0 + 10.0 + 4.0 + 1.0)


def test_line_07_a_call_within_a_probe_takes_no_place(room: ModuleType, clock: Clock) -> None:
    """What a probe calls through its own breaker is a part of it: one end, not two."""
    breaker = half_open(room, clock)
    for _ in range(4):
        assert breaker.call(lambda: breaker.call(len, "four")) == 4
    assert breaker.state is room.CircuitState.CLOSED


def test_successes_and_a_verdict_are_two_ways_to_say_it(room: ModuleType) -> None:
    """Only one of them is given, and the other is then nothing."""
    assert room.HalfOpen(10, verdict=0.5).successes is None
    assert room.HalfOpen().verdict is None
    with pytest.raises(room.ParameterError, match="either successes or verdict"):
        room.HalfOpen(10, successes=10, verdict=0.5)
    for verdict in (0.0, -0.1, 1.1, float("nan"), True, "50%"):
        with pytest.raises(room.ParameterError, match="verdict="):
            room.HalfOpen(10, verdict=verdict)
