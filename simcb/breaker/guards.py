"""Guards around what does not end when it returns: coroutines, generators, async generators.

Each of them acquires what it holds when it is first driven, not when it is created, so one that
is never awaited or iterated was never admitted. Each settles on every way out: the inner
`try` of each guard settles by how the call ended, the outer one catches an interrupt that
arrives while the inner one is at it. What a plain function hands back unfinished is in
`awaitables`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

from simcb.breaker.awaitables import OnDone
from simcb.breaker.errors import ParameterError
from simcb.breaker.kinds import COROUTINE, GENERATOR
from simcb.breaker.nesting import enter, leave

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")
D = TypeVar("D", bound=OnDone)


def guarded(
    kind: int,
    func: Callable[P, R],
    acquire: Callable[[], D],
    succeed: Callable[[D], object],
    acquire_async: Callable[[], Awaitable[D]] | None = None,
) -> Callable[P, R]:
    """Returns a function of the same kind whose every call holds what it acquires.

    Args:
        kind: which, as `lasting` says.
        func: the function.
        acquire: gives what is held.
        succeed: lets it go when an async generator has no more items.
        acquire_async: gives it to coroutines and async generators, where that may take a while.
    """
    work = cast("Callable[..., Any]", func)
    if kind & COROUTINE:
        return cast("Callable[P, R]", _awaiting(acquire, acquire_async, work))
    if kind & GENERATOR:
        return cast("Callable[P, R]", _iterating(acquire, work))
    return cast("Callable[P, R]", _relaying(acquire, acquire_async, work, succeed))


def _awaiting(
    acquire: Callable[[], OnDone],
    acquire_async: Callable[[], Awaitable[OnDone]] | None,
    func: Callable[P, Coroutine[object, object, R]],
) -> Callable[P, Coroutine[object, object, R]]:
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        held: OnDone | None = None
        mark = None
        try:
            try:
                held = acquire() if acquire_async is None else await acquire_async()
                mark = enter(held)
                result = await func(*args, **kwargs)
                leave(mark)
                held.returned(result)
                return result
            except BaseException as error:
                leave(mark)
                if held is not None:
                    held.raised(error)
                raise
        except BaseException:
            if held is not None:
                held.release()
            raise

    return guarded


def _iterating(
    acquire: Callable[[], OnDone], func: Callable[P, Generator[Y, S, R]]
) -> Callable[P, Generator[Y, S, R]]:
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Y, S, R]:
        held: OnDone | None = None
        try:
            try:
                held = acquire()
                result = yield from func(*args, **kwargs)
                held.returned(result)
                return result
            except BaseException as error:
                if held is not None:
                    held.raised(error)
                raise
        except BaseException:
            if held is not None:
                held.release()
            raise

    return guarded


def _relaying(
    acquire: Callable[[], D],
    acquire_async: Callable[[], Awaitable[D]] | None,
    func: Callable[P, AsyncGenerator[Y, S]],
    succeed: Callable[[D], object],
) -> Callable[P, AsyncGenerator[Y, S]]:
    """Returns an async generator function that passes on all that is sent to it and thrown.

    There is no `yield from` for async generators, so this is it, written out.
    """

    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
        held: D | None = None
        try:
            try:
                held = acquire() if acquire_async is None else await acquire_async()
                inner = func(*args, **kwargs)
                item = await anext(inner)
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as thrown:
                        item = await inner.athrow(thrown)
                    else:
                        item = await inner.asend(sent)
            except StopAsyncIteration:
                if held is not None:
                    succeed(held)
            except BaseException as error:
                if held is not None:
                    held.raised(error)
                raise
        except BaseException:
            if held is not None:
                held.release()
            raise

    return guarded


def function(func: Callable[P, R]) -> Callable[P, R]:
    """Returns what is to be called.

    Raises:
        ParameterError: if it cannot be.
    """
    return func if callable(func) else _refuse(func)


def _refuse(func: object) -> NoReturn:
    if isinstance(func, Coroutine):
        func.close()
        remedy = "the function that makes the coroutine, and its arguments behind it"
    else:
        remedy = "a function"
    raise ParameterError("func", func, remedy)
