"""Line 17 of the contract: a call in flight that is slow already counts as slow, once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import tracemalloc
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_breaker.stage import (
    Clock,
    Interrupts,
    at_least,
    good,
    passes,
    raise_interrupt,
    recovers,
)
from test_breaker.test_schedules import scheduled

import simcb.breaker


def reading(breaker: Any) -> tuple[int, int]:
    """How many calls the first rule looks at, and how many of them it counts."""
    seen = breaker.snapshot().rules[0]
    return seen.calls, seen.counted


def hung(breaker: Any, calls: int) -> list[Any]:
    """Permits of calls that do not end."""
    return [breaker.acquire() for _ in range(calls)]


def counting(room: ModuleType, clock: Clock, slow: float = 2.0, **words: Any) -> Any:
    """A breaker that counts what is slow, and never opens."""
    words.setdefault("calls", 50)
    rule = room.SlowCallRate(slow, 1.0, in_flight=True, **words)
    breaker = room.CircuitBreaker(clock=clock, trip=rule)
    breaker.count_only()
    return breaker


@pytest.mark.parametrize("kind", ["SlowCallRate", "FailureRate"])
def test_line_17_a_hung_service_opens_it_once_its_calls_are_slow(
    room: ModuleType, clock: Clock, kind: str
) -> None:
    """At exactly `slow`, by the next call that asks; without the word it waits for their ends."""
    for in_flight in (True, False):
        heard: list[Any] = []
        words = {"rate": 0.5, "calls": 10, "minimum_calls": 3, "slow": 2.0}
        rule = getattr(room, kind)(**words, in_flight=in_flight)
        breaker = room.CircuitBreaker(clock=clock, trip=rule, listeners=[heard.append])
        hung(breaker, 3)
        clock.advance(1.75)
        assert passes(room, breaker)
        clock.advance(0.25)
        assert passes(room, breaker) is not in_flight
        assert bool(heard) is in_flight
        for told in heard:
            assert (told.at, told.reason, told.last_error) == (clock.now, rule.reason, None)


def test_line_17_what_a_call_ends_with_adds_nothing_to_what_was_counted(
    room: ModuleType, clock: Clock
) -> None:
    """Whether it succeeds, fails or is ignored; a rule about failures hears of a failure."""
    rules = [
        room.SlowCallRate(2.0, 1.0, calls=9, in_flight=True),
        room.FailureRate(1.0, calls=9, slow=4.0, in_flight=True),
        room.FailureRate(1.0, calls=9),
    ]
    breaker = room.CircuitBreaker(clock=clock, trip=rules)
    breaker.count_only()
    succeeds, fails, ignored = hung(breaker, 3)
    clock.advance(3.0)
    assert passes(room, breaker)
    counts = [(one.calls, one.counted) for one in breaker.snapshot().rules]
    assert counts == [(4, 3), (1, 0), (1, 0)]
    succeeds.success()
    fails.failure()
    ignored.ignore()
    counts = [(one.calls, one.counted) for one in breaker.snapshot().rules]
    assert counts == [(4, 3), (3, 1), (3, 1)]
    seen = breaker.snapshot()
    assert (seen.successes, seen.failures, seen.ignored, seen.in_flight) == (2, 1, 1, 0)
    assert seen.consecutive_failures == 1


def test_line_17_a_call_is_let_go_of_without_a_clock(room: ModuleType, clock: Clock) -> None:
    """Where the clock has stopped to be one, what is ignored is settled all the same."""
    breaker = counting(room, clock)
    first, second = hung(breaker, 2)
    clock.now = float("nan")
    first.ignore()
    with pytest.raises(room.ClockError):
        breaker.call(good)
    assert breaker.snapshot().in_flight == 1
    clock.now = 1002.0
    second.ignore()
    assert passes(room, breaker)
    assert reading(breaker) == (1, 0)


def test_line_17_reading_counts_nothing(room: ModuleType, clock: Clock) -> None:
    """Neither the state nor a snapshot looks for calls that have become slow."""
    breaker = room.CircuitBreaker(
        clock=clock, trip=room.SlowCallRate(2.0, 0.5, window=9.0, minimum_calls=1, in_flight=True)
    )
    hung(breaker, 2)
    clock.advance(5.0)
    assert (breaker.state.value, reading(breaker)) == ("closed", (0, 0))
    assert not passes(room, breaker)


@pytest.mark.parametrize("span", [{"window": 6.0}, {"every": 6.0}])
def test_line_17_a_call_is_counted_at_the_moment_it_became_slow(
    room: ModuleType, clock: Clock, span: dict[str, float]
) -> None:
    """However late that is found out: then it may be too old to count."""
    for late, opens in ((5.75, True), (6.0, False)):
        rule = room.SlowCallRate(2.0, 0.5, minimum_calls=2, in_flight=True, **span)
        breaker = room.CircuitBreaker(clock=clock, trip=rule, born=clock.now - 4.0)
        hung(breaker, 3)
        clock.advance(2.0 + late)
        assert passes(room, breaker) is not opens, late


Call = tuple[int, int, bool]
"""One call: when it begins, for how long, whether it fails; in quarters of a second."""

CALLS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 24), st.booleans()), min_size=1)


def entries(calls: list[Call], slow: int) -> list[list[tuple[int, bool]]]:
    """What a rule has counted at each look: when, and whether it was slow.

    The looks are the begins and ends in order; a call counts at the first look from when it is
    slow, unless that is its own end.
    """
    looks = sorted(
        (at, end, n)
        for n, (begin, lasts, _) in enumerate(calls)
        for end, at in enumerate((begin, begin + lasts))
    )
    found: list[list[tuple[int, bool]]] = [[]]
    counted: set[int] = set()
    for place, (now, ends, who) in enumerate(looks):
        began = [n for _, end, n in looks[:place] if not end]
        ended = {n for _, end, n in looks[:place] if end} | {who}
        flying = [n for n in began if n not in ended | counted and now - calls[n][0] >= slow]
        counted |= {*flying}
        more = [(calls[n][0] + slow, True) for n in flying]
        if ends and who not in counted:
            more.append((now, calls[who][1] >= slow or calls[who][2]))
        found.append([*found[-1], *more])
    return found[1:]


@pytest.mark.parametrize("span", ["calls", "window"])
@given(calls=CALLS, slow=st.integers(1, 12), size=st.integers(1, 12), least=st.integers(1, 4))
def test_line_17_rates_are_those_of_a_list_of_times(
    span: str, calls: list[Call], slow: int, size: int, least: int
) -> None:
    """Any calls at once: after each begin and end the same counts, and the same opening."""
    room, clock = simcb.breaker, Clock(64.0)
    words = {"calls": size} if span == "calls" else {"window": size / 4}
    least = min(least, size)
    rule = room.FailureRate(0.5, minimum_calls=least, slow=slow / 4, in_flight=True, **words)
    breaker = room.CircuitBreaker(clock=clock, trip=rule)
    looks = sorted(
        (at, end, n)
        for n, (begin, lasts, _) in enumerate(calls)
        for end, at in enumerate((begin, begin + lasts))
    )
    permits: dict[int, Any] = {}
    for (at, end, who), log in zip(looks, entries(calls, slow), strict=True):
        clock.now = 64.0 + at / 4
        inside = log[-size:] if span == "calls" else [one for one in log if at - one[0] < size]
        bad = sum(counted for _, counted in inside)
        if end:
            permits[who].failure() if calls[who][2] else permits[who].success()
        else:
            try:
                permits[who] = breaker.acquire()
            except room.CircuitOpenError:
                assert len(inside) >= least
                assert bad >= len(inside) / 2
                return
        if breaker.state is room.CircuitState.OPEN:
            assert len(inside) >= least
            assert bad >= len(inside) / 2
            return
        assert reading(breaker) == (len(inside), bad)


@given(
    calls=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.booleans()), max_size=40),
    span=st.sampled_from([{"calls": 5}, {"window": 6.0}, {"every": 6.0}]),
    probes=st.integers(0, 2),
)
def test_line_17_one_call_after_the_other_has_nothing_in_flight(
    calls: list[Call], span: dict[str, Any], probes: int
) -> None:
    """Then the word changes nothing at all: not one state, count or moment."""
    room, stories = simcb.breaker, []
    for in_flight in (False, True):
        clock = Clock()
        rule = room.FailureRate(0.5, minimum_calls=2, slow=1.0, in_flight=in_flight, **span)
        half_open = room.HalfOpen(probes, lease=9.0)
        breaker = room.CircuitBreaker(
            clock=clock, trip=rule, recovery_timeout=3.0, half_open=half_open
        )
        story = []
        for wait, lasts, failed in calls:
            clock.advance(wait / 4)
            try:
                permit = breaker.acquire()
            except room.CircuitOpenError as refused:
                story.append((refused.retry_after, refused.reason))
                continue
            half = breaker.state is room.CircuitState.HALF_OPEN
            clock.advance(0.0 if half else lasts / 4)
            permit.failure() if failed else permit.success()
            seen = breaker.snapshot()
            story.append((*seen[:-1], *[(one.calls, one.counted) for one in seen.rules]))
        stories.append(story)
    assert stories[0] == stories[1]


def test_line_17_a_probe_that_hangs_has_ended_as_a_slow_one(room: ModuleType, clock: Clock) -> None:
    """After `slow` and not after its lease; a shorter lease is a failure, as ever."""
    for lease, after, reason in ((30.0, 2.0, "probe_slow"), (1.0, 1.0, "lease_expired")):
        heard: list[Any] = []
        rule = room.SlowCallRate(2.0, 0.5, calls=4, minimum_calls=2, in_flight=True)
        half_open = room.HalfOpen(1, lease=lease)
        breaker = room.CircuitBreaker(
            clock=clock, trip=rule, recovery_timeout=10.0, half_open=half_open
        )
        breaker.add_listener(heard.append)
        breaker.probe_now()
        probe = breaker.acquire()
        clock.advance(after - 0.25)
        assert not passes(room, breaker)
        assert breaker.state is room.CircuitState.HALF_OPEN
        clock.advance(0.25)
        assert not passes(room, breaker)
        assert (heard[-1].after.value, heard[-1].reason) == ("open", reason)
        probe.success()
        assert breaker.snapshot().stale == 1
        recovers(room, breaker, clock, within=12.0)


def test_line_17_in_a_verdict_a_hung_probe_is_a_slow_one(room: ModuleType, clock: Clock) -> None:
    """Two of four that hang are half, and neither has failed."""
    rule = room.FailureRate(0.9, calls=9, slow=2.0, in_flight=True)
    for verdict, then in ((0.5, "open"), (0.75, "closed")):
        half_open = room.HalfOpen(4, verdict=verdict)
        breaker = room.CircuitBreaker(clock=clock, trip=rule, half_open=half_open)
        breaker.probe_now()
        hung(breaker, 2)
        breaker.acquire().success()
        clock.advance(2.0)
        breaker.acquire().success()
        assert breaker.state.value == then


def test_line_17_in_a_ramp_calls_in_flight_count(room: ModuleType, clock: Clock) -> None:
    """It opens again, for the longer time that is due then."""
    rule = room.SlowCallRate(2.0, 0.5, calls=4, minimum_calls=2, in_flight=True)
    breaker = room.CircuitBreaker(
        clock=clock,
        trip=rule,
        recovery=room.Recovery(10.0, factor=2.0),
        half_open=room.HalfOpen(ramp=8.0, start=1.0),
    )
    breaker.probe_now()
    hung(breaker, 2)
    clock.advance(2.0)
    assert not passes(room, breaker)
    assert breaker.snapshot().next_probe_at == clock.now + 20.0


def test_line_17_what_was_let_through_before_it_opened_counts_no_more(
    room: ModuleType, clock: Clock
) -> None:
    """Calls that still hang when it closes again are not of this period."""
    breaker = counting(room, clock)
    hung(breaker, 5)
    breaker.reset()
    clock.advance(60.0)
    assert passes(room, breaker)
    assert reading(breaker) == (1, 0)
    breaker.force_closed()
    hung(breaker, 3)
    clock.advance(60.0)
    assert passes(room, breaker)


def test_line_17_new_settings_keep_the_calls_in_flight(room: ModuleType, clock: Clock) -> None:
    """Those counted stay so, those out go on; another rule begins with the calls after it."""
    breaker = counting(room, clock)
    first = hung(breaker, 2)
    clock.advance(2.0)
    second = hung(breaker, 3)
    breaker.configure(trip=room.SlowCallRate(2.0, 0.9, calls=50, in_flight=True))
    assert reading(breaker) == (2, 2)
    first[0].success()
    assert reading(breaker) == (2, 2)
    clock.advance(2.0)
    assert passes(room, breaker)
    assert reading(breaker) == (6, 5)
    breaker.configure(trip=room.SlowCallRate(1.0, 0.9, calls=50, in_flight=True))
    second[0].success()
    hung(breaker, 1)
    clock.advance(1.0)
    second[1].success()
    assert reading(breaker) == (3, 3)


def test_line_17_each_is_counted_once_whatever_interrupts(room: ModuleType) -> None:
    """A handler that calls, or a Ctrl-C, at any moment of a call that finds three slow ones."""
    for action in ("call", "interrupt"):
        moment = 0
        while True:
            moment += 1
            clock = Clock()
            breaker = counting(room, clock)
            permits = hung(breaker, 3)
            clock.advance(2.0)
            handler: Callable[[], object] = (
                (lambda b=breaker: b.call(good)) if action == "call" else raise_interrupt
            )
            interrupts = Interrupts(room, moment, handler)
            with contextlib.suppress(KeyboardInterrupt), interrupts:
                breaker.call(good)
            if not interrupts.reached:
                break
            breaker.call(good)
            assert reading(breaker) == (3 + breaker.snapshot().successes, 3), (action, moment)
            for permit in permits:
                permit.failure()
            assert reading(breaker) == (3 + breaker.snapshot().successes, 3), (action, moment)
        assert moment > at_least(20, room)


@pytest.mark.parametrize("schedules", [40, pytest.param(600, marks=pytest.mark.slow)])
def test_line_17_each_is_counted_once_under_any_schedule(room: ModuleType, schedules: int) -> None:
    """Threads that ask, end and end what hangs: whoever finds the slow ones counts them once."""
    for seed in range(schedules):
        clock = Clock()
        rule = room.SlowCallRate(2.0, 1.0, calls=50, in_flight=True)
        breaker, schedule = scheduled(room, seed, clock, trip=rule)
        breaker.count_only()
        permits = hung(breaker, 3)
        clock.advance(2.0)
        up = lambda b=breaker: b.call(good)  # noqa: E731
        schedule.run(up, permits[0].failure, permits[1].ignore, up)
        breaker.call(good)
        seen = breaker.snapshot()
        assert (seen.successes, seen.failures, seen.ignored) == (3, 1, 1), seed
        calls, counted = reading(breaker)
        # The ignored one counts if another call has looked before it ended.
        assert counted in (2, 3), seed
        assert calls == 3 + counted, seed


def test_line_17_lost_permits_do_not_pile_up(room: ModuleType, clock: Clock) -> None:
    """Of calls that never end, only those not yet slow are remembered."""
    breaker = counting(room, clock, slow=1.0, window=5.0, calls=None)

    def work(times: int) -> int:
        for _ in range(times):
            clock.advance(0.01)
            breaker.acquire()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = work(600)
        assert work(2_000) - first < 30_000
    finally:
        tracemalloc.stop()
    assert reading(breaker)[1] == pytest.approx(500, abs=1)


def test_line_17_a_breaker_nobody_holds_is_collected(room: ModuleType, clock: Clock) -> None:
    """By dropping it when no call is out, and by the garbage collector when one is lost."""
    breaker = counting(room, clock)
    breaker.call(good)
    gone = weakref.ref(breaker)
    del breaker
    assert gone() is None
    breaker = counting(room, clock)
    hung(breaker, 3)
    gone = weakref.ref(breaker)
    del breaker
    gc.collect()
    assert gone() is None


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_line_17_a_forked_child_takes_nobodys_calls_for_hung(
    room: ModuleType, clock: Clock
) -> None:
    """The calls of threads that are not there end in the parent; one's own counts by its end."""
    breaker = counting(room, clock)
    permits = hung(breaker, 3)
    child = os.fork()
    if child == 0:
        clock.advance(2.0)
        breaker.call(good)
        alone = reading(breaker) == (1, 0)
        permits[0].success()
        os._exit(0 if alone and reading(breaker) == (2, 1) else 1)
    assert os.waitpid(child, 0)[1] == 0
    clock.advance(2.0)
    breaker.call(good)
    assert reading(breaker) == (4, 3)


def test_line_17_coroutines_that_hang_open_it(room: ModuleType, clock: Clock) -> None:
    """The calls of an event loop are in flight as those of threads are."""
    rule = room.SlowCallRate(2.0, 0.5, calls=4, minimum_calls=2, in_flight=True)
    breaker = room.CircuitBreaker(clock=clock, trip=rule)

    async def story() -> None:
        never = asyncio.Event()
        tasks = [asyncio.create_task(breaker.call(never.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        clock.advance(2.0)
        with pytest.raises(room.CircuitOpenError):
            await breaker.call(never.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
    assert breaker.snapshot().stale == 3


def test_rules_with_the_word_are_settings_like_others(room: ModuleType) -> None:
    """They need to know what is slow, are equal by value, and go to other processes."""
    for words in ({"in_flight": True}, {"in_flight": 1, "slow": 2.0}):
        with pytest.raises(room.ParameterError, match="in_flight"):
            room.FailureRate(0.5, **words)
    rule = room.FailureRate(0.5, slow=2.0, in_flight=True)
    assert pickle.loads(pickle.dumps(rule)) == rule != room.FailureRate(0.5, slow=2.0)
