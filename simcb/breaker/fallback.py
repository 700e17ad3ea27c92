"""The last good answer, served while the service cannot give a new one.

A fallback stands outside the breaker: it calls, remembers what came back, and when the call
fails or is rejected it answers with what it remembers for the same key, or lets the failure
through. The store is a cache and nothing more: when it is down, slow to answer with errors,
or returns garbage, every call that would have succeeded without it still does.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from simcb.breaker.errors import ParameterError
from simcb.breaker.forking import renew_in_child
from simcb.breaker.guards import COROUTINE, lasting
from simcb.breaker.judging import Expected, check_expected, log_failure, matches
from simcb.breaker.parameters import duration, whole

P = ParamSpec("P")
R = TypeVar("R")


class Store(Protocol):
    """Where answers are kept. Its methods may also be coroutine functions, for async calls.

    A store may forget anything at any time, and raise anything but `KeyError` for trouble.
    """

    def get(self, key: str) -> Any:
        """Returns the answer kept for the key; raises KeyError if there is none."""
        ...

    def put(self, key: str, value: Any, ttl: float) -> Any:
        """Keeps an answer for `ttl` seconds."""
        ...


class MemoryStore:
    """Keeps the `max_entries` answers used last, in this process.

    Args:
        max_entries: how many; the one unused for longest goes first.
        clock: returns seconds that never go back.
    """

    __slots__ = ("__weakref__", "_clock", "_entries", "_lock", "max_entries")

    def __init__(
        self, max_entries: int = 1024, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_entries = whole("max_entries", max_entries)
        if not callable(clock):
            raise ParameterError("clock", clock, "a function that returns seconds")
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, object]] = OrderedDict()
        self._renew_lock()
        renew_in_child(self)

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: str) -> object:
        """Returns the answer kept for the key.

        Raises:
            KeyError: if there is none, or it is `ttl` seconds old.
        """
        with self._lock: return self._get_locked(key)  # fmt: skip  # noqa: E701

    def put(self, key: str, value: object, ttl: float) -> None:
        """Keeps an answer for `ttl` seconds."""
        with self._lock: self._put_locked(key, value, ttl)  # fmt: skip  # noqa: E701

    def _get_locked(self, key: str) -> object:
        until, value = self._entries[key]
        if self._clock() >= until:
            self._entries.pop(key, None)
            raise KeyError(key)
        self._entries.move_to_end(key)
        return value

    def _put_locked(self, key: str, value: object, ttl: float) -> None:
        self._entries[key] = (self._clock() + ttl, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self.max_entries:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)


class Answer(NamedTuple, Generic[R]):
    """A value, and whether it is a remembered one: then `error` is why."""

    value: R
    stale: bool
    error: BaseException | None


class CachedFallback:
    """Serves the last good value for a key when a call fails or is rejected.

    Args:
        store: where values are kept; in memory unless given.
        ttl: seconds a value may be served.
        key: makes the key from the call's arguments; by default the function's name and the
            `repr` of its arguments.
        on: the exceptions that are answered from the store: types, or a predicate.

    Raises:
        ParameterError: when a value makes no sense.
    """

    __slots__ = ("_key", "_on", "_troubled", "store", "ttl")

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
        if key is not None and not callable(key):
            raise ParameterError("key", key, "a function of the call's arguments")
        check_expected("on", on)
        self.ttl = duration("ttl", ttl, positive=True)
        self._key = key
        self._on = on
        self._troubled = False

    def call(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function; on failure returns the last good value instead, if there is one.

        Of a coroutine function it returns a coroutine that does so.
        """
        if lasting(func) & COROUTINE:
            return cast("R", self._value_async(func, args, kwargs))
        return self.ask(func, *args, **kwargs).value

    def ask(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Answer[R]:
        """Calls the function like `call`, and says whether the value is a remembered one."""
        key = self._key_of(func, args, kwargs)
        try:
            value = func(*args, **kwargs)
        except Exception as error:
            if not matches(self._on, error):
                raise
            try:
                kept = self.store.get(key)
            except KeyError:
                self._troubled = False
            except Exception:
                self._trouble()
            else:
                self._troubled = False
                return Answer(kept, True, error)
            raise
        try:
            self.store.put(key, value, self.ttl)
            self._troubled = False
        except Exception:
            self._trouble()
        return Answer(value, False, None)

    async def ask_async(
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Answer[R]:
        """Awaits the function, and says whether the value is a remembered one."""
        key = self._key_of(func, args, kwargs)
        try:
            value = await func(*args, **kwargs)
        except Exception as error:
            if not matches(self._on, error):
                raise
            try:
                kept = await _done(self.store.get(key))
            except KeyError:
                self._troubled = False
            except Exception:
                self._trouble()
            else:
                self._troubled = False
                return Answer(kept, True, error)
            raise
        try:
            await _done(self.store.put(key, value, self.ttl))
            self._troubled = False
        except Exception:
            self._trouble()
        return Answer(value, False, None)

    async def _value_async(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> object:
        return (await self.ask_async(func, *args, **kwargs)).value

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function or a coroutine function."""
        if lasting(func) & COROUTINE:

            @functools.wraps(func)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> object:
                return await self._value_async(func, args, kwargs)

            return cast("Callable[P, R]", awaited)

        @functools.wraps(func)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.ask(func, *args, **kwargs).value

        return called

    def _key_of(
        self, func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
    ) -> str:
        if self._key is not None:
            return self._key(*args, **kwargs)
        while isinstance(func, functools.partial):
            args, kwargs = (*func.args, *args), {**func.keywords, **kwargs}
            func = func.func
        name = f"{func.__module__}.{getattr(func, '__qualname__', type(func).__qualname__)}"
        named = "".join(f", {word}={kwargs[word]!r}" for word in sorted(kwargs))
        return f"{name}({', '.join(map(repr, args))}{named})"

    def _trouble(self) -> None:
        """Logs the store's failure being handled, once until the store works again."""
        if not self._troubled:
            self._troubled = True
            log_failure("the fallback store %r failed; calls go on without it", self.store)


async def _done(value: Any) -> Any:
    """Awaits what an async store returned; passes on what another one returned."""
    return await value if hasattr(type(value), "__await__") else value
