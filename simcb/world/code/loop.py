"""An asyncio event loop whose time is the run's: nothing sleeps, and nothing leaves the process."""

from __future__ import annotations

import asyncio
import sys
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, TypeVarTuple
from weakref import WeakKeyDictionary

from simcb.client.answers import CALLER, Caller, ClientError
from simcb.world.clock import Clock, Order, TimeStandsStillError
from simcb.world.occurrence import Occurrence

Ts = TypeVarTuple("Ts")

_NEXT = 0
"""SimPy's urgent priority: after the present event, before all others of the moment."""
_ASK = int(Order.ASK)
_PATIENCE = 1_000_000
"""Steps of code in one moment, after which it is taken for a loop that never waits."""


class _Due(Occurrence):
    """The moment of a timer."""

    __slots__ = ("timer",)

    def __init__(self, callback: Callable[[Any], None], timer: asyncio.TimerHandle) -> None:
        self.callback = callback
        self.timer = timer


_swap_task = getattr(asyncio.tasks, "_swap_current_task", None)
"""What leaves a loop's task for another loop's; CPython 3.11 needs nothing of the kind."""


def _give_back(before: asyncio.AbstractEventLoop | None, task: Any) -> None:
    events._set_running_loop(before)
    if task is not None and _swap_task is not None:
        _swap_task(before, task)


class Outside:
    """The world at work for code that waits: no loop is running in it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        events._set_running_loop(None)

    def __exit__(self, *_: object) -> None:
        events._set_running_loop(self._loop)


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop of one run.

    A timer falls due at its moment of the run, after answers and timeouts of that moment; what
    is ready runs at once, before anything else of the moment.

    Args:
        clock: the run's clock.
        unheard: told of an exception in a callback or task that nobody looked at, and of the
            request that had it, if it is known.
    """

    def __init__(
        self, clock: Clock, unheard: Callable[[Caller | None, BaseException], None]
    ) -> None:
        super().__init__()
        self._run_clock = clock
        self._unheard = unheard
        self._queue = self._ready  # type: ignore[attr-defined]
        self._step_event = Occurrence()
        self._awake = False
        self._owners: WeakKeyDictionary[asyncio.Task[Any], Caller] = WeakKeyDictionary()
        self.outside = Outside(self)
        self.halted: BaseException | None = None
        """What ends the run, whatever the code makes of it."""

    def time(self) -> float:
        """Return the seconds of the run."""
        return self._run_clock.now

    # Asking: what asyncio's own classes call.

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Call `callback` at this moment, after what is ready already."""
        handle = asyncio.Handle(callback, args, self, context)
        self._queue.append(handle)
        if not self._awake:
            self._awake = True
            self._step_event.callback = self._step
            self._run_clock.at(self._run_clock.now, _NEXT, self._step_event)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call `callback` at the second `when` of the run."""
        timer = asyncio.TimerHandle(when, callback, list(args), self, context)
        due = _Due(self._ring, timer)
        try:
            self._run_clock.at(max(when, self._run_clock.now), _ASK, due)
        except Exception as error:
            self.halt(error)
            raise
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Let it lie: it does nothing when its moment comes."""

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        **more: Any,
    ) -> asyncio.Task[Any]:
        """Start a task, which belongs to the request that starts it."""
        named = None if name is None else str(name)
        task = asyncio.Task(coro, loop=self, name=named, context=context, **more)
        owner = CALLER.get(None)
        if owner is not None:
            owner.started(task)
            self._owners[task] = owner
        return task

    def start(self, coro: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        """Start a request's own task."""
        return asyncio.Task(coro, loop=self, context=context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tell of an exception that nobody looked at."""
        error = context.get("exception")
        if error is not None:
            task = context.get("task") or context.get("future")
            owner = self._owners.get(task) if isinstance(task, asyncio.Task) else None
            handle = context.get("handle")
            if owner is None and handle is not None:
                owner = handle._context.get(CALLER)
            self._unheard(owner, error)

    def get_debug(self) -> bool:
        """Return False: a slow callback takes no virtual time."""
        return False

    # Running.

    def _take_over(self) -> tuple[asyncio.AbstractEventLoop | None, Any]:
        """Be the running loop; return the one that was, as in a notebook, and its task."""
        before = events._get_running_loop()
        task = None if before is None or _swap_task is None else _swap_task(before, None)
        events._set_running_loop(self)
        return before, task

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the running loop of this thread, by which code knows that its time is virtual."""
        before = self._take_over()
        try:
            yield
        finally:
            _give_back(*before)

    def halt(self, error: BaseException) -> None:
        """End the run with an error, also if the code catches it."""
        if self.halted is None:
            self.halted = error

    def _ring(self, due: _Due) -> None:
        if not due.timer.cancelled():
            self._queue.append(due.timer)
            if not self._awake:
                self._awake = True
                self._step(due)

    def _step(self, _: object) -> None:
        """Run what is ready, and what that makes ready, until all of it waits."""
        queue, steps = self._queue, 0
        before = self._take_over()
        try:
            while queue and self.halted is None:
                handle = queue.popleft()
                if not handle._cancelled:
                    handle._run()
                steps += 1
                if steps > _PATIENCE:
                    raise TimeStandsStillError(self._run_clock.now, steps)
        finally:
            _give_back(*before)
            self._awake = False
        if self.halted is not None:
            raise self.halted

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """Look after asynchronous generators that are left, and end all tasks at the end."""
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(
            firstiter=self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            finalizer=self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )
        try:
            yield
        finally:
            self._wind_up()
            sys.set_asyncgen_hooks(*hooks)

    def _wind_up(self) -> None:
        """Cancel every task; what they still do is no part of the run."""
        self._unheard = lambda *_: None
        self._awake = True
        self.halted = None
        for task in asyncio.all_tasks(self):
            task.cancel()
        with self.running():
            for _ in range(_PATIENCE):
                if not self._queue:
                    break
                handle = self._queue.popleft()
                if not handle._cancelled:
                    handle._run()
        self._queue.clear()
        self.close()


def _refusing(name: str, remedy: str) -> Callable[..., Any]:
    def refused(self: VirtualLoop, *_: Any, **__: Any) -> Any:
        error = ClientError(f"the client's code uses asyncio's {name}", remedy)
        self.halt(error)
        raise error

    return refused


NETWORK = (
    "in virtual time there is no network: give httpx `transport=simcb.client.transport()`, or "
    "await `simcb.client.call`"
)
THREADS = "in virtual time there are no threads or processes: await a coroutine instead"

for _name, _remedy in {
    **dict.fromkeys(
        (
            *("create_connection", "create_datagram_endpoint", "create_server", "sendfile"),
            *("create_unix_connection", "create_unix_server", "connect_accepted_socket"),
            *("getaddrinfo", "getnameinfo", "sock_recv", "sock_recv_into", "sock_sendall"),
            *("sock_connect", "sock_accept", "sock_sendfile", "start_tls", "add_reader"),
            *("add_writer", "connect_read_pipe", "connect_write_pipe"),
        ),
        NETWORK,
    ),
    **dict.fromkeys(
        ("run_in_executor", "subprocess_exec", "subprocess_shell", "add_signal_handler"), THREADS
    ),
}.items():
    setattr(VirtualLoop, _name, _refusing(_name, _remedy))
