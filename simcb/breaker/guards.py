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
from simcb.breaker.permit import Permit
from simcb.breaker.states import enter, leave

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")
D = TypeVar("D", bound=OnDone)


def guarded(acquire: Callable[[], Permit], kind: int, func: Callable[P, R]) -> Callable[P, R]:
    """Returns a function of the same kind whose every call holds a permit."""
    work = cast("Callable[..., Any]", func)
    if kind & COROUTINE:
        return cast("Callable[P, R]", _awaiting(acquire, work))
    if kind & GENERATOR:
        return cast("Callable[P, R]", iterating(acquire, work))

    async def begin() -> Permit:
        return acquire()

    return cast("Callable[P, R]", relaying(work, begin, Permit.success))


def start(
    acquire: Callable[[], Permit],
    kind: int,
    func: Callable[P, R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Returns the guarded coroutine, generator or async generator of one call."""
    started: Any = guarded(acquire, kind, func)(*args, **kwargs)
    started.__name__ = getattr(func, "__name__", type(func).__name__)
    started.__qualname__ = getattr(func, "__qualname__", type(func).__qualname__)
    return cast("R", started)


def _awaiting(
    acquire: Callable[[], Permit], func: Callable[P, Coroutine[object, object, R]]
) -> Callable[P, Coroutine[object, object, R]]:
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit: Permit | None = None
        mark = None
        try:
            try:
                permit = acquire()
                if permit._probe is not None:
                    mark = enter(permit)
                result = await func(*args, **kwargs)
                if mark is not None:
                    leave(mark)
                permit.returned(result)
                return result
            except BaseException as error:
                leave(mark)
                if permit is not None:
                    permit.raised(error)
                raise
        except BaseException:
            if permit is not None:
                permit.ignore()
            raise

    return guarded


def iterating(
    acquire: Callable[[], OnDone], func: Callable[P, Generator[Y, S, R]]
) -> Callable[P, Generator[Y, S, R]]:
    """Returns a generator function that holds what it acquires until it ends."""

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


def relaying(
    func: Callable[P, AsyncGenerator[Y, S]],
    begin: Callable[[], Awaitable[D]],
    succeed: Callable[[D], object],
) -> Callable[P, AsyncGenerator[Y, S]]:
    """Returns an async generator function that passes on all that is sent to it and thrown.

    There is no `yield from` for async generators, so this is it, written out.

    Args:
        func: what is relayed.
        begin: gives what is held from the first item on.
        succeed: lets it go when there are no more items.
    """

    async def guarded(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[Y, S]:
        held: D | None = None
        try:
            try:
                held = await begin()
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
