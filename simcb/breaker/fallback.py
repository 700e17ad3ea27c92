"""The last good answer, served while the service cannot give a new one.

A fallback stands outside the breaker: it calls, remembers what came back, and when the call
fails or is rejected it answers with what it remembers for the same key, or lets the failure
through. The store is a cache and nothing more: when it is down, slow to answer with errors,
or returns garbage, every call that would have succeeded without it still does.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from types import CodeType
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    ParamSpec,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)
from weakref import WeakSet

from simcb.breaker.awaitables import follow
from simcb.breaker.bounds import duration
from simcb.breaker.errors import ParameterError
from simcb.breaker.judging import Expected, check_expected, log_failure, matches
from simcb.breaker.keys import check_name, code_of, key_of
from simcb.breaker.kinds import (
    ASYNC_GENERATOR,
    COROUTINE,
    GENERATOR,
    is_thread_future,
    lasting,
    unfinished,
)
from simcb.breaker.sharing import Shared
from simcb.breaker.stores import MemoryStore, Store

if TYPE_CHECKING:
    from concurrent.futures import Future

P = ParamSpec("P")
R = TypeVar("R")


class Answer(NamedTuple, Generic[R]):
    """A value, and whether it is a remembered one: then `error` is why."""

    value: R
    stale: bool
    error: BaseException | None


Shape: TypeAlias = Callable[[Answer[Any]], object]
"""What of an answer the caller gets."""

Wait: TypeAlias = Callable[[Any], Awaitable[Any]]
"""Gives the result of a store's method."""


def _value(answer: Answer[Any]) -> object:
    return answer.value


def _whole(answer: Answer[Any]) -> object:
    return answer


class _Nothing:
    """Is told how a call ended, and does nothing: all there is to do is done when it is awaited."""

    def returned(self, result: object) -> None: ...

    def raised(self, error: BaseException) -> None: ...

    def release(self) -> None: ...


class CachedFallback(Shared):
    """Serves the last good value for a key when a call fails or is rejected.

    Whoever asks with the same key gets the same value. The key is the function's full name and
    its arguments, so without a `key` of your own a call is refused before it is made if they do
    not tell values apart: if an argument (or `self`) is an object and no plain value (text,
    bytes, numbers, dates and times, UUIDs, enums, and lists, tuples, sets and dictionaries of
    them), or if the function is a lambda or made inside another, and so may have captured
    anything. Partials, and this room's guards around a function, are looked through.

    Generators are refused, and what can be gone through only once is never remembered. Around
    a plain function a store whose methods have to be awaited remembers nothing, unless what
    the function returns has to be awaited too; the first such call logs it.

    Args:
        store: where values are kept; in memory unless given.
        ttl: seconds a value may be served.
        key: makes the key, a string, from the call's arguments, and is used as it is.
        on: the exceptions that are answered from the store: types, or a predicate.

    Raises:
        ParameterError: when a value makes no sense, a function to call or decorate or what
            `key` returns included.
        UnkeyableError: at a call whose key would not tell values apart, or when a function is
            decorated of which there may be several with one name.
    """

    __slots__ = ("_key", "_on", "_told", "_unfinished", "store", "ttl")

    def __init__(
        self,
        store: Store | None = None,
        *,
        ttl: float = 300.0,
        key: Callable[..., str] | None = None,
        on: Expected = Exception,
    ) -> None:
        self.store: Store = MemoryStore() if store is None else store
        if not callable(getattr(self.store, "get", None)) or not callable(
            getattr(self.store, "put", None)
        ):
            raise ParameterError("store", store, "an object with get(key) and put(key, value, ttl)")
        if key is not None and (not callable(key) or lasting(key)):
            raise ParameterError(
                "key", key, "a function of the call's arguments that returns a string"
            )
        check_expected("on", on)
        self.ttl = duration("ttl", ttl, positive=True)
        self._key = key
        self._on = on
        self._told: set[str] = set()
        self._unfinished: WeakSet[CodeType] = WeakSet()

    def call(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function; on failure returns the last good value instead, if there is one.

        Of a coroutine function it returns a coroutine that does so, and what a plain function
        hands back unfinished does so when it is awaited, or, if it is an executor's future,
        when it is done: the future returned is another one then, which ends with the answer.
        What is entered by `async with` is not remembered, because it ends with its block.
        """
        return cast("R", self._ask(func, args, kwargs, _value))

    @overload
    def ask(  # type: ignore[overload-overlap]
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[Answer[R]]: ...

    @overload
    def ask(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Answer[R]: ...

    def ask(self, func: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Calls the function like `call`, and says whether the value is a remembered one.

        What has to be awaited gives the answer when it is awaited.
        """
        return self._ask(func, args, kwargs, _whole)

    async def ask_async(
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answer[R]:
        """Awaits the function, and says whether the value is a remembered one."""
        _kind_of(func)
        return cast("Answer[R]", await self._ask_async(func, args, kwargs, _whole))

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function or a coroutine function.

        Of what `staticmethod` and `classmethod` return, it decorates the function inside.
        """
        if isinstance(func, (staticmethod, classmethod)):
            return cast("Callable[P, R]", type(func)(self(func.__func__)))
        kind = _kind_of(func)
        if self._key is None:
            check_name(func)
        if kind & COROUTINE:

            @functools.wraps(func)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> object:
                return await self._ask_async(func, args, kwargs, _value)

            return cast("Callable[P, R]", awaited)

        @functools.wraps(func)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return cast("R", self._ask(func, args, kwargs, _value))

        return called

    def _ask(
        self,
        func: Callable[..., Any],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        shape: Shape,
    ) -> object:
        if _kind_of(func) & COROUTINE:
            return self._ask_async(func, args, kwargs, shape)
        key = self._key_of(func, args, kwargs)
        return self._answer(key, functools.partial(func, *args, **kwargs), shape, code_of(func))

    async def _ask_async(
        self,
        func: Callable[..., Any],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        shape: Shape,
    ) -> object:
        key = self._key_of(func, args, kwargs)
        return await self._answer_async(key, functools.partial(func, *args, **kwargs), shape)

    def _answer(
        self, key: str, begin: Callable[[], Any], shape: Shape, code: CodeType | None = None
    ) -> object:
        """Returns the answer, or what will give it when the function's result is unfinished."""
        try:
            value = begin()
        except Exception as error:
            answer = None
            if code is None or code not in self._unfinished:
                answer = _at_once(self._remembered(key, error, _no_wait))
            if answer is None:
                raise
            return shape(answer)
        if unfinished(value):
            if code is not None:
                self._unfinished.add(code)
            if is_thread_future(value):
                return self._following(key, value, shape)
            return follow(value, _Nothing(), lambda it: self._answer_async(key, lambda: it, shape))
        _at_once(self._remember(key, value, _no_wait))
        return shape(Answer(value, False, None))

    async def _answer_async(
        self, key: str, begin: Callable[[], Awaitable[Any]], shape: Shape
    ) -> object:
        try:
            value = await begin()
        except Exception as error:
            answer = await self._remembered(key, error, _wait)
            if answer is None:
                raise
            return shape(answer)
        await self._remember(key, value, _wait)
        return shape(Answer(value, False, None))

    def _following(self, key: str, future: Future[Any], shape: Shape) -> Future[object]:
        """Returns a future that ends with the answer when the executor's future is done."""
        from concurrent.futures import Future  # whoever submits has it already

        following: Future[object] = Future()

        def end(future: Future[Any]) -> None:
            if future.cancelled():
                following.cancel()
            if not following.set_running_or_notify_cancel():
                return
            try:
                following.set_result(self._answer(key, future.result, shape))
            except BaseException as error:
                following.set_exception(error)

        following.add_done_callback(lambda it: it.cancelled() and future.cancel())
        future.add_done_callback(end)
        return following

    async def _remember(self, key: str, value: object, wait: Wait) -> None:
        """Keeps a value; whatever the store does, the call has succeeded."""
        try:
            await wait(self.store.put(key, _keepable(value), self.ttl))
            self._worked()
        except Exception as error:
            self._trouble(error)

    async def _remembered(self, key: str, error: Exception, wait: Wait) -> Answer[Any] | None:
        """Returns the answer to a failure, or None if there is none or it is not to be given."""
        if not matches(self._on, error):
            return None
        try:
            kept = await wait(self.store.get(key))
        except KeyError:
            self._worked()
            return None
        except Exception as trouble:
            self._trouble(trouble)
            return None
        self._worked()
        return Answer(kept, True, error)

    def _key_of(
        self, func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> str:
        if self._key is None:
            return key_of(func, args, kwargs)
        key: object = self._key(*args, **kwargs)
        if not isinstance(key, str):
            allowed = f"a function that returns a string; for this call it returned {key!r}"
            raise ParameterError("key", self._key, allowed)
        return key

    def _worked(self) -> None:
        """Notes that the store works, so that its next failure is logged again."""
        self._told.discard("")

    def _trouble(self, error: Exception) -> None:
        """Logs the trouble being handled: the store's until it works again, misuse for good."""
        told = str(error) if isinstance(error, _MisuseError) else ""
        if told not in self._told:
            self._told.add(told)
            log_failure("the fallback cannot use its store %r; calls go on without it", self.store)


class _MisuseError(TypeError):
    """The store is asked for what it cannot do, whatever state it is in."""


def _kind_of(func: Callable[..., object]) -> int:
    """Returns `lasting` of what is to be called, and refuses what no answer comes from.

    Raises:
        ParameterError: if it is not callable, or a generator.
    """
    if not callable(func):
        raise ParameterError("func", func, "a function or a coroutine function")
    kind = lasting(func)
    if kind & (GENERATOR | ASYNC_GENERATOR) and not kind & COROUTINE:
        raise ParameterError(
            "func",
            func,
            "a function that returns all its items at once, in a list; a generator has no "
            "answer to remember",
        )
    return kind


def _keepable(value: object) -> object:
    """Returns a value that may be handed out again.

    Raises:
        _MisuseError: if it is used up by whoever gets it first.
    """
    if isinstance(value, (Iterator, AsyncIterator)) or unfinished(value):
        kind = type(value).__qualname__
        raise _MisuseError(f"a {kind} can be used only once, so it is not kept; return a list")
    return value


async def _wait(given: Any) -> Any:
    """Awaits what an async store returned; passes on what another one returned."""
    return await given if hasattr(type(given), "__await__") else given


async def _no_wait(given: Any) -> Any:
    """Returns what a store answered to a call that is not awaited.

    Raises:
        _MisuseError: if the answer would have to be.
    """
    if unfinished(given):
        end = getattr(given, "close", None) or getattr(given, "cancel", None)
        if end is not None:
            end()
        raise _MisuseError(
            "its methods have to be awaited, and this call is not: give a store like "
            "MemoryStore to plain functions, or a coroutine function to this one"
        )
    return given


def _at_once(steps: Coroutine[Any, Any, R]) -> R:
    """Returns the result of a coroutine that waits for nothing."""
    try:
        steps.send(None)
    except StopIteration as end:
        return cast("R", end.value)
    raise AssertionError("it waits")
