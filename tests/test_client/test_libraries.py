"""Other people's libraries in client code, unchanged, in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from test_client.test_code import outcomes, ran, short

from simcb import client
from simcb.metrics.laws import audit
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.trace import STATE_NAMES

REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]
HUNG = short("2/s", "60s") + "faults: [{kind: hang, on: payments, at: 5s, for: 20s}]"


def sent(code: Callable[..., Any]) -> list[float]:
    """Return when attempts were sent between the opening of a breaker and its first probe."""
    result = ran(code, HUNG)
    assert outcomes(result)["failed"] > 10
    rows = result.trace.attempts[result.trace.attempts["outcome"] != REJECTED]
    return [round(at, 3) for at in rows["start"].tolist() if 5 <= at < 30]


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


def of_pybreaker() -> Callable[..., Any]:
    pybreaker = pytest.importorskip("pybreaker")
    breaker = pybreaker.CircuitBreaker(fail_max=3, reset_timeout=10, name="payments")

    async def request() -> None:
        with breaker.calling():
            await client.call("payments", timeout=1.0)

    return request


def of_asyncbreaker() -> Callable[..., Any]:
    asyncbreaker = pytest.importorskip("asyncbreaker")
    breaker = asyncbreaker.CircuitBreaker(fail_max=3, timeout_duration=timedelta(seconds=10))

    async def request() -> None:
        await breaker.call(client.call, "payments", timeout=1.0)

    return request


def of_nopanic() -> Callable[..., Any]:
    nopanic = pytest.importorskip("nopanic")
    breaker = nopanic.CircuitBreaker(min_calls=3, window=5.0, reset_timeout=10.0)

    @breaker
    async def request() -> None:
        await client.call("payments", timeout=1.0)

    return request


OTHERS = [of_pybreaker, of_aiobreaker, of_asyncbreaker, of_purgatory, of_nopanic]


def of_stamina() -> Callable[..., Any]:
    stamina = pytest.importorskip("stamina")

    @stamina.retry(
        on=client.CallTimeoutError, attempts=3, wait_initial=0.3, wait_max=0.3, wait_jitter=0
    )
    async def request() -> None:
        await client.call("payments", timeout=1.0)

    return request


def of_backoff() -> Callable[..., Any]:
    backoff = pytest.importorskip("backoff")

    @backoff.on_exception(
        backoff.constant, client.CallTimeoutError, max_tries=3, interval=0.3, jitter=None
    )
    async def request() -> None:
        await client.call("payments", timeout=1.0)

    return request


@pytest.mark.parametrize("code", [of_stamina, of_backoff])
def test_a_retry_library_waits_in_virtual_time(code: Callable[..., Any]) -> None:
    """Three attempts of a second each, three tenths apart, for every request that meets a hang."""
    result = ran(code, HUNG)
    rows = result.trace.attempts
    for number in range(10, 40):  # Those that arrive from the fifth second on.
        mine = [i for i, request in enumerate(rows["request"].tolist()) if request == number]
        starts = [rows["start"].tolist()[row] for row in mine]
        assert starts == pytest.approx([number / 2 + 1.3 * retry for retry in range(3)])
        assert rows["retry"][mine].tolist() == [0, 1, 2]
    assert outcomes(result)["failed"] >= 30


@pytest.mark.parametrize("code", OTHERS)
def test_what_another_breaker_does_is_in_the_trace(code: Callable[..., Any]) -> None:
    """Its states, what it turned away, and the attempts that it let through; every law holds."""
    result = ran(code, HUNG)
    trace = result.trace
    (breaker,) = trace.layout.breakers
    assert breaker.name
    assert trace.layout.calls[breaker.call].service == "payments"
    steps = [
        (STATE_NAMES[step["before"]], STATE_NAMES[step["after"]]) for step in trace.transitions
    ]
    assert steps[:2] == [("closed", "open"), ("open", "half_open")]
    assert steps[-1] == ("half_open", "closed")
    opened = trace.transitions["at"][0]
    # Of the third failure, or, where calls count as they began, of what ends just then.
    assert 7.0 <= opened <= 9.0
    assert 0.2 < result.summary.value("open_fraction") < 0.6
    assert [law.name for law in audit(trace) if not law.holds] == []
    counts = trace.counters[0]
    turned_away = int((trace.attempts["outcome"] == REJECTED).sum())
    if code is not of_nopanic:  # It tells of nothing but its states.
        assert turned_away == counts["rejected"] > 20
        assert counts["admitted"] == int((trace.attempts["breaker"] == 0).sum()) - turned_away
        assert counts["successes"] > 20
        assert counts["failures"] >= 4


@pytest.mark.parametrize("code", OTHERS)
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
