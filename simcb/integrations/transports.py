"""A breaker around an HTTP client's transport, whichever client it is.

httpx and httpx2 have the same transports and the same errors, so what a guarded transport does
is written once, here, and the modules named after the libraries only add their classes.

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

import functools
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from simcb.breaker import BreakerRegistry, CircuitOpenError, ParameterError, Permit
from simcb.breaker.bounds import MOST_SECONDS

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
TransportT = TypeVar("TransportT")
Judged = TypeVar("Judged")


def host_of(request: Asked) -> str:
    """Returns the host a request goes to, with the port where it is not the scheme's own."""
    return request.url.netloc.decode("ascii")


def is_server_error(response: Answered) -> bool:
    """Whether the service says that it failed: any status from 500 up, and no 4xx."""
    return response.status_code >= SERVER_ERROR


def is_too_many_requests(response: Answered) -> bool:
    """Whether the service is up but takes no more requests from us for now: a 429."""
    return response.status_code == TOO_MANY_REQUESTS


def retry_after_of(response: Answered) -> float | None:
    """Returns the seconds of a response's Retry-After, in either of its forms; None without one.

    One that makes no sense is none (RFC 9110, section 10.2.3).
    """
    written = response.headers.get("retry-after")
    if written is None:
        return None
    if written.strip().isdecimal():
        seconds = float(written)
        return seconds if seconds <= MOST_SECONDS else None
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(MOST_SECONDS, max(0.0, moment - time.time()))


def is_endless(response: Answered) -> bool:
    """Whether a body goes on until somebody hangs up: server-sent events, or a WebSocket."""
    events = response.headers.get("content-type", "").lower().startswith(EVENTS)
    return events or response.status_code == SWITCHING_PROTOCOLS


def _says(predicate: Callable[[Judged], bool], value: Judged) -> bool:
    """Asks the user's predicate; one that raises is logged and taken for a yes.

    Were the exception let through, a response whose connection is open would be lost.
    """
    try:
        return bool(predicate(value))
    except Exception:
        _log.exception("predicate %r raised, which is taken for a yes", predicate)
        return True


class Guard(Generic[RequestT, ResponseT, TransportT]):
    """A transport that asks a breaker before every request.

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

    library: Any
    """httpx or httpx2."""
    rejection: type[CircuitOpenError]
    """Raised for a request that the breaker does not let through."""
    sends: str
    """The method by which a transport of this kind sends a request."""

    def __init__(
        self,
        transport: TransportT | None = None,
        *,
        breakers: BreakerRegistry | None = None,
        key: Callable[[RequestT], str] = host_of,
        failed_response: Callable[[ResponseT], bool] = is_server_error,
        ignored_response: Callable[[ResponseT], bool] = is_too_many_requests,
        endless: Callable[[ResponseT], bool] = is_endless,
        failed_error: Callable[[Exception], bool] | None = None,
    ) -> None:
        self._transport: Any = self.plain() if transport is None else transport
        if not callable(getattr(self._transport, self.sends, None)):
            allowed = f"a transport with {self.sends}(request)"
            raise ParameterError("transport", transport, allowed)
        self._breakers = BreakerRegistry() if breakers is None else breakers
        if not isinstance(self._breakers, BreakerRegistry):
            raise ParameterError("breakers", breakers, "a BreakerRegistry")
        predicates = {
            "key": key,
            "failed_response": failed_response,
            "ignored_response": ignored_response,
            "endless": endless,
            "failed_error": self._is_failure if failed_error is None else failed_error,
        }
        for parameter, given in predicates.items():
            if not callable(given):
                raise ParameterError(parameter, given, "a function of one argument")
            setattr(self, f"_{parameter}", given)

    def plain(self) -> Any:
        """Returns the transport that is wrapped when none is given: the library's own."""
        raise NotImplementedError

    _key: Callable[[RequestT], str]
    _failed_response: Callable[[ResponseT], bool]
    _ignored_response: Callable[[ResponseT], bool]
    _endless: Callable[[ResponseT], bool]
    _failed_error: Callable[[Exception], bool]

    def _is_failure(self, error: Exception) -> bool:
        """Whether this is a transport error that the caller did not bring about."""
        ours = self.library.LocalProtocolError, self.library.UnsupportedProtocol, CircuitOpenError
        return isinstance(error, self.library.TransportError) and not isinstance(error, ours)

    def _admit(self, request: RequestT) -> Permit:
        """Returns the permit for one request.

        Raises:
            CircuitOpenError: the client's own variety of it, when the breaker is open.
            ParameterError: when what the registry has built is not the breaker asked for.
        """
        breaker = self._breakers.get(self._key(request))
        try:
            return breaker.acquire()
        except CircuitOpenError as rejected:
            raise self.rejection(*rejected.args) from None

    def _answered(self, permit: Permit, response: ResponseT) -> bool:
        """Settles a request if its response's headers say enough, and returns whether they do."""
        if _says(self._failed_response, response):
            permit.failure(retry_after=retry_after_of(response))
        elif _says(self._ignored_response, response):
            permit.ignore()
        elif response.is_closed or _says(self._endless, response):
            permit.success()
        return permit.settled

    def _raised(self, permit: Permit, error: BaseException) -> None:
        """Settles a request that ended in an exception; a cancelled one says nothing."""
        if isinstance(error, Exception) and _says(self._failed_error, error):
            permit.failure(error)
        else:
            permit.ignore()


class Guarded(Guard[RequestT, ResponseT, TransportT]):
    """A synchronous one; parameters as in `Guard`."""

    sends = "handle_request"

    def plain(self) -> Any:
        """Returns the library's own transport with its default settings."""
        return self.library.HTTPTransport()

    def handle_request(self, request: RequestT) -> ResponseT:
        """Sends the request, unless the breaker of its host is open."""
        permit = self._admit(request)
        try:
            response: ResponseT = self._transport.handle_request(request)
            if not self._answered(permit, response):
                body = _of(Body, self.library.SyncByteStream)
                response.stream = body(response.stream, permit, self._raised)
            return response
        except BaseException as error:
            self._raised(permit, error)
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


class AsyncGuarded(Guard[RequestT, ResponseT, TransportT]):
    """An asynchronous one; parameters as in `Guard`.

    A synchronous and an asynchronous client may share their breakers.
    """

    sends = "handle_async_request"

    def plain(self) -> Any:
        """Returns the library's own transport with its default settings."""
        return self.library.AsyncHTTPTransport()

    async def handle_async_request(self, request: RequestT) -> ResponseT:
        """Sends the request, unless the breaker of its host is open."""
        permit = self._admit(request)
        try:
            response: ResponseT = await self._transport.handle_async_request(request)
            if not self._answered(permit, response):
                body = _of(AsyncBody, self.library.AsyncByteStream)
                response.stream = body(response.stream, permit, self._raised)
            return response
        except BaseException as error:
            self._raised(permit, error)
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


class Pending:
    """A body that has still to be read, and the permit of its request.

    Args:
        stream: the library's own body.
        permit: settled when it is known how the request ended.
        raised: settles the permit by an exception.
    """

    def __init__(
        self, stream: Any, permit: Permit, raised: Callable[[Permit, BaseException], None]
    ) -> None:
        self._stream = stream
        self._permit = permit
        self._raised = raised

    def __del__(self) -> None:
        self._permit.success()


class Body(Pending):
    """The body of a synchronous response, which settles its request when it ends."""

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except GeneratorExit:  # the caller has read enough, which `close` will say
            raise
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()

    def close(self) -> None:
        """Closes the library's body; what was read until now was well."""
        try:
            self._stream.close()
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()


class AsyncBody(Pending):
    """The body of an asynchronous response, which settles its request when it ends."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._stream)
        try:
            async for part in parts:
                yield part
        except GeneratorExit:  # the caller has read enough, which `aclose` will say
            if isinstance(parts, AsyncGenerator):  # `async for` does not, as `yield from` does
                await parts.aclose()
            raise
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()

    async def aclose(self) -> None:
        """Closes the library's body; what was read until now was well."""
        try:
            await self._stream.aclose()
        except BaseException as error:
            self._raised(self._permit, error)
            raise
        self._permit.success()


@functools.cache
def _of(body: type[Pending], stream: type) -> type[Pending]:
    """Returns our kind of body as one of the library's, which it insists on."""
    return type(f"Guarded{stream.__name__}", (body, stream), {})
