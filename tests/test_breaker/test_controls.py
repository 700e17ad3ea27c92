"""A breaker in an operator's hands: opened for a while, tried at once, set otherwise as it runs."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_breaker.stage import Clock, Interrupts, balanced, fail, good, passes, recovers, tripped

import simcb.breaker


def state(breaker: Any) -> str:
    """The word of its state."""
    return str(breaker.state.value)


def test_line_16_opened_by_hand_it_recovers_by_itself(room: ModuleType, clock: Clock) -> None:
    """As if a rule had tripped it, with the reason; what was under way is stale."""
    heard: list[Any] = []
    breaker = room.CircuitBreaker(clock=clock, recovery_timeout=10.0, listeners=[heard.append])
    late = breaker.acquire()
    breaker.open_now()
    with pytest.raises(room.CircuitOpenError) as caught:
        breaker.call(good)
    reason = room.Reason.OPENED_BY_HAND
    assert (caught.value.retry_after, caught.value.forced) == (10.0, False)
    assert caught.value.reason is heard[0].reason is breaker.snapshot().reason is reason
    late.success()
    assert breaker.snapshot().stale == 1
    recovers(room, breaker, clock, within=12.0)


@pytest.mark.parametrize("before", ["reset", "force_open", "open_now", "probe_now"])
def test_line_16_opened_for_a_time_it_is_open_just_so_long(
    room: ModuleType, clock: Clock, before: str
) -> None:
    """Without jitter and whatever it was before, from that moment on."""
    recovery = room.Recovery(10.0, jitter=1.0)
    breaker = room.CircuitBreaker(clock=clock, recovery=recovery, random=lambda: 0.9)
    getattr(breaker, before)()
    clock.advance(3.0)
    breaker.open_now(7.0)
    assert breaker.snapshot().next_probe_at == clock.now + 7.0
    assert breaker.mode is room.Mode.AUTOMATIC
    clock.advance(6.999)
    assert not passes(room, breaker)
    clock.advance(0.001)
    assert passes(room, breaker)
    with pytest.raises(room.ParameterError):
        breaker.open_now(-1.0)


def test_line_16_half_open_by_hand_it_probes_at_once(room: ModuleType, clock: Clock) -> None:
    """From open, closed or taken by hand; a failure opens it, for the time that is due then."""
    heard: list[Any] = []
    recovery = room.Recovery(10.0, factor=2.0)
    breaker = tripped(room, clock, recovery=recovery, listeners=[heard.append])
    breaker.probe_now()
    assert (state(breaker), heard[-1].reason) == ("half_open", room.Reason.HALF_OPENED_BY_HAND)
    assert breaker.snapshot().reason is room.Reason.CONSECUTIVE_FAILURES
    fail(breaker)
    assert breaker.snapshot().next_probe_at == clock.now + 20.0
    breaker.force_open()
    breaker.probe_now()
    held = breaker.acquire()
    assert not passes(room, breaker)
    held.success()
    assert state(breaker) == "closed"
    breaker.probe_now()
    assert breaker.snapshot().reason is room.Reason.HALF_OPENED_BY_HAND
    assert passes(room, breaker)
    assert state(breaker) == "closed"
    assert balanced(breaker)


def test_half_open_by_hand_without_probes_closes_and_with_a_ramp_begins_it(
    room: ModuleType, clock: Clock
) -> None:
    """It is what would come at the deadline."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(0))
    breaker.probe_now()
    assert state(breaker) == "closed"
    breaker.configure(half_open=room.HalfOpen(ramp=10.0))
    breaker.probe_now()
    assert [passes(room, breaker) for _ in range(11)] == [True, *[False] * 9, True]


def test_line_16_new_settings_keep_the_state_and_the_deadline(
    room: ModuleType, clock: Clock
) -> None:
    """An opening lasts as it was begun, the next one as it is set now; permits out stay good."""
    breaker = tripped(room, clock)
    breaker.configure(recovery_timeout=3.0)
    assert breaker.recovery_timeout == 3.0
    clock.advance(9.0)
    assert not passes(room, breaker)
    clock.advance(1.0)
    assert passes(room, breaker)
    held = breaker.acquire()
    generation = breaker.snapshot().generation
    breaker.configure(failure_threshold=2)
    assert breaker.snapshot().generation == generation
    held.failure()
    assert (state(breaker), breaker.snapshot().stale) == ("closed", 0)
    fail(breaker)
    assert breaker.snapshot().next_probe_at == clock.now + 3.0


@pytest.mark.parametrize("failures", range(4))
@pytest.mark.parametrize("set_when", ["open", "half_open"])
def test_line_16_the_next_opening_lasts_as_if_the_new_recovery_had_always_been_there(
    room: ModuleType, clock: Clock, failures: int, set_when: str
) -> None:
    """Shorter or longer, with another factor or none: what was waited before is not built on."""
    first = room.Recovery(60.0, factor=2.0)
    for later in (room.Recovery(5.0), room.Recovery(3.0, factor=3.0, max=50.0), first):
        breaker = tripped(room, clock, recovery=first)
        for _ in range(failures):
            clock.advance(600.0)
            fail(breaker)
        waits = breaker.snapshot().next_probe_at
        if set_when == "half_open":
            clock.advance(600.0)
            probe = breaker.acquire()
            breaker.configure(recovery=later)
            probe.failure()
        else:
            breaker.configure(recovery=later)
            assert breaker.snapshot().next_probe_at == waits
            clock.advance(600.0)
            fail(breaker)
        lasts = min(later.timeout * later.factor ** (failures + 1), later.max)
        assert breaker.snapshot().next_probe_at == clock.now + lasts
        breaker.reset()
        fail(breaker)
        assert breaker.snapshot().next_probe_at == clock.now + later.timeout


def test_what_is_forced_open_suggests_the_recovery_that_is_set(
    room: ModuleType, clock: Clock
) -> None:
    """Also if that is set later."""
    breaker = room.CircuitBreaker(clock=clock, recovery_timeout=60.0)
    breaker.force_open()
    breaker.configure(recovery_timeout=5.0)
    with pytest.raises(room.CircuitOpenError) as caught:
        breaker.call(good)
    assert (caught.value.retry_after, caught.value.forced) == (5.0, True)


def test_a_lower_threshold_counts_the_failures_until_now(room: ModuleType, clock: Clock) -> None:
    """The next failure is judged by it; a success before that begins the row anew."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=9)
    for _ in range(4):
        fail(breaker)
    breaker.configure(failure_threshold=3)
    assert state(breaker) == "closed"
    assert breaker.snapshot().consecutive_failures == 4
    fail(breaker)
    assert state(breaker) == "open"


def test_a_half_open_period_ends_by_the_settings_it_began_with(
    room: ModuleType, clock: Clock
) -> None:
    """Three successes were asked for; after it one is enough."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(3, successes=3))
    clock.advance(10.0)
    breaker.acquire().success()
    breaker.configure(half_open=room.HalfOpen(1), trip=room.SlowCallRate(1.0, 0.5, calls=4))
    breaker.acquire().success()
    assert state(breaker) == "half_open"
    breaker.acquire().success()
    assert state(breaker) == "closed"


def test_jitter_that_is_set_later_is_drawn(room: ModuleType, clock: Clock) -> None:
    """From the source it was given, or the standard one."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, random=lambda: 1.0)
    breaker.configure(recovery=room.Recovery(10.0, jitter=0.5))
    fail(breaker)
    assert breaker.snapshot().next_probe_at == clock.now + 15.0
    usual = room.CircuitBreaker(clock=clock, failure_threshold=1)
    usual.configure(recovery=room.Recovery(10.0, jitter=0.5))
    fail(usual)
    until = usual.snapshot().next_probe_at
    assert until != clock.now + 10.0
    assert clock.now + 5.0 <= until <= clock.now + 15.0


def test_settings_that_make_no_sense_change_nothing(room: ModuleType, clock: Clock) -> None:
    """The constructor's words, with its errors."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=4)
    for words in (
        {"failure_threshold": 0},
        {"recovery_timeout": -1.0},
        {"half_open": 3},
        {"failure_threshold": 2, "trip": room.ConsecutiveFailures(3)},
        {"recovery_timeout": 5.0, "recovery": room.Recovery(3.0)},
        {"failure_threshold": 2, "half_open": "none"},
    ):
        with pytest.raises(room.ParameterError):
            breaker.configure(**words)
    assert (breaker.failure_threshold, breaker.recovery_timeout) == (4, 60.0)


RATES = st.sampled_from([0.2, 0.5, 0.75, 1.0])
LOOKS = st.sampled_from(
    [{"calls": 4}, {"calls": 9}, {"window": 3.0}, {"window": 8.0}, {"every": 5.0}]
)


@given(LOOKS, RATES, LOOKS, RATES, st.lists(st.booleans(), max_size=20), st.lists(st.booleans()))
def test_line_16_a_rule_set_anew_counts_as_if_it_had_been_so_all_along_or_only_since_then(
    first: dict[str, float],
    rate: float,
    second: dict[str, float],
    other: float,
    early: list[bool],
    late: list[bool],
) -> None:
    """What looks at the same calls keeps them, and what does not begins empty, however often."""
    room, clock = simcb.breaker, Clock(0.0)

    def rule(words: dict[str, float], at: float, least: int) -> Any:
        return room.FailureRate(at, minimum_calls=least, **words)  # type: ignore[arg-type]

    def told(breaker: Any, fails: bool) -> None:
        clock.advance(0.75)
        permit = breaker.acquire()
        permit.failure() if fails else permit.success()

    never = room.ConsecutiveFailures(10**6)
    changed = room.CircuitBreaker(clock=clock, trip=[never, rule(first, 1.0, 4)])
    changed.count_only()
    kept = room.CircuitBreaker(clock=clock, trip=rule(second, other, 2), born=0.0)
    kept.count_only()
    for fails in early:
        told(changed, fails)
        clock.advance(-0.75)
        if first == second:
            told(kept, fails)
        else:
            clock.advance(0.75)
    for _ in range(2):
        changed.configure(trip=[rule(second, other, 2), never])
    for fails in late:
        told(changed, fails)
        clock.advance(-0.75)
        told(kept, fails)
        assert changed.snapshot().rules[0] == kept.snapshot().rules[0]


@pytest.mark.parametrize("line", range(1, 400, 7))
def test_line_16_an_interrupt_anywhere_leaves_old_settings_or_new_ones(
    room: ModuleType, clock: Clock, line: int
) -> None:
    """A call in the handler counts, and what is set is one or the other, wholly."""
    windows = [room.FailureRate(0.9, calls=4, minimum_calls=4), room.FailuresInWindow(9, 60.0)]
    breaker = room.CircuitBreaker(clock=clock, trip=windows)
    fail(breaker)
    again = [room.FailureRate(0.5, calls=4, minimum_calls=4), room.FailuresInWindow(3, 30.0)]
    with Interrupts(room, line, lambda: fail(breaker)):
        breaker.configure(trip=again, recovery=room.Recovery(5.0, jitter=0.1))
        fail(breaker)
    assert breaker.trip == (*again,)
    readings = [one.calls for one in breaker.snapshot().rules]
    failures = breaker.snapshot().failures
    assert readings[0] == failures
    assert 1 <= readings[1] <= failures - 1
    assert balanced(breaker)


def test_line_16_threads_that_set_and_call_agree(room: ModuleType, clock: Clock) -> None:
    """No call is lost and nothing breaks while eight threads do all of it at once."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=10**6)

    def work(number: int) -> None:
        for turn in range(60):
            if number % 2:
                calls = 3 + turn % 5
                rule = room.FailureRate(1.0, calls=calls, minimum_calls=calls)
                breaker.configure(trip=[rule, room.ConsecutiveFailures(10**6)])
            else:
                passes(room, breaker)

    crowd = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert breaker.snapshot().successes == 240
    assert balanced(breaker)


def test_a_breaker_may_be_as_old_as_its_service(room: ModuleType, clock: Clock) -> None:
    """Periods count from its birth; a birth that is still to come is refused."""
    rule = room.ConsecutiveFailures(2, every=10.0)
    clock.now = 64.0
    breaker = room.CircuitBreaker(clock=clock, trip=rule, born=55.0)
    assert breaker.snapshot().since == 55.0
    fail(breaker)
    clock.advance(1.0)  # the counts are cleared at 65
    fail(breaker)
    assert state(breaker) == "closed"
    fail(breaker)
    assert state(breaker) == "open"
    for wrong in (64.1 + 1.0, float("nan"), "early"):
        with pytest.raises(room.ParameterError):
            room.CircuitBreaker(clock=clock, born=wrong)
