"""Line 5 of the contract for calls that hand back something unfinished.

What a plain function returns may still have to be awaited, or run by itself. It settles by
how that ends, in whatever shape it comes, and it stays usable as what it was.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, balanced, drive, tripped
from test_breaker.unfinished import (
    AWAITABLES,
    FUTURES,
    Acquiring,
    Bare,
    Query,
    Request,
    answer,
    awaited,
    end,
    entered,
    iterated,
    submitted,
    work,
)

USES: list[tuple[str, Callable[[Any], Coroutine[Any, Any, Any]], object]] = [
    *((kind, awaited, "done") for kind in AWAITABLES),
    ("request", entered, "done"),
    ("acquiring", entered, "done"),
    ("query", iterated, [1, 2]),
]
"""Every way to use every kind, and what it gives."""


def half_open(room: ModuleType, clock: Clock, **settings: Any) -> Any:
    breaker = tripped(room, clock, **settings)
    clock.advance(10.0)
    return breaker


def counts(breaker: Any) -> tuple[int, int, int]:
    """Successes, failures but the one that tripped it, and ignored calls."""
    seen = breaker.snapshot()
    return seen.successes, seen.failures - 1, seen.ignored


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use[0]}-{use[1].__name__}")
def test_line_05_what_has_to_be_awaited_settles_when_it_ends(
    room: ModuleType, clock: Clock, use: Any
) -> None:
    """A probe that hands back an awaitable closes the breaker when that ends well, not before."""
    kind, used, given = use
    breaker = half_open(room, clock)
    thing = breaker.call(lambda: AWAITABLES[kind](None))
    assert breaker.state is room.CircuitState.HALF_OPEN
    assert drive(used(thing)) == given
    assert breaker.state is room.CircuitState.CLOSED
    breaker = half_open(room, clock)
    with pytest.raises(OSError, match="gone"):
        drive(used(breaker.call(AWAITABLES[kind], OSError("gone"))))
    assert breaker.state is room.CircuitState.OPEN
    breaker = half_open(room, clock)
    coroutine = used(breaker.call(AWAITABLES[kind], None))
    coroutine.send(None)
    with pytest.raises(asyncio.CancelledError):
        coroutine.throw(asyncio.CancelledError())
    assert counts(breaker) == (0, 0, 1)
    assert breaker.snapshot().probes_out == 0
    assert balanced(breaker)


@pytest.mark.parametrize("kind", AWAITABLES)
def test_line_05_what_nobody_awaits_is_no_success(
    room: ModuleType, clock: Clock, kind: str
) -> None:
    """Thrown away, or dropped half-way, it is neither success nor failure."""
    breaker = half_open(room, clock)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        breaker.call(lambda: AWAITABLES[kind](None))
        gc.collect()
    assert counts(breaker) == (0, 0, 1)
    coroutine = awaited(breaker.call(lambda: AWAITABLES[kind](None)))
    coroutine.send(None)
    coroutine.close()
    assert counts(breaker) == (0, 0, 2)
    assert balanced(breaker)
    assert breaker.state is room.CircuitState.HALF_OPEN


def test_line_05_a_wrapper_of_a_coroutine_is_one(room: ModuleType, clock: Clock) -> None:
    """It becomes a task, is gathered and timed; closing it closes what it wraps."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)

    async def main() -> None:
        assert await asyncio.create_task(breaker.call(lambda: Request(answer(None)))) == "done"
        many = (breaker.call(lambda: answer(None)) for _ in range(3))
        assert await asyncio.gather(*many) == ["done"] * 3
        assert await asyncio.wait_for(breaker.call(Acquiring, None, answer), 1.0) == "done"

    asyncio.run(main())
    assert breaker.snapshot().successes == 5
    inner = work(None)
    breaker.call(lambda: Request(inner)).close()
    assert inspect.getcoroutinestate(inner) == "CORO_CLOSED"
    assert breaker.snapshot().ignored == 1
    assert balanced(breaker)


def test_line_05_a_wrapper_is_usable_as_what_it_wraps(room: ModuleType, clock: Clock) -> None:
    """Attributes and methods are those of the thing, and leaving a block reaches it."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)
    request, acquiring, query = Request(work(None)), Acquiring(None), Query(None)
    wrapped = breaker.call(lambda: request)
    assert wrapped.url == "https://upstream/"
    assert drive(entered(wrapped)) == "done"
    assert request.left
    wrapped = breaker.call(lambda: acquiring)
    assert drive(entered(wrapped)) == "done"
    assert acquiring.left
    wrapped.close()
    assert acquiring.closed
    assert not hasattr(wrapped, "send")
    assert not hasattr(wrapped, "nonsense")
    assert hasattr(breaker.call(lambda: query), "__aiter__")
    assert not hasattr(breaker.call(lambda: query), "asend")
    assert not hasattr(breaker.call(Bare, None), "__aenter__")
    with pytest.raises(AttributeError, match="__aenter__"):
        drive(entered(breaker.call(lambda: query)))
    assert breaker.state is room.CircuitState.CLOSED
    assert balanced(breaker)


def test_line_05_the_result_of_an_awaited_call_is_judged(room: ModuleType, clock: Clock) -> None:
    """`failed_result` sees what awaiting gave, not the thing that was to be awaited."""
    seen: list[object] = []
    breaker = half_open(room, clock, failed_result=lambda result: bool(seen.append(result)))
    assert drive(awaited(breaker.call(Acquiring, None))) == "done"
    asyncio.run(awaited_task(breaker))
    assert breaker.call(submitted, None).result() == "done"
    assert seen == ["done"] * 3


async def awaited_task(breaker: Any) -> None:
    assert await breaker.call(FUTURES["task"], None) == "done"


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("kind", FUTURES)
def test_line_05_what_runs_by_itself_settles_when_it_is_done(
    room: ModuleType, clock: Clock, kind: str, waits: bool
) -> None:
    """A task or future is handed back as it is, and counts whether or not anybody awaits it."""
    make = FUTURES[kind]

    async def ended(story: BaseException | None) -> Any:
        breaker = half_open(room, clock)
        made: list[Any] = []
        handed = breaker.call(lambda: made.append(make(story)) or made[0])
        assert handed is made[0]
        assert handed.done() or breaker.state is room.CircuitState.HALF_OPEN
        if waits:
            await asyncio.gather(handed, return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)
        if handed.done() and not handed.cancelled():
            handed.exception()
        assert balanced(breaker)
        return breaker

    state = room.CircuitState
    assert asyncio.run(ended(None)).state is state.CLOSED
    assert asyncio.run(ended(OSError("gone"))).state is state.OPEN
    cancelled = asyncio.run(ended(asyncio.CancelledError()))
    assert counts(cancelled) == (0, 0, 1)
    assert cancelled.snapshot().probes_out == 0


def test_line_05_a_task_that_is_cancelled_or_dies_gives_its_slot_back(
    room: ModuleType, clock: Clock
) -> None:
    """Cancelling is neither success nor failure, and a future that is never done is dropped."""
    breaker = half_open(room, clock)

    async def main() -> None:
        task = breaker.call(asyncio.ensure_future, answer(None))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert counts(breaker) == (0, 0, 1)
        breaker.call(asyncio.get_running_loop().create_future)
        gc.collect()
        assert counts(breaker) == (0, 0, 2)
        assert await breaker.call(asyncio.ensure_future, answer(None)) == "done"

    asyncio.run(main())
    assert counts(breaker) == (1, 0, 2)
    assert balanced(breaker)


def test_line_05_a_timeout_counts_inside_the_call_only(room: ModuleType, clock: Clock) -> None:
    """Around the call it is a cancellation, which is neither; inside it is a failure."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(breaker.call(forever), 1e-3)
        assert breaker.snapshot().ignored == 1
        with pytest.raises(TimeoutError):
            await breaker.call(lambda: asyncio.wait_for(forever(), 1e-3))
        assert breaker.state is room.CircuitState.OPEN

    asyncio.run(main())


def test_line_05_an_error_nobody_looked_at_is_still_reported(
    room: ModuleType, clock: Clock
) -> None:
    """The breaker looks at a task's error without making asyncio believe that somebody saw it."""
    breaker = half_open(room, clock)
    told: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        breaker.call(asyncio.ensure_future, answer(OSError("gone")))
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()

    asyncio.run(main())
    assert counts(breaker) == (0, 1, 0)
    assert told == ["Task exception was never retrieved"]


def test_line_05_an_executors_future_settles_when_it_is_done(
    room: ModuleType, clock: Clock
) -> None:
    """The future of `executor.submit` is handed back as it is; its work is the call."""
    breaker = half_open(room, clock)
    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = breaker.call(pool.submit, go.wait, 5.0)
        assert type(running) is Future
        with pytest.raises(room.CircuitOpenError):
            breaker.call(pool.submit, print)
        assert breaker.state is room.CircuitState.HALF_OPEN
        go.set()
    assert running.result() is True
    assert breaker.state is room.CircuitState.CLOSED
    breaker.call(submitted, OSError("gone"))
    assert breaker.state is room.CircuitState.OPEN
    breaker = half_open(room, clock)
    waiting: Future[str] = Future()
    assert breaker.call(lambda: waiting) is waiting
    assert waiting.cancel()
    assert counts(breaker) == (0, 0, 1)
    lost = breaker.call(lambda: Future())
    del lost
    gc.collect()
    assert counts(breaker) == (0, 0, 2)
    late: Future[str] = Future()
    breaker.call(lambda: late)
    end(late, OSError("gone"))
    assert breaker.state is room.CircuitState.OPEN
    assert balanced(breaker)


def test_line_05_generators_and_types_are_plain_results(room: ModuleType, clock: Clock) -> None:
    """A generator, a class with an `__await__`, a class that refuses to be awaited."""

    class Refusing:
        __await__ = None

    breaker = room.CircuitBreaker(clock=clock)
    items = breaker.call(lambda: (item for item in [1, 2]))
    assert isinstance(items, types.GeneratorType)
    assert breaker.call(lambda: Acquiring) is Acquiring
    assert type(breaker.call(lambda: Refusing())) is Refusing
    assert breaker.snapshot().successes == 3


def test_line_11_looking_for_an_awaitable_runs_no_code_of_the_result(
    room: ModuleType, clock: Clock
) -> None:
    """Lazy proxies and odd classes are handed back unasked."""

    class Meta(type):
        def __eq__(cls, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    class Lazy(metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            raise ZeroDivisionError

    breaker = room.CircuitBreaker(clock=clock)
    lazy = Lazy()
    for _ in range(3):
        assert breaker.call(lambda: lazy) is lazy
    assert breaker.snapshot().successes == 3


def test_line_13_no_type_is_kept_alive(room: ModuleType, clock: Clock) -> None:
    """A thousand types of results take no memory once nobody else holds them."""
    breaker = room.CircuitBreaker(clock=clock)
    kinds = [type(f"Result{number}", (), {}) for number in range(1000)]
    for kind in kinds:
        breaker.call(kind)
    gone = [weakref.ref(kind) for kind in kinds]
    del kinds, kind
    gc.collect()
    assert [one for one in gone if one() is not None] == []


def test_line_13_an_identity_that_comes_again_is_looked_at_again(
    room: ModuleType, clock: Clock
) -> None:
    """A new type at the address of a dead one is not taken for it."""
    breaker = room.CircuitBreaker(clock=clock)
    seen: set[int] = set()
    again = 0
    for number in range(400):
        plain = type(f"Plain{number}", (), {})
        breaker.call(plain)
        seen.add(id(plain))
        del plain
        gc.collect(0)
        kind = type(f"Awaitable{number}", (Bare,), {})
        again += id(kind) in seen
        successes = breaker.snapshot().successes
        assert type(breaker.call(kind, None)) is not kind
        assert breaker.snapshot().successes == successes
    assert again > 10
