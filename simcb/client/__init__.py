"""What one's own asynchronous client code calls while `simcb run --client` runs it, or `live`.

    client = httpx.AsyncClient(transport=simcb.client.transport(), timeout=1.0)

    async def request():
        response = await client.get("http://payments/charge")
        response.raise_for_status()         # or: await simcb.client.call("payments", timeout=1.0)

    simcb run slow-replica --client browsers=shop:request       in virtual time
    simcb live slow-replica --client browsers=shop:request      over sockets of this machine

Each request of the client group runs the coroutine function; the services it reaches are those
that the group `calls` in the scenario, by their names as hosts. A request that returns is ok; one
that raises, or returns a response of status 400 or more, has failed; `degraded()` says that it is
answered, but with less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.window import window

if TYPE_CHECKING:
    from simcb.client.answers import (
        Answer,
        CallFailedError,
        CallRefusedError,
        CallThrottledError,
        CallTimeoutError,
        ClientError,
        Request,
        call,
        degraded,
    )
    from simcb.client.transports import transport

__all__ = [
    "Answer",
    "CallFailedError",
    "CallRefusedError",
    "CallThrottledError",
    "CallTimeoutError",
    "ClientError",
    "Request",
    "call",
    "degraded",
    "transport",
]

__getattr__ = window(
    __name__,
    {
        "answers": "Answer CallFailedError CallRefusedError CallThrottledError CallTimeoutError "
        "ClientError Request call degraded",
        "transports": "transport",
    },
)
