"""KeyboardInterrupt at every moment that lets one in, in every kind of call.

After each of them the lock is free for another thread, every admitted call is accounted for,
and healthy calls close the breaker in time: lines 5, 6, 7 and 10 of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import (
    Clock,
    Interrupts,
    Pause,
    at_least,
    bad,
    balanced,
    drive,
    elsewhere,
    fail,
    good,
    raise_interrupt,
    recovers,
)
from test_breaker.test_scopes import PassedOn
from test_breaker.unfinished import Acquiring, Request, awaited, entered, submitted


async def later() -> str:
    await Pause()
    return "good"


def stream() -> Any:
    yield 1
    yield 2


async def astream() -> Any:
    yield 1
    yield 2


async def by_async_generator(breaker: Any) -> None:
    async for _ in breaker.call(astream):
        await Pause()


def closed(room: ModuleType, clock: Clock) -> Any:
    return room.CircuitBreaker(clock=clock, failure_threshold=2, listeners=[lambda t: None])


def failing(room: ModuleType, clock: Clock) -> Any:
    breaker = closed(room, clock)
    fail(breaker)
    return breaker


def windowed(room: ModuleType, clock: Clock) -> Any:
    trip = [room.FailureRate(0.5, calls=4, minimum_calls=2), room.SlowCallRate(1.0, window=9.0)]
    breaker = room.CircuitBreaker(clock=clock, trip=trip, listeners=[lambda t: None])
    breaker.call(good)
    return breaker


def quiet(room: ModuleType, clock: Clock) -> Any:
    trip = [room.FailureRate(0.5, calls=4, minimum_calls=2), room.FailuresInWindow(3, window=9.0)]
    breaker = room.CircuitBreaker(clock=clock, trip=trip, listeners=[lambda t: None])
    breaker.call(good)
    return breaker


def waiting(room: ModuleType, clock: Clock) -> Any:
    breaker = failing(room, clock)
    fail(breaker)
    return breaker


def probing(room: ModuleType, clock: Clock) -> Any:
    breaker = waiting(room, clock)
    clock.advance(60.0)
    return breaker


def ramping(room: ModuleType, clock: Clock) -> Any:
    settings = {"failure_threshold": 2, "half_open": room.HalfOpen(ramp=8.0, start=0.5)}
    breaker = room.CircuitBreaker(clock=clock, listeners=[lambda t: None], **settings)
    fail(breaker)
    fail(breaker)
    clock.advance(60.0)
    breaker.call(good)
    clock.advance(4.0)
    return breaker


def hung(room: ModuleType, clock: Clock) -> Any:
    breaker = probing(room, clock)
    breaker.acquire()
    clock.advance(60.0)
    return breaker


def by_with(breaker: Any) -> None:
    with breaker:
        pass


def by_failing_with(breaker: Any) -> None:
    with breaker:
        bad()


def by_passing_on(breaker: Any) -> None:
    with PassedOn(breaker):
        pass


def by_two_in_one(breaker: Any) -> None:
    with breaker, breaker:
        pass


def by_permit(breaker: Any) -> None:
    with breaker.acquire():
        pass


def by_async_with(breaker: Any) -> None:
    async def main() -> None:
        async with breaker:
            await Pause()

    drive(main())


SITUATIONS = (closed, failing, windowed, quiet, waiting, probing, ramping, hung)
# The first moment of these comes before anything in them can catch: interrupted there and nowhere
# else, one call may stay uncounted, and a probe is given back by its lease.
LOSING = ("__enter__", "__exit__", "__aexit__", "__del__")
CALLS: dict[str, Callable[[Any], object]] = {
    "success": lambda breaker: breaker.call(good),
    "failure": lambda breaker: breaker.call(bad),
    "coroutine": lambda breaker: drive(breaker.call(later)),
    "adopted coroutine": lambda breaker: drive(breaker.call(lambda: later())),
    "adopted awaitable": lambda breaker: drive(awaited(breaker.call(Acquiring, None))),
    "adopted request": lambda breaker: drive(entered(breaker.call(lambda: Request(later())))),
    "executor's future": lambda breaker: breaker.call(submitted, None),
    "generator": lambda breaker: list(breaker(stream)()),
    "async generator": lambda breaker: drive(by_async_generator(breaker)),
    "with": by_with,
    "failing with": by_failing_with,
    "with passed on": by_passing_on,
    "with within with": by_two_in_one,
    "with a permit": by_permit,
    "async with": by_async_with,
}


def combined() -> Iterator[Any]:
    """Yield every situation with every call; those that change nothing more are for CI."""
    for situation in SITUATIONS:
        for call in CALLS:
            quick = situation is probing or call in ("success", "failing with")
            name = f"{situation.__name__}-{call}"
            yield pytest.param(situation, call, id=name, marks=() if quick else pytest.mark.slow)


@pytest.mark.parametrize(("situation", "call"), combined())
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_moment_leaves_the_breaker_whole(
    room: ModuleType, clock: Clock, situation: Callable[[ModuleType, Clock], Any], call: str
) -> None:
    """Moment by moment: interrupted there, the breaker still works, counts and recovers."""
    moment = 0
    while True:
        moment += 1
        breaker = situation(room, clock)
        lost = breaker.snapshot().in_flight
        interrupts = Interrupts(room, moment, raise_interrupt)
        try:
            with interrupts:
                CALLS[call](breaker)
        except (KeyboardInterrupt, ValueError, room.CircuitOpenError):
            pass
        if not interrupts.reached:
            break
        left: Any = elsewhere(lambda breaker=breaker: breaker.snapshot().in_flight)
        assert 0 <= left - lost <= (interrupts.where in LOSING), moment
        recovers(room, breaker, clock, within=60.0 + 60.0 + 60.0 * left + 2.0)
        assert balanced(breaker) or left, moment
    assert moment > at_least(5, room)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_interrupt_at_any_moment_of_a_bare_permit_is_survived(
    room: ModuleType, clock: Clock, situation: Callable[[ModuleType, Clock], Any]
) -> None:
    """Even without a guard around it, what is lost is at most one lease."""
    for outcome in ("success", "failure", "ignore"):
        moment = 0
        while True:
            moment += 1
            breaker = situation(room, clock)

            def use(breaker: Any = breaker, outcome: str = outcome) -> None:
                getattr(breaker.acquire(), outcome)()

            interrupts = Interrupts(room, moment, raise_interrupt)
            try:
                with interrupts:
                    use()
            except (KeyboardInterrupt, room.CircuitOpenError):
                pass
            if not interrupts.reached:
                break
            assert elsewhere(breaker.snapshot)
            recovers(room, breaker, clock, within=60.0 + 60.0 + 60.0 + 2.0)
        assert moment > at_least(5, room)


def test_news_survives_an_interrupt_at_any_moment(room: ModuleType, clock: Clock) -> None:
    """A transition is told later if its telling was interrupted, and never twice."""
    moment = 0
    while True:
        moment += 1
        heard: list[int] = []
        breaker = room.CircuitBreaker(
            clock=clock, failure_threshold=1, listeners=[lambda t, h=heard: h.append(t.generation)]
        )
        interrupts = Interrupts(room, moment, raise_interrupt)
        try:
            with interrupts:
                breaker.call(bad)
        except (KeyboardInterrupt, ValueError):
            pass
        if not interrupts.reached:
            break
        breaker.force_open()
        breaker.reset()
        news = list(range(heard[0], heard[0] + len(heard)))
        assert heard == news, moment
        assert heard[-1] == breaker.snapshot().generation, moment
    assert moment > at_least(20, room)
