"""What code finds in virtual time where it looks for clocks, chance, sockets and threads.

The names are bound otherwise for the run, and as they were after it, whatever it raises. What
they are bound to acts only in the thread and while the loop of a run is the running one: all
others find what they always found.
"""

from __future__ import annotations

import datetime
import random
import socket
import subprocess
import sys
import threading
import time
from asyncio import events
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from simcb.adapters.rebinding import BEGIN, Rebound
from simcb.breaker.breaker import CircuitBreaker
from simcb.breaker.stores import MemoryStore
from simcb.client.answers import ClientError
from simcb.world.code.loop import NETWORK, THREADS, VirtualLoop

_EPOCH = (BEGIN - datetime.datetime(1970, 1, 1)).total_seconds()


def running() -> VirtualLoop | None:
    """Return the loop of the run whose code is running in this thread, if one is."""
    loop = events._get_running_loop()
    return loop if isinstance(loop, VirtualLoop) else None


def _clock(real: Callable[[], float], begin: float) -> Callable[[], float]:
    def seconds() -> float:
        loop = running()
        return real() if loop is None else begin + loop.time()

    return seconds


def _clock_ns(real: Callable[[], int], begin: float) -> Callable[[], int]:
    def nanoseconds() -> int:
        loop = running()
        return real() if loop is None else int(begin) * 10**9 + round(loop.time() * 1e9)

    return nanoseconds


_CLOCKS: dict[str, Callable[[], Any]] = {
    name: (_clock_ns if name.endswith("_ns") else _clock)(
        getattr(time, name), _EPOCH if name.startswith("time") else 0.0
    )
    for clock in ("time", "monotonic", "perf_counter")
    for name in (clock, f"{clock}_ns")
}


def _refused(real: Callable[..., Any], name: str, remedy: str) -> Callable[..., Any]:
    def refusing(*args: Any, **named: Any) -> Any:
        loop = running()
        if loop is None:
            return real(*args, **named)
        frame = sys._getframe(1)
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        error = ClientError(f"the client's code uses {name}, in {place}", remedy)
        loop.halt(error)
        raise error

    return refusing


_REFUSED: tuple[tuple[Any, str, str, str], ...] = (
    (time, "sleep", "time.sleep", "it would block every other request: await asyncio.sleep"),
    (socket.socket, "__init__", "a socket", NETWORK),
    (socket, "getaddrinfo", "socket.getaddrinfo", NETWORK),
    (threading.Thread, "start", "a thread", THREADS),
    (subprocess.Popen, "__init__", "a process", THREADS),
)


_REAL_DATE = datetime.datetime


class _Kind(type):
    """Makes every date one of the calendar that code finds."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _REAL_DATE)


class _Date(_REAL_DATE, metaclass=_Kind):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        loop = running()
        if loop is None:
            return _REAL_DATE.now(tz)
        moment = BEGIN + datetime.timedelta(seconds=loop.time())
        return moment if tz is None else moment.replace(tzinfo=datetime.UTC).astimezone(tz)

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(datetime.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def _instead() -> dict[int, object]:
    """Return what stands for which object, by its identity."""
    instead: dict[int, object] = {id(getattr(time, name)): new for name, new in _CLOCKS.items()}
    instead[id(time.sleep)] = _SLEEP
    instead[id(_REAL_DATE)] = _Date
    return instead


_SLEEP = _refused(time.sleep, *_REFUSED[0][2:])
_BARRED = [
    (where, name, _refused(getattr(where, name), what, remedy))
    for where, name, what, remedy in _REFUSED[1:]
]


def _found(instead: dict[int, object]) -> Iterator[tuple[Any, str, object]]:
    """Yield where modules hold clocks: `time` and `datetime`, and those who imported from them."""
    for name, module in [*sys.modules.items()]:
        root = name.partition(".")[0]
        if root in sys.stdlib_module_names and name not in ("time", "datetime"):
            continue
        for held, value in [*getattr(module, "__dict__", {}).items()]:
            new = instead.get(id(value))
            if new is not None and module is not sys.modules[__name__]:
                yield module, held, new


def breakers_heard(
    create: Callable[..., None], admit: Callable[..., Any], clock: Callable[[], float]
) -> list[tuple[Any, str, object]]:
    """Return (class or function, name, value) of what hears the breakers of `simcb.breaker`.

    Args:
        create: stands for `CircuitBreaker.__init__`.
        admit: stands for `CircuitBreaker._admit`.
        clock: what a breaker has that is given no other.
    """
    defaults = [
        (made, "__kwdefaults__", {**(made.__kwdefaults__ or {}), "clock": clock})
        for made in (CircuitBreaker.__init__, MemoryStore.__init__)
    ]
    ours = [(CircuitBreaker, "__init__", create), (CircuitBreaker, "_admit", admit)]
    return [*defaults, *ours]


@contextmanager
def disguised(
    seed: str,
    breaker: Callable[..., None],
    admit: Callable[..., Any],
    heard: Iterable[tuple[Any, str, object]],
) -> Iterator[None]:
    """Show code virtual time and seeded chance, and bar what virtual time has no room for.

    Args:
        seed: what `random` is seeded with.
        breaker: stands for `CircuitBreaker.__init__`.
        admit: stands for `CircuitBreaker._admit`.
        heard: (class, name, value) of what hears other packages' breakers.
    """
    ours = breakers_heard(breaker, admit, _CLOCKS["monotonic"])
    others = [*heard]  # This loads packages, whose clocks are found then.
    chance = random.getstate()
    with Rebound(*_found(_instead()), *_BARRED, *ours, *others):
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(chance)
