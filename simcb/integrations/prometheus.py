"""Breakers on a Prometheus endpoint, under the names resilience4j's dashboard reads.

    metrics = BreakerMetrics()
    payments = metrics.watch(CircuitBreaker("payments"))

What each series means is said in `simcb.integrations.metrics`; this module only turns
dots into underscores and hands the values to `prometheus_client`. States and counts are read
from snapshots when Prometheus asks; durations, and the last calls for the rates, are written as
calls end. That makes a call several times as dear, and `BreakerMetrics(record_calls=False)` does
without: the number of calls by kind is then the breaker's own, there are neither buckets nor
sums of durations, and the rates are -1. In `prometheus_client`'s multi-process mode only the
durations add up over processes; a breaker lives in one of them, and so do its gauges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from simcb.breaker import Bulkhead
from simcb.errors import MissingExtraError
from simcb.integrations import encodable
from simcb.integrations.metrics import (
    BUCKETS,
    BULKHEAD_GAUGES,
    CALLS,
    CALLS_ABOUT,
    COUNTERS,
    ENDED,
    GAUGES,
    Kind,
    Metric,
    Record,
    SeenT,
    View,
    Watcher,
)

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
        record_calls: whether each call is recorded, for durations and rates.
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
        record_calls: bool = True,
        buckets: Sequence[float] = BUCKETS,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(window=window, slow=slow, record_calls=record_calls)
        self._record_calls = record_calls
        self._labels = {label: encodable(value) for label, value in (labels or {}).items()}
        self._calls = Histogram(
            f"{_underscored(CALLS)}_seconds",
            CALLS_ABOUT,
            ["name", "kind", *self._labels],
            buckets=buckets,
            registry=None,  # collected below, after breakers that are gone have left it
        )
        registry.register(self)

    def recorder(self, name: str, kind: Kind) -> Record:
        """Returns what adds a call to the histogram, whose series begins at zero now."""
        return self._calls.labels(name, kind.value, *self._labels.values()).observe

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
        if self._record_calls:
            yield from self._calls.collect()
        else:
            yield self._family(_CountFamily, ENDED, views)

    def _family(
        self,
        kind: type[GaugeMetricFamily | CounterMetricFamily | _CountFamily],
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


class _CountFamily(Family):
    """A summary of which only the count is known; `prometheus_client`'s own wants a sum."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        super().__init__(name.removesuffix("_count"), documentation, "summary")
        self._labels = labels

    def add_metric(self, labels: Sequence[str], value: float) -> None:
        """Adds the count of one breaker's calls of one kind."""
        own = dict(zip(self._labels, labels, strict=True))
        self.add_sample(f"{self.name}_count", own, value)


def _underscored(name: str) -> str:
    return name.replace(".", "_")
