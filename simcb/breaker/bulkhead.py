"""A bulkhead: at most so many calls at once, so that one slow service cannot take every thread.

One limit holds for threads and for tasks on any number of event loops. Whoever finds it full
may wait a bounded time, first come first served; a place that comes free is handed to the
longest waiter. A forked child begins with every place free.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeAlias, TypeVar, cast

from simcb.breaker.awaitables import follow
from simcb.breaker.bounds import duration, whole
from simcb.breaker.errors import BulkheadFullError, ParameterError
from simcb.breaker.guards import guarded
from simcb.breaker.kinds import lasting, unfinished
from simcb.breaker.scopes import Scoped, Scopes
from simcb.breaker.sharing import Locked, Shared

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
R = TypeVar("R")


class _ThreadWaiter:
    """A thread that waits for a place."""

    __slots__ = ("_signal", "granted")

    def __init__(self) -> None:
        self.granted = False
        self._signal = threading.Lock()
        self._signal.acquire()

    def wake(self) -> None:
        self._signal.release()

    def wait(self, seconds: float) -> None:
        self._signal.acquire(timeout=seconds)


class _TaskWaiter:
    """A task that waits for a place; it may be woken from another thread or loop."""

    __slots__ = ("_future", "_loop", "granted")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.granted = False
        self._loop = loop
        self._future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        # A closed loop has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float) -> None:
        timer = self._loop.call_later(seconds, self._finish)
        try:
            await self._future
        finally:
            timer.cancel()


_Waiter: TypeAlias = _ThreadWaiter | _TaskWaiter


class Place(Shared):
    """One place in a bulkhead; `release` gives it back, once."""

    __slots__ = ("_bulkhead", "_held")

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self._held: object = None  # or the bulkhead's life it was taken in

    def release(self) -> None:
        """Gives the place back; a second time does nothing."""
        bulkhead = self._bulkhead
        with bulkhead._lock:
            woken = bulkhead._release_locked(self)
        if woken is not None:
            woken.wake()

    def returned(self, result: object) -> None:
        """Gives the place back, because the call has returned."""
        self.release()

    def raised(self, error: BaseException) -> None:
        """Gives the place back, because the call has raised."""
        self.release()

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        try:
            self.release()
        except BaseException:
            self.release()
            raise
        return False


class Bulkhead(Locked, Scoped[Place]):
    """Lets at most `max_concurrent` calls run at once.

    Args:
        max_concurrent: how many calls may run together.
        max_wait: seconds a caller may wait for a place; 0 refuses at once.
        name: shown in errors.

    Raises:
        ParameterError: when a value makes no sense.
    """

    __slots__ = (
        "_life",
        "_running",
        "_scopes",
        "_waiters",
        "max_concurrent",
        "max_wait",
        "name",
    )

    def __init__(
        self, max_concurrent: int = 10, *, max_wait: float = 0.0, name: str = "bulkhead"
    ) -> None:
        self.max_concurrent = whole("max_concurrent", max_concurrent)
        self.max_wait = duration("max_wait", max_wait)
        if not isinstance(name, str):
            raise ParameterError("name", name, "a string")
        self.name = name
        self._scopes: Scopes[Place] = Scopes()
        super().__init__()

    @property
    def running(self) -> int:
        """How many calls run now."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many callers wait for a place."""
        return len(self._waiters)

    def acquire(self) -> Place:
        """Returns a place, waiting for it in this thread for at most `max_wait` seconds.

        Raises:
            BulkheadFullError: if none came free.
        """
        place = Place(self)
        waiter = _ThreadWaiter() if self.max_wait else None
        try:
            self._enter(place, waiter)
            if not place._held and waiter is not None:
                waiter.wait(self.max_wait)
                self._withdraw(place, waiter)
            if place._held:
                return place
        except BaseException:
            self._abandon(place, waiter)
            raise
        raise BulkheadFullError(self.name, self.max_concurrent, self.max_wait)

    async def acquire_async(self) -> Place:
        """Returns a place, waiting for it in this task for at most `max_wait` seconds.

        Raises:
            BulkheadFullError: if none came free.
        """
        place = Place(self)
        waiter = None
        if self.max_wait:
            import asyncio  # whoever awaits has it already

            waiter = _TaskWaiter(asyncio.get_running_loop())
        try:
            self._enter(place, waiter)
            if not place._held and waiter is not None:
                await waiter.wait(self.max_wait)
                self._withdraw(place, waiter)
            if place._held:
                return place
        except BaseException:
            self._abandon(place, waiter)
            raise
        raise BulkheadFullError(self.name, self.max_concurrent, self.max_wait)

    _acquire_later = acquire_async

    def _abandon(self, place: Place, waiter: _Waiter | None) -> None:
        """Gives back whatever an interrupted or cancelled caller has come to hold."""
        if waiter is not None:
            self._withdraw(place, waiter)
        place.release()

    def _enter(self, place: Place, waiter: _Waiter | None) -> None:
        """Takes a free place, unless others wait for it already; else queues the waiter."""
        with self._lock:
            if self._running < self.max_concurrent and not self._waiters:
                self._running += 1
                place._held = self._life
            elif waiter is not None:
                self._waiters.append(waiter)

    def _withdraw(self, place: Place, waiter: _Waiter) -> None:
        """Ends a wait: with the place it was granted, or without one."""
        with self._lock:
            if waiter.granted:
                place._held, waiter.granted = self._life, False
            elif waiter in self._waiters:
                self._waiters.remove(waiter)

    def _release_locked(self, place: Place) -> _Waiter | None:
        """Takes a place back, and hands it to the longest waiter if there is one."""
        if place._held is not self._life:
            return None
        place._held = None
        if not self._waiters:
            self._running -= 1
            return None
        waiter = self._waiters[0]
        waiter.granted = True
        del self._waiters[0]
        return waiter

    def call(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function in a place; of a coroutine function, returns what to await.

        What a plain function hands back unfinished keeps the place until it ends: something to
        await until it is awaited, entered or thrown away, a task or an executor's future until
        it is done. A plain function waits for its place in its thread even then, and an event
        loop of that thread with it: give a coroutine function where calls may have to wait.

        Raises:
            BulkheadFullError: if no place is free, or came free in time.
        """
        kind = lasting(func)
        if kind:
            return self._guarded(kind, func)(*args, **kwargs)
        place = self.acquire()
        try:
            try:
                result = func(*args, **kwargs)
                if unfinished(result):
                    result, place = follow(result, place), Place(self)
                return result
            finally:
                place.release()
        except BaseException:
            place.release()  # an interrupt in the `finally`: a second time does nothing
            raise

    def _guarded(self, kind: int, func: Callable[P, R]) -> Callable[P, R]:
        return guarded(kind, func, self.acquire, Place.release, self.acquire_async)

    def __call__(self, func: Callable[P, R]) -> Callable[P, R]:
        """Decorates a function, a generator, or a coroutine function.

        Of what `staticmethod` and `classmethod` return, it limits the function inside.

        Raises:
            ParameterError: if it is nothing to call.
        """
        if isinstance(func, (staticmethod, classmethod)):
            return cast("Callable[P, R]", type(func)(self(func.__func__)))
        if not callable(func):
            raise ParameterError("func", func, "a function, a coroutine function or a generator")
        kind = lasting(func)
        if kind:
            return functools.wraps(func)(self._guarded(kind, func))

        @functools.wraps(func)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.call(func, *args, **kwargs)

        return called

    def _renew_lock(self) -> None:
        """Begins a life with every place free, in a forked child another one.

        Those who ran and waited are threads of the parent and count there. What the forking
        thread itself holds is of the former life, and giving it back changes nothing.
        """
        self._lock = threading.RLock()
        self._life = object()
        self._running = 0
        self._waiters: deque[_Waiter] = deque()

    def __repr__(self) -> str:
        return f"<Bulkhead {self.name!r} {self._running} of {self.max_concurrent}>"
