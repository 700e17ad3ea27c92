"""Breakers on a Prometheus endpoint, under the names resilience4j's dashboard reads.

    metrics = BreakerMetrics()
    payments = metrics.watch(CircuitBreaker("payments"))

What each series means is said in `simcb.integrations.resilience4j`; this module only turns
dots into underscores and hands the values to `prometheus_client`. Gauges and the count of
rejections are read from snapshots when Prometheus asks; only durations are written as calls
end. In `prometheus_client`'s multi-process mode only the durations add up over processes; a
breaker lives in one of them, and so do its gauges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from simcb.breaker import Bulkhead, CircuitBreaker
from simcb.errors import MissingExtraError
from simcb.integrations.resilience4j import (
    BUCKETS,
    BULKHEAD_GAUGES,
    CALLS,
    CALLS_ABOUT,
    COUNTERS,
    GAUGES,
    Kind,
    Metric,
    SeenT,
    View,
)
from simcb.integrations.watching import Watcher

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Histogram
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.metrics_core import Metric as Family
    from prometheus_client.registry import Collector
except ImportError as error:
    raise MissingExtraError("prometheus_client", "prometheus") from error


class BreakerMetrics(Watcher, Collector):
    """Reports breakers to a Prometheus registry; one of these for each registry.

    Args:
        registry: where to report.
        window: how many last calls the rates are computed over.
        slow: seconds from which a call is slow.
        buckets: upper bounds, in seconds, of the histogram of durations.
        labels: labels that every series gets, such as `{"application": "checkout"}`, which
            the dashboard's percentile panel selects by.

    Raises:
        ValueError: from `prometheus_client`, if the registry has such metrics already.
    """

    def __init__(
        self,
        registry: CollectorRegistry = REGISTRY,
        *,
        window: int = 100,
        slow: float = 60.0,
        buckets: Sequence[float] = BUCKETS,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(window=window, slow=slow)
        self._labels = dict(labels or {})
        self._calls = Histogram(
            f"{_underscored(CALLS)}_seconds",
            CALLS_ABOUT,
            ["name", "kind", *self._labels],
            buckets=buckets,
            registry=None,  # collected below, after breakers that are gone have left it
        )
        registry.register(self)

    def watch(self, breaker: CircuitBreaker) -> CircuitBreaker:
        """Reports this breaker from now on, and returns it; its series begin at zero."""
        for kind in (Kind.SUCCESSFUL, Kind.FAILED, Kind.IGNORED):
            self._calls.labels(breaker.name, kind.value, *self._labels.values())
        return super().watch(breaker)

    def record(self, name: str, kind: Kind, seconds: float) -> None:
        """Adds one call to the histogram."""
        self._calls.labels(name, kind.value, *self._labels.values()).observe(seconds)

    def forget(self, name: str) -> None:
        """Drops the histogram of a breaker that is gone."""
        super().forget(name)
        for kind in Kind:
            with suppress(KeyError):
                self._calls.remove(name, kind.value, *self._labels.values())

    def describe(self) -> Iterator[Family]:
        """Yields the families without their values, so that the registry can check names."""
        return self._families((), ())

    def collect(self) -> Iterator[Family]:
        """Reads every breaker and bulkhead once, and yields all families."""
        return self._families(tuple(self.views()), tuple(self.bulkheads()))

    def _families(
        self, views: tuple[tuple[str, View], ...], bulkheads: tuple[tuple[str, Bulkhead], ...]
    ) -> Iterator[Family]:
        for gauge in GAUGES:
            yield self._family(GaugeMetricFamily, gauge, views)
        for counter in COUNTERS:
            yield self._family(CounterMetricFamily, counter, views)
        for places in BULKHEAD_GAUGES:
            yield self._family(GaugeMetricFamily, places, bulkheads)
        yield from self._calls.collect()

    def _family(
        self,
        kind: type[GaugeMetricFamily | CounterMetricFamily],
        metric: Metric[SeenT],
        seen: tuple[tuple[str, SeenT], ...],
    ) -> Family:
        own = ["name", metric.label] if metric.label else ["name"]
        family = kind(_underscored(metric.name), metric.about, labels=[*own, *self._labels])
        for name, one in seen:
            for label, value in metric.read(one):
                values = [name, label] if metric.label else [name]
                family.add_metric([*values, *self._labels.values()], value)
        return family


def _underscored(name: str) -> str:
    return name.replace(".", "_")
