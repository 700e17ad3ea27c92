"""A scenario's services as HTTP servers of this machine: sockets, server, client and page."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from simcb.errors import MissingExtraError, SimcbError
from simcb.integrations.ports import HIGHEST_PORT, HOST, PortError, listen
from simcb.live.doors import Door, Receive, Scope, SendBack, reset
from simcb.live.loop import loop_factory
from simcb.live.machine import OpenFilesError, allowed_files, connections_allowed
from simcb.live.stage import Stage
from simcb.live.troubles import Troubles
from simcb.scenario.model import Scenario
from simcb.trace import STATE_NAMES
from simcb.world.code.loading import Source

try:
    import uvicorn
    from starlette.applications import Starlette
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from simcb.integrations.panel import BreakerState, History, ServiceState, panel_routes
    from simcb.live.numbers import CONTENT_TYPE, Numbers
    from simcb.live.posting import new_client, posting
except ImportError as error:
    raise MissingExtraError(error.name or "a library", "serve") from error

LOOPBACK = (HOST, "localhost", "::1")
_FOR_EVER = 10**6
"""Seconds for which an idle connection is kept: closed at one end it may be in use at the other."""


@dataclass(frozen=True)
class Ports:
    """Where a scenario's services listen.

    Args:
        host: the address; only this machine reaches 127.0.0.1.
        first: the page's port, after which those of the services follow in their order; 0 for
            free ones.
    """

    host: str = HOST
    first: int = 0

    def listen(self, services: Iterable[str]) -> dict[str, socket.socket]:
        """Return what listens for each service, and for the page under the name "".

        Raises:
            PortError: a port is taken or not allowed.
            AddressError: the address is none of this machine's.
        """
        found: dict[str, socket.socket] = {}
        try:
            for place, name in enumerate(("", *services)):
                port = self.first + place if self.first else 0
                if self.first and port > HIGHEST_PORT:
                    reason = f"ports go to {HIGHEST_PORT}, and each service needs one"
                    raise PortError(port, reason, "--port", self.host)
                found[name] = listen(port, host=self.host)
        except SimcbError:
            for sock in found.values():
                sock.close()
            raise
        return found


def url_of(sock: socket.socket) -> str:
    """Return the address of what listens on a socket; one for all addresses is this machine's."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": HOST, "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass
class Served:
    """What has been served.

    Args:
        outcomes: for each service how often each outcome was.
        lateness: the most that the machine came late to what was due, seconds of the scenario.
        ended: whether the time was over, rather than somebody ending it.
    """

    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    lateness: float = 0.0
    ended: bool = False


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class Venue:
    """A scenario's services, each on its port, and the page.

    Args:
        scenario: whose services they are.
        sockets: those that `Ports` has opened; closed at the end.
        seed: random seed.
        replicate: which replicate of it.
        asked: whether the scenario's client groups ask.
        any_host: whether the page answers by whatever name it is asked for.
        scale: seconds of the scenario in one of the wall clock.
        clients: the code that the requests of a group run, in place of its calls.
    """

    def __init__(
        self,
        scenario: Scenario,
        sockets: dict[str, socket.socket],
        *,
        seed: int,
        replicate: int = 0,
        asked: bool = False,
        any_host: bool = False,
        scale: float = 1.0,
        clients: Mapping[str, Source] | None = None,
    ) -> None:
        self._scale = scale
        self.title = scenario.name or "scenario"
        self.about = scenario.about or ""
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.urls = {name: url_of(sock) for name, sock in sockets.items()}
        self._sockets = sockets
        self._any_host = any_host
        self._client = new_client(most=connections_allowed(), full=self._fail_of_files)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unheard)
        self.stage = Stage(
            scenario,
            loop,
            seed=seed,
            replicate=replicate,
            asked=asked,
            post=posting(self._client, self.urls),
            failed=self._fail,
            clients=clients,
        )
        world = self.stage.world
        self.stage.ledger.changed = self._changed
        self._troubles = Troubles(world)
        self._history = History()
        self._transports: dict[object, asyncio.Transport] = {}
        self.numbers = {name: Numbers(world, name) for name in scenario.services}
        self._doors = {
            sockets[name].getsockname()[1]: Door(self.stage, name, self._reset, self._count)
            for name in scenario.services
        }
        self._page = Starlette(
            routes=panel_routes(self, self._history, ("*",) if any_host else LOOPBACK)
        )

    def _unheard(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            self._fail_of_files()
        elif self.stage.coded is None or not self.stage.coded.hear(context):
            loop.default_exception_handler(context)

    def _fail_of_files(self) -> None:
        late = self.stage.lateness / self._scale
        self._fail(OpenFilesError(len(self._transports), allowed_files(), late))

    def _fail(self, error: BaseException) -> None:
        if not self.over.done():
            self.over.set_exception(error)

    async def last(self) -> None:
        """Wait for the scenario's end, or for who ends it before."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self.over), self.stage.scenario.duration)

    async def knock(self) -> None:
        """Send a request to a service before the scenario has begun: it is answered at once."""
        await self._client.post(self.urls[next(iter(self.stage.scenario.services))])

    def interrupt(self) -> None:
        """End it before its end."""
        if not self.over.done():
            self.over.set_result(None)

    # Answering.

    async def __call__(self, scope: Scope, receive: Receive, send: SendBack) -> None:
        """Serve a request at the port it has come to."""
        door = self._doors.get(scope["server"][1])
        if door is None:
            await self._page(scope, receive, send)
        elif not self.stage.begun:
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif scope["path"] == "/metrics" and scope["method"] == "GET":
            self.stage.sync()
            self.stage.arm()
            body = self.numbers[door.name].text()
            headers = [(b"content-type", CONTENT_TYPE.encode())]
            headers.append((b"content-length", str(len(body)).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await door(scope, receive, send)

    def _count(self, service: str, outcome: str, seconds: float) -> None:
        self.numbers[service].count(outcome, seconds)
        self._history.count(self.stage.clock.now, service, outcome)

    def _changed(self, at: float, breaker: int, before: int, after: int) -> None:
        name = self.stage.world.breaker_name(breaker)
        self._history.changed(at, name, STATE_NAMES[before], STATE_NAMES[after])

    def _reset(self, scope: Scope) -> bool:
        transport = self._transports.get(scope["client"])
        if transport is None:
            return False
        reset(transport)
        return True

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen; at the end everything is closed. The scenario begins when the stage does."""
        with self.stage.world.coding():
            async with self._open():
                yield

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        transports = self._transports

        class Protocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client is not None:
                    transports.pop(self.client, None)

        config = uvicorn.Config(
            self,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_FOR_EVER,
        )
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server = _Server(config)
        serving = asyncio.create_task(server.serve([*self._sockets.values()]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0)
            yield
        finally:
            self.stage.end()
            if self.stage.coded is not None:
                await self.stage.coded.wind_up()
            await self._client.aclose()
            for transport in list(transports.values()):
                transport.abort()
            server.should_exit = True
            await serving

    # What the page shows and does.

    def now(self) -> tuple[float, float | None]:
        """Return the second of the scenario, and its last."""
        now = self.stage.sync()
        self.stage.arm()
        return now, self.stage.scenario.duration

    def services(self) -> Iterator[ServiceState]:
        """Yield how the services fare now."""
        for name in self.stage.scenario.services:
            replicas = self.stage.world.replicas(name)
            busy, there = sum(r.busy for r in replicas), sum(r.capacity for r in replicas)
            facts = [("busy workers", f"{busy} of {there}")]
            facts.append(("waiting", str(sum(len(r.queue) for r in replicas))))
            facts.append(("asked so far", f"{sum(self.numbers[name].outcomes.values()):,}"))
            trouble = ", ".join(self._troubles.of(name))
            yield ServiceState(name, self.urls[name], trouble, tuple(facts))

    def breakers(self) -> Iterator[BreakerState]:
        """Yield what the breakers that were asked so far are at."""
        for name, breaker in self.stage.world.breakers():
            seen = breaker.snapshot()
            state = str(getattr(seen, "state", ""))
            yield BreakerState(name, state, seen.admitted, seen.rejected, seen.failures)

    async def act(self, service: str, action: str) -> None:
        """Hang, slow, stop or heal a service; see `Troubles`."""
        self.stage.sync()
        self._troubles.act(service, action)
        self.stage.arm()


def end_when_interrupted(venue: Venue) -> None:
    """Let Ctrl-C and SIGTERM end what a venue serves."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not in a thread that is not the main one, where nobody interrupts it either.
        with contextlib.suppress(RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, venue.interrupt)


async def _serve(
    scenario: Scenario,
    sockets: dict[str, socket.socket],
    seed: int,
    any_host: bool,
    scale: float,
    ready: Callable[[dict[str, str]], None],
) -> Served:
    allowed_files()  # Whoever asks from outside takes one each.
    venue = Venue(scenario, sockets, seed=seed, any_host=any_host, scale=scale)
    end_when_interrupted(venue)
    async with venue.open():
        venue.stage.begin()
        ready(venue.urls)
        await venue.last()
        outcomes = {name: each.outcomes for name, each in venue.numbers.items()}
        return Served(outcomes, venue.stage.lateness, ended=not venue.over.done())


def serve(
    scenario: Scenario,
    *,
    ports: Ports | None = None,
    seed: int = 0,
    scale: float = 1.0,
    lasts: float | None = None,
    ready: Callable[[dict[str, str]], None] = lambda urls: None,
) -> Served:
    """Serve a scenario's services on real sockets until its end, or until interrupted.

    Args:
        scenario: whose services and faults.
        ports: where they listen.
        seed: random seed.
        scale: seconds of the scenario in one of the wall clock.
        lasts: how long, seconds of the scenario; its own duration if None.
        ready: told the address of each service, and of the page under the name "".

    Raises:
        PortError: a port is taken or not allowed.
    """
    ports = ports or Ports()
    if lasts is not None:
        scenario = scenario.model_copy(update={"duration": lasts})
    sockets = ports.listen(scenario.services)
    try:
        with asyncio.Runner(loop_factory=loop_factory(scale)) as runner:
            return runner.run(
                _serve(scenario, sockets, seed, ports.host not in LOOPBACK, scale, ready)
            )
    finally:
        for sock in sockets.values():
            sock.close()
