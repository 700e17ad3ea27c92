"""The demo's page: payments with buttons for trouble, the checkout's load, and its breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from fastapi import FastAPI, Request, Response

from simcb.breaker import BreakerRegistry, Transition
from simcb.integrations.demo.serving import Service
from simcb.integrations.panel import BreakerState, History, ServiceState, panel_routes
from simcb.integrations.ports import HOST

HOSTS: Final = (HOST, "localhost", "::1")
SHOP: Final = "/checkout/"
"""Where what is counted begins."""


class CheckoutPage:
    """What the page of a checkout shows and does.

    Args:
        payments: the service that can be troubled; its application's `state.trouble` says how.
        breakers: the checkout's.
    """

    title = "Checkout"
    about = "It keeps working while payments does not; the buttons trouble payments."

    def __init__(self, payments: Service, breakers: BreakerRegistry) -> None:
        self._payments = payments
        self._breakers = breakers
        self._begun = time.monotonic()
        self._history = History()

    def now(self) -> tuple[float, None]:
        """Return the seconds since the beginning; there is no end."""
        return time.monotonic() - self._begun, None

    def services(self) -> Iterator[ServiceState]:
        """Yield how payments fares, and the checkout, which cannot be troubled itself."""
        payments = self._payments
        trouble = payments.app.state.trouble if payments.running else "stop"
        yield ServiceState("payments", payments.url, trouble)
        yield ServiceState("checkout", "asks payments", "", actions=())

    def breakers(self) -> Iterator[BreakerState]:
        """Yield what the breakers are at."""
        for name, seen in self._breakers.snapshots().items():
            state = str(seen.state)
            yield BreakerState(name, state, seen.admitted, seen.rejected, seen.failures)

    def changed(self, change: Transition) -> None:
        """Take note that a breaker changed its state."""
        self._history.changed(self.now()[0], change.breaker, str(change.before), str(change.after))

    async def act(self, service: str, action: str) -> None:
        """Hang, slow or stop payments, or heal it.

        Raises:
            KeyError: it is another service.
        """
        if service != "payments":
            raise KeyError(service)
        if action == "stop":
            await asyncio.to_thread(self._payments.stop)
            return
        self._payments.app.state.trouble = "" if action == "heal" else action
        if action == "heal":
            await asyncio.to_thread(self._payments.start)

    def add_to(self, app: FastAPI) -> None:
        """Put the page at an application's root, and count what the shop's routes answer."""
        app.router.routes.extend(panel_routes(self, self._history, HOSTS))

        @app.middleware("http")
        async def count(
            request: Request, call_next: Callable[[Request], Awaitable[Response]]
        ) -> Response:
            response = await call_next(request)
            if request.url.path.startswith(SHOP):
                self._history.count(self.now()[0], "checkout", _outcome(response))
            return response


def _outcome(response: Response) -> str:
    if response.status_code >= 500:
        return "refused" if response.status_code == 503 else "error"
    return "degraded" if response.headers.get("x-degraded") == "true" else "ok"
