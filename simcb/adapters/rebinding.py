"""Libraries that read the machine's clock, made to read the simulator's for a moment.

The names are bound otherwise only while a step of the library runs, or the run of a client's own
code, and as they were before whatever that raises. One lock for all keeps threads that simulate
apart. Whatever another thread does with the same library in a step, which lasts microseconds,
would read virtual time.
"""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from simcb.adapters.protocol import Clock

_LOCK = threading.RLock()

BEGIN = datetime(2000, 1, 1)
"""What the calendar shows when a run begins, in universal time."""


class Rebound(AbstractContextManager[None]):
    """Binds names of modules to other values, from `with` to its end.

    Args:
        names: (module or class, name, value) each.
    """

    def __init__(self, *names: tuple[Any, str, object]) -> None:
        self._names = names
        self._before: list[tuple[object, ...]] = []

    def __enter__(self) -> None:
        _LOCK.acquire()
        self._before.append(tuple(getattr(module, name) for module, name, _ in self._names))
        for module, name, value in self._names:
            setattr(module, name, value)

    def __exit__(self, *_: object) -> None:
        for (module, name, _value), before in zip(self._names, self._before.pop(), strict=True):
            setattr(module, name, before)
        _LOCK.release()


class VirtualTime:
    """What a library finds where it looks for the module `time`.

    Args:
        clock: returns the simulated seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self.time = self.monotonic = self.perf_counter = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def virtual_datetime(clock: Clock) -> type[datetime]:
    """Return what a library finds where it looks for `datetime`: its `now` is the simulator's.

    A calendar counts in millionths of a second, and so does whatever reads it.
    """

    class VirtualDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            moment = BEGIN + timedelta(seconds=clock())
            return moment if tz is None else moment.replace(tzinfo=UTC).astimezone(tz)

        @classmethod
        def utcnow(cls) -> Any:
            return BEGIN + timedelta(seconds=clock())

    return VirtualDatetime
