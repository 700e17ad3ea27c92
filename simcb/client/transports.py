"""A transport for httpx, and for httpx2: the host of a request is a service of the scenario.

In virtual time (`simcb run --client`) nothing leaves the process; on sockets (`simcb live
--client`) the request goes over the library's own transport to the port of that service.

What an attempt comes to is what httpx makes of it: an error is a response of status 500, or 503
if a service that it depends on failed; a throttled one 429 with Retry-After; a refused connection
is `ConnectError`, silence `ReadTimeout`, silence of a network that loses everything
`ConnectTimeout`, and waiting for a free connection `PoolTimeout`. Sending takes no time, so
nothing is ever a `WriteTimeout`. The path, the method and the body decide nothing. On sockets a
service that refuses resets the connection, and what is lost is only silent: they are the same
exceptions, but a loss is told after the read timeout, also where the connect timeout is another.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from simcb.client.answers import CALLER, Caller, Heard, caller
from simcb.errors import MissingExtraError
from simcb.outcomes import AttemptOutcome

if TYPE_CHECKING:
    import httpx

MOST_CONNECTIONS = 100
"""Of one client, as httpx has it unless it is told otherwise."""


def transport(
    *, limits: httpx.Limits | None = None, library: str = "httpx"
) -> httpx.AsyncBaseTransport:
    """Return a transport for `httpx.AsyncClient` that reaches the scenario's services.

    Args:
        limits: as httpx has them: here `max_connections`, 100 unless given, counts.
        library: `httpx` or `httpx2`, whose classes and exceptions it is made of.

    Raises:
        MissingExtraError: that library is not installed.
    """
    most = MOST_CONNECTIONS if limits is None else limits.max_connections
    made: httpx.AsyncBaseTransport = _transport_class(library)(most, limits)
    return made


@cache
def _transport_class(library: str) -> Any:
    try:
        http: Any = import_module(library)
    except ImportError as error:
        raise MissingExtraError(library, library) from error

    class SimulatedTransport(http.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, most: int | None, limits: Any) -> None:
            self._pool = None if most is None else asyncio.Semaphore(most)
            self._limits = {} if limits is None else {"limits": limits}

        async def handle_async_request(self, request: Any) -> Any:
            service, now = request.url.host, caller()
            waits = request.extensions.get("timeout", {})
            async with self._connection(now, request, service, waits.get("pool")):
                read, connect = waits.get("read"), waits.get("connect")
                if now.wires is None:
                    heard = await now.attempt(service, read, connect)
                    return _response(http, heard, request, service)
                sending = _Sending(http, self._wire(now.wires), request)
                heard = await now.attempt(service, read, connect, sending)
            if sending.error is not None:
                raise sending.error
            if sending.response is not None and heard.status:
                return sending.response
            return _response(http, heard, request, service)

        def _wire(self, wires: dict[object, Any]) -> Any:
            wire = wires.get(self)
            if wire is None:
                # Nothing is encrypted on the way to a port of this machine.
                wires[self] = wire = http.AsyncHTTPTransport(verify=False, **self._limits)
            return wire

        async def aclose(self) -> None:
            now = CALLER.get(None)
            wire = None if now is None or now.wires is None else now.wires.pop(self, None)
            if wire is not None:
                await wire.aclose()

        @asynccontextmanager
        async def _connection(
            self, now: Caller, request: Any, service: str, patience: float | None
        ) -> AsyncIterator[None]:
            pool = self._pool
            if pool is None:
                yield
                return
            if pool.locked():
                try:
                    async with asyncio.timeout(patience):
                        await pool.acquire()
                except TimeoutError:
                    now.shed(service)
                    why = f"no free connection within {patience} s"
                    raise http.PoolTimeout(why, request=request) from None
            else:
                await pool.acquire()
            try:
                yield
            finally:
                pool.release()

    return SimulatedTransport


class _Sending:
    """Sends a request over a socket, once.

    Args:
        http: the library.
        wire: its own transport.
        request: what is sent.

    Attributes:
        response: what came back; None if nothing did.
        error: what went wrong in the request itself, such as in a body that is made piece by piece.
    """

    def __init__(self, http: Any, wire: Any, request: Any) -> None:
        self._http = http
        self._wire = wire
        self._request = request
        self.response: Any = None
        self.error: Exception | None = None

    async def __call__(self, address: str, headers: dict[str, str]) -> Any:
        """Send it to an address; see `Send`."""
        http, request, to = self._http, self._request, self._http.URL(address)
        sent = http.Request(
            request.method,
            request.url.copy_with(scheme=to.scheme, host=to.host, port=to.port),
            headers=[*request.headers.raw, *headers.items()],
            stream=request.stream,
            extensions=request.extensions,
        )
        try:
            response = await self._wire.handle_async_request(sent)
            await response.aread()
        except http.TimeoutException as error:
            raise TimeoutError from error
        except http.TransportError as error:
            raise ConnectionError from error
        except Exception as error:
            self.error = error
            raise RuntimeError from error
        self.response = response
        return response


def _response(http: Any, heard: Heard, request: Any, service: str) -> Any:
    if heard.outcome is AttemptOutcome.TIMEOUT:
        if heard.lost:
            raise http.ConnectTimeout(f"no connection to {service} in time", request=request)
        raise http.ReadTimeout(f"{service} did not answer in time", request=request)
    if heard.outcome is AttemptOutcome.REFUSED:
        raise http.ConnectError(f"{service} refused the connection", request=request)
    headers = {"content-type": "application/json"}
    if heard.retry_after:
        # A header has whole seconds; asked too early, a service would only say so again.
        headers["retry-after"] = str(math.ceil(heard.retry_after))
    return http.Response(heard.status, headers=headers, content=b"{}", request=request)
