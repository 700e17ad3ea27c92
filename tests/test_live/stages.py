"""A stage without sockets, on a loop whose clock jumps to what is due: nothing takes time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx

from simcb.live.doors import Door
from simcb.live.loop import ScaledLoop
from simcb.live.posting import new_client, posting
from simcb.live.stage import Stage
from simcb.live.troubles import Troubles
from simcb.scenario import Scenario
from simcb.world.code.loading import Source

T = TypeVar("T")


class JumpingLoop(ScaledLoop):
    """A loop that waits for nothing: the clock goes on to the next timer."""

    def __init__(self) -> None:
        self._seconds = 0.0
        super().__init__(clock=lambda: self._seconds)
        selector: Any = self._selector  # type: ignore[attr-defined]
        select = selector.select

        def jump(timeout: float | None = None) -> Any:
            found = select(0.0)
            if not found and timeout:
                self._seconds += timeout
            return found

        selector.select = jump


RESET = -1
"""Instead of a status: the connection was reset."""


def reset(_: object) -> bool:
    """Break the connection of a request, where there is none."""
    raise httpx.ReadError("reset")


class Wire(httpx.AsyncBaseTransport):
    """In the place of httpx's own transport: doors in memory, by their addresses.

    Args:
        mounts: what leads to the door at an address.
    """

    def __init__(self, mounts: Mapping[str, httpx.AsyncBaseTransport]) -> None:
        self._mounts = mounts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and wait no longer than it says."""
        url = request.url
        try:
            async with asyncio.timeout(request.extensions["timeout"]["read"]):
                return await self._mounts[f"{url.scheme}://{url.host}"].handle_async_request(
                    request
                )
        except TimeoutError:
            raise httpx.ReadTimeout("silence", request=request) from None


class Theatre:
    """A stage whose doors are reached in memory."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        asked: bool = False,
        seed: int = 0,
        clients: Mapping[str, Source] | None = None,
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        mounts: dict[str, httpx.AsyncBaseTransport] = {}
        urls = {name: f"http://{place}.test" for place, name in enumerate(scenario.services)}
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = loop.create_future()
        self.stage = Stage(
            scenario,
            loop,
            seed=seed,
            asked=asked,
            post=lambda *how: posting(self.client, urls)(*how),
            failed=self.over.set_exception,
            clients=clients,
        )
        self.urls = urls
        for name, url in urls.items():
            door = Door(self.stage, name, reset, self._count)
            mounts[url] = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
        self.client = new_client(mounts)
        self.mounts = mounts
        self.troubles = Troubles(self.stage.world)

    def _count(self, service: str, outcome: str, seconds: float) -> None:
        self.counts[service, outcome] += 1

    async def ask(
        self, service: str, wait: float | None = None, **headers: str
    ) -> tuple[int | None, float]:
        """Ask a service once; return the status, or None in the place of none, and the seconds."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        named = {f"Simcb-{key}": value for key, value in headers.items()}
        try:
            async with asyncio.timeout(wait):
                response = await self.client.get(self.urls[service], headers=named)
        except TimeoutError:
            return None, loop.time() - begun
        except httpx.ReadError:
            return RESET, loop.time() - begun
        return response.status_code, loop.time() - begun


def played(play: Callable[[Theatre], Awaitable[T]], scenario: Scenario, **how: Any) -> T:
    """Open a stage, let `play` do what it does there, and return what that returns."""

    async def run() -> T:
        theatre = Theatre(scenario, **how)
        coded = theatre.stage.coded
        with theatre.stage.world.coding():
            theatre.stage.begin()
            try:
                return await play(theatre)
            finally:
                theatre.stage.end()
                if coded is not None:
                    await coded.wind_up()
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(run())
