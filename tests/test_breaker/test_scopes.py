"""Lines 4 and 5 of the contract, where the entry and the exit of a block are far apart."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, balanced, elsewhere, fail


class PassedOn:
    """A manager that hands a breaker's `__enter__` and `__exit__` on."""

    def __init__(self, breaker: Any) -> None:
        self.breaker = breaker

    def __enter__(self) -> Any:
        return self.breaker.__enter__()

    def __exit__(self, *error: Any) -> Any:
        return self.breaker.__exit__(*error)


def test_line_04_a_block_handed_to_another_stack_keeps_its_permit(
    room: ModuleType, clock: Clock
) -> None:
    """A late end of an earlier generation settles itself, and not the probe of another thread."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)
    with ExitStack() as stack:
        stack.enter_context(breaker)
        late = stack.pop_all()
    fail(breaker)
    clock.advance(60.0)
    begun, over = threading.Event(), threading.Event()

    def probe() -> None:
        with breaker:
            begun.set()
            over.wait()

    thread = threading.Thread(target=probe)
    thread.start()
    begun.wait()
    late.close()
    seen = breaker.snapshot()
    assert (seen.state, seen.stale) == (room.CircuitState.HALF_OPEN, 1)
    over.set()
    thread.join()
    assert breaker.state is room.CircuitState.CLOSED
    assert balanced(breaker)


def test_line_04_a_manager_that_passes_both_on_settles_its_own(
    room: ModuleType, clock: Clock
) -> None:
    """Each thread and each task finds what it entered with itself."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=9)
    with PassedOn(breaker) as outer:
        with PassedOn(breaker) as inner:
            with pytest.raises(room.UnpairedExitError, match="acquire"):
                elsewhere(lambda: PassedOn(breaker).__exit__(None, None, None))
            assert not inner.settled
        assert inner.settled
        assert not outer.settled
    assert outer.settled

    async def one(number: int) -> None:
        with PassedOn(breaker) as permit:
            await asyncio.sleep(0)
            for _ in range(number):
                await asyncio.sleep(0)
            assert not permit.settled
        assert permit.settled

    async def several() -> None:
        await asyncio.gather(one(3), one(1), one(2))

    asyncio.run(several())
    assert balanced(breaker)


def test_leaving_what_was_never_entered_is_an_error_with_a_remedy(
    room: ModuleType, clock: Clock
) -> None:
    """Also while blocks of the same thread are open that have not ended."""
    breaker = room.CircuitBreaker(clock=clock)
    with pytest.raises(room.UnpairedExitError, match="acquire"):
        PassedOn(breaker).__exit__(None, None, None)
    with breaker as permit:
        with pytest.raises(room.UnpairedExitError):
            PassedOn(breaker).__exit__(None, None, None)
        assert not permit.settled
    assert balanced(breaker)
