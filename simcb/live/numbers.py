"""The numbers of services on real sockets, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simcb.errors import MissingExtraError
from simcb.world import World
from simcb.world.replicas import Replica

try:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
except ImportError as error:
    raise MissingExtraError("prometheus_client", "serve") from error

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of durations, seconds of the scenario."""


_GAUGES: dict[str, tuple[str, Callable[[Replica], float]]] = {
    "busy": ("Workers that are held.", lambda each: each.busy),
    "queued": ("Requests that wait for a worker.", lambda each: len(each.queue)),
    "workers": ("Workers that there are.", lambda each: each.capacity),
}


class Numbers:
    """What one service has done, and what it is at."""

    def __init__(self, world: World, service: str) -> None:
        self.outcomes: dict[str, int] = {}
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "simcb_requests",
            "Requests by what became of them.",
            ("service", "outcome"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "simcb_request_seconds",
            "Seconds of the scenario from a request's arrival to its answer.",
            ("service",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._service = service
        for name, (about, value) in _GAUGES.items():
            gauge = Gauge(f"simcb_{name}", about, ("service", "replica"), registry=self._registry)
            for number, replica in enumerate(world.replicas(service)):
                gauge.labels(service, str(number)).set_function(partial(value, replica))

    def count(self, outcome: str, seconds: float) -> None:
        """Count a request and the seconds it took."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self._requests.labels(self._service, outcome).inc()
        self._seconds.labels(self._service).observe(seconds)

    def text(self) -> bytes:
        """Return them as Prometheus reads them."""
        return generate_latest(self._registry)
