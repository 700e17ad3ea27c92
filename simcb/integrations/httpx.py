"""Transports that put a breaker between an httpx client and each host it talks to.

    client = httpx.Client(transport=BreakerTransport())
    client = httpx.AsyncClient(transport=AsyncBreakerTransport())

A response from 500 up and a transport error (a timeout, a connection refused or broken, also
in the middle of a body) count as failures. A 4xx is an answer, hence a success, except for 429:
a host that takes no more of our requests is neither well nor down, so that counts as neither,
and a half-open breaker stays so and asks again. A success is counted when its body has been
read or is closed, so a `client.stream` block is one call from its beginning to its end; events
and WebSockets, which have no end, count when they begin. A request that could not be sent as it
was written, an exception that is no transport error, and cancellation say nothing about the
host and are not counted. Another rule is one argument away:

    BreakerTransport(failed_response=lambda response: response.status_code in (429, 503))
    BreakerTransport(ignored_response=lambda response: False)    # a 429 is a success

The Retry-After of a failed response is handed to the breaker: one with `Recovery(…, hint=True)`
stays open so long.

An open breaker raises `CircuitOpenTransportError`: a `CircuitOpenError` for those who know
breakers, and an `httpx.TransportError` for code that already handles those. httpx follows
redirects above the transport, so a redirect to another host asks that host's breaker; the
`retries` of a wrapped `httpx.HTTPTransport` are part of one call. A connection pool that one
hung host has filled makes every host time out waiting for it (`httpx.PoolTimeout`, a
failure): give such hosts clients of their own, or limit them with a `Bulkhead`.

Timeouts belong to the client, `Client(timeout=1.0, …)`. A deadline around it, such as
`asyncio.wait_for(client.get(…), 1.0)`, cancels the request, which is not counted, so a host that
hangs would never open its breaker. The client's timeouts are for each step, not for all of
them: a body that drips takes as long as it takes, and only a `SlowCallRate` holds that against
its host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.breaker import CircuitOpenError
from simcb.errors import MissingExtraError
from simcb.integrations.transports import AsyncGuarded, Guarded

try:
    import httpx
except ImportError as error:
    raise MissingExtraError("httpx", "httpx") from error

__all__ = ["AsyncBreakerTransport", "BreakerTransport", "CircuitOpenTransportError"]


class CircuitOpenTransportError(CircuitOpenError, httpx.TransportError):
    """A request is not sent, because the breaker of its host is open; fields as inherited."""

    if not TYPE_CHECKING:  # who knows the fields by their annotations

        def __init__(self, *fields):
            # The library's errors take one message and remember their request; ours keep fields.
            httpx.TransportError.__init__(self, "")
            self.args = fields


class BreakerTransport(
    Guarded[httpx.Request, httpx.Response, httpx.BaseTransport], httpx.BaseTransport
):
    """A transport for `httpx.Client`, one breaker per host; parameters as in `Guard`."""

    library = httpx
    rejection = CircuitOpenTransportError


class AsyncBreakerTransport(
    AsyncGuarded[httpx.Request, httpx.Response, httpx.AsyncBaseTransport],
    httpx.AsyncBaseTransport,
):
    """A transport for `httpx.AsyncClient`, one breaker per host; parameters as in `Guard`."""

    library = httpx
    rejection = CircuitOpenTransportError
