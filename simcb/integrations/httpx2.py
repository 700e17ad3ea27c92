"""Transports that put a breaker between an httpx2 client and each host it talks to.

    client = httpx2.Client(transport=BreakerTransport())
    client = httpx2.AsyncClient(transport=AsyncBreakerTransport())

httpx2 continues httpx under another name, with the same transports and the same errors, so
everything said in `simcb.integrations.httpx` holds here, and the code is the same code. The
two libraries' errors are strangers to each other: an `except httpx.TransportError` does not
catch what a client of httpx2 raises, and so neither does it catch this module's
`CircuitOpenTransportError`. `except CircuitOpenError` catches both.
"""

from __future__ import annotations

from simcb.breaker import CircuitOpenError, Reason
from simcb.errors import MissingExtraError
from simcb.integrations.bodies import AsyncBody, Body
from simcb.integrations.transports import AsyncGuarded, Dialect, Guarded

try:
    import httpx2
except ImportError as error:
    raise MissingExtraError("httpx2", "httpx2") from error

__all__ = ["AsyncBreakerTransport", "BreakerTransport", "CircuitOpenTransportError"]


class CircuitOpenTransportError(CircuitOpenError, httpx2.TransportError):
    """A request is not sent, because the breaker of its host is open.

    Args:
        name: the breaker's name, by default the host.
        retry_after: seconds, at least 0, until it is worth asking again.
        forced: somebody has opened the breaker by hand.
        reason: why the breaker opened, if that is known.
        last_error: what the call that opened it raised, without its traceback, or None.
    """

    def __init__(
        self,
        name: str,
        retry_after: float,
        forced: bool = False,
        reason: Reason | None = None,
        last_error: BaseException | None = None,
    ) -> None:
        # The library's errors take one message and remember their request; ours keep fields.
        httpx2.TransportError.__init__(self, "")
        self.args = (name, retry_after, forced, reason, last_error)


class _Httpx2(Dialect):
    """What httpx2 raises, and what of it speaks against the host."""

    rejection = CircuitOpenTransportError

    @staticmethod
    def is_failure(error: Exception) -> bool:
        """Whether this is a transport error that the caller did not bring about."""
        callers_fault = (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol, CircuitOpenError)
        return isinstance(error, httpx2.TransportError) and not isinstance(error, callers_fault)


class _Body(Body, httpx2.SyncByteStream):
    """A body as a synchronous client wants it."""


class _AsyncBody(AsyncBody, httpx2.AsyncByteStream):
    """A body as an asynchronous client wants it."""


class BreakerTransport(_Httpx2, Guarded[httpx2.Request, httpx2.Response], httpx2.BaseTransport):
    """A transport for `httpx2.Client`, one breaker per host; parameters as in `Guarded`."""

    body = _Body

    @staticmethod
    def plain() -> httpx2.BaseTransport:
        """Returns httpx2's own transport with its default settings."""
        return httpx2.HTTPTransport()


class AsyncBreakerTransport(
    _Httpx2, AsyncGuarded[httpx2.Request, httpx2.Response], httpx2.AsyncBaseTransport
):
    """A transport for `httpx2.AsyncClient`, one breaker per host; parameters as in `Guarded`."""

    body = _AsyncBody

    @staticmethod
    def plain() -> httpx2.AsyncBaseTransport:
        """Returns httpx2's own asynchronous transport with its default settings."""
        return httpx2.AsyncHTTPTransport()
