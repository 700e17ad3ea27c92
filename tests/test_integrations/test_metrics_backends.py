"""Breakers as Prometheus and OpenTelemetry metrics, under the names dashboards read."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest
from test_integrations.http_clients import Clock

import simcb.integrations.opentelemetry as otel
import simcb.integrations.prometheus as prom
from simcb.breaker import (
    BreakerRegistry,
    Bulkhead,
    CircuitBreaker,
    CircuitOpenError,
    ParameterError,
)

CB = "resilience4j_circuitbreaker"

# Every query of the dashboard published with resilience4j that is about breakers and
# bulkheads: the metric, the labels it selects or prints by, and label values it names.
DASHBOARD = [
    (f"{CB}_state", {"name", "state"}, {"closed", "open", "forced_open", "half_open"}),
    (f"{CB}_failure_rate", {"name"}, set()),
    (f"{CB}_calls_seconds_count", {"name", "kind"}, {"successful", "failed", "ignored"}),
    (f"{CB}_calls_seconds_sum", {"name", "kind"}, {"successful", "failed", "ignored"}),
    (f"{CB}_calls_seconds_bucket", {"name", "le", "application"}, set()),
    (f"{CB}_calls_total", {"name", "kind"}, {"not_permitted"}),
    (f"{CB}_buffered_calls", {"name", "kind"}, {"successful", "failed"}),
    (f"{CB}_max_buffered_calls", {"name"}, set()),
    ("resilience4j_bulkhead_available_concurrent_calls", {"name", "application"}, set()),
    ("resilience4j_bulkhead_max_allowed_concurrent_calls", {"name", "application"}, set()),
]

# What resilience4j reports besides, which other dashboards read.
BESIDES = [
    (f"{CB}_not_permitted_calls_total", {"name", "kind"}, {"not_permitted"}),
    (f"{CB}_slow_calls", {"name", "kind"}, {"successful", "failed"}),
    (f"{CB}_slow_call_rate", {"name"}, set()),
    (f"{CB}_state", {"name", "state"}, {"disabled", "metrics_only"}),
]

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Prometheus:
    """Metrics in a registry of their own, read back from the page Prometheus would read."""

    def __init__(self, **settings) -> None:
        self.registry = CollectorRegistry()
        self.metrics = prom.BreakerMetrics(
            self.registry, labels={"application": "shop"}, **settings
        )

    def series(self) -> Series:
        page = generate_latest(self.registry).decode()
        found = re.findall(r"^(\w+)\{(.*?)\} (\S+)$", page, re.MULTILINE)
        return {
            (name, frozenset(re.findall(r'(\w+)="(.*?)"', labels))): float(value)
            for name, labels, value in found
        }


class OpenTelemetry:
    """Metrics in a provider of their own, read back under the names Prometheus gives them."""

    def __init__(self, **settings) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader])
        self.metrics = otel.BreakerMetrics(
            self.provider, attributes={"application": "shop"}, **settings
        )

    def series(self) -> Series:
        data = self.reader.get_metrics_data()
        found: Series = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics if data else ():
            name = metric.name.replace(".", "_") + {"s": "_seconds"}.get(metric.unit, "")
            if getattr(metric.data, "is_monotonic", False) and not name.endswith("_total"):
                name += "_total"
            for point in metric.data.data_points:
                labels = frozenset(point.attributes.items())
                if isinstance(point, HistogramDataPoint):
                    found[f"{name}_count", labels] = point.count
                    found[f"{name}_sum", labels] = point.sum
                    for bound, count in zip(
                        point.explicit_bounds, point.bucket_counts, strict=False
                    ):
                        found[f"{name}_bucket", labels | {("le", str(bound))}] = count
                else:
                    found[name, labels] = point.value
        return found


@pytest.fixture(params=[Prometheus, OpenTelemetry])
def backend(request):
    return request.param()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(backend, clock) -> CircuitBreaker:
    made = CircuitBreaker(
        "payments",
        failure_threshold=3,
        recovery_timeout=10.0,
        expected_exception=OSError,
        ignore=LookupError,
        clock=clock,
    )
    return backend.metrics.watch(made)


def value(series: Series, metric: str, **labels: str) -> float:
    """Return the one value of a metric with these labels."""
    wanted = {*labels.items(), ("application", "shop")}
    (found,) = [
        number for (name, has), number in series.items() if name == metric and wanted <= has
    ]
    return found


def end(breaker: CircuitBreaker, clock: Clock, seconds: float, error: Exception | None) -> None:
    """Make one call that takes so long and ends so."""
    permit = breaker.acquire()
    clock.now += seconds
    if error is None:
        permit.success()
    else:
        permit.raised(error)


def reject(breaker: CircuitBreaker) -> None:
    with pytest.raises(CircuitOpenError):
        breaker.acquire()


@pytest.fixture
def lively(backend, breaker, clock) -> CircuitBreaker:
    """A breaker that has seen calls of every kind, and a bulkhead."""
    end(breaker, clock, 0.2, None)
    end(breaker, clock, 0.3, LookupError())
    for _ in range(3):
        end(breaker, clock, 0.5, OSError())
    reject(breaker)
    reject(breaker)
    return breaker


@pytest.mark.parametrize(("metric", "labels", "words"), DASHBOARD + BESIDES)
def test_every_query_of_the_published_dashboard_finds_its_series(
    backend, lively, metric, labels, words
):
    """Names, labels and label values are the dashboard's, letter by letter."""
    bulkhead = backend.metrics.watch_bulkhead(Bulkhead(4, name="payments"))
    found = [dict(has) for name, has in backend.series() if name == metric]
    assert found, f"no series {metric}"
    assert all(labels <= set(has) for has in found)
    assert words <= {word for has in found for word in has.values()}
    assert all(has["name"] == bulkhead.name for has in found)


def test_calls_are_counted_and_timed_by_kind(backend, lively):
    """Counts and sums of seconds by the breaker's clock; rejections have no duration."""
    seen = backend.series()
    calls = f"{CB}_calls_seconds"
    for kind, count, seconds in (
        ("successful", 1, 0.2),
        ("failed", 3, 1.5),
        ("ignored", 1, 0.3),
    ):
        assert value(seen, f"{calls}_count", kind=kind) == count
        assert value(seen, f"{calls}_sum", kind=kind) == pytest.approx(seconds)
    assert value(seen, f"{CB}_not_permitted_calls_total", kind="not_permitted") == 2
    assert value(seen, f"{CB}_calls_total", kind="not_permitted") == 2


def test_exactly_one_state_is_active_at_any_time(backend, breaker, clock):
    """The states by hand have resilience4j's names for them."""

    def active() -> set[str]:
        return {
            dict(labels)["state"]
            for (name, labels), number in backend.series().items()
            if name == f"{CB}_state" and number == 1.0
        }

    assert active() == {"closed"}
    for _ in range(3):
        end(breaker, clock, 0.1, OSError())
    assert active() == {"open"}
    clock.now += 10.0
    breaker.acquire()
    assert active() == {"half_open"}
    for by_hand, state in (
        (breaker.force_open, "forced_open"),
        (breaker.force_closed, "disabled"),
        (breaker.count_only, "metrics_only"),
        (breaker.reset, "closed"),
    ):
        by_hand()
        assert active() == {state}


def test_rates_are_percentages_of_the_last_calls_and_minus_one_while_there_are_few(
    backend, breaker, clock
):
    """The dashboard shows -1 as "N/A"."""
    for failed in (True, False, False) * 3:
        end(breaker, clock, 0.1, OSError() if failed else None)
    assert value(backend.series(), f"{CB}_failure_rate") == -1.0
    end(breaker, clock, 0.1, None)
    seen = backend.series()
    assert value(seen, f"{CB}_failure_rate") == 30.0
    assert value(seen, f"{CB}_slow_call_rate") == 0.0
    assert value(seen, f"{CB}_buffered_calls", kind="failed") == 3
    assert value(seen, f"{CB}_buffered_calls", kind="successful") == 7


@pytest.mark.parametrize("kind", [Prometheus, OpenTelemetry])
def test_the_window_and_what_is_slow_are_arguments(kind, clock):
    """Only the last calls count; slow is `>=`."""
    backend = kind(window=20, slow=2.0)
    breaker = backend.metrics.watch(CircuitBreaker("payments", clock=clock))
    for _ in range(30):
        end(breaker, clock, 5.0, None)
    for seconds in (2.0, 1.9) * 10:
        end(breaker, clock, seconds, None)
    seen = backend.series()
    assert value(seen, f"{CB}_max_buffered_calls") == 20
    assert value(seen, f"{CB}_slow_calls", kind="successful") == 10
    assert value(seen, f"{CB}_slow_calls", kind="failed") == 0
    assert value(seen, f"{CB}_slow_call_rate") == 50.0


def test_rates_begin_anew_when_the_breaker_has_recovered(backend, breaker, clock):
    """Old failures are not held against a service that is back."""
    for _ in range(3):
        end(breaker, clock, 0.1, OSError())
    assert value(backend.series(), f"{CB}_buffered_calls", kind="failed") == 3
    clock.now += 10.0
    end(breaker, clock, 0.1, None)
    seen = backend.series()
    assert value(seen, f"{CB}_state", state="closed") == 1.0
    assert value(seen, f"{CB}_buffered_calls", kind="failed") == 0


def test_a_stale_result_has_a_kind_of_its_own(backend, breaker, clock):
    """A call that outlived its generation is load, but neither success nor failure."""
    late = breaker.acquire()
    for _ in range(3):
        end(breaker, clock, 0.1, OSError())
    late.success()
    seen = backend.series()
    assert value(seen, f"{CB}_calls_seconds_count", kind="stale") == 1
    assert value(seen, f"{CB}_buffered_calls", kind="successful") == 0


def test_bulkheads_say_how_many_places_are_free(backend):
    """While they are held by somebody."""
    bulkhead = backend.metrics.watch_bulkhead(Bulkhead(4, name="payments"))
    with bulkhead.acquire():
        seen = backend.series()
    assert value(seen, "resilience4j_bulkhead_available_concurrent_calls") == 3
    assert value(seen, "resilience4j_bulkhead_max_allowed_concurrent_calls") == 4


def test_a_breaker_that_nobody_holds_is_collected_and_leaves_the_metrics(backend, breaker):
    """Watching keeps nothing alive."""
    backend.metrics.watch(CircuitBreaker("dropped"))
    backend.metrics.watch_bulkhead(Bulkhead(1, name="dropped"))
    gc.collect()
    names = {dict(labels)["name"] for _, labels in backend.series()}
    assert names == {"payments"}


def test_watching_a_breaker_twice_counts_its_calls_once(backend, breaker, clock):
    """A program may not know that it is watched already."""
    backend.metrics.watch(breaker)
    end(breaker, clock, 0.1, None)
    seen = backend.series()
    assert value(seen, f"{CB}_calls_seconds_count", kind="successful") == 1


def test_of_two_breakers_with_one_name_the_last_is_reported_and_it_is_said(
    backend, breaker, clock, caplog
):
    """Two series with equal labels would make the whole page unreadable."""
    other = backend.metrics.watch(CircuitBreaker("payments", clock=clock))
    other.force_open()
    for _ in range(2):
        assert value(backend.series(), f"{CB}_state", state="forced_open") == 1.0
    assert caplog.text.count("2 breakers are called 'payments'") == 1


NAMES = {"surrogate": "\ud800", "undecoded": "caf\udce9", "line": 'a\n"b"\\', "unicode": "ünï ☃"}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("record_calls", [True, False])
@pytest.mark.parametrize("kind", [Prometheus, OpenTelemetry])
def test_no_name_of_a_breaker_or_bulkhead_makes_the_metrics_unreadable(
    kind, clock, record_calls, name
):
    """What no encoding takes is escaped, or one stranger's JSON would hide all breakers."""
    backend = kind(record_calls=record_calls)
    breaker = backend.metrics.watch(CircuitBreaker(name, clock=clock))
    bulkhead = backend.metrics.watch_bulkhead(Bulkhead(4, name=name))
    other = backend.metrics.watch(CircuitBreaker("payments", clock=clock))
    for one in (breaker, other):
        end(one, clock, 0.1, None)
    seen = backend.series()
    places = "resilience4j_bulkhead_available_concurrent_calls"
    (shown,) = [dict(labels)["name"] for metric, labels in seen if metric == places]
    assert shown.encode()
    for each in (shown, "payments"):
        assert value(seen, f"{CB}_calls_seconds_count", kind="successful", name=each) == 1
        assert value(seen, f"{CB}_state", state="closed", name=each) == 1
    assert bulkhead.name == name


def test_a_name_and_another_that_is_how_it_is_escaped_are_one_to_the_metrics(
    backend, clock, caplog
):
    """Which is said as of any two breakers of one name, and the page stays readable."""
    held = [
        backend.metrics.watch(CircuitBreaker(name, clock=clock)) for name in ("\ud800", "\\ud800")
    ]
    names = [has for (name, has) in backend.series() if name == f"{CB}_failure_rate"]
    assert len(names) == 1
    assert f"{len(held)} breakers are called" in caplog.text


def test_labels_of_the_environment_that_no_encoding_takes_are_escaped():
    """A host's name that is not in UTF-8 arrives so from the environment."""
    registry = CollectorRegistry()
    metrics = prom.BreakerMetrics(registry, labels={"host": "caf\udce9"})
    held = metrics.watch(CircuitBreaker("payments"))
    assert f'host="caf\\\\udce9",name="{held.name}"' in generate_latest(registry).decode()


# Without a record of each call.


@pytest.fixture(params=[Prometheus, OpenTelemetry])
def counting(request):
    return request.param(record_calls=False)


def test_without_recording_a_call_passes_as_if_nobody_watched(counting):
    """A closed breaker whose calls are not recorded does not even read its clock."""
    read = []

    def noted() -> float:
        read.append(1)
        return 0.0

    breaker = counting.metrics.watch(CircuitBreaker("payments", clock=noted))
    read.clear()
    for _ in range(5):
        breaker.call(str)
    assert read == []
    assert value(counting.series(), f"{CB}_calls_seconds_count", kind="successful") == 5


def test_without_recording_counts_are_the_breakers_own_and_the_rest_says_that_it_is_not_known(
    counting, clock
):
    """Names stay the dashboard's; no sum or bucket claims that calls took no time."""
    breaker = CircuitBreaker(
        "payments", failure_threshold=3, recovery_timeout=10.0, ignore=LookupError, clock=clock
    )
    end(breaker, clock, 0.2, None)
    counting.metrics.watch(breaker)
    late = breaker.acquire()
    end(breaker, clock, 0.3, LookupError())
    for _ in range(3):
        end(breaker, clock, 0.5, OSError())
    late.success()
    reject(breaker)
    seen = counting.series()
    for kind, count in {"successful": 1, "failed": 3, "ignored": 1, "stale": 1}.items():
        assert value(seen, f"{CB}_calls_seconds_count", kind=kind) == count
    assert value(seen, f"{CB}_calls_total", kind="not_permitted") == 1
    assert value(seen, f"{CB}_state", state="open") == 1
    for rate in ("failure_rate", "slow_call_rate"):
        assert value(seen, f"{CB}_{rate}") == -1.0
    assert value(seen, f"{CB}_max_buffered_calls") == 0
    names = {name for name, _ in seen}
    assert not {f"{CB}_calls_seconds_sum", f"{CB}_calls_seconds_bucket"} & names
    missing = {name for name, _, _ in DASHBOARD if not name.startswith(f"{CB}_calls_seconds")}
    assert {name for name in missing - names if "bulkhead" not in name} == set()


def test_a_registry_can_have_all_its_breakers_watched(backend):
    """Breakers made later, such as one per host, are there from their first call."""
    breakers = BreakerRegistry(lambda name: backend.metrics.watch(CircuitBreaker(name)))
    for host in ("a", "b"):
        breakers.get(host).acquire().success()
    seen = backend.series()
    for host in ("a", "b"):
        assert value(seen, f"{CB}_calls_seconds_count", kind="successful", name=host) == 1


def test_calls_of_many_threads_are_all_counted(backend, breaker):
    """Listeners are called by several threads at once."""

    def work() -> None:
        for _ in range(50):
            breaker.acquire().success()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = backend.series()
    assert value(seen, f"{CB}_calls_seconds_count", kind="successful") == 200


@pytest.mark.parametrize("kind", [Prometheus, OpenTelemetry])
@pytest.mark.parametrize("nonsense", [{"window": 0}, {"slow": 0.0}, {"slow": float("nan")}])
def test_nonsensical_parameters_are_refused(kind, nonsense):
    """A window without calls has no rate."""
    with pytest.raises(ParameterError, match=next(iter(nonsense))):
        kind(**nonsense)


def test_prometheus_series_begin_at_zero():
    """A rate over a series that appears at its first call would miss that call."""
    backend = Prometheus()
    held = backend.metrics.watch(CircuitBreaker("payments"))
    seen = backend.series()
    for kind in ("successful", "failed", "ignored", "stale"):
        assert value(seen, f"{CB}_calls_seconds_count", kind=kind) == 0
    assert held.name == "payments"


def test_a_prometheus_registry_takes_one_set_of_breaker_metrics():
    """The second is refused by the library, rather than doubling every series."""
    registry = CollectorRegistry()
    prom.BreakerMetrics(registry)
    with pytest.raises(ValueError, match="resilience4j_circuitbreaker"):
        prom.BreakerMetrics(registry)


def test_without_an_sdk_opentelemetry_costs_and_does_nothing(clock):
    """The API alone is a no-op; breakers do not notice."""
    metrics = otel.BreakerMetrics()
    breaker = metrics.watch(CircuitBreaker("payments", clock=clock))
    end(breaker, clock, 0.1, None)
    assert breaker.snapshot().successes == 1


@pytest.fixture
def exported() -> Iterator[tuple[MeterProvider, object]]:
    exporter = pytest.importorskip(
        "opentelemetry.exporter.prometheus",
        reason="opentelemetry-exporter-prometheus is not installed",
    )
    reader = exporter.PrometheusMetricReader(disable_target_info=True)
    provider = MeterProvider([reader])
    yield provider, reader
    provider.shutdown()


@pytest.mark.parametrize("record_calls", [True, False])
def test_exported_to_prometheus_the_opentelemetry_names_are_the_dashboards(
    exported, clock, record_calls
):
    """OpenTelemetry's own exporter turns our instruments into the names of the dashboard."""
    from prometheus_client import REGISTRY

    provider, _ = exported
    metrics = otel.BreakerMetrics(provider, record_calls=record_calls)
    breaker = metrics.watch(CircuitBreaker("payments", failure_threshold=1, clock=clock))
    bulkhead = metrics.watch_bulkhead(Bulkhead(4, name="payments"))
    end(breaker, clock, 0.2, OSError())
    reject(breaker)
    page = generate_latest(REGISTRY).decode()
    for metric, _labels, _words in DASHBOARD + BESIDES:
        if record_calls or not metric.endswith(("_seconds_sum", "_seconds_bucket")):
            assert re.search(rf'^{metric}{{.*name="{bulkhead.name}"', page, re.MULTILINE), metric
