"""How long a request takes there and back on this machine, besides the work it asks for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import MutableMapping
from typing import Any

import httpx

from simcb.live.doors import Receive, Scope, SendBack

PATH = "/way"
SECONDS = 1.5
"""Of the wall clock, for which requests are sent to find out."""
MOST_A_SECOND = 200.0
_ARRIVED = "simcb-arrived"
_LEFT = "simcb-left"


async def take(scope: Scope, receive: Receive, send: SendBack) -> None:
    """Take a request that only asks how long its way is, work for a while, and answer."""
    loop = asyncio.get_running_loop()
    arrived = loop.time()
    wait = dict(scope["headers"]).get(b"simcb-wait", b"0")
    left = arrived + float(wait)
    await _until(loop, left)
    headers = [(_ARRIVED.encode(), repr(arrived).encode()), (_LEFT.encode(), repr(left).encode())]
    headers.append((b"content-length", b"0"))
    start: MutableMapping[str, Any] = {"type": "http.response.start", "status": 200}
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _until(loop: asyncio.AbstractEventLoop, moment: float) -> asyncio.Future[None]:
    reached: asyncio.Future[None] = loop.create_future()
    loop.call_at(moment, reached.set_result, None)
    return reached


async def measured_ways(client: httpx.AsyncClient, url: str, rate: float) -> list[float]:
    """Return the seconds of single ways, there and back, of requests sent for a while.

    A way begins when it is due to and not when the machine comes to it, so what timers are late
    is a part of it.

    Args:
        client: sends them.
        url: where `take` answers.
        rate: requests in a second of the wall clock.
    """
    loop = asyncio.get_running_loop()
    scale = getattr(loop, "scale", 1.0)
    draws = random.Random(1)
    gap = scale / min(max(rate, 20.0), MOST_A_SECOND)
    ways: list[float] = []

    async def go(begin: float) -> None:
        await _until(loop, begin)
        wait = repr(draws.random() * 0.02 * scale)
        response = await client.post(f"{url}{PATH}", headers={"simcb-wait": wait})
        heard = loop.time()
        ways.append(max(0.0, float(response.headers[_ARRIVED]) - begin))
        ways.append(max(0.0, heard - float(response.headers[_LEFT])))

    # The first request loads what all need.
    await client.post(f"{url}{PATH}")
    moment, end = loop.time() + gap, loop.time() + SECONDS * scale
    going = []
    while moment < end:
        going.append(asyncio.create_task(go(moment)))
        moment += draws.expovariate(1.0 / gap)
    await asyncio.gather(*going)
    # The first ones open connections, which later ones find open.
    return sorted(ways[len(ways) // 5 :])
