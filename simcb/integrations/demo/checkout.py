"""A checkout that asks payments through a breaker and falls back to what it last heard.

What an application has to write is short: a guarded client, a fallback around the question
that may be answered from memory, and a mark on such answers. Showing a customer last
minute's payment methods is better than nothing; taking a payment is not something to
remember, so that route answers 503 with `Retry-After` instead.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
from fastapi import FastAPI, HTTPException, Response

from simcb.breaker import (
    BreakerRegistry,
    CachedFallback,
    CircuitBreaker,
    MemoryStore,
    Transition,
)
from simcb.breaker.bounds import number
from simcb.errors import MissingExtraError
from simcb.integrations.demo.page import CheckoutPage
from simcb.integrations.demo.serving import Service
from simcb.integrations.fastapi import (
    answer_failures,
    answer_rejections,
    describe_rejections,
    mark_degraded,
)
from simcb.integrations.httpx import AsyncBreakerTransport
from simcb.integrations.transports import is_too_many_requests

_log = logging.getLogger("simcb.demo")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the checkout guards itself.

    Args:
        failure_threshold: failures in a row after which payments is left alone.
        recovery_timeout: seconds until it is asked again.
        timeout: seconds to wait for one of its answers.
        ttl: seconds a remembered answer may be served.
        redis: URL of the Redis that remembers; this process does if it is None.
    """

    failure_threshold: int = 3
    recovery_timeout: float = 5.0
    timeout: float = 1.0
    ttl: float = 300.0
    redis: str | None = None


class Checkout:
    """What the routes need: the client of payments, its breaker, and the fallback."""

    def __init__(self, payments: Service, settings: Settings) -> None:
        self.payments = payments
        self.metrics, self.registry = _metrics()
        self.breakers = BreakerRegistry(lambda name: self._breaker(name, settings))
        self.page = CheckoutPage(payments, self.breakers)
        self.breakers.get("payments")
        self.store = _store(settings.redis)
        self.fallback = CachedFallback(
            self.store, ttl=settings.ttl, key="methods:{}".format, on=is_outage
        )
        self.client = httpx.AsyncClient(
            transport=AsyncBreakerTransport(breakers=self.breakers, key=lambda request: "payments"),
            timeout=settings.timeout,
        )

    def _breaker(self, name: str, settings: Settings) -> CircuitBreaker:
        breaker = CircuitBreaker(
            name,
            failure_threshold=settings.failure_threshold,
            recovery_timeout=settings.recovery_timeout,
            listeners=[_tell, lambda change: self.page.changed(change)],
        )
        return self.metrics.watch(breaker) if self.metrics else breaker

    async def methods(self, customer: str) -> Any:
        """Asks payments how a customer may pay."""
        response = await self.client.get(self._url(customer, "methods"))
        return _sound(response).json()["methods"]

    async def charge(self, customer: str) -> Any:
        """Has payments charge a customer."""
        response = await self.client.post(self._url(customer, "charges"))
        return _sound(response).json()["charge"]

    def _url(self, customer: str, what: str) -> str:
        return f"{self.payments.url}/customers/{quote(customer, safe='')}/{what}"

    async def close(self) -> None:
        """Closes the connections and stops payments."""
        await self.client.aclose()
        if not isinstance(self.store, MemoryStore):
            await self.store.aclose()
        await asyncio.to_thread(self.payments.stop)


def _sound(response: httpx.Response) -> httpx.Response:
    """Returns a good answer; passes a 4xx on to the client, whose request it is about.

    Except a 429, which is about all of ours together.
    """
    if response.is_client_error and not is_too_many_requests(response):
        raise HTTPException(response.status_code, "payments does not accept this")
    return response.raise_for_status()


def is_outage(error: BaseException) -> bool:
    """Whether payments could not answer: rejected, unreachable, late, a 5xx, or a 429."""
    return isinstance(error, (httpx.TransportError, httpx.HTTPStatusError))


def checkout_app(
    payments: Service, settings: Settings | None = None, *, start: bool = True
) -> FastAPI:
    """Returns the checkout.

    Args:
        payments: the service it asks; stopped when the checkout is.
        settings: how it guards itself.
        start: whether payments is started with it.

    Raises:
        ParameterError: when a setting makes no sense.
        MissingExtraError: when Redis is to remember and its client is not installed.
    """
    checkout = Checkout(payments, settings or Settings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if start:
            await asyncio.to_thread(payments.start)
        yield
        await checkout.close()

    app = FastAPI(title="Checkout", lifespan=lifespan)
    answer_rejections(app)
    answer_failures(app, httpx.HTTPError, why="The payment service does not answer.")
    _add_shop(app, checkout)
    _add_controls(app, checkout)
    checkout.page.add_to(app)
    return app


def _add_shop(app: FastAPI, checkout: Checkout) -> None:
    @app.get("/checkout/{customer}", responses=describe_rejections())
    async def show(customer: str, response: Response) -> dict[str, object]:
        """How this customer may pay; remembered methods are marked as degraded."""
        answer = await checkout.fallback.ask_async(checkout.methods, customer)
        if answer.stale:
            mark_degraded(response)
        return {"customer": customer, "methods": answer.value, "degraded": answer.stale}

    @app.post("/checkout/{customer}/pay", responses=describe_rejections())
    async def pay(customer: str) -> dict[str, object]:
        """Charges the customer, now or not at all."""
        return {"customer": customer, "charge": await checkout.charge(customer)}


def _add_controls(app: FastAPI, checkout: Checkout) -> None:
    @app.post("/payments/stop")
    def stop() -> dict[str, object]:
        """Stops the payment service: its port is closed, not just answering errors."""
        checkout.payments.stop()
        return {"running": checkout.payments.running}

    @app.post("/payments/start")
    def start() -> dict[str, object]:
        """Starts it again, on the same port."""
        checkout.payments.start()
        return {"running": checkout.payments.running}

    @app.get("/breakers")
    async def breakers() -> dict[str, dict[str, object]]:
        """What every breaker is at now and has counted so far."""
        return {name: seen.as_dict() for name, seen in checkout.breakers.snapshots().items()}

    @app.get("/metrics")
    async def metrics() -> Response:
        """The same for Prometheus, if its client is installed."""
        if checkout.registry is None:
            reason = MissingExtraError("prometheus_client", "prometheus")
            return Response(f"{reason}\n", 501, media_type="text/plain")
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        page = generate_latest(checkout.registry)
        return Response(page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _tell(change: Transition) -> None:
    _log.info("%s: %s -> %s (%s)", change.breaker, change.before, change.after, change.reason)


def _store(url: str | None) -> Any:
    """Returns a store in this process, or in a Redis."""
    if url is None:
        return MemoryStore()
    from simcb.integrations.redis import AsyncRedisStore

    return AsyncRedisStore.from_url(url, namespace="simcb-demo")


def _metrics() -> Any:
    """Returns breaker metrics and the registry they are in, or two Nones without the library."""
    try:
        from prometheus_client import CollectorRegistry

        from simcb.integrations.prometheus import BreakerMetrics
    except ImportError:
        return None, None
    registry = CollectorRegistry()
    return BreakerMetrics(registry), registry


# The service that fails: only there to be asked and to be stopped.

LOOK_EVERY: Final = 0.05
"""Seconds after which a payment that hangs looks whether it still has to."""
SLOW: Final = 2.0
"""Seconds that a slow payment service takes."""

CARDS: Final = ("visa", "mastercard", "amex", "jcb")


def payments_app(*, flaky: float = 0.0, seed: int = 7) -> FastAPI:
    """Returns the payment service.

    Args:
        flaky: share of the requests, from 0 to 1, that end in a 500.
        seed: decides which ones.

    Raises:
        ParameterError: if `flaky` is no share.
    """
    number("flaky", flaky, 0.0, 1.0, "a share from 0 to 1")
    app = FastAPI(title="Payments")
    draw = random.Random(seed)
    charges = 0

    app.state.trouble = ""

    async def stumble() -> None:
        while app.state.trouble == "hang":
            await asyncio.sleep(LOOK_EVERY)
        if app.state.trouble == "slow":
            await asyncio.sleep(SLOW)
        if draw.random() < flaky:
            raise HTTPException(500, "the payment service stumbled")

    @app.get("/customers/{customer}/methods")
    async def methods(customer: str) -> dict[str, object]:
        await stumble()
        if customer == "nobody":
            raise HTTPException(404, "no such customer")
        kept = len(customer) % len(CARDS) + 1
        return {"customer": customer, "methods": list(CARDS[:kept])}

    @app.post("/customers/{customer}/charges")
    async def charge(customer: str) -> dict[str, object]:
        nonlocal charges
        await stumble()
        charges += 1
        return {"customer": customer, "charge": charges}

    return app
