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

from typing import TYPE_CHECKING

from simcb.breaker import CircuitOpenError
from simcb.errors import MissingExtraError
from simcb.integrations.transports import AsyncGuarded, Guarded

try:
    import httpx2
except ImportError as error:
    raise MissingExtraError("httpx2", "httpx2") from error

__all__ = ["AsyncBreakerTransport", "BreakerTransport", "CircuitOpenTransportError"]


class CircuitOpenTransportError(CircuitOpenError, httpx2.TransportError):
    """A request is not sent, because the breaker of its host is open; fields as inherited."""

    if not TYPE_CHECKING:  # who knows the fields by their annotations

        def __init__(self, *fields):
            # The library's errors take one message and remember their request; ours keep fields.
            httpx2.TransportError.__init__(self, "")
            self.args = fields


class BreakerTransport(
    Guarded[httpx2.Request, httpx2.Response, httpx2.BaseTransport], httpx2.BaseTransport
):
    """A transport for `httpx2.Client`, one breaker per host; parameters as in `Guard`."""

    library = httpx2
    rejection = CircuitOpenTransportError


class AsyncBreakerTransport(
    AsyncGuarded[httpx2.Request, httpx2.Response, httpx2.AsyncBaseTransport],
    httpx2.AsyncBaseTransport,
):
    """A transport for `httpx2.AsyncClient`, one breaker per host; parameters as in `Guard`."""

    library = httpx2
    rejection = CircuitOpenTransportError
