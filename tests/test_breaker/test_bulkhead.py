"""The bulkhead: never more at once than it allows, for threads and tasks together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import PATIENCE, Interrupts, Pause, bad, drive, good, raise_interrupt
from test_breaker.test_scopes import PassedOn
from test_breaker.unfinished import AWAITABLES, FUTURES, Acquiring, awaited

from simcb.breaker import (
    Bulkhead,
    BulkheadFullError,
    CachedFallback,
    CircuitBreaker,
    ParameterError,
)


def test_a_full_bulkhead_refuses_at_once() -> None:
    """The one too many is told the name and the limit, and a place that comes back is free."""
    bulkhead = Bulkhead(2, name="pool")
    with bulkhead, bulkhead.acquire() as place:
        assert bulkhead.running == 2
        with pytest.raises(BulkheadFullError, match="'pool' is full: 2 calls"):
            bulkhead.call(good)
        place.release()
        place.release()
        assert bulkhead.running == 1
        assert bulkhead.call(good) == "good"
    assert bulkhead.running == 0


def test_every_exit_gives_the_place_back() -> None:
    """Return, exception, interrupt, closed generator, cancelled task."""
    bulkhead = Bulkhead(1)

    def stream() -> Iterator[int]:
        yield 1
        yield 2

    async def astream() -> Any:
        yield 1
        yield 2

    async def later() -> str:
        await asyncio.sleep(0)
        return "later"

    assert bulkhead(good)("x") == "x"
    for error in (ValueError(), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            bulkhead.call(bad, error)
    items = bulkhead(stream)()
    next(items)
    assert bulkhead.running == 1
    items.close()
    assert list(bulkhead.call(stream)) == [1, 2]
    with ExitStack() as stack:
        stack.enter_context(bulkhead)

    async def main() -> None:
        assert await bulkhead.call(later) == "later"
        assert [item async for item in bulkhead(astream)()] == [1, 2]
        async with bulkhead:
            assert bulkhead.running == 1
        task = asyncio.create_task(bulkhead(later)())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert bulkhead.running == 0


def test_what_is_sent_to_an_async_generator_and_thrown_reaches_it() -> None:
    """A chat is limited like any call, and is none the poorer for it."""
    bulkhead = Bulkhead(1)

    async def echo() -> Any:
        heard: list[object] = []
        try:
            heard.append((yield 1))
        except KeyError:
            heard.append("key")
        heard.append((yield 2))
        yield heard

    async def main() -> None:
        for talk in (bulkhead(echo)(), bulkhead.call(echo)):
            assert await anext(talk) == 1
            assert bulkhead.running == 1
            assert await talk.athrow(KeyError()) == 2
            assert await talk.asend("b") == ["key", "b"]
            with pytest.raises(StopAsyncIteration):
                await anext(talk)
            assert bulkhead.running == 0
        early = bulkhead(echo)()
        await anext(early)
        await early.aclose()
        assert bulkhead.running == 0
        failed = bulkhead(echo)()
        await anext(failed)
        with pytest.raises(OSError, match="gone"):
            await failed.athrow(OSError("gone"))
        assert bulkhead.running == 0

    asyncio.run(main())


@pytest.mark.parametrize("kind", AWAITABLES)
def test_what_has_to_be_awaited_keeps_its_place_until_it_ends(kind: str) -> None:
    """A plain function that hands back an awaitable is limited like a coroutine function."""
    bulkhead = Bulkhead(2)
    things = [bulkhead.call(AWAITABLES[kind], None) for _ in range(2)]
    for _ in range(8):
        with pytest.raises(BulkheadFullError):
            bulkhead.call(AWAITABLES[kind], None)
    assert drive(awaited(things.pop())) == "done"
    assert bulkhead.running == 1
    with pytest.raises(OSError, match="gone"):
        drive(awaited(bulkhead(AWAITABLES[kind])(OSError("gone"))))
    assert bulkhead.running == 1
    cancelled = awaited(bulkhead.call(AWAITABLES[kind], None))
    cancelled.send(None)
    cancelled.close()
    assert bulkhead.running == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        things.clear()
        gc.collect()
    assert bulkhead.running == 0


def test_what_is_entered_keeps_its_place_until_it_is() -> None:
    """Like awaiting: in the block the call has ended."""
    bulkhead = Bulkhead(1)

    async def main() -> None:
        async with bulkhead.call(Acquiring, None) as value:
            assert value == "done"
            assert bulkhead.running == 0

    drive(main())


@pytest.mark.parametrize("kind", FUTURES)
def test_what_runs_by_itself_keeps_its_place_until_it_is_done(kind: str) -> None:
    """Never more tasks at once than places, whether or not anybody awaits them."""
    bulkhead = Bulkhead(2)

    async def main() -> None:
        refused = 0
        for _ in range(10):
            try:
                bulkhead.call(FUTURES[kind], None)
            except BulkheadFullError:
                refused += 1
        assert refused == (0 if kind == "done" else 8)
        for _ in range(6):
            await asyncio.sleep(0)
        assert bulkhead.running == 0
        assert await bulkhead.call(FUTURES[kind], None) == "done"

    asyncio.run(main())


def test_an_executors_future_keeps_its_place_until_it_is_done() -> None:
    """So a bulkhead limits what is submitted to a pool, queued or running."""
    bulkhead, go = Bulkhead(2), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        submitted = [bulkhead.call(pool.submit, go.wait, 2.0) for _ in range(2)]
        with pytest.raises(BulkheadFullError):
            bulkhead.call(pool.submit, go.wait, 0.1)
        assert submitted[1].cancel()
        assert bulkhead.running == 1
        go.set()
    assert submitted[0].result() is True
    assert bulkhead.running == 0


def test_a_thread_waits_its_turn_and_no_longer_than_allowed() -> None:
    """First come, first served; who waits in vain is refused and leaves no trace."""
    bulkhead = Bulkhead(1, max_wait=60.0)
    order: list[int] = []
    first = bulkhead.acquire()
    threads = []
    for number in range(3):
        thread = threading.Thread(target=bulkhead.call, args=(order.append, number))
        thread.start()
        threads.append(thread)
        while bulkhead.waiting <= number:
            pass
    first.release()
    for thread in threads:
        thread.join(60.0)
    assert order == [0, 1, 2]
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)
    short = Bulkhead(1, max_wait=0.01)
    with short, pytest.raises(BulkheadFullError) as refused:
        short.acquire()
    assert refused.value.waited == 0.01
    assert (short.running, short.waiting) == (0, 0)


def test_tasks_and_threads_share_the_limit() -> None:
    """A task waits for a thread's place, without blocking its loop, and the other way round."""
    bulkhead = Bulkhead(1, max_wait=5.0)

    async def main() -> None:
        place = await asyncio.to_thread(bulkhead.acquire)
        waiting = asyncio.create_task(bulkhead.acquire_async())
        late = asyncio.create_task(bulkhead.acquire_async())
        while bulkhead.waiting < 2:
            await asyncio.sleep(0)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        await asyncio.to_thread(place.release)
        got = await waiting
        assert bulkhead.running == 1
        got.release()

    asyncio.run(main())
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


def test_many_tasks_never_exceed_the_limit() -> None:
    """A hundred tasks through three places: three at most together, and all get through."""
    bulkhead = Bulkhead(3, max_wait=10.0)
    most = 0

    async def work() -> None:
        nonlocal most
        most = max(most, bulkhead.running)
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.gather(*(bulkhead.call(work) for _ in range(100)))

    asyncio.run(main())
    assert most == 3
    assert bulkhead.running == 0


def test_an_interrupt_at_any_moment_of_acquire_leaves_no_place_taken(room: ModuleType) -> None:
    """Whoever does not get to hold a place does not keep one."""
    for wait in (0.0, 5.0):
        moment = 0
        while True:
            moment += 1
            bulkhead = room.Bulkhead(1, max_wait=wait)
            interrupts = Interrupts(room, moment, raise_interrupt)
            place = None
            try:
                with interrupts:
                    place = bulkhead.acquire()
            except KeyboardInterrupt:
                pass
            if not interrupts.reached:
                break
            assert bulkhead.running == (place is not None), moment
        assert moment > 4


async def later() -> str:
    await Pause()
    return "later"


def stream() -> Iterator[int]:
    yield 1
    yield 2


async def astream() -> Any:
    yield 1
    yield 2


def by_with(bulkhead: Any) -> None:
    with bulkhead:
        pass


def by_passing_on(bulkhead: Any) -> None:
    with PassedOn(bulkhead):
        pass


async def by_async_with(bulkhead: Any) -> None:
    async with bulkhead:
        await Pause()


async def by_async_generator(bulkhead: Any) -> None:
    async for _ in bulkhead.call(astream):
        await Pause()


WAYS: dict[str, Callable[[Any], object]] = {
    "call": lambda bulkhead: bulkhead.call(good),
    "coroutine": lambda bulkhead: drive(bulkhead.call(later)),
    "generator": lambda bulkhead: list(bulkhead.call(stream)),
    "async generator": lambda bulkhead: drive(by_async_generator(bulkhead)),
    "with": by_with,
    "with passed on": by_passing_on,
    "async with": lambda bulkhead: drive(by_async_with(bulkhead)),
}


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_at_any_moment_of_any_call_gives_the_place_back(
    room: ModuleType, way: str
) -> None:
    """All but in the first moment of an exit, which comes before its `try`."""
    moment = 0
    while True:
        moment += 1
        bulkhead = room.Bulkhead(1)
        interrupts = Interrupts(room, moment, raise_interrupt)
        with contextlib.suppress(KeyboardInterrupt), interrupts:
            WAYS[way](bulkhead)
        if not interrupts.reached:
            break
        assert 0 <= bulkhead.running <= (interrupts.where in ("__exit__", "__aexit__")), moment
    assert moment > 10


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_begins_with_every_place_free() -> None:
    """Whoever ran and waited in the parent does not exist there, and gives nothing back twice."""
    bulkhead = Bulkhead(2, max_wait=PATIENCE)
    held = [bulkhead.acquire(), bulkhead.acquire()]
    waiter = threading.Thread(target=bulkhead.call, args=(good,))
    waiter.start()
    while not bulkhead.waiting:
        pass
    child = os.fork()
    if child == 0:
        signal.alarm(2)
        seen = [(bulkhead.running, bulkhead.waiting)]
        with bulkhead:
            held[0].release()
            seen.append((bulkhead.running, bulkhead.waiting))
            with bulkhead:
                held[1].release()
                seen.append((bulkhead.running, bulkhead.waiting))
        seen.append((bulkhead.running, bulkhead.waiting))
        os._exit(0 if seen == [(0, 0), (1, 0), (2, 0), (0, 0)] else 1)
    _, status = os.waitpid(child, 0)
    for place in held:
        place.release()
    waiter.join(PATIENCE)
    assert status == 0, "the child counts the parent's calls"
    assert (bulkhead.running, bulkhead.waiting) == (0, 0)


@pytest.mark.parametrize("func", [3, None, "good"])
def test_what_cannot_be_called_is_refused_when_it_is_decorated(func: Any) -> None:
    """Not at its first call; likewise the function given where the settings belong."""
    with pytest.raises(ParameterError, match=f"func={func!r} is not allowed; give a function"):
        Bulkhead()(func)
    with pytest.raises(ParameterError, match="max_concurrent=<function good"):
        Bulkhead(good)  # type: ignore[arg-type]


def test_all_three_compose_in_one_expression() -> None:
    """Fallback around breaker around bulkhead, and a full bulkhead is no failure of upstream."""
    breaker, bulkhead = CircuitBreaker(failure_threshold=1), Bulkhead(1)
    answers = iter([10, ValueError("down")])

    def price(item: str) -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    guarded = CachedFallback(key="{}".format)(breaker(bulkhead(price)))
    assert guarded("tea") == 10
    with bulkhead:
        assert guarded("tea") == 10
    assert breaker.state.value == "closed"
    assert guarded("tea") == 10
    assert breaker.state.value == "open"
    assert guarded("tea") == 10
    assert guarded.__name__ == "price"
