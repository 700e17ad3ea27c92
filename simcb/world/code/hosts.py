"""Where client code runs: an event loop, and the world beside it, in virtual time or on sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import Context
from typing import Any, Protocol

from simcb.client.answers import Caller
from simcb.world.code.disguise import disguised, running
from simcb.world.code.loop import VirtualLoop

Unheard = Callable[[Caller | None, BaseException], None]
"""Told of an exception that nobody looked at, and of the request that had it, if it is known."""


class Host(Protocol):
    """What runs the code of a run's client groups."""

    @property
    def outside(self) -> AbstractContextManager[None]:
        """The world at work for code that waits; within it the clock shows what time it is."""

    @property
    def wires(self) -> dict[object, Any] | None:
        """What transports have opened on sockets; None in virtual time, where there are none."""

    @property
    def halted(self) -> BaseException | None:
        """What ends the run, whatever the code makes of it."""

    def time(self) -> float:
        """Return the seconds of the run."""

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of its loop."""

    def start(self, coro: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        """Start a request's own task."""

    def halt(self, error: BaseException) -> None:
        """End the run with an error, also if the code catches it."""

    def current(self) -> Host | None:
        """Return the host whose code is running in this thread now, if one's is."""

    def running(self) -> AbstractContextManager[None]:
        """Let what is done within be the code's own, as while it is loaded."""

    def open(
        self,
        seed: str,
        breaker: Callable[..., None],
        admit: Callable[..., Any],
        heard: Iterable[tuple[Any, str, object]],
    ) -> AbstractContextManager[None]:
        """Show code its clocks and breakers for a run; see `disguised`."""


class VirtualHost(VirtualLoop):
    """Runs code in virtual time."""

    wires = None

    def current(self) -> Host | None:
        """Return the host whose code is running in this thread now, if one's is."""
        loop = running()
        return loop if isinstance(loop, VirtualHost) else None

    @contextmanager
    def open(
        self,
        seed: str,
        breaker: Callable[..., None],
        admit: Callable[..., Any],
        heard: Iterable[tuple[Any, str, object]],
    ) -> Iterator[None]:
        """Show code virtual time, seeded chance and its breakers, and end what it leaves."""
        with disguised(seed, breaker, admit, heard), self.hooked():
            yield
