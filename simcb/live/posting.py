"""How an attempt is sent over HTTP, and what its response means."""

from __future__ import annotations

from collections.abc import Mapping

from simcb.errors import MissingExtraError
from simcb.live.doors import RETRY_AFTER_MS
from simcb.live.ways import Post, Reply
from simcb.world.tasks import ERROR, OK, REFUSED, THROTTLED

try:
    import httpx
except ImportError as error:
    raise MissingExtraError("httpx", "serve") from error


def new_client(
    mounts: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> httpx.AsyncClient:
    """Return a client that waits for ever, for as many answers as there are; callers time out.

    Args:
        mounts: what stands for the network at an address.
    """
    return httpx.AsyncClient(
        timeout=None,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        trust_env=False,
        verify=False,
        mounts=mounts,
    )


def posting(client: httpx.AsyncClient, urls: Mapping[str, str]) -> Post:
    """Return what sends an attempt to a service by POST.

    Args:
        client: sends it.
        urls: addresses of the services.
    """

    async def post(service: str, headers: dict[str, str]) -> Reply:
        try:
            response = await client.post(urls[service], headers=headers)
        except httpx.TransportError:
            return Reply(REFUSED)
        return _reply_of(response)

    return post


def _reply_of(response: httpx.Response) -> Reply:
    told = response.headers
    degraded = told.get("x-degraded") == "true"
    if response.status_code == 429:
        return Reply(THROTTLED, retry_after=float(told.get(RETRY_AFTER_MS, 0)) / 1000.0)
    if response.status_code >= 500:
        failed = response.status_code == 500
        return Reply(ERROR, failed=failed, degraded=degraded)
    return Reply(OK, degraded=degraded)
