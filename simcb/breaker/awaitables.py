"""Follows what a plain function hands back unfinished: something to await, a task, a future.

Such a call has not ended when its function returns, so whatever is held for it (a permit, a
place in a bulkhead) has to be let go by the end of what came back. There are two kinds of it.
What runs only while somebody awaits it (a coroutine, aiohttp's request, asyncpg's
`pool.acquire()`, whatever has an `__await__`) is wrapped, and the wrapper lets go when the
awaiting ends or when it is thrown away. What runs whether or not anybody waits (a task or
another future of asyncio's, a future of an executor's) stays the very object it is, and lets
go when it is done. A wrapper passes on attributes, `async with` and `async for`; `isinstance`
and the other special methods see the wrapper.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from types import GeneratorType, TracebackType
from typing import Any, Protocol, TypeAlias, TypeGuard, TypeVar, cast

from simcb.breaker.kinds import is_thread_future
from simcb.breaker.nesting import enter, leave

R = TypeVar("R")
Steps: TypeAlias = Callable[[Any], Coroutine[Any, Any, Any]]


class OnDone(Protocol):
    """What is told once how a call ended; whichever comes first counts."""

    def returned(self, result: object) -> None:
        """The call returned."""
        ...

    def raised(self, error: BaseException) -> None:
        """The call raised."""
        ...

    def release(self) -> None:
        """Nobody will know how the call ends."""
        ...


def follow(result: R, on_done: OnDone, steps: Steps | None = None) -> R:
    """Sees to it that `on_done` hears when the unfinished result ends.

    Args:
        result: what `unfinished` has said yes to.
        on_done: what is told.
        steps: makes the coroutine that stands for awaiting the result, where whoever awaits
            is to get something else; an asyncio future is wrapped then as well.
    """
    kind: Any = type(result)
    if steps is None and (hasattr(kind, "_asyncio_future_blocking") or is_thread_future(result)):
        future: Any = result
        ending = Ending(on_done)
        if future.done():
            ending(future)
        else:
            future.add_done_callback(ending)
        return result
    opened = hasattr(kind, "__aenter__") or hasattr(kind, "__aiter__")
    wrapper: type[Wrapped]
    if _is_driven(result):
        wrapper = OpenedCoroutine if opened else WrappedCoroutine
    else:
        wrapper = OpenedAwaitable if opened else WrappedAwaitable
    return cast("R", wrapper(result, on_done, steps or _steps))


class Ending:
    """What a future calls when it is done; one that dies undone releases."""

    __slots__ = ("_on_done",)

    def __init__(self, on_done: OnDone) -> None:
        self._on_done = on_done

    def __call__(self, future: Any) -> None:
        """Says how the future ended."""
        if future.cancelled():
            self._on_done.release()
            return
        # Asking for `exception()` would mark the error as seen, and asyncio would no longer
        # complain about a task whose error nobody else has seen.
        seen = hasattr(future, "_exception")
        error = future._exception if seen else future.exception()
        if error is None:
            self._on_done.returned(future.result())
        else:
            self._on_done.raised(error)

    def __del__(self) -> None:
        on_done = getattr(self, "_on_done", None)
        if on_done is not None:
            on_done.release()


def _is_driven(awaitable: object) -> TypeGuard[Coroutine[Any, Any, Any]]:
    """Whether it has steps itself, as coroutines have, rather than only an `__await__`."""
    return issubclass(type(awaitable), (Coroutine, GeneratorType))


def _steps(awaitable: Awaitable[R]) -> Coroutine[Any, Any, R]:
    """Returns the coroutine that awaits it."""
    return awaitable if _is_driven(awaitable) else _awaited(awaitable)


async def _awaited(awaitable: Awaitable[R]) -> R:
    return await awaitable


class Wrapped:
    """Wraps something unfinished and says how it ends, or that it is thrown away."""

    __slots__ = ("__weakref__", "_on_done", "_steps", "_thing")

    def __init__(self, thing: object, on_done: OnDone, steps: Steps) -> None:
        self._on_done = on_done
        self._thing = thing
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_thing"), name)

    def __repr__(self) -> str:
        return f"<guarded {self._thing!r}>"

    def __del__(self) -> None:
        on_done = getattr(self, "_on_done", None)
        if on_done is not None:
            on_done.release()


class WrappedCoroutine(Wrapped, Coroutine[Any, Any, Any]):
    """Wraps a coroutine; it is one itself, so it may become a task."""

    __slots__ = ("_begun",)

    def __init__(self, thing: object, on_done: OnDone, steps: Steps = _steps) -> None:
        super().__init__(thing, on_done, steps)
        self._begun: Coroutine[Any, Any, Any] | None = None

    def send(self, value: object) -> object:
        """Drives the coroutine one step further."""
        return self._step("send", value)

    def throw(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        traceback: TracebackType | None = None,
    ) -> object:
        """Raises an exception where the coroutine waits."""
        error = kind if isinstance(kind, BaseException) else value
        if not isinstance(error, BaseException):
            error = cast("type[BaseException]", kind)()
        if traceback is not None:
            error = error.with_traceback(traceback)
        return self._step("throw", error)

    def _step(self, how: str, value: object) -> object:
        mark = None
        try:
            mark = enter(self._on_done)
            if self._begun is None:
                self._begun = self._steps(self._thing)
            waited_for = getattr(self._begun, how)(value)
            leave(mark)
            return waited_for
        except StopIteration as end:
            leave(mark)
            self._on_done.returned(end.value)
            raise
        except BaseException as error:
            leave(mark)
            self._on_done.raised(error)
            raise

    def close(self) -> None:
        """Ends the coroutine early."""
        try:
            if self._begun is not None:
                self._begun.close()
            elif _is_driven(self._thing):
                self._thing.close()
        finally:
            self._on_done.release()

    def __await__(self) -> Generator[Any, None, Any]:
        return cast("Generator[Any, None, Any]", self)

    def __iter__(self) -> WrappedCoroutine:
        return self

    def __next__(self) -> object:
        return self.send(None)


class WrappedAwaitable(Wrapped):
    """Wraps what can be awaited and is no coroutine; it has no methods to stand in the way."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Any]:
        steps, thing = self._steps, self._thing
        return WrappedCoroutine(self, self._on_done, lambda _: steps(thing)).__await__()


class Opened(Wrapped):
    """Adds `async with`, whose entry is guarded like awaiting, and `async for`, all of it."""

    __slots__ = ()

    def __aenter__(self) -> Awaitable[Any]:
        thing: Any = self._thing
        enter = type(thing).__aenter__
        return WrappedCoroutine(self, self._on_done, lambda _: _steps(enter(thing)))

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[bool | None]:
        thing: Any = self._thing
        return cast("Awaitable[bool | None]", type(thing).__aexit__(thing, kind, error, traceback))

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        thing: Any = self._thing
        try:
            async for item in thing:
                yield item
        except BaseException as error:
            self._on_done.raised(error)
            raise
        self._on_done.returned(thing)


class OpenedCoroutine(Opened, WrappedCoroutine):
    """A coroutine like aiohttp's requests, which may also be entered."""

    __slots__ = ()


class OpenedAwaitable(Opened, WrappedAwaitable):
    """An awaitable like asyncpg's `pool.acquire()`, which may also be entered."""

    __slots__ = ()
