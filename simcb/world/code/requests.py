"""Requests whose calls a coroutine function makes, and the calls that it makes."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple

from simcb.breaker import CircuitOpenError
from simcb.client.answers import CALLER, ClientError, Heard, Request, Send
from simcb.outcomes import AttemptOutcome
from simcb.trace import Flag
from simcb.world.clock import Clock, Order
from simcb.world.code.hosts import Host
from simcb.world.code.notes import Notes, first_line, named
from simcb.world.recorder import Recorder
from simcb.world.sites import CallSite
from simcb.world.streams import CallStreams
from simcb.world.tasks import (
    ABANDONED,
    ERROR,
    OK,
    REJECTED,
    SHED,
    THROTTLED,
    Attempt,
    UserAttempt,
    time_out,
)
from simcb.world.tasks import Request as Wanted

_OUTCOMES = tuple(AttemptOutcome)
_LOST = int(Flag.LOST)
_UNSENT = -1
"""Instead of an outcome: there is none yet."""

Function = Callable[..., Coroutine[Any, Any, object]]


class Work(NamedTuple):
    """What a group's requests run.

    Args:
        function: the coroutine function.
        takes_request: whether it takes the `Request` as its argument.
        file: where it is written, for the places of exceptions.
    """

    function: Function
    takes_request: bool
    file: str


class CodeGroup:
    """What all requests of one group share.

    Args:
        name: the group.
        calls: the place of each service among the group's calls.
        users: how many users a closed group has; None where each request is another user's.
        host: what runs it.
        clock: the run's clock.
        recorder: where attempts are written down.

    Attributes:
        work: what each request runs, once that is loaded.
        over: the run is over, and nothing is written down any more.
    """

    work: Work

    def __init__(
        self,
        name: str,
        calls: Mapping[str, int],
        users: int | None,
        host: Host,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        self.name = name
        self.calls = calls
        self.users = users
        self.host = host
        self.clock = clock
        self.recorder = recorder
        self.over = False
        self.notes = Notes(name)
        self._context = copy_context()

    def attempt(self, request: Wanted, streams: Sequence[CallStreams]) -> CodeAttempt:
        """Return the code's side of one time that a user asks."""
        return CodeAttempt(request, streams, self)

    def start(self, attempt: CodeAttempt) -> asyncio.Task[None]:
        """Start the code of a request."""
        context = self._context.copy()
        context.run(CALLER.set, attempt)
        return self.host.start(attempt.run(), context)

    def expire(self, attempt: Attempt, after: float) -> None:
        """Let an attempt time out that was sent now, after so many seconds."""
        self.clock.timers(after, Order.EXPIRE, time_out).add(attempt)


class CodeCall(UserAttempt):
    """One attempt that the code makes.

    Attributes:
        send: sends it over a socket; None where the world does, or does so already.
    """

    __slots__ = ("future", "outcome", "send")

    def __init__(
        self, request: Wanted, streams: Sequence[CallStreams], send: Send | None = None
    ) -> None:
        self.prepare(request, streams)
        self.send = send
        self.told = 0.0
        self.outcome = _UNSENT
        self.future: asyncio.Future[None] | None = None

    def proceed(self) -> None:
        """Hear that it was answered."""
        self._hear(OK)

    def break_off(self, outcome: int) -> None:
        """Hear that it failed."""
        self._hear(outcome)

    def _hear(self, outcome: int) -> None:
        self.outcome = outcome
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class CodeAttempt(UserAttempt):
    """One time a user asked, answered by a coroutine.

    Attributes:
        group: what it shares with the others of its group.
        made: how many attempts it has made of each call.
        last: code of the last attempt's outcome.
        task: what runs the code, while it does.
        tasks: what the code has started besides.
    """

    __slots__ = ("group", "last", "made", "task", "tasks")

    def __init__(self, request: Wanted, streams: Sequence[CallStreams], group: CodeGroup) -> None:
        self.prepare(request, streams)
        self.group = group
        self.made = [0] * len(streams)
        self.last = OK
        self.task: asyncio.Task[None] | None = None
        self.tasks: list[asyncio.Task[Any]] = []

    def proceed(self) -> None:
        """Start the code."""
        self.task = self.group.start(self)

    def stop(self) -> None:
        """Cancel the code: nobody wants the answer any more."""
        self.over = True
        if self.task is not None:
            self.task.cancel()

    # The code's own run.

    async def run(self) -> None:
        """Run the code and let the request end as the code does."""
        group = self.group
        work = group.work
        try:
            if work.takes_request:
                number, users = self.number, group.users
                user = number if users is None else number % users
                request = Request(group.name, number, user, self.request.start)
                result = await work.function(request)
            else:
                result = await work.function()
        except CancelledError:
            if group.over:
                raise
            left = "was cancelled, no longer wanted" if self.over else "cancelled itself"
            self._tell(left)
            self._end(ERROR)
        except SystemExit:
            why = f"the code of {group.name} ends the process, in request {self.number}"
            group.host.halt(ClientError(why, "let it raise an exception of its own"))
        except Exception as error:
            if group.over or isinstance(error, ClientError):
                raise
            self._tell(f"ended with {named(error, work.file.__eq__)}", first_line(error))
            self._end(self._cause(error))
        else:
            status = getattr(result, "status_code", 0)
            if isinstance(status, int) and status >= 400:
                self._tell(f"returned a response of status {status}")
                self._end(self.last if self.last != OK else ERROR)
            else:
                self._end(OK)

    def _cause(self, error: BaseException | None) -> int:
        """Return the outcome that made the request fail."""
        while error is not None:
            if isinstance(error, CircuitOpenError):
                return REJECTED
            error = error.__cause__ or error.__context__
        return self.last if self.last != OK else ERROR

    def _end(self, outcome: int) -> None:
        """End the request, unless its user has gone or has been answered otherwise."""
        self.task = None
        for task in self.tasks:
            if not task.done():
                name = getattr(task.get_coro(), "__qualname__", task.get_name())
                self._tell(f"left a task running, {name}")
            elif task._log_traceback:
                self.unheard(task.exception())
        self.tasks.clear()
        with self.group.host.outside:
            if self.over:
                if outcome == OK:
                    self._tell("went on although its user had gone")
            elif outcome == OK:
                self.deliver()
            else:
                self.break_off(outcome)

    def unheard(self, error: BaseException | None) -> None:
        """Tell of an exception that nobody looked at."""
        if error is not None:
            kind = named(error, self.group.work.file.__eq__)
            self._tell(f"had a task whose end nobody looked at, {kind}", first_line(error))

    def _tell(self, what: str, words: str = "") -> None:
        self.group.notes.tell(what, self.number, self.group.host.time(), words)

    # What the code asks for.

    def _slot(self, service: str) -> int:
        slot = self.group.calls.get(service)
        if slot is None:
            name, known = self.group.name, ", ".join(self.group.calls) or "nothing"
            error = ClientError(
                f"{name}'s code asks {service!r}, which is no service that {name} calls",
                f"name it among the `calls` of {name} in the scenario; there are: {known}",
            )
            self.group.host.halt(error)
            raise error
        if self.group.over:
            raise CancelledError
        return slot

    async def attempt(
        self,
        service: str,
        timeout: float | None,
        connect: float | None = None,
        send: Send | None = None,
    ) -> Heard:
        """Send one attempt and wait for what comes of it; see `Caller`."""
        slot = self._slot(service)
        call = CodeCall(self.request, self.streams, send)
        retry = self.made[slot]
        self.made[slot] = retry + 1
        outside = self.group.host.outside
        try:
            with outside:
                outcome = self._site(slot).try_once(call, retry, 0.0)
        except Exception as error:
            self.group.host.halt(error)
            raise
        sent = call.current
        if outcome is None and sent is not None:
            lost = bool(sent.flags & _LOST)
            waits = timeout if connect is None or not lost else connect
            # What is on a socket already has a timeout there.
            if waits is not None and (send is None or call.send is not None):
                self.group.expire(sent, waits)
            call.future = self.group.host.create_future()
            try:
                await call.future
            except BaseException:
                if call.outcome == _UNSENT and not self.group.over:
                    with outside:
                        if call.outcome == _UNSENT:
                            self.last = ABANDONED
                            call.stop()
                raise
            outcome = call.outcome
            lost = bool(sent.flags & _LOST)
            failed = not sent.fails
        else:
            lost = failed = False
        assert outcome is not None
        self.last = outcome
        self.degraded = self.degraded or call.degraded
        status = 503 if failed else 500
        if outcome == OK:
            status = 200
        elif outcome == THROTTLED:
            status = 429
        return Heard(_OUTCOMES[outcome], status, call.told, lost, call.degraded)

    def rejected(self, site: int, breaker: int) -> None:
        """Write down an attempt that one of the code's own breakers rejected.

        Args:
            site: the place of the call that the breaker guards, among the group's calls.
            breaker: its index in the run.
        """
        retry = self.made[site]
        self.made[site] = retry + 1
        self.last = REJECTED
        node = self.streams[site].attempt(retry)
        with self.group.host.outside:
            self._site(site).reject(self, node, retry, breaker)

    @property
    def wires(self) -> dict[object, Any] | None:
        """What transports have opened on sockets; None where there are none."""
        return self.group.host.wires

    def started(self, task: asyncio.Task[Any]) -> None:
        """Take note of a task that the code has started."""
        self.tasks.append(task)

    def _site(self, slot: int) -> CallSite:
        site = self.sites[slot]
        assert isinstance(site, CallSite)
        return site

    def shed(self, service: str) -> None:
        """Write down an attempt that was not sent for want of a connection."""
        slot = self._slot(service)
        group, retry = self.group, self.made[slot]
        self.made[slot] = retry + 1
        self.last = SHED
        call = self.sites[slot].index
        with group.host.outside:
            now = group.clock.now
            group.recorder.unsent_attempt(now, self.request_row, -1, call, retry, -1, SHED, 0)
