"""Other people's libraries in client code, unchanged, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from test_client.test_code import outcomes, ran, short

from simcb import client

HUNG = short("2/s", "60s") + "faults: [{kind: hang, on: payments, at: 5s, for: 20s}]"


def sent(code: Callable[..., Any]) -> list[float]:
    """Return when attempts were sent between the opening of a breaker and its first probe."""
    result = ran(code, HUNG)
    assert outcomes(result)["failed"] > 10
    return [round(at, 3) for at in result.trace.attempts["start"].tolist() if 5 <= at < 30]


def of_aiobreaker() -> Callable[..., Any]:
    aiobreaker = pytest.importorskip("aiobreaker")
    breaker = aiobreaker.CircuitBreaker(fail_max=3, timeout_duration=timedelta(seconds=10))

    @breaker
    async def charge() -> None:
        await client.call("payments", timeout=1.0)

    async def request() -> None:
        await charge()

    return request


def of_purgatory() -> Callable[..., Any]:
    purgatory = pytest.importorskip("purgatory")
    factory = purgatory.AsyncCircuitBreakerFactory(default_threshold=3, default_ttl=10)

    async def request() -> None:
        async with await factory.get_breaker("payments"):
            await client.call("payments", timeout=1.0)

    return request


def of_asgi() -> Callable[..., Any]:
    fastapi, httpx = pytest.importorskip("fastapi"), pytest.importorskip("httpx")
    from simcb.integrations.httpx import AsyncBreakerTransport

    app = fastapi.FastAPI()
    upstream = httpx.AsyncClient(transport=AsyncBreakerTransport(client.transport()), timeout=1.0)

    @app.get("/checkout")
    async def checkout() -> dict[str, int]:
        return {"status": (await upstream.get("http://payments/charge")).status_code}

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    users = httpx.AsyncClient(transport=transport, base_url="http://shop")

    async def request() -> Any:
        return await users.get("/checkout")

    return request


@pytest.mark.parametrize("code", [of_aiobreaker, of_purgatory])
def test_another_breaker_opens_and_probes_in_virtual_time(code: Callable[..., Any]) -> None:
    """It opens after three timeouts, and nothing is sent for its ten seconds."""
    moments = sent(code)
    gaps = [later - sooner for sooner, later in itertools.pairwise(moments)]
    assert 10.0 <= max(gaps) <= 11.0
    assert len(moments) < 15


def test_a_service_in_process_is_a_client_like_any_other() -> None:
    """An application is called as ASGI has it, and what it answers with is the outcome."""
    result = ran(of_asgi, HUNG)
    assert len(result.trace.layout.breakers) == 1
    assert result.trace.layout.breakers[0].name == "payments"
    assert result.trace.transitions["at"].tolist() == [8.0]
    assert outcomes(result)["failed"] > 10
    assert any("returned a response of status 500" in str(note) for note in result.runs[0].notes)
