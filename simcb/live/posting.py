"""How an attempt is sent over HTTP, and what its response means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simcb.client.answers import Send
from simcb.errors import MissingExtraError
from simcb.live.doors import RETRY_AFTER_MS
from simcb.live.ways import Post, Reply
from simcb.world.tasks import ABANDONED, ERROR, OK, REFUSED, THROTTLED, TIMEOUT

try:
    import httpx
except ImportError as error:
    raise MissingExtraError("httpx", "serve") from error


MOST_FREE = 200
"""Connections to one address that are kept for later."""


class _Connections(httpx.AsyncBaseTransport):
    """As many connections as there are requests under way, those that are free kept for later.

    One pool of httpx looks, for each request, at all pairs of its connections; with a hundred
    that hang this takes longer than the request. Here each connection is a pool of its own.

    Args:
        most: connections that there may be; who wants one more is told that there is none.
        full: called then.
    """

    def __init__(self, most: int, full: Callable[[], None]) -> None:
        self._most = most
        self._full = full
        self._used = 0
        self._tls = httpx.create_ssl_context(verify=False, trust_env=False)
        self._free: dict[tuple[str, int | None], list[httpx.AsyncHTTPTransport]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request by a connection that is free, or by a new one."""
        free = self._free.setdefault((request.url.host, request.url.port), [])
        if free:
            one = free.pop()
        elif self._used + sum(map(len, self._free.values())) >= self._most:
            self._full()
            raise httpx.ConnectError("no file can be opened for it", request=request)
        else:
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
            one = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits, trust_env=False)
        self._used += 1
        try:
            response = await one.handle_async_request(request)
            await response.aread()
        except BaseException:
            await one.aclose()
            raise
        finally:
            self._used -= 1
        if len(free) < MOST_FREE:
            free.append(one)
        else:
            await one.aclose()
        return response

    async def aclose(self) -> None:
        """Close all that are free."""
        for each in (one for free in self._free.values() for one in free):
            await each.aclose()
        self._free.clear()


def new_client(
    mounts: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    *,
    most: int = 2**31,
    full: Callable[[], None] = lambda: None,
) -> httpx.AsyncClient:
    """Return a client that waits for ever, for as many answers as there are; callers time out.

    Args:
        mounts: what stands for the network at an address.
        most: connections that there may be.
        full: called when one more is wanted.
    """
    return httpx.AsyncClient(
        timeout=None,
        transport=_Connections(most, full),
        trust_env=False,
        mounts=mounts,
    )


def posting(client: httpx.AsyncClient, urls: Mapping[str, str]) -> Post:
    """Return what sends an attempt to a service, by POST unless a client sends it itself.

    Args:
        client: sends it.
        urls: addresses of the services.
    """

    async def post(service: str, headers: dict[str, str], send: Send | None) -> Reply:
        try:
            if send is None:
                response = await client.post(urls[service], headers=headers)
            else:
                response = await send(urls[service], headers)
        except (httpx.TransportError, ConnectionError):
            return Reply(REFUSED)
        except TimeoutError:
            return Reply(TIMEOUT)
        except RuntimeError:
            if send is None:
                raise
            return Reply(ABANDONED)
        return _reply_of(response)

    return post


def _reply_of(response: Any) -> Reply:
    told = response.headers
    degraded = told.get("x-degraded") == "true"
    if response.status_code == 429:
        return Reply(THROTTLED, retry_after=float(told.get(RETRY_AFTER_MS, 0)) / 1000.0)
    if response.status_code >= 500:
        failed = response.status_code == 500
        return Reply(ERROR, failed=failed, degraded=degraded)
    return Reply(OK, degraded=degraded)
