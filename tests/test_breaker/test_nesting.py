"""Lines 2, 7 and 10 of the contract: a guarded call may make calls through its own breaker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import (
    Clock,
    Pause,
    bad,
    balanced,
    drive,
    elsewhere,
    good,
    passes,
    tripped,
)


def by_function(breaker: Any) -> None:
    guarded = breaker(lambda depth: depth and guarded(depth - 1))
    guarded(2)


def by_coroutine(breaker: Any) -> None:
    async def inner(depth: int) -> None:
        await Pause()
        if depth:
            await guarded(depth - 1)

    guarded = breaker(inner)
    drive(guarded(2))


def by_handing_back(breaker: Any) -> None:
    async def inner() -> None:
        await Pause()
        await breaker.call(by_pausing)

    async def by_pausing() -> None:
        await Pause()

    drive(breaker.call(lambda: breaker.call(lambda: inner())))


def by_tasks(breaker: Any) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(breaker.call(asyncio.sleep, 0) for _ in range(3)))
        await asyncio.to_thread(breaker.call, good)

    asyncio.run(breaker.call(all_of_them))


NESTED: dict[str, Callable[[Any], None]] = {
    "function": by_function,
    "coroutine": by_coroutine,
    "handed back": by_handing_back,
    "tasks": by_tasks,
}


@pytest.mark.parametrize("way", NESTED)
@pytest.mark.parametrize("probes", [1, 2])
def test_line_07_calls_within_calls_of_one_breaker_close_it(
    room: ModuleType, clock: Clock, way: str, probes: int
) -> None:
    """Three deep, each through the same breaker: one healthy call and it is closed again."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(probes=probes))
    clock.advance(10.0)
    NESTED[way](breaker)
    assert breaker.state is room.CircuitState.CLOSED
    assert balanced(breaker)


def test_line_07_a_failure_within_a_probe_fails_the_probe(room: ModuleType, clock: Clock) -> None:
    """It arrives at the outer call, which is the one on trial."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    with pytest.raises(ValueError, match="down"):
        breaker.call(lambda: breaker.call(bad))
    seen = breaker.snapshot()
    assert (seen.state, seen.failures) == (room.CircuitState.OPEN, 2)
    assert balanced(breaker)


def test_line_02_what_only_follows_a_probe_is_not_part_of_it(
    room: ModuleType, clock: Clock
) -> None:
    """A permit or a block taken by hand, another thread, and what comes after the probe."""
    breaker = tripped(room, clock, half_open=room.HalfOpen(successes=2))
    clock.advance(10.0)
    permit = breaker.acquire()
    assert not passes(room, breaker)
    permit.success()
    assert breaker.call(lambda: elsewhere(lambda: passes(room, breaker))) is False
    breaker = tripped(room, clock, half_open=room.HalfOpen(successes=9))
    clock.advance(10.0)
    with breaker, pytest.raises(room.CircuitOpenError):
        breaker.call(good)
    with breaker.acquire(), pytest.raises(room.CircuitOpenError):
        breaker.call(good)
    assert breaker.call(good) == "good"
    permit = breaker.acquire()
    assert not passes(room, breaker)
    permit.success()


def test_line_02_a_probe_makes_only_so_many_calls_of_its_own(
    room: ModuleType, clock: Clock
) -> None:
    """A thousand tasks within one probe: ten reach the service, the others are rejected."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    reached = 0

    async def ask() -> None:
        nonlocal reached
        reached += 1
        await asyncio.sleep(0)

    async def page() -> list[Any]:
        calls = (breaker.call(ask) for _ in range(1000))
        return await asyncio.gather(*calls, return_exceptions=True)

    answers: list[Any] = asyncio.run(breaker.call(page))
    refused = sum(isinstance(answer, room.CircuitOpenError) for answer in answers)
    assert (reached, refused) == (10, 990)
    assert breaker.snapshot().rejected == 990


async def in_a_group(breaker: Any, calls: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(breaker.call(asyncio.sleep, 0))


async def gathered(breaker: Any, calls: int) -> None:
    await asyncio.gather(*(breaker.call(asyncio.sleep, 0) for _ in range(calls)))


async def one_by_one(breaker: Any, calls: int) -> None:
    for _ in range(calls):
        await breaker.call(asyncio.sleep, 0)


async def renamed(breaker: Any, calls: int) -> None:
    try:
        await gathered(breaker, calls)
    except Exception as error:
        raise ValueError("no page") from error


FANS = {"group": in_a_group, "gather": gathered, "in a row": one_by_one, "renamed": renamed}


@pytest.mark.parametrize("how", FANS)
def test_line_07_a_call_that_fans_out_through_its_own_breaker_closes_it(
    room: ModuleType, clock: Clock, how: str
) -> None:
    """However many calls it makes and whatever it says of a rejection: some probes later."""
    breaker = tripped(room, clock)
    probes = 0
    while breaker.state is not room.CircuitState.CLOSED:
        clock.advance(10.0)
        with contextlib.suppress(room.CircuitOpenError, ExceptionGroup, ValueError):
            asyncio.run(breaker.call(FANS[how], breaker, 1000))
        probes += 1
        assert probes <= 8, "10 calls allowed, then 20, 40, …, 1280"
    assert probes == 8
    asyncio.run(breaker.call(FANS[how], breaker, 1000))
    assert breaker.snapshot().in_flight == 0
