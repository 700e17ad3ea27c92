"""A breaker around an HTTP client's transport, whichever client it is.

httpx and httpx2 have the same two transport methods, so what a guarded transport does is
written once, here, and the modules named after the libraries only add their classes. It
imports neither of them and knows nothing of sockets or of what is in a request or a body.

A response that speaks against the service is a failure when its headers arrive, and one that
says nothing about it is settled then as well. Any other response has still to be sent whole,
and a service that hangs or hangs up in the middle of its answers has failed: so the permit goes
along with the body, which is passed on untouched, and the verdict falls when the body has been
read, or is closed before, or breaks off. A response that nobody closes is a success when it is
collected, as one closed early is.

A probe's body therefore has to arrive within the probe's lease. What goes on until somebody
hangs up, a stream of events or a connection for another protocol, is judged by its headers.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from simcb.breaker import (
    BreakerRegistry,
    CircuitOpenError,
    ParameterError,
    Permit,
)
from simcb.integrations.bodies import AsyncBody, Body

SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
SWITCHING_PROTOCOLS = 101
EVENTS = "text/event-stream"

_log = logging.getLogger("simcb.integrations")


class Url(Protocol):
    """The part of a URL that says who is asked."""

    @property
    def netloc(self) -> bytes:
        """The host, with the port where it is not the scheme's own."""
        ...


class Asked(Protocol):
    """A request, as far as choosing a breaker needs it."""

    @property
    def url(self) -> Url:
        """Where it goes."""
        ...


class Answered(Protocol):
    """A response, as far as judging it needs it."""

    stream: Any
    """The body, of a class that each library has for itself."""

    is_closed: bool
    """Whether there is nothing more to read."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, whose names may be asked for in small letters."""
        ...


RequestT = TypeVar("RequestT", bound=Asked)
ResponseT = TypeVar("ResponseT", bound=Answered)
RequestT_contra = TypeVar("RequestT_contra", contravariant=True)
ResponseT_co = TypeVar("ResponseT_co", covariant=True)


class Transport(Protocol[RequestT_contra, ResponseT_co]):
    """What is wrapped: a transport of a synchronous client."""

    def handle_request(self, request: RequestT_contra, /) -> ResponseT_co:
        """Sends one request and returns when the headers are there."""
        ...

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> object: ...

    def close(self) -> None:
        """Closes the connections."""
        ...


class AsyncTransport(Protocol[RequestT_contra, ResponseT_co]):
    """What is wrapped: a transport of an asynchronous client."""

    async def handle_async_request(self, request: RequestT_contra, /) -> ResponseT_co:
        """Sends one request and returns when the headers are there."""
        ...

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
        /,
    ) -> object: ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...


def host_of(request: Asked) -> str:
    """Returns the host a request goes to, with the port where it is not the scheme's own."""
    return request.url.netloc.decode("ascii")


def is_server_error(response: Answered) -> bool:
    """Whether the service says that it failed: any status from 500 up, and no 4xx."""
    return response.status_code >= SERVER_ERROR


def is_too_many_requests(response: Answered) -> bool:
    """Whether the service is up but takes no more requests from us for now: a 429."""
    return response.status_code == TOO_MANY_REQUESTS


def is_endless(response: Answered) -> bool:
    """Whether a body goes on until somebody hangs up: server-sent events, or a WebSocket."""
    events = response.headers.get("content-type", "").lower().startswith(EVENTS)
    return events or response.status_code == SWITCHING_PROTOCOLS


@dataclass(frozen=True, slots=True)
class Gate(Generic[RequestT, ResponseT]):
    """Asks the breaker of a request's host, and tells it how the request ended.

    Args:
        breakers: gives the breaker of a name.
        key: the name of the breaker a request belongs to.
        failed_response: whether a response speaks against the service.
        ignored_response: whether one that does not says nothing about it at all; any other
            response is a success if its body arrives.
        endless: whether a response is a success without its body.
        failed_error: whether an exception speaks against the service; any other exception
            says nothing about it, so it is neither a failure nor a success.
        rejection: the error to raise when the breaker lets nothing through.

    Raises:
        ParameterError: when something is of another kind.
    """

    breakers: BreakerRegistry
    key: Callable[[RequestT], str]
    failed_response: Callable[[ResponseT], bool]
    ignored_response: Callable[[ResponseT], bool]
    endless: Callable[[ResponseT], bool]
    failed_error: Callable[[Exception], bool]
    rejection: type[CircuitOpenError]

    def __post_init__(self) -> None:
        if not isinstance(self.breakers, BreakerRegistry):
            raise ParameterError("breakers", self.breakers, "a BreakerRegistry")
        functions = ("key", "failed_response", "ignored_response", "endless", "failed_error")
        for parameter in functions:
            given = getattr(self, parameter)
            if not callable(given):
                raise ParameterError(parameter, given, "a function of one argument")

    def admit(self, request: RequestT) -> Permit:
        """Returns the permit for one request.

        Raises:
            CircuitOpenError: the client's own variety of it, when the breaker is open.
            ParameterError: when what the registry has built is not the breaker asked for.
        """
        breaker = self.breakers.get(self.key(request))
        try:
            return breaker.acquire()
        except CircuitOpenError as rejected:
            raise self.rejection(*rejected.args) from None

    def answered(self, permit: Permit, response: ResponseT) -> bool:
        """Settles a request by its response's headers; returns False if the body is to decide."""
        if _says(self.failed_response, response):
            permit.failure()
        elif _says(self.ignored_response, response):
            permit.ignore()
        elif response.is_closed or _says(self.endless, response):
            permit.success()
        return permit.settled

    def raised(self, permit: Permit, error: BaseException) -> None:
        """Settles a request that ended in an exception; a cancelled one says nothing."""
        if isinstance(error, Exception) and _says(self.failed_error, error):
            permit.failure(error)
        else:
            permit.ignore()


Judged = TypeVar("Judged")


def _says(predicate: Callable[[Judged], bool], value: Judged) -> bool:
    """Asks the user's predicate; one that raises is logged and taken for a yes.

    Were the exception let through, a response whose connection is open would be lost.
    """
    try:
        return bool(predicate(value))
    except Exception:
        _log.exception("predicate %r raised, which is taken for a yes", predicate)
        return True


def _check_sends(transport: object, method: str) -> None:
    """Refuses what is no transport, or one of the other kind of client."""
    if not callable(getattr(transport, method, None)):
        raise ParameterError("transport", transport, f"a transport with {method}(request)")


class Dialect(ABC):
    """What differs between the clients: their errors."""

    rejection: ClassVar[type[CircuitOpenError]]
    """Raised for a request that the breaker does not let through."""

    @staticmethod
    @abstractmethod
    def is_failure(error: Exception) -> bool:
        """Whether an exception speaks against the host that was asked."""


class Guarded(Dialect, Generic[RequestT, ResponseT]):
    """A synchronous transport that asks a breaker before every request.

    Args:
        transport: sends the requests; the client's own plain transport by default.
        breakers: gives the breaker of a name; a registry of its own by default. Hand the
            same one to several clients, and they share what they have learnt.
        key: the name of the breaker a request belongs to; the host by default, with the
            port where it is not the scheme's own. Every name keeps a breaker, so where hosts
            come from strangers (webhooks, say), give a key with a bounded number of names.
        failed_response: whether a response counts as a failure; from 500 up by default.
        ignored_response: whether a response that is none counts as neither failure nor
            success; a 429 by default. `lambda response: False` makes a 429 a success.
        endless: whether a response counts as a success as soon as its headers are there, and
            not when its body is; events and WebSockets by default. Say so of downloads that
            may take longer than a probe's lease, or that callers read slowly.
        failed_error: whether an exception counts as a failure; a transport error by default.
            What is not one is not counted at all.

    Raises:
        ParameterError: when an argument is of another kind.
    """

    def __init__(
        self,
        transport: Transport[RequestT, ResponseT] | None = None,
        *,
        breakers: BreakerRegistry | None = None,
        key: Callable[[RequestT], str] = host_of,
        failed_response: Callable[[ResponseT], bool] = is_server_error,
        ignored_response: Callable[[ResponseT], bool] = is_too_many_requests,
        endless: Callable[[ResponseT], bool] = is_endless,
        failed_error: Callable[[Exception], bool] | None = None,
    ) -> None:
        self._transport = self.plain() if transport is None else transport
        _check_sends(self._transport, "handle_request")
        self._gate: Gate[RequestT, ResponseT] = Gate(
            breakers=BreakerRegistry() if breakers is None else breakers,
            key=key,
            failed_response=failed_response,
            ignored_response=ignored_response,
            endless=endless,
            failed_error=self.is_failure if failed_error is None else failed_error,
            rejection=self.rejection,
        )

    @staticmethod
    @abstractmethod
    def plain() -> Transport[RequestT, ResponseT]:
        """Returns the transport that is wrapped when none is given."""

    body: ClassVar[type[Body]]
    """The library's kind of body, which it insists on."""

    def handle_request(self, request: RequestT) -> ResponseT:
        """Sends the request, unless the breaker of its host is open."""
        permit = self._gate.admit(request)
        try:
            response = self._transport.handle_request(request)
            if not self._gate.answered(permit, response):
                response.stream = self.body(response.stream, permit, self._gate.raised)
            return response
        except BaseException as error:
            self._gate.raised(permit, error)
            raise

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(kind, error, traceback)

    def close(self) -> None:
        """Closes the wrapped transport."""
        self._transport.close()


class AsyncGuarded(Dialect, Generic[RequestT, ResponseT]):
    """An asynchronous transport that asks a breaker before every request.

    The parameters are those of `Guarded`, around an asynchronous transport. A synchronous
    and an asynchronous client may share their breakers.
    """

    def __init__(
        self,
        transport: AsyncTransport[RequestT, ResponseT] | None = None,
        *,
        breakers: BreakerRegistry | None = None,
        key: Callable[[RequestT], str] = host_of,
        failed_response: Callable[[ResponseT], bool] = is_server_error,
        ignored_response: Callable[[ResponseT], bool] = is_too_many_requests,
        endless: Callable[[ResponseT], bool] = is_endless,
        failed_error: Callable[[Exception], bool] | None = None,
    ) -> None:
        self._transport = self.plain() if transport is None else transport
        _check_sends(self._transport, "handle_async_request")
        self._gate: Gate[RequestT, ResponseT] = Gate(
            breakers=BreakerRegistry() if breakers is None else breakers,
            key=key,
            failed_response=failed_response,
            ignored_response=ignored_response,
            endless=endless,
            failed_error=self.is_failure if failed_error is None else failed_error,
            rejection=self.rejection,
        )

    @staticmethod
    @abstractmethod
    def plain() -> AsyncTransport[RequestT, ResponseT]:
        """Returns the transport that is wrapped when none is given."""

    body: ClassVar[type[AsyncBody]]
    """The library's kind of body, which it insists on."""

    async def handle_async_request(self, request: RequestT) -> ResponseT:
        """Sends the request, unless the breaker of its host is open."""
        permit = self._gate.admit(request)
        try:
            response = await self._transport.handle_async_request(request)
            if not self._gate.answered(permit, response):
                response.stream = self.body(response.stream, permit, self._gate.raised)
            return response
        except BaseException as error:
            self._gate.raised(permit, error)
            raise

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(kind, error, traceback)

    async def aclose(self) -> None:
        """Closes the wrapped transport."""
        await self._transport.aclose()
