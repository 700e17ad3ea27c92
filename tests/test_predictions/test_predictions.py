"""What formulas say before a run is what a run then shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from shipped import each_shipped

from simcb.breaker import (
    CircuitBreaker,
    CircuitState,
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    Recovery,
    TripRule,
)
from simcb.metrics import measure
from simcb.predictions import TOPICS, Prediction, answer, findings, predict
from simcb.predictions.chance import _calls_to_share, is_exact, time_to_trip
from simcb.predictions.formulas import calls_to_trip_by_rate, time_to_two
from simcb.predictions.spread import beyond, quantile, variation
from simcb.scenario import Scenario, parse_scenario, read_scenario
from simcb.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Histogram,
    Lognormal,
    Quantiles,
    Uniform,
)
from simcb.world import simulate
from simcb.world.samplers import sampler_of
from simcb.world.streams import Streams

ONE = """
name: one
duration: {duration}
clients:
  shop: {{arrivals: {arrivals}, instances: {instances}, calls: {{store: {{{call}}}}}}}
services:
  store: {{{service}}}
faults: {faults}
"""


def scenario(
    arrivals: str = "{kind: poisson, rate: 20/s}",
    call: str = "timeout: 1s, breaker: {failure_threshold: 5, recovery_timeout: 5s}",
    service: str = "workers: 8, work: {kind: exponential, mean: 50ms}",
    faults: str = "[]",
    duration: str = "200s",
    instances: int = 1,
) -> Scenario:
    """Return a scenario of one shop and one store."""
    return parse_scenario(ONE.format(**locals()))


def only(made: Scenario, name: str, subject: str = "") -> Prediction:
    """Return the one prediction of a name."""
    (found,) = predict(made).of(name, subject)
    return found


def mean_of(made: Scenario, name: str, of: str = "", phase: str = "whole", runs: int = 3) -> float:
    """Return a metric's mean over a few runs."""
    values = []
    for seed in range(runs):
        value = measure(simulate(made, seed)).value(name, phase=phase, of=of)
        assert value is not None
        values.append(value)
    return sum(values) / runs


@pytest.mark.parametrize(
    ("arrivals", "service"),
    [
        pytest.param(
            "{kind: poisson, rate: 60/s}",
            "workers: 4, work: {kind: exponential, mean: 50ms}",
            marks=pytest.mark.slow,
        ),
        ("{kind: poisson, rate: 8/s}", "workers: 1, work: {kind: lognormal, mean: 80ms, cv: 1}"),
        ("{kind: constant, rate: 8/s}", "workers: 1, work: 100ms"),
        pytest.param(
            "{kind: poisson, rate: 60/s}",
            "workers: 2, replicas: 2, balance: random, work: 50ms",
            marks=pytest.mark.slow,
        ),
        (
            "{kind: poisson, rate: [{at: 0s, rate: 20/s}, {at: 100s, rate: 60/s}]}",
            "workers: 9, work: 50ms",
        ),
        (
            "{kind: closed, users: 20, think: {kind: exponential, mean: 1s}}",
            "workers: 1, work: {kind: exponential, mean: 100ms}",
        ),
    ],
)  # fmt: skip
def test_load_and_wait_are_those_of_a_run(arrivals: str, service: str) -> None:
    """Poisson, constant, changing and closed arrivals; the wait by Little's law."""
    made = scenario(arrivals, "", service, duration="400s")
    busy, wait = only(made, "utilisation"), only(made, "wait")
    assert busy.value == pytest.approx(mean_of(made, "utilisation", "store"), rel=0.05)
    if "at: 100s" in arrivals:
        return
    rate = mean_of(made, "downstream_rate", "store")
    queued = mean_of(made, "mean_queue", "store")
    assert wait.value == pytest.approx(queued / rate, rel=0.25, abs=1e-3)


def test_more_than_it_can_do_waits_for_ever() -> None:
    """No more than all workers are busy, and what is left over each second is said."""
    made = scenario("{kind: constant, rate: 12/s}", "", "workers: 1, work: 100ms")
    busy = only(made, "utilisation")
    assert busy.value == 1.0
    assert busy.remark == "over by 0.2 times what it can do: 2 a second are left over"
    assert only(made, "wait").value == math.inf
    peak = measure(simulate(made)).value("queue_peak", of="store")
    assert peak == pytest.approx(2.0 * 200.0, rel=0.05)


def test_a_full_queue_refuses_what_the_chain_says() -> None:
    """The M/M/c/K example of the textbooks."""
    made = scenario(
        "{kind: poisson, rate: 25/s}",
        "",
        "workers: 2, queue: {limit: 8}, work: {kind: exponential, mean: 100ms}",
        duration="400s",
    )
    refused = only(made, "refused")
    assert refused.value == pytest.approx(0.2214, abs=1e-4)
    assert 1.0 - mean_of(made, "success") == pytest.approx(refused.value, abs=0.02)


def test_amplification_is_reached_and_not_passed_where_all_fails() -> None:
    """Three layers of two retries: 27, and that is what a run has under the fault."""
    made = parse_scenario("""
name: layers
duration: 90s
clients:
  users:
    arrivals: {kind: constant, rate: 1/s}
    calls: {edge: {timeout: 3s, retry: {max_retries: 2}}}
services:
  edge: {workers: 99, work: 1ms, calls: {middle: {timeout: 1s, retry: {max_retries: 2}}}}
  middle: {workers: 99, work: 1ms, calls: {bottom: {timeout: 300ms, retry: {max_retries: 2}}}}
  bottom: {workers: 99, work: 1ms}
faults: [{kind: errors, on: bottom, rate: 100%, at: 30s, for: 30s}]
""")
    assert only(made, "amplification", "bottom").value == 27.0
    found = measure(simulate(made))
    for times, service in ((3.0, "edge"), (9.0, "middle"), (27.0, "bottom")):
        assert found.value("amplification", phase="fault", of=service) == times


@pytest.mark.parametrize(("retries", "falls"), [(1, False), (4, True)])
def test_the_margin_says_whether_retries_keep_it_down(retries: int, falls: bool) -> None:
    """λ(1+n)/C below 1 recovers from any trigger; above it a large one is for good."""
    made = scenario(
        "{kind: poisson, rate: 38/s}",
        f"timeout: 1s, retry: {{max_retries: {retries}}}",
        "workers: 10, work: {kind: exponential, mean: 100ms}",
        "[{kind: pause, on: store, at: 20s, for: 15s}]",
        "120s",
    )
    margin = only(made, "collapse_margin")
    assert margin.value == pytest.approx(38 * (1 + retries) / 100)
    busy = measure(simulate(made)).value("utilisation", phase="recovery", of="store")
    assert busy is not None
    assert (busy > 0.95) is falls
    assert (margin.value >= 1.0) is falls


def test_a_retry_budget_bounds_the_load_in_the_long_run() -> None:
    """Tenths of a token for each request: 1.1 tries each, whatever is allowed at most."""
    made = scenario(
        call="retry: {max_retries: 3, budget: {kind: token_bucket, ratio: 10%, burst: 5}}",
        faults="[{kind: errors, on: store, rate: 100%, at: 20s, for: 180s}]",
    )
    lasting = only(made, "lasting_amplification")
    assert lasting.value == pytest.approx(1.1)
    assert mean_of(made, "amplification", "store", "fault") == pytest.approx(1.1, rel=0.02)


def test_what_each_breaker_hears_is_shared_out() -> None:
    """By instances and replicas; one that is shared hears all."""
    call = "timeout: 1s, breaker: {failure_threshold: 5}"
    made = scenario(call=call, instances=4)
    assert only(made, "calls_heard").value == pytest.approx(5.0, rel=1e-6)
    made = made.with_({"breaker.shared": True})
    assert only(made, "calls_heard").value == pytest.approx(20.0, rel=1e-6)
    made = made.with_({"breaker.per_replica": True, "store.replicas": 2})
    assert only(made, "calls_heard").value == pytest.approx(10.0, rel=1e-6)


@pytest.mark.parametrize(("rate", "opens"), [("2/s", False), ("20/s", True)])
def test_a_window_that_never_fills_opens_no_breaker(rate: str, opens: bool) -> None:
    """The calls in it are λT, and a run opens only where they are enough."""
    made = scenario(
        f"{{kind: poisson, rate: {rate}}}",
        "timeout: 1s, breaker: {trip: {kind: failure_rate, window: 10s, minimum_calls: 50}}",
        faults="[{kind: hang, on: store, at: 60s, for: 60s}]",
    )
    found = predict(made)
    (calls,) = found.of("calls_in_window")
    assert calls.value == pytest.approx(float(rate[:-2]) * 10.0, rel=1e-6)
    assert ("it can open" in calls.remark) is opens
    missed = measure(simulate(made)).value("missed_trips")
    assert (missed == 0) is opens
    assert any("50 needed" in each for each in findings(found)) is not opens
    assert any("opens no breaker" in each for each in answer(found, "never-opens").sentences) or (
        opens or any("50 needed" in each for each in answer(found, "never-opens").sentences)
    )


RULES = [
    (ConsecutiveFailures(3), 0.3, 10.0, True),
    (FailuresInWindow(2, 5.0), 0.05, 2.0, True),
    (FailuresInWindow(5, 10.0), 0.1, 2.0, False),
    (FailureRate(0.5, calls=6, minimum_calls=6), 0.2, 10.0, True),
    (FailureRate(0.5, calls=20, minimum_calls=20), 0.25, 10.0, False),
    (FailureRate(0.5, calls=50, minimum_calls=10), 0.35, 10.0, False),
    (FailureRate(0.5, window=10.0, minimum_calls=10), 0.25, 2.0, False),
    (FailureRate(0.5, window=10.0, minimum_calls=5), 0.2, 1.0, False),
    (FailureRate(0.5, window=60.0, minimum_calls=20), 0.35, 1.0, False),
    (FailureRate(0.5, window=10.0, minimum_calls=20), 0.6, 10.0, False),
    (FailureRate(0.8, window=5.0, minimum_calls=10), 0.55, 4.0, False),
]


@pytest.mark.parametrize(
    ("rule", "failing", "rate", "exact"),
    [*RULES[:4], *(pytest.param(*each, marks=pytest.mark.slow) for each in RULES[4:])],
    ids=range(len(RULES)),
)
def test_a_breaker_opens_by_chance_as_often_as_said(
    rule: TripRule, failing: float, rate: float, exact: bool
) -> None:
    """Held against the breaker itself over 400 openings: one standard error is 5%."""
    random = np.random.default_rng(7)
    times = []
    for _ in range(400):
        now = 0.0
        breaker = CircuitBreaker(
            "by chance",
            trip=rule,
            recovery=Recovery(1e6),
            clock=lambda: now,  # noqa: B023
        )
        while breaker.state is CircuitState.CLOSED:
            now += random.exponential(1.0 / rate)
            permit = breaker.acquire()
            permit.failure() if random.random() < failing else permit.success()
        times.append(now)
    assert time_to_trip(rule, failing, rate) == pytest.approx(np.mean(times), rel=0.12)
    assert is_exact(rule) is exact


@pytest.mark.parametrize("failing", [0.01, 0.1, 0.3])
def test_what_is_drawn_is_what_the_chain_gives(failing: float) -> None:
    """However rare it is: two cases that are solved exactly, drawn as the others are."""
    exact = calls_to_trip_by_rate(9, 6, 0.5, failing)
    assert _calls_to_share(9.0, 6, 0.5, failing, False) == pytest.approx(exact, rel=0.08)
    pair = time_to_two(failing, 10.0)
    drawn = _calls_to_share(10.0 * failing, 2, 1.0, 1.0, True) / failing
    assert drawn == pytest.approx(pair, rel=0.08)


def test_nothing_fails_and_nothing_opens() -> None:
    """Zero failures, zero calls: never."""
    for rule, _, _, _ in RULES:
        assert time_to_trip(rule, 0.0, 10.0) == math.inf
        assert time_to_trip(rule, 0.5, 0.0) == math.inf


@pytest.mark.parametrize(
    ("fault", "trip"),
    [
        ("{kind: hang, on: store, at: 50s, for: 60s}", "failure_threshold: 5"),
        ("{kind: refuse, on: store, at: 50s, for: 60s}", "failure_threshold: 5"),
        ("{kind: loss, on: shop->store, at: 50s, for: 60s}", "failure_threshold: 5"),
        ("{kind: errors, rate: 50%, on: store, at: 50s, for: 60s}", "failure_threshold: 3"),
        ("{kind: hang, on: store, at: 50s, for: 60s}", "trip: {kind: failure_rate, window: 10s}"),
        (
            "{kind: errors, rate: 80%, on: store, at: 50s, for: 60s}",
            "trip: {kind: failure_rate, calls: 100}",
        ),
        (
            "{kind: latency, add: 600ms, on: store, at: 50s, for: 60s}",
            "trip: {kind: slow_call_rate, slow: 500ms, window: 10s}",
        ),
        (
            "{kind: latency, add: 600ms, on: store, at: 50s, for: 60s}",
            "trip: {kind: failure_rate, slow: 500ms, window: 10s}",
        ),
        (
            "{kind: hang, on: store, at: 50s, for: 60s}",
            "trip: {kind: failure_rate, slow: 300ms, in_flight: true, calls: 20}",
        ),
        (
            "{kind: errors, rate: 90%, on: store, at: 50s, for: 60s}",
            "trip: {kind: failures_in_window, threshold: 20, window: 10s}",
        ),
    ],
)
def test_a_fault_is_seen_as_soon_as_said(fault: str, trip: str) -> None:
    """The mean time to the first opening over a few runs, for each rule."""
    made = scenario(
        call=f"timeout: 1s, breaker: {{{trip}, recovery_timeout: 30s}}",
        service="workers: 200, work: {kind: exponential, mean: 50ms}",
        faults=f"[{fault}]",
        duration="110s",
    )
    said = only(made, "time_to_detect").value
    assert said == pytest.approx(
        mean_of(made, "time_to_trip", phase="fault", runs=8), rel=0.25, abs=0.35
    )


@pytest.mark.parametrize("kind", ["refuse", "restart"])
@pytest.mark.parametrize("work", ["1s", "{kind: exponential, mean: 200ms}"])
def test_what_is_under_way_counts_when_a_fault_begins(kind: str, work: str) -> None:
    """Behind a refusal it is still answered, and breaks the row; a restart loses it at once."""
    made = scenario(
        call="timeout: 3s, breaker: {failure_threshold: 5, recovery_timeout: 30s}",
        service=f"workers: 200, work: {work}",
        faults=f"[{{kind: {kind}, on: store, at: 10s, for: 5s}}]",
        duration="16s",
    )
    seen = only(made, "time_to_detect").value
    assert seen is not None
    assert (seen > 0.25) is (kind == "refuse")
    measured = mean_of(made, "time_to_trip", phase="fault", runs=30)
    assert seen == pytest.approx(measured, rel=0.15, abs=0.02)


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        ("", ["none", "5%", "10%", "20%"]),
        (", budget: {kind: token_bucket, ratio: 30%}", ["none", "30%"]),
        (", budget: {kind: per_minute, retries: 600}", ["none", "50%"]),
    ],
)
def test_a_files_own_retry_budget_is_asked_about(budget: str, shown: list[str]) -> None:
    """And several where it has none."""
    made = scenario(call=f"timeout: 1s, retry: {{max_retries: 3{budget}}}")
    found = answer(predict(made), "retry-budget")
    assert list(dict.fromkeys(row[1] for row in found.rows)) == shown


@pytest.mark.parametrize(
    ("fault", "call", "why"),
    [
        ("{kind: hang, on: store, at: 5s, for: 9s}", "breaker: {}", "no timeout"),
        (
            "{kind: errors, rate: 100%, on: store, at: 5s, for: 9s}",
            "timeout: 1s, breaker: {counts: [timeout]}",
            "counts leaves error out",
        ),
        (
            "{kind: latency, times: 2, on: store, at: 5s, for: 9s}",
            "timeout: 9s, breaker: {}",
            "no answer outlasts the timeout",
        ),
    ],
)
def test_why_a_fault_opens_nothing_is_said(fault: str, call: str, why: str) -> None:
    """And a run opens nothing."""
    made = scenario(
        call=call, service="workers: 500, work: 50ms", faults=f"[{fault}]", duration="20s"
    )
    found = predict(made)
    (seen,) = found.of("time_to_detect")
    assert seen.value == math.inf
    assert why in seen.remark
    assert measure(simulate(made)).value("time_to_trip", phase="fault") == math.inf


IN_FLIGHT = "trip: {kind: slow_call_rate, slow: 200ms, calls: 5, in_flight: true}"


@pytest.mark.parametrize(
    ("timeout", "trip", "said"),
    [("200ms", "failure_threshold: 5", 0.18868), ("4s", IN_FLIGHT, 0.18519)],
)
def test_probes_and_the_open_share_under_an_outage(timeout: str, trip: str, said: float) -> None:
    """One probe in each recovery timeout, its wait for a caller, and its own timeout.

    Where calls in flight count it is slow before, and the next one that asks finds that out.
    """
    made = scenario(
        "{kind: poisson, rate: 10/s}",
        f"timeout: {timeout}, breaker: {{{trip}, recovery_timeout: 5s}}",
        service="workers: 500, work: 50ms",
        faults="[{kind: hang, on: store, at: 1s, for: 599s}]",
        duration="600s",
    )
    probes = only(made, "probes")
    assert probes.value == pytest.approx(said, abs=1e-4)
    assert mean_of(made, "downstream_rate", "store", "fault") == pytest.approx(
        probes.value, rel=0.07
    )


@pytest.mark.slow
def test_the_breaker_hurts_as_much_as_said() -> None:
    """A long partial failure: how long it is open, and what is still answered."""
    made = scenario(
        "{kind: poisson, rate: 30/s}",
        "timeout: 2s, retry: {max_retries: 3}, "
        "breaker: {failure_threshold: 4, recovery_timeout: 10s}",
        "workers: 200, work: 50ms",
        "[{kind: errors, rate: 30%, on: store, at: 10s, for: 990s}]",
        "1000s",
    )
    found = predict(made)
    (opened,), (answered,) = found.of("open_under"), found.of("answered_with")
    assert opened.value == pytest.approx(mean_of(made, "open_fraction", phase="fault"), rel=0.15)
    assert answered.value == pytest.approx(mean_of(made, "success", phase="fault"), rel=0.15)
    bare = measure(simulate(made.without_breakers())).value("success", phase="fault")
    assert bare == pytest.approx(1 - 0.3**4, abs=0.005)
    assert "about" in findings(found)[0]


@pytest.mark.parametrize(
    "lasts", [15, *(pytest.param(each, marks=pytest.mark.slow) for each in (45, 150))]
)
def test_a_short_fault_begins_with_the_breaker_closed(lasts: int) -> None:
    """What is answered before it trips weighs more, the shorter the fault is."""
    made = scenario(
        "{kind: poisson, rate: 10/s}",
        "timeout: 2s, breaker: {failure_threshold: 4, recovery_timeout: 60s}",
        "workers: 200, work: 50ms",
        f"[{{kind: errors, rate: 40%, on: store, at: 10s, for: {lasts}s}}]",
        "170s",
    )
    (opened,) = predict(made).of("open_under")
    runs = [
        measure(simulate(made, seed=seed)).value("open_fraction", phase="fault")
        for seed in range(40)
    ]
    assert opened.value == pytest.approx(sum(runs) / len(runs), abs=0.05)


LAWS: list[Distribution] = [
    Constant(value=0.1),
    Exponential(mean=0.1),
    Lognormal(p50=0.08, p99=0.6),
    Gamma(mean=0.1, cv=0.5),
    Uniform(low=0.05, high=0.2),
    Empirical(values=(0.01, 0.05, 0.4), weights=(5.0, 4.0, 1.0)),
    Quantiles(min=0.01, p50=0.08, p90=0.14, p95=0.16, max=0.9, mean=0.09),
    Quantiles(p50=0.08, p90=0.2, p99=0.3),
    Histogram(buckets=[{"to": 0.1, "count": 5}, {"to": 0.2, "count": 4}, {"count": 0.5}]),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.kind)
def test_the_spread_of_a_law_is_that_of_its_draws(law: Distribution) -> None:
    """Variation, tail and quantiles."""
    column = Streams(1, 0).column("somewhere", "work", sampler_of(law))
    drawn = np.concatenate([column.block(n) for n in range(200)])
    assert variation(law) == pytest.approx(np.std(drawn) / np.mean(drawn), rel=0.1, abs=1e-9)
    assert beyond(law, 0.15) == pytest.approx(np.mean(drawn > 0.15), abs=0.01)
    assert quantile(law, 0.95) == pytest.approx(np.quantile(drawn, 0.95), rel=0.03)


@pytest.mark.parametrize("name", each_shipped())
def test_every_shipped_scenario_is_explained(name: str) -> None:
    """Each has its numbers, its findings, and an answer to every question."""
    found = predict(read_scenario(name))
    assert found.items
    assert all(each.value is None or each.value >= 0.0 for each in found.items)
    assert findings(found)
    for topic in TOPICS:
        said = answer(found, topic)
        assert said.sentences
        assert all(len(row) == len(said.header) for row in said.rows)


def test_what_recovers_is_told_anew_after_each_change() -> None:
    """Four tries of 40/s are more than 100/s can bear, one is less."""
    made = parse_scenario("""
name: cured
duration: 3m
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls: {db: {timeout: 1s, retry: {max_retries: 3}, breaker: {}}}
services: {db: {workers: 10, work: 100ms}}
changes:
  - {at: 1m, set: {db.workers: 12}}
  - {at: 2m, set: {retry.max_retries: 0}, name: retries-off}
""")
    said = answer(predict(made), "recovers").sentences
    assert said[0].startswith("db may stay down")
    assert said[1:] == (
        "after the change at 1m, `db.workers`, db may stay down still",
        "after the change at 2m, `retries-off`, all recovers by itself",
    )


PAUSING = "{kind: backlog, rate: 40/s, consumers: 20, pause_when: open, poll: 100ms}"


def test_consumers_that_pause_let_messages_wait_and_lose_none() -> None:
    """What comes in one opening lies in the queue when the first probe closes it."""
    blip = "[{kind: errors, on: store, rate: 100%, at: 20s, for: 500ms}]"
    made = scenario(arrivals=PAUSING, faults=blip, duration="40s")
    found = predict(made)
    assert not found.of("rejected_by_one")
    (waiting,) = found.of("lag_by_one", "shop->store")
    assert (waiting.value, waiting.sureness) == (200.0, "at least")
    measures = measure(simulate(made))
    # Poisson: as many come in five seconds as 200 ± 14.
    assert measures.value("lag") == pytest.approx(waiting.value, rel=0.2)
    assert measures.value("lag_at_end") < 20
    told = answer(found, "false-trips")
    assert "lets 200 messages wait" in " ".join(told.sentences)
    assert "one opening lets wait" in answer(found, "how-long-open").header


def test_of_several_instances_the_others_go_on_while_one_pauses() -> None:
    """Then the same number is the most that can wait; callers that do not pause are turned away."""
    (waiting,) = predict(scenario(arrivals=PAUSING, instances=4)).of("lag_by_one")
    assert (waiting.value, waiting.sureness) == (200.0, "at most")
    other = predict(scenario(arrivals=PAUSING.replace(", pause_when: open, poll: 100ms", "")))
    assert not other.of("lag_by_one")
    assert other.of("rejected_by_one")[0].value == pytest.approx(200.0)
