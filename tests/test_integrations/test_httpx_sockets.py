"""Guarded clients of both libraries against a real server, and against a port without one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from test_integrations.redis_servers import free_port

from simcb.breaker import CircuitOpenError, CircuitState
from simcb.integrations.demo.serving import Service

CHUNKS = [b"one ", b"two ", b"three"]


def upstream() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def root() -> str:
        return "well"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for chunk in CHUNKS:
                yield chunk

        return StreamingResponse(chunks())

    return app


@pytest.fixture
def service() -> Iterator[Service]:
    stopped = Service(upstream(), free_port())
    yield stopped
    stopped.stop()


def client_of(kit, service, **settings):
    # Without certificates, which take a tenth of a second to load and are not needed here.
    transport = kit.ours.BreakerTransport(
        kit.library.HTTPTransport(verify=False), breakers=kit.breakers
    )
    return kit.library.Client(transport=transport, base_url=service.url, **settings)


def test_a_refused_connection_opens_and_a_started_server_closes(kit, service):
    """The port is closed, so the breaker opens; the server starts, and it recovers."""
    with client_of(kit, service) as client:
        for _ in range(2):
            with pytest.raises(kit.library.ConnectError):
                client.get("/")
        with pytest.raises(CircuitOpenError) as caught:
            client.get("/")
        assert caught.value.name == f"127.0.0.1:{service.port}"
        service.start()
        kit.clock.now += 10.0
        assert client.get("/").json() == "well"
    assert kit.breakers.get(caught.value.name).state is CircuitState.CLOSED


def test_a_server_that_never_answers_is_a_failure_after_the_clients_timeout(kit):
    """It accepts the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        transport = kit.ours.BreakerTransport(
            kit.library.HTTPTransport(verify=False), breakers=kit.breakers
        )
        with kit.library.Client(transport=transport, timeout=0.05) as client:
            for _ in range(2):
                with pytest.raises(kit.library.ReadTimeout):
                    client.get(f"http://{address}/")
            with pytest.raises(CircuitOpenError):
                client.get(f"http://{address}/")


def test_a_streamed_body_arrives_whole_and_is_a_success_at_its_end(kit, service):
    """The call is under way until the last part is there."""
    service.start()
    name = f"127.0.0.1:{service.port}"
    with client_of(kit, service) as client, client.stream("GET", "/stream") as response:
        assert kit.counts(name) == (0, 0, 0)
        assert b"".join(response.iter_raw()) == b"".join(CHUNKS)
    assert kit.counts(name) == (1, 0, 0)


@contextmanager
def stopping_short(*, hangs: bool) -> Iterator[str]:
    """Run a server that sends headers and half of each body, and then hangs or hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as hung:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection = hung.enter_context(listening.accept()[0])
                    connection.recv(65_536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhal")
                    if not hangs:
                        connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def limit(hangs: bool) -> float:
    """Return how many seconds to wait: only for what never comes is it short."""
    return 0.05 if hangs else 10.0


SHORT = [(True, "ReadTimeout"), (False, "RemoteProtocolError")]


@pytest.mark.parametrize(("hangs", "error"), SHORT)
def test_a_server_that_stops_in_the_middle_of_its_bodies_opens_its_breaker(kit, hangs, error):
    """The headers were there, and no caller got an answer."""
    transport = kit.ours.BreakerTransport(
        kit.library.HTTPTransport(verify=False), breakers=kit.breakers
    )
    with (
        stopping_short(hangs=hangs) as address,
        kit.library.Client(transport=transport, timeout=limit(hangs)) as client,
    ):
        for _ in range(2):
            with pytest.raises(getattr(kit.library, error)):
                client.get(f"http://{address}/")
        with pytest.raises(CircuitOpenError):
            client.get(f"http://{address}/")
    assert kit.counts(address) == (0, 2, 0)


@pytest.mark.parametrize(("hangs", "error"), SHORT)
def test_coroutines_see_such_a_server_open_its_breaker_too(kit, hangs, error):
    """The asynchronous transport reads the same way."""

    async def main(address: str) -> None:
        transport = kit.ours.AsyncBreakerTransport(
            kit.library.AsyncHTTPTransport(verify=False), breakers=kit.breakers
        )
        async with kit.library.AsyncClient(transport=transport, timeout=limit(hangs)) as client:
            for _ in range(2):
                with pytest.raises(getattr(kit.library, error)):
                    await client.get(f"http://{address}/")
            with pytest.raises(CircuitOpenError):
                await client.get(f"http://{address}/")

    with stopping_short(hangs=hangs) as address:
        asyncio.run(main(address))
    assert kit.counts(address) == (0, 2, 0)


def test_many_coroutines_share_one_guarded_client(kit, service):
    """A burst is served by one breaker, and every call is settled."""
    service.start()

    async def main() -> list[int]:
        transport = kit.ours.AsyncBreakerTransport(
            kit.library.AsyncHTTPTransport(verify=False), breakers=kit.breakers
        )
        async with kit.library.AsyncClient(transport=transport, base_url=service.url) as client:
            answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
            return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [200] * 20
    seen = kit.breakers.get(f"127.0.0.1:{service.port}").snapshot()
    assert (seen.successes, seen.in_flight) == (20, 0)
