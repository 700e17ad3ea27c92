"""Breakers as OpenTelemetry metrics, under the names resilience4j's dashboard reads.

    metrics = BreakerMetrics()
    payments = metrics.watch(CircuitBreaker("payments"))

The instruments have resilience4j's dotted names, and become the dashboard's names when they
are exported to Prometheus. What each means is said in `simcb.integrations.metrics`. It
needs OpenTelemetry's API only; without an SDK, or before one is set up, everything is a
no-op of that API, and breakers do not notice.

`BreakerMetrics(record_calls=False)` records no call, which makes one several times as dear: the
number of calls by kind is then the breaker's own, under the name that exporters to Prometheus
give to the histogram's, and the rates are -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

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
    Watcher,
)

try:
    from opentelemetry.metrics import (
        CallbackOptions,
        MeterProvider,
        Observation,
        get_meter_provider,
    )
except ImportError as error:
    raise MissingExtraError("opentelemetry", "opentelemetry") from error


class BreakerMetrics(Watcher):
    """Reports breakers to a meter provider; one of these for each provider.

    Args:
        provider: where to report; the global one by default.
        window: how many last calls the rates are computed over.
        slow: seconds from which a call is slow.
        record_calls: whether each call is recorded, for durations and rates.
        attributes: attributes that every measurement gets.
    """

    def __init__(
        self,
        provider: MeterProvider | None = None,
        *,
        window: int = 100,
        slow: float = 60.0,
        record_calls: bool = True,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(window=window, slow=slow, record_calls=record_calls)
        self._attributes = {key: encodable(value) for key, value in (attributes or {}).items()}
        meter = (provider or get_meter_provider()).get_meter("simcb")
        if record_calls:
            self._calls = meter.create_histogram(
                CALLS, "s", CALLS_ABOUT, explicit_bucket_boundaries_advisory=BUCKETS
            )
        else:
            # Exporters append to a counter's name, and this one has to stay as it is.
            read = self._reader(ENDED, self.views)
            meter.create_observable_up_down_counter(ENDED.name, [read], "", ENDED.about)
        for gauge in GAUGES:
            read = self._reader(gauge, self.views)
            meter.create_observable_gauge(gauge.name, [read], "", gauge.about)
        for counter in COUNTERS:
            # One name cannot be a histogram and a counter; exporters do not double the ending.
            name = f"{counter.name}.total" if counter.name == CALLS else counter.name
            read = self._reader(counter, self.views)
            meter.create_observable_counter(name, [read], "", counter.about)
        for places in BULKHEAD_GAUGES:
            read = self._reader(places, self.bulkheads)
            meter.create_observable_gauge(places.name, [read], "", places.about)

    def recorder(self, name: str, kind: Kind) -> Record:
        """Returns what adds a call to the histogram."""
        attributes = {"name": name, "kind": kind.value, **self._attributes}
        return partial(self._calls.record, attributes=attributes)

    def _reader(
        self, metric: Metric[SeenT], seen: Callable[[], Iterable[tuple[str, SeenT]]]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterator[Observation]:
            for name, one in seen():
                for label, value in metric.read(one):
                    own = {metric.label: str(label)} if metric.label else {}
                    yield Observation(value, {"name": name, **own, **self._attributes})

        return read
