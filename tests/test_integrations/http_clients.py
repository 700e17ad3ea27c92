"""The two HTTP clients side by side, a clock set by hand, and breakers that use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType

import httpx
import httpx2

import simcb.integrations.httpx as guarded_httpx
import simcb.integrations.httpx2 as guarded_httpx2
from simcb.breaker import BreakerRegistry, CircuitBreaker


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Kit:
    """One client library, our module for it, and breakers that open at the second failure."""

    library: ModuleType
    ours: ModuleType
    clock: Clock = field(default_factory=Clock)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.breakers = BreakerRegistry(
            lambda name: CircuitBreaker(
                name, failure_threshold=2, recovery_timeout=10.0, clock=self.clock
            )
        )

    def client(self, answer, **settings):
        """Return a client whose guarded transport is answered by a function of the request."""

        def noted(request):
            self.asked.append(str(request.url))
            return answer(request)

        settings.setdefault("breakers", self.breakers)
        transport = self.ours.BreakerTransport(self.library.MockTransport(noted), **settings)
        return self.library.Client(transport=transport)

    def async_client(self, answer, **settings):
        """Return an asynchronous client, likewise; the function may be a coroutine function."""
        settings.setdefault("breakers", self.breakers)
        wrapped = self.library.MockTransport(answer)
        transport = self.ours.AsyncBreakerTransport(wrapped, **settings)
        return self.library.AsyncClient(transport=transport)

    def counts(self, name: str) -> tuple[int, int, int]:
        """Return how many successes, failures and ignored calls a breaker has seen."""
        seen = self.breakers.get(name).snapshot()
        return seen.successes, seen.failures, seen.ignored


KITS = {"httpx": (httpx, guarded_httpx), "httpx2": (httpx2, guarded_httpx2)}
