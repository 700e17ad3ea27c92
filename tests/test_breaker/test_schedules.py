"""Threads under a scheduler that switches between them at any line, drawn from a seed.

Plain stress finds none of these races. Of the broken breakers of `test_broken`, one schedule
in a hundred finds the shyest; which of them do changes with every line of the room, so there
are enough of them to find each several times.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, Schedule, bad, balanced, good
from test_breaker.test_scopes import PassedOn

SCHEDULES = 600


@pytest.fixture(autouse=True, params=[120, pytest.param(SCHEDULES, marks=pytest.mark.slow)])
def _schedules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request.module, "SCHEDULES", request.param)


def scheduled(room: ModuleType, seed: int, clock: Clock, **settings: Any) -> tuple[Any, Schedule]:
    """A breaker whose lock hands the turn to other threads of the schedule."""
    schedule = Schedule(room, seed)
    return on_turns(schedule, lambda: room.CircuitBreaker(clock=clock, **settings)), schedule


def on_turns(schedule: Schedule, build: Callable[[], Any]) -> Any:
    """Builds something whose lock hands over the turn instead of blocking."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "RLock", schedule.lock)
        return build()


def attempt(room: ModuleType, breaker: Any, func: Any) -> None:
    with contextlib.suppress(ValueError, room.CircuitOpenError):
        breaker.call(func)


def test_line_02_probes_are_counted_under_any_schedule(room: ModuleType) -> None:
    """At the deadline as many threads get through as there are probes, and no more."""
    for seed in range(SCHEDULES):
        clock = Clock()
        breaker, schedule = scheduled(
            room, seed, clock, failure_threshold=1, half_open=room.HalfOpen(2, 9)
        )
        attempt(room, breaker, bad)
        clock.advance(60.0)
        got: list[object] = []

        def ask(breaker: Any = breaker, got: list[object] = got) -> None:
            with contextlib.suppress(room.CircuitOpenError):
                got.append(breaker.acquire())

        schedule.run(ask, ask, ask, ask)
        assert len(got) == 2, seed
        assert breaker.snapshot().probes_out == 2, seed
        assert breaker.snapshot().rejected == 2, seed


def test_line_03_one_half_open_transition_under_any_schedule(room: ModuleType) -> None:
    """However the threads arrive at the deadline, they make one transition."""
    for seed in range(SCHEDULES):
        clock = Clock()
        heard: list[Any] = []
        breaker, schedule = scheduled(
            room, seed, clock, failure_threshold=1, listeners=[heard.append]
        )
        attempt(room, breaker, bad)
        clock.advance(60.0)

        def ask(breaker: Any = breaker) -> None:
            with contextlib.suppress(room.CircuitOpenError):
                breaker.acquire()

        schedule.run(ask, ask, ask)
        assert [t.after.value for t in heard] == ["open", "half_open"], seed


def test_line_04_a_permit_settles_once_under_any_schedule(room: ModuleType) -> None:
    """Three threads with one permit: one of them is heard."""
    for seed in range(SCHEDULES):
        for settings in ({}, {"trip": room.FailureRate(1.0, calls=9)}):
            breaker, schedule = scheduled(room, seed, Clock(), **settings)
            permit = breaker.acquire()
            schedule.run(permit.success, permit.failure, permit.ignore, permit.success)
            seen = breaker.snapshot()
            assert seen.successes + seen.failures + seen.ignored == 1, seed
            assert seen.consecutive_failures == seen.failures, seed


def test_line_05_blocks_passed_on_settle_under_any_schedule(room: ModuleType) -> None:
    """Threads that enter and leave at once find each its own permit, and its own place."""
    for seed in range(SCHEDULES // 3):
        breaker, schedule = scheduled(room, seed, Clock())
        bulkhead = on_turns(schedule, lambda: room.Bulkhead(4))

        def enter(breaker: Any = breaker, bulkhead: Any = bulkhead) -> None:
            with PassedOn(bulkhead), breaker, PassedOn(breaker):
                pass

        schedule.run(enter, enter, enter)
        assert balanced(breaker), seed
        assert bulkhead.running == 0, seed


def test_line_09_news_is_told_in_order_under_any_schedule(room: ModuleType) -> None:
    """Threads that open and reset the breaker tell each transition once, in order."""
    for seed in range(SCHEDULES):
        heard: list[Any] = []
        breaker, schedule = scheduled(
            room,
            seed,
            Clock(),
            failure_threshold=1,
            listeners=[heard.append],
        )

        def toggle(breaker: Any = breaker) -> None:
            breaker.force_open()
            breaker.force_closed()

        schedule.run(toggle, toggle, lambda b=breaker: attempt(room, b, bad))
        assert [told.generation for told in heard] == sorted({t.generation for t in heard}), seed
        assert heard[-1].after is breaker.state, seed
        assert len(heard) >= 2, seed
        for told, following in pairwise(heard):
            assert told.after is following.before, seed


def test_line_12_a_rate_is_exact_under_any_schedule(room: ModuleType) -> None:
    """A success and a failure at once: whichever came first, two calls make the rule speak."""
    for seed in range(SCHEDULES):
        rule = room.FailureRate(0.5, calls=4, minimum_calls=2)
        breaker, schedule = scheduled(room, seed, Clock(), trip=rule)
        up = lambda b=breaker: attempt(room, b, good)  # noqa: E731
        down = lambda b=breaker: attempt(room, b, bad)  # noqa: E731
        schedule.run(up, down)
        assert breaker.state.value == "open", seed
        assert balanced(breaker), seed


@pytest.mark.parametrize("windowed", [False, True])
def test_line_14_every_outcome_is_counted_under_any_schedule(
    room: ModuleType, windowed: bool
) -> None:
    """Failures from many threads at once trip at exactly the threshold, and none is lost."""
    for seed in range(SCHEDULES):
        trip = room.FailuresInWindow(6, 60.0) if windowed else None
        settings = {"trip": trip} if windowed else {"failure_threshold": 6}
        breaker, schedule = scheduled(room, seed, Clock(), **settings)

        def down(breaker: Any = breaker) -> None:
            attempt(room, breaker, bad)
            attempt(room, breaker, bad)

        schedule.run(down, down, lambda b=breaker: attempt(room, b, bad))
        seen = breaker.snapshot()
        assert (seen.failures, seen.state.value) == (5, "closed"), seed
        attempt(room, breaker, bad)
        assert breaker.state.value == "open", seed
        assert balanced(breaker), seed


def test_line_14_no_snapshot_has_calls_ended_that_never_began(room: ModuleType) -> None:
    """Taken while others call: what has ended is read before what has begun."""
    for seed in range(SCHEDULES):
        breaker, schedule = scheduled(room, seed, Clock())
        seen: list[Any] = []

        def look(breaker: Any = breaker, seen: list[Any] = seen) -> None:
            seen.extend(breaker.snapshot().in_flight for _ in range(3))

        up = lambda b=breaker: [b.call(good) for _ in range(3)]  # noqa: E731
        schedule.run(look, up, up)
        assert min(seen) >= 0, seed


def test_line_14_mixed_calls_balance_under_any_schedule(room: ModuleType) -> None:
    """Successes, failures and an opening in the middle: every admitted call is counted once."""
    for seed in range(SCHEDULES):
        breaker, schedule = scheduled(room, seed, Clock(), failure_threshold=2)
        up = lambda b=breaker: attempt(room, b, good)  # noqa: E731
        down = lambda b=breaker: attempt(room, b, bad)  # noqa: E731
        schedule.run(up, down, up, down)
        seen = breaker.snapshot()
        assert balanced(breaker), seed
        assert seen.admitted + seen.rejected == 4, seed
