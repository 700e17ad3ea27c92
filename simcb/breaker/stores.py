"""Where a fallback keeps its answers: what a store has to do, and the one in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from simcb.breaker.bounds import whole
from simcb.breaker.errors import ParameterError
from simcb.breaker.sharing import Locked


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


class MemoryStore(Locked):
    """Keeps the `max_entries` answers used last, in this process.

    It keeps the very objects and hands them out again, because a copy would cost every call
    and some objects have none: whoever changes an answer changes what is remembered. Return
    values that do not change, or change a copy.

    Args:
        max_entries: how many; the one unused for longest goes first.
        clock: returns seconds that never go back.
    """

    __slots__ = ("_clock", "_entries", "max_entries")

    def __init__(
        self, max_entries: int = 1024, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_entries = whole("max_entries", max_entries)
        if not callable(clock):
            raise ParameterError("clock", clock, "a function that returns seconds")
        self._clock = clock
        self._entries: OrderedDict[str, tuple[float, object]] = OrderedDict()
        super().__init__()

    def _renew_lock(self) -> None:
        self._lock = threading.RLock()

    def get(self, key: str) -> object:
        """Returns the answer kept for the key.

        Raises:
            KeyError: if there is none, or it is `ttl` seconds old.
        """
        with self._lock:
            return self._get_locked(key)

    def put(self, key: str, value: object, ttl: float) -> None:
        """Keeps an answer for `ttl` seconds."""
        with self._lock:
            self._put_locked(key, value, ttl)

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
