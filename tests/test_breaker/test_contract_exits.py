"""Lines 5 and 11 of the contract: every exit settles, and nothing of the user's is touched."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import traceback
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import PATIENCE, Clock, Pause, bad, balanced, drive, fail, good, tripped
from test_breaker.unfinished import awaited, legacy

INTERRUPTS = [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit]


def half_open(room: ModuleType, clock: Clock, **settings: Any) -> Any:
    breaker = tripped(room, clock, **settings)
    clock.advance(10.0)
    return breaker


def outcome(breaker: Any, before: Any) -> dict[str, int]:
    after = breaker.snapshot()
    fields = ("admitted", "successes", "failures", "ignored", "stale")
    moved = {name: getattr(after, name) - getattr(before, name) for name in fields}
    return {name: by for name, by in moved.items() if by}


@pytest.mark.parametrize("interrupt", INTERRUPTS)
def test_line_05_interrupts_are_neither_and_return_the_slot(
    room: ModuleType, clock: Clock, interrupt: type[BaseException]
) -> None:
    """A probe that is interrupted or cancelled is ignored, and the next caller may probe."""
    breaker = half_open(room, clock)
    before = breaker.snapshot()
    with pytest.raises(interrupt):
        breaker.call(bad, interrupt())
    assert outcome(breaker, before) == {"admitted": 1, "ignored": 1}
    assert breaker.state is room.CircuitState.HALF_OPEN
    assert breaker.call(good) == "good"
    assert breaker.state is room.CircuitState.CLOSED


def test_line_05_cancellation_at_every_suspension_point(room: ModuleType, clock: Clock) -> None:
    """However far a coroutine has come, cancelling it is ignored and gives the slot back."""

    async def work() -> str:
        for _ in range(5):
            await Pause()
        return "done"

    async def inside() -> str:
        async with breaker:
            return await work()

    for closed in (False, True):
        for point in range(5):
            for how in ("call", "decorated", "async with"):
                breaker = room.CircuitBreaker(clock=clock) if closed else half_open(room, clock)
                before = breaker.snapshot()
                coroutine: Any = (
                    breaker.call(work)
                    if how == "call"
                    else breaker(work)()
                    if how == "decorated"
                    else inside()
                )
                for _ in range(point + 1):
                    coroutine.send(None)
                with pytest.raises(asyncio.CancelledError):
                    coroutine.throw(asyncio.CancelledError())
                assert outcome(breaker, before) == {"admitted": 1, "ignored": 1}
                assert breaker.snapshot().probes_out == 0
                assert drive(breaker.call(work)) == "done"
                assert balanced(breaker)


def test_line_05_a_coroutine_never_awaited_is_no_success(room: ModuleType, clock: Clock) -> None:
    """Calling a coroutine function admits nobody; dropping what it returned counts nothing."""

    async def work() -> str:
        return "done"

    breaker = half_open(room, clock)
    before = breaker.snapshot()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        breaker.call(work)
        gc.collect()
    assert outcome(breaker, before) == {}
    assert breaker.state is room.CircuitState.HALF_OPEN or not before.probes_out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        breaker.call(lambda: work())
        gc.collect()
    assert outcome(breaker, before) == {"admitted": 1, "ignored": 1}
    assert breaker.state is room.CircuitState.HALF_OPEN
    assert drive(breaker.call(lambda: work())) == "done"
    assert breaker.state is room.CircuitState.CLOSED
    assert balanced(breaker)


def test_line_05_a_coroutine_from_a_plain_function_is_guarded(
    room: ModuleType, clock: Clock
) -> None:
    """A lambda that returns a coroutine is judged by how the coroutine ends, in asyncio too."""

    async def work(error: BaseException | None) -> str:
        await asyncio.sleep(0)
        if error is not None:
            raise error
        return "done"

    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1)

    async def main() -> None:
        assert await breaker.call(lambda: work(None)) == "done"
        assert await asyncio.create_task(breaker.call(lambda: work(None))) == "done"
        task = asyncio.create_task(breaker.call(lambda: work(None)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        breaker.call(lambda: work(None)).close()
        with pytest.raises(OSError, match="gone"):
            await breaker.call(lambda: work(OSError("gone")))

    asyncio.run(main())
    seen = breaker.snapshot()
    assert (seen.successes, seen.ignored, seen.failures, seen.in_flight) == (2, 2, 1, 0)


def test_line_05_generators_settle_on_every_exit(room: ModuleType, clock: Clock) -> None:
    """Run to its end it is a success, raising it is a failure, closed early it is neither."""

    def count(error: BaseException | None = None) -> Iterator[int]:
        yield 1
        yield 2
        if error is not None:
            raise error

    breaker = room.CircuitBreaker(clock=clock, failure_threshold=9)
    assert list(breaker(count)()) == [1, 2]
    assert list(breaker.call(count)) == [1, 2]
    with pytest.raises(OSError, match="gone"):
        list(breaker(count)(OSError("gone")))
    early = breaker(count)()
    next(early)
    early.close()
    dropped = breaker(count)()
    next(dropped)
    del dropped
    breaker(count)()
    gc.collect()
    seen = breaker.snapshot()
    assert (seen.admitted, seen.successes, seen.failures, seen.ignored) == (5, 2, 1, 2)
    assert balanced(breaker)


def test_line_05_async_generators_settle_on_every_exit(room: ModuleType, clock: Clock) -> None:
    """The same, driven by an event loop; what is sent and thrown in reaches the generator."""

    async def echo(error: BaseException | None = None) -> Any:
        heard = []
        try:
            heard.append((yield 1))
        except KeyError:
            heard.append("key")
        heard.append((yield 2))
        if error is not None:
            raise error
        yield heard

    breaker = room.CircuitBreaker(clock=clock, failure_threshold=9)

    async def main() -> None:
        stream = breaker(echo)()
        assert await anext(stream) == 1
        assert await stream.athrow(KeyError()) == 2
        assert await stream.asend("b") == ["key", "b"]
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        assert [item async for item in breaker.call(echo)] == [1, 2, [None, None]]
        with pytest.raises(OSError, match="gone"):
            async for _ in breaker(echo)(OSError("gone")):
                pass
        early = breaker(echo)()
        await anext(early)
        await early.aclose()
        cancelled = breaker(echo)()
        await anext(cancelled)
        await anext(cancelled)
        with pytest.raises(asyncio.CancelledError):
            await cancelled.athrow(asyncio.CancelledError())

    asyncio.run(main())
    seen = breaker.snapshot()
    assert (seen.admitted, seen.successes, seen.failures, seen.ignored) == (5, 2, 1, 2)
    assert balanced(breaker)


def test_line_05_with_blocks_settle_on_every_exit(room: ModuleType, clock: Clock) -> None:
    """`with`, `async with`, nested, interleaved, and through exit stacks: each its own permit."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=99)
    with breaker, breaker as inner:
        inner.failure()
    with pytest.raises(ValueError, match="down"), breaker:
        bad()
    with pytest.raises(KeyboardInterrupt), breaker:
        bad(KeyboardInterrupt())

    def held() -> Iterator[None]:
        with breaker:
            yield

    one, two = held(), held()
    next(one)
    next(two)
    one.close()
    assert list(two) == []
    with ExitStack() as stack:
        stack.enter_context(breaker)
        moved = stack.pop_all()
    moved.close()

    async def main() -> None:
        async with breaker:
            await asyncio.sleep(0)
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(breaker)

    asyncio.run(main())
    with breaker.acquire():
        pass
    seen = breaker.snapshot()
    assert (seen.successes, seen.failures, seen.ignored) == (6, 2, 2)
    assert balanced(breaker)


def test_line_11_exceptions_and_results_arrive_untouched(room: ModuleType, clock: Clock) -> None:
    """The very object that was raised or returned arrives, with no context added to it."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=10**6)
    error, result = ValueError("mine"), object()
    with pytest.raises(ValueError, match="mine") as caught:
        breaker.call(bad, error)
    assert caught.value is error
    assert error.__context__ is None
    assert error.__cause__ is None
    assert breaker.call(good, result) is result

    async def work() -> object:
        raise error

    with pytest.raises(ValueError, match="mine") as caught:
        drive(breaker.call(work))
    assert caught.value is error


def test_line_11_repeated_raises_do_not_grow_the_traceback(room: ModuleType, clock: Clock) -> None:
    """Neither failing calls nor rejections carry more frames the hundredth time than the first."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=150)
    lengths = []
    for _ in range(200):
        try:
            breaker.call(bad)
        except (ValueError, room.CircuitOpenError) as error:
            frames = len(traceback.extract_tb(error.__traceback__))
            lengths.append(frames)
    assert len(lengths) == 200
    assert max(lengths) <= 4


def test_line_11_decorating_keeps_the_kind_and_the_name(room: ModuleType, clock: Clock) -> None:
    """A decorated function is what it was to `inspect`, and works as a method."""
    breaker = room.CircuitBreaker(clock=clock)

    async def a(x: int) -> int:
        """Doc."""
        return x

    def g(x: int) -> Iterator[int]:
        yield x

    async def ag(x: int) -> AsyncIterator[int]:
        yield x

    def f(x: int) -> int:
        return x

    class Client:
        @breaker
        def sync(self, x: int) -> int:
            return x

        @breaker
        async def later(self, x: int) -> int:
            return x

    for func in (a, g, ag, f):
        wrapped = breaker(func)
        assert wrapped.__name__ == func.__name__
        assert wrapped.__doc__ == func.__doc__
        assert inspect.signature(wrapped) == inspect.signature(func)
        for kind in (
            inspect.iscoroutinefunction,
            inspect.isgeneratorfunction,
            inspect.isasyncgenfunction,
        ):
            assert kind(wrapped) is kind(func)
    assert Client().sync(3) == 3
    assert drive(Client().later(4)) == 4
    assert drive(breaker.call(functools.partial(a, 5))) == 5
    assert drive(breaker(functools.partial(a, 6))()) == 6
    for thing in (breaker(legacy)(None), breaker.call(legacy, None), room.Bulkhead()(legacy)(None)):
        assert drive(awaited(thing)) == "done"


@pytest.mark.parametrize("above", [True, False])
def test_static_and_class_methods_are_guarded_on_either_side(
    room: ModuleType, clock: Clock, above: bool
) -> None:
    """The decorators may stand above or below `@staticmethod` and `@classmethod`."""
    breaker, bulkhead = room.CircuitBreaker(clock=clock, failure_threshold=1), room.Bulkhead(1)
    fallback = room.CachedFallback(
        on=room.CircuitOpenError, key=lambda *args: f"{len(args)} {args[-1]}"
    )
    reached: list[str] = []

    def both(kind: Any, func: Any) -> Any:
        guard = lambda one: fallback(breaker(bulkhead(one)))  # noqa: E731
        return guard(kind(func)) if above else kind(guard(func))

    def bought(article: str) -> str:
        assert (breaker.snapshot().in_flight, bulkhead.running) == (1, 1)
        reached.append(article)
        return f"{article} bought"

    async def asked(cls: Any, article: str) -> str:
        return f"{bought(article)} of {cls.__name__}"

    class Client:
        price = both(staticmethod, bought)
        later = both(classmethod, asked)

    assert Client.price("tea") == Client().price("tea") == "tea bought"
    assert drive(Client.later("tea")) == drive(Client().later("tea")) == "tea bought of Client"
    assert inspect.iscoroutinefunction(Client.later)
    assert len(reached) == 4
    assert Client.price.breaker is Client().later.breaker is breaker
    breaker.force_open()
    assert Client().price("tea") == "tea bought"
    with pytest.raises(room.CircuitOpenError):
        Client.price("coffee")
    assert len(reached) == 4


def test_a_decorated_function_leads_to_its_breaker(room: ModuleType, clock: Clock) -> None:
    """Of every kind, bound or not; so a test may open it, and close it as if it were new."""
    breaker = room.CircuitBreaker(clock=clock)

    async def later() -> None: ...

    def stream() -> Iterator[int]:
        yield 1

    async def astream() -> AsyncIterator[int]:
        yield 1

    for func in (good, later, stream, astream, functools.partial(good, 1), str):
        assert breaker(func).breaker is breaker
    work = breaker(good)
    work.breaker.force_open()
    with pytest.raises(room.CircuitOpenError, match="by hand"):
        work()
    work.breaker.reset()
    assert work("again") == "again"


def test_a_timeout_around_a_block_is_a_cancellation_within_it(
    room: ModuleType, clock: Clock
) -> None:
    """Only with the breaker outermost, `async with breaker, timeout`, does it count."""

    async def within(breaker: Any) -> None:
        async with asyncio.timeout(0.0), breaker:
            await asyncio.sleep(PATIENCE)

    async def around(breaker: Any) -> None:
        async with breaker, asyncio.timeout(0.0):
            await asyncio.sleep(PATIENCE)

    for block, failures in ((within, 0), (around, 1)):
        breaker = room.CircuitBreaker(clock=clock)
        with pytest.raises(TimeoutError):
            asyncio.run(block(breaker))
        seen = breaker.snapshot()
        assert (seen.failures, seen.ignored) == (failures, 1 - failures)


def test_what_counts_follows_the_parameters(room: ModuleType, clock: Clock) -> None:
    """Types, tuples and predicates say what fails; ignored ones move nothing; others succeed."""

    def count(error: BaseException | None, **settings: Any) -> str:
        breaker = room.CircuitBreaker(clock=clock, **settings)
        before = breaker.snapshot()
        try:
            breaker.call(bad, error)
        except BaseException as caught:
            assert caught is error  # noqa: PT017
        moved = outcome(breaker, before)
        assert moved.pop("admitted") == 1
        return "".join(moved)

    assert count(OSError()) == "failures"
    assert count(OSError(), expected_exception=OSError) == "failures"
    assert count(KeyError(), expected_exception=OSError) == "successes"
    assert count(KeyError(), expected_exception=(OSError, KeyError)) == "failures"
    assert count(KeyError(), expected_exception=lambda e: "x" in e.args) == "successes"
    assert count(KeyError("x"), expected_exception=lambda e: "x" in e.args) == "failures"
    assert count(KeyError(), ignore=KeyError) == "ignored"
    assert count(KeyError(), ignore=lambda e: True) == "ignored"
    assert count(KeyboardInterrupt(), expected_exception=BaseException) == "ignored"
    assert count(room.CircuitOpenError("inner", 1.0)) == "ignored"
    assert count(room.BulkheadFullError("inner", 1, 0.0)) == "ignored"
    named = room.CircuitOpenError
    assert count(room.CircuitOpenError("inner", 1.0), expected_exception=named) == "failures"


def test_a_group_is_judged_by_what_is_in_it(room: ModuleType, clock: Clock) -> None:
    """One failure makes it one; rejections, and what is ignored, say nothing there either."""
    rejected = room.CircuitOpenError("inner", 1.0)
    cases = [
        ({}, [ValueError()], "failures"),
        ({}, [rejected], "ignored"),
        ({}, [rejected, ValueError()], "failures"),
        ({"ignore": KeyError}, [KeyError()], "ignored"),
        ({"expected_exception": OSError}, [ConnectionError(), KeyError()], "failures"),
        ({"expected_exception": OSError}, [KeyError()], "successes"),
        ({"expected_exception": OSError}, [ExceptionGroup("", [OSError()])], "failures"),
        ({"expected_exception": (ExceptionGroup, OSError)}, [KeyError()], "failures"),
        ({"expected_exception": lambda e: isinstance(e, OSError)}, [OSError()], "failures"),
        ({"expected_exception": lambda e: len(e.exceptions) == 1}, [KeyError()], "failures"),
    ]
    for settings, errors, counted in cases:
        breaker = room.CircuitBreaker(clock=clock, **settings)
        before = breaker.snapshot()
        with pytest.raises(ExceptionGroup):
            breaker.call(bad, ExceptionGroup("several", errors))
        assert outcome(breaker, before) == {"admitted": 1, counted: 1}, (settings, errors)


def test_a_mistake_in_a_predicate_never_disables_the_breaker(
    room: ModuleType, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever of the three it is in, the call counts as failed, as the log says."""

    def mistaken(_: object) -> bool:
        raise ZeroDivisionError

    for parameter in ("ignore", "expected_exception", "failed_result"):
        breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, **{parameter: mistaken})
        if parameter == "failed_result":
            breaker.call(good)
        else:
            with pytest.raises(ValueError, match="down"):
                breaker.call(bad)
        assert breaker.state is room.CircuitState.OPEN
        assert "its call counts as failed" in caplog.text


def test_a_result_may_be_a_failure(room: ModuleType, clock: Clock) -> None:
    """The result predicate judges sync and async results alike, and changes neither."""
    breaker = room.CircuitBreaker(
        clock=clock, failure_threshold=3, failed_result=lambda status: status >= 500
    )

    async def answer(status: int) -> int:
        return status

    assert breaker.call(lambda: 503) == 503
    assert drive(breaker.call(answer, 500)) == 500
    assert breaker.call(lambda: 404) == 404
    assert breaker.snapshot().consecutive_failures == 0
    fail(breaker, 2)
    assert breaker.call(lambda: 599) == 599
    assert breaker.state is room.CircuitState.OPEN
