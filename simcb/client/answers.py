"""What a call to a simulated service comes to, and how client code asks for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from simcb.errors import FieldsError
from simcb.outcomes import AttemptOutcome

if TYPE_CHECKING:
    from asyncio import Task


class ClientError(FieldsError):
    """Client code cannot be run, or does what virtual time has no room for.

    Args:
        what: the place and what it does.
        remedy: what to do instead.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


class Request(NamedTuple):
    """The request that is being served, for functions that take one argument.

    Args:
        group: the client group.
        number: which of the group's requests it is, from 0.
        user: whose it is; in an open group every request is another user's.
        at: when the user asked, seconds of the run.
    """

    group: str
    number: int
    user: int
    at: float


class Answer(NamedTuple):
    """A service's good answer.

    Args:
        service: who answered.
        degraded: whether the service had to fall back on something itself.
    """

    service: str
    degraded: bool


class CallFailedError(FieldsError):
    """A service answered with an error.

    Args:
        service: whose answer it was.
        status: 500 if the service failed, 503 if a service that it depends on did.
    """

    service: str
    status: int = 500

    def __str__(self) -> str:
        return f"{self.service} answered with an error, {self.status}"


class CallThrottledError(FieldsError):
    """A service takes no more requests for now: status 429.

    Args:
        service: whose answer it was.
        retry_after: seconds it asks to be left alone; 0 if it says nothing.
    """

    service: str
    retry_after: float = 0.0

    def __str__(self) -> str:
        wait = f", asks to wait {self.retry_after:g} s" if self.retry_after else ""
        return f"{self.service} takes no more requests for now{wait}"


class CallRefusedError(FieldsError, ConnectionError):
    """A service refused the connection.

    Args:
        service: who refused.
    """

    service: str

    def __str__(self) -> str:
        return f"{self.service} refused the connection"


class CallTimeoutError(FieldsError, TimeoutError):
    """A service did not answer in time.

    Args:
        service: who did not answer.
        timeout: seconds that were waited.
    """

    service: str
    timeout: float | None

    def __str__(self) -> str:
        return f"{self.service} did not answer within {self.timeout:g} s"


class Heard(NamedTuple):
    """How one attempt came out, before it becomes an answer, an exception or a response.

    Args:
        outcome: as the trace has it.
        status: of an answer, as HTTP has it; 0 without one.
        retry_after: of a throttled one, seconds; 0 if it was told nothing.
        lost: whether the network lost it, so that no connection was made.
        degraded: whether the service had to fall back on something.
    """

    outcome: AttemptOutcome
    status: int
    retry_after: float
    lost: bool
    degraded: bool


Send = Callable[[str, dict[str, str]], Awaitable[Any]]
"""(address, headers to add) -> the response of HTTP; raises TimeoutError or ConnectionError,
or RuntimeError where the request itself cannot be made."""


class Caller(Protocol):
    """The request under way, as far as client code may use it."""

    degraded: bool

    @property
    def wires(self) -> dict[object, Any] | None:
        """What transports have opened, each by its transport; None where there are no sockets."""

    async def attempt(
        self,
        service: str,
        timeout: float | None,
        connect: float | None = None,
        send: Send | None = None,
    ) -> Heard:
        """Send one attempt and wait for what comes of it.

        Args:
            service: who is asked.
            timeout: seconds to wait for the answer; None for ever.
            connect: seconds to wait if the network loses it; None for as long as `timeout`.
            send: sends it over a socket, with these timeouts; None if that is no matter.
        """

    def shed(self, service: str) -> None:
        """Write down an attempt that found no free connection, and was not sent."""

    def started(self, task: Task[Any]) -> None:
        """Take note of a task that the code has started."""


CALLER: ContextVar[Caller] = ContextVar("simcb.client")
"""The request whose code is running; tasks that it starts inherit it."""


def caller() -> Caller:
    """Return the request whose code is running.

    Raises:
        ClientError: none is.
    """
    found = CALLER.get(None)
    if found is None:
        raise ClientError(
            "simcb.client is used where no simulated request is under way",
            "give the function to `simcb run --client GROUP=module:function`",
        )
    return found


async def call(service: str, *, timeout: float | None = None) -> Answer:
    """Ask a service once and return its answer.

    Args:
        service: one that the client group calls in the scenario.
        timeout: seconds to wait for the answer; None for ever.

    Raises:
        CallFailedError: it answered with an error.
        CallThrottledError: it takes no more requests for now.
        CallRefusedError: it refused the connection.
        CallTimeoutError: it did not answer in time.
        ClientError: the scenario's group does not call such a service.
    """
    heard = await caller().attempt(service, timeout)
    match heard.outcome:
        case AttemptOutcome.OK:
            return Answer(service, heard.degraded)
        case AttemptOutcome.THROTTLED:
            raise CallThrottledError(service, heard.retry_after)
        case AttemptOutcome.REFUSED:
            raise CallRefusedError(service)
        case AttemptOutcome.TIMEOUT:
            raise CallTimeoutError(service, timeout)
        case _:
            raise CallFailedError(service, heard.status)


def degraded() -> None:
    """Say that this request is answered, but with less than was asked for: by a fallback."""
    caller().degraded = True
