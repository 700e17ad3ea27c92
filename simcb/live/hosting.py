"""Client code on the event loop that serves a scenario: clock and sockets are the machine's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context, ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from simcb.adapters.rebinding import Rebound
from simcb.client.answers import CALLER, Caller
from simcb.world.code.disguise import breakers_heard
from simcb.world.code.hosts import Host, Unheard

_LOADING: ContextVar[bool] = ContextVar("simcb.loading", default=False)
"""Whether the code of client groups is being loaded."""

PATIENCE = 1.0
"""Seconds that code has to end after it was cancelled."""


class Timed(Protocol):
    """What drives the clock; see `Stage`."""

    def now(self) -> float:
        """Return the seconds of the scenario."""

    def sync(self) -> float:
        """Let all happen that is due, and return the moment."""

    def arm(self) -> None:
        """Wait for what is due next."""


class _Outside:
    """The world at work for code that waits."""

    def __init__(self, host: SocketHost) -> None:
        self._host = host

    def __enter__(self) -> None:
        self._host.enter()

    def __exit__(self, *_: object) -> None:
        self._host.leave()


class SocketHost:
    """Runs client code beside the services that it asks.

    Args:
        stage: whose clock it is.
        loop: the loop of both.
        unheard: told of an exception that nobody looked at, and of the request that had it.
        failed: told of what ends the run before its end.
    """

    def __init__(
        self,
        stage: Timed,
        loop: asyncio.AbstractEventLoop,
        unheard: Unheard,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._stage = stage
        self._loop = loop
        self._unheard = unheard
        self._failed = failed
        self._in_world = False
        self._owners: WeakKeyDictionary[asyncio.Task[Any], Caller] = WeakKeyDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self.outside: AbstractContextManager[None] = _Outside(self)
        self.wires: dict[object, Any] | None = {}
        self.halted: BaseException | None = None

    def enter(self) -> None:
        """Let all happen that is due, in the world."""
        self._in_world = True
        try:
            self._stage.sync()
        except Exception as error:
            self._in_world = False
            self.halt(error)
            raise

    def leave(self) -> None:
        """Go back to the code."""
        self._stage.arm()
        self._in_world = False

    def time(self) -> float:
        """Return the seconds since the scenario began."""
        return self._stage.now()

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of the loop."""
        return self._loop.create_future()

    def start(self, coro: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        """Start a request's own task."""
        task = asyncio.Task(coro, loop=self._loop, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.halt(error)

    def halt(self, error: BaseException) -> None:
        """End the run with an error, also if the code catches it."""
        if self.halted is None:
            self.halted = error
            self._failed(error)

    def current(self) -> Host | None:
        """Return this if its code is running in this thread now: a request's, or what is loaded.

        The world at work has neither, as it has no context of a request's code.
        """
        in_code = CALLER.get(None) is not None or _LOADING.get()
        return self if in_code and not self._in_world else None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let what is done within be the code's own, as while it is loaded."""
        before = _LOADING.set(True)
        try:
            yield
        finally:
            _LOADING.reset(before)

    @contextmanager
    def open(
        self,
        seed: str,
        breaker: Callable[..., None],
        admit: Callable[..., Any],
        heard: Iterable[tuple[Any, str, object]],
    ) -> Iterator[None]:
        """Have the code's breakers heard, with the loop's clock, and its tasks counted."""
        ours = breakers_heard(breaker, admit, self.time)
        loop, factory = self._loop, self._loop.get_task_factory()
        with Rebound(*ours, *heard):
            loop.set_task_factory(self._task)
            try:
                yield
            finally:
                loop.set_task_factory(factory)

    def _task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        """Start a task, which belongs to the request that starts it."""
        task = asyncio.Task(coro, loop=loop, **more)
        owner = CALLER.get(None)
        if owner is not None and not self._in_world:
            owner.started(task)
            self._owners[task] = owner
        return task

    def hear(self, context: dict[str, Any]) -> bool:
        """Hear of an exception that nobody looked at; return whether it is the code's."""
        error, task = context.get("exception"), context.get("task") or context.get("future")
        owner = self._owners.get(task) if isinstance(task, asyncio.Task) else None
        handle = context.get("handle")
        if owner is None and handle is not None:
            owner = handle._context.get(CALLER)
        if owner is None or error is None:
            return False
        self._unheard(owner, error)
        return True

    async def wind_up(self) -> None:
        """Cancel the code that still runs, and close what it has opened."""
        self._unheard = lambda *_: None
        owned = set(self._owners)
        left = {*self._tasks, *(task for task in owned if not task.done())}
        for task in left:
            task.cancel()
        if left:
            _, pending = await asyncio.wait(left, timeout=PATIENCE)
            for task in pending:  # What will not end is left where it is, unfinished.
                asyncio.tasks._unregister_task(task)
                task._log_destroy_pending = False  # type: ignore[attr-defined]
        for task in owned:
            if task.done() and not task.cancelled():
                task.exception()  # It is heard: what comes after the end is no part of the run.
        for wire in (self.wires or {}).values():
            await wire.aclose()
