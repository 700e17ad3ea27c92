"""What the README shows of the breaker runs, and does what is said beside it."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path

import fakeredis
import httpx
import pytest
from prometheus_client import REGISTRY

from simcb.breaker import CircuitOpenError, CircuitState
from simcb.integrations.httpx import AsyncBreakerTransport
from simcb.integrations.redis import AsyncRedisStore

README = Path(__file__).parents[2] / "README.md"


def block(needle: str) -> str:
    """Return the README's one block of Python with these words in it."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.S | re.M)
    (found,) = [one for one in blocks if needle in one]
    return found


def test_the_registry_of_breakers_with_rules_recovery_and_a_listener(caplog):
    """The fifth failure in a row opens it, and the listener says so."""

    def charge(card: str, amount: int) -> str:
        if amount < 0:
            raise ConnectionError("refused")
        return f"{amount} from {card}"

    shown = {"log": logging.getLogger("shop"), "charge": charge, "card": "visa", "amount": 7}
    exec(block("BreakerRegistry(build)"), shown)
    assert shown["receipt"] == "7 from visa"
    payments = shown["breakers"].get("payments")
    for _ in range(5):
        with pytest.raises(ConnectionError):
            payments.call(charge, "visa", -1)
    with pytest.raises(CircuitOpenError) as caught:
        payments.call(charge, "visa", 7)
    assert 0.0 < caught.value.retry_after <= 11.0
    assert caplog.messages == ["payments: closed -> open, consecutive_failures"]


def test_the_tests_of_a_page_that_uses_a_breaker():
    """They pass, in either order, and the clock is only read."""

    def upstream(article: str) -> int:
        if article == "broken":
            raise ConnectionError("refused")
        return len(article)

    def page(article: str) -> str:
        try:
            return f"{article}: {shown['price'](article)}"
        except (ConnectionError, CircuitOpenError):
            return "ask at the counter"

    shown = {"upstream": upstream, "page": page}
    exec(block("clock.now"), shown)
    tests = [value for name, value in shown.items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in (*tests, *reversed(tests)):
        test()


@pytest.fixture
def composed(monkeypatch):
    """Run the block on a Redis and an upstream of our own; `status` is what the latter says."""
    upstream = {"status": 200}
    transport = httpx.MockTransport(lambda request: httpx.Response(upstream["status"], json=42))
    monkeypatch.setattr(AsyncBreakerTransport, "plain", staticmethod(lambda: transport))
    monkeypatch.setattr(
        AsyncRedisStore,
        "from_url",
        classmethod(lambda cls, url: cls(fakeredis.FakeAsyncRedis())),
    )
    exec(block("make_asgi_app"), upstream)
    yield upstream
    REGISTRY.unregister(upstream["metrics"])


def test_the_service_that_answers_while_its_upstream_does_not(composed):
    """Fresh, then remembered and marked; 503 where nothing is; counted all along."""

    async def main() -> None:
        transport = httpx.ASGITransport(composed["app"], raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as shop:
            fresh = await shop.get("/prices/7")
            assert (fresh.json(), "X-Degraded" in fresh.headers) == (42, False)
            composed["status"] = 404
            assert (await shop.get("/prices/7")).status_code == 404
            for composed["status"] in (429, 500):
                counting = await shop.get("/prices/8")
                assert counting.status_code == 503
                assert counting.headers["Retry-After"] == "1"
            prices = composed["breakers"].get("prices").snapshot()
            assert (prices.successes, prices.failures, prices.ignored) == (2, 1, 1)
            for _ in range(6):
                remembered = await shop.get("/prices/7")
                assert (remembered.json(), remembered.headers["X-Degraded"]) == (42, "true")
            assert composed["breakers"].get("prices").state is CircuitState.OPEN
            unknown = await shop.get("/prices/8")
            assert unknown.status_code == 503
            assert 1 <= int(unknown.headers["Retry-After"]) <= 10
            page = (await shop.get("/metrics/")).text
            assert 'resilience4j_circuitbreaker_state{name="prices",state="open"} 1.0' in page
        await composed["client"].aclose()
        await composed["store"].client.aclose()

    asyncio.run(main())
