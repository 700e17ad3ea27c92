"""Guards around what does not end when it returns: coroutines, generators, async generators.

Each of them asks for its permit when it is first driven, not when it is created, so one that
is never awaited or iterated was never admitted. Each settles on every way out: the inner
`try` of each guard settles by how the call ended, the outer one catches an interrupt that
arrives while the inner one is at it. They are written on `acquire` and permits alone, and
know nothing of how a breaker decides; a bulkhead has async generators relayed here too. What
a plain function hands back unfinished is not theirs but `adopting`'s.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar, cast

from simcb.breaker.errors import CircuitOpenError, ParameterError
from simcb.breaker.kinds import COROUTINE, GENERATOR, lasting
from simcb.breaker.nesting import enter, leave
from simcb.breaker.states import OpenState

if TYPE_CHECKING:
    from simcb.breaker.adopting import Duty
    from simcb.breaker.breaker import CircuitBreaker
    from simcb.breaker.permit import Permit

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")
S = TypeVar("S")
D = TypeVar("D", bound="Duty")


def guarded(breaker: CircuitBreaker, kind: int, func: Callable[P, R]) -> Callable[P, R]:
    """Returns a function of the same kind whose every call is guarded."""
    work = cast("Callable[..., Any]", func)
    if kind & COROUTINE:
        return cast("Callable[P, R]", _awaiting(breaker, work))
    if kind & GENERATOR:
        return cast("Callable[P, R]", iterating(breaker.acquire, work))
    return cast("Callable[P, R]", _aiterating(breaker, work))


def start(
    breaker: CircuitBreaker, kind: int, func: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Returns the guarded coroutine, generator or async generator of one call."""
    started: Any = guarded(breaker, kind, func)(*args, **kwargs)
    started.__name__ = getattr(func, "__name__", type(func).__name__)
    started.__qualname__ = getattr(func, "__qualname__", type(func).__qualname__)
    return cast("R", started)


def _awaiting(
    breaker: CircuitBreaker, func: Callable[P, Coroutine[object, object, R]]
) -> Callable[P, Coroutine[object, object, R]]:
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        permit: Permit | None = None
        mark = None
        try:
            try:
                permit = breaker.acquire()
                mark = enter(permit)
                result = await func(*args, **kwargs)
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
    acquire: Callable[[], Duty], func: Callable[P, Generator[Y, S, R]]
) -> Callable[P, Generator[Y, S, R]]:
    """Returns a generator function that holds what it acquires until it ends."""

    def guarded(*args: P.args, **kwargs: P.kwargs) -> Generator[Y, S, R]:
        held: Duty | None = None
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


def _aiterating(
    breaker: CircuitBreaker, func: Callable[P, AsyncGenerator[Y, S]]
) -> Callable[P, AsyncGenerator[Y, S]]:
    async def begin() -> Permit:
        return breaker.acquire()

    return relaying(func, begin, lambda permit: permit.success())


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
                    # One line: a `try` of its own line is in none of those around it.
                    try: sent = yield item  # fmt: skip  # noqa: E701
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


def decorated(breaker: CircuitBreaker, func: Callable[P, R]) -> Callable[P, R]:
    """Returns the function guarded: same kind, same name, same signature, same results.

    Of what `staticmethod` and `classmethod` return, it guards the function inside.
    """
    if isinstance(func, (staticmethod, classmethod)):
        return cast("Callable[P, R]", type(func)(decorated(breaker, func.__func__)))
    kind = lasting(function(func))
    if not kind:
        import inspect  # slow to import, and only decorating needs it

        kind = COROUTINE if inspect.iscoroutinefunction(func) else 0
    made: Any = functools.wraps(func)(
        guarded(breaker, kind, func) if kind else _calling(breaker, func)
    )
    made.breaker = breaker
    return cast("Callable[P, R]", made)


def _calling(breaker: CircuitBreaker, func: Callable[P, R]) -> Callable[P, R]:
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        # `call` does this, too; here it costs a rejection one frame less.
        if breaker._state.__class__ is OpenState:
            refusal = breaker._refusal()
            if refusal is not None:
                raise CircuitOpenError(*refusal)
        return breaker.call(func, *args, **kwargs)

    return called
