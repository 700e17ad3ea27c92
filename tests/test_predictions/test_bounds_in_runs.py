"""Bounds on retried load, and times to open under overload, held against runs that strain them."""

from __future__ import annotations

import pytest

from simcb.metrics import measure
from simcb.predictions import Predictions, answer, findings, predict
from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate

TWO_LAYERS = """
name: two-layers
duration: 2m
clients:
  browsers:
    arrivals: {{kind: poisson, rate: 60/s}}
    deadline: 60s
    calls:
      api: {{timeout: 10s, retry: {{max_retries: 4, backoff: {{kind: fixed, delay: 500ms}}}}}}
services:
  api:
    workers: {workers}
    queue: {{limit: 100}}
    work: 5ms
    calls:
      db:
        timeout: 2s
        retry: {{max_retries: 1, backoff: {{kind: fixed, delay: 100ms}}}}
        {breaker}
  db:
    replicas: 2
    workers: {db}
    queue: {{limit: 50}}
    work: {{kind: lognormal, p50: 30ms, p99: 250ms}}
faults: [{fault}]
"""
ERRORS = "{kind: errors, on: db, rate: 100%, at: 30s, for: 60s}"
SLOW = "{kind: latency, on: db, replicas: [1], times: 30, at: 30s, for: 60s}"
BREAKER = "breaker: {failure_threshold: 5, recovery_timeout: 60s}"


def layers(fault: str, workers: int = 400, breaker: str = "", db: int = 10) -> Scenario:
    """Return browsers, an API and its database, which a fault strikes."""
    return parse_scenario(TWO_LAYERS.format(**locals()))


def margin(found: Predictions, name: str) -> tuple[float, str, str]:
    """Return the retried load of a service to what it can do, how sure that is, and the remark."""
    (said,) = found.of("collapse_margin", name)
    assert said.value is not None
    return said.value, said.sureness, said.remark


@pytest.mark.parametrize(("fault", "workers"), [(ERRORS, 400), (SLOW, 60)])
def test_no_run_asks_more_than_the_bound_on_retried_load(fault: str, workers: int) -> None:
    """Tries that fail at once, and those that a good replica answers, wait for no timeout."""
    made = layers(fault, workers)
    found = predict(made)
    (said,) = found.of("collapse_margin", "db")
    given = {symbol: number.value for symbol, number in said.numbers}
    asked = measure(simulate(made)).value("downstream_rate", phase="fault", of="db")
    assert asked is not None
    assert asked <= given["D"] * 1.02
    value, sureness, remark = margin(found, "db")
    assert (value > 1.0, sureness) == (True, "at most")
    assert remark.startswith("above 1 only where tries fail at once, and 0.")
    assert not any("stands out" in each for each in findings(found))
    assert any("retries ask db for up to 1.36 times" in each for each in findings(found))
    assert any(each.startswith("db may stay") for each in answer(found, "recovers").sentences)


def test_a_service_that_can_bear_all_retries_is_not_told() -> None:
    """Near to the above: twice the workers can do 880/s, and at most 600/s are asked."""
    found = predict(layers(ERRORS, db=20))
    value, sureness, remark = margin(found, "db")
    assert (round(value, 3), sureness) == (0.682, "at most")
    assert remark == "below 1: retries alone cannot keep it down"
    assert not any("retries ask" in each for each in findings(found))


def test_a_slow_replica_that_is_overloaded_opens_a_breaker_soon() -> None:
    """30/s of 1.36 s each are more than 10 workers can do: all that it gets times out."""
    made = layers(SLOW, 60, BREAKER)
    found = predict(made)
    (seen,) = found.of("time_to_detect")
    runs = [
        measure(simulate(made, seed)).value("time_to_trip", phase="fault") or 0.0
        for seed in range(3)
    ]
    assert seen.value == pytest.approx(sum(runs) / len(runs), rel=0.25)
    assert "once the queue is longer than the timeout" in seen.remark
    (load,) = found.of("load_under", "db")
    assert load.value == pytest.approx(30.0 * 1.363 / 10.0, rel=0.01)
    told = " ".join(findings(found))
    assert "under latency:db db is overloaded at each replica that is struck, with 4.09" in told


def test_a_slow_replica_that_can_bear_it_is_not_told() -> None:
    """Near to the above: with 50 workers each the struck one is busy, and none waits."""
    made = layers(SLOW, 60, BREAKER, db=50)
    found = predict(made)
    assert not found.of("load_under")
    assert "overloaded" not in " ".join(findings(found))
    (seen,) = found.of("time_to_detect")
    assert (seen.value or 0.0) > 60.0
    assert "longer" in seen.remark


@pytest.mark.parametrize("refresh", ["", "refresh: {after: 8s, times: 3},"])
def test_a_retry_budget_is_said_to_hold_retries_and_no_refreshes(refresh: str) -> None:
    """What people who do not wait ask again is no retry: it is named where there is some."""
    made = parse_scenario(f"""
name: pay
duration: 2m
clients:
  web:
    arrivals: {{kind: poisson, rate: 50/s}}
    {refresh.rstrip(",")}
    calls: {{payments: {{timeout: 3s, retry: {{max_retries: 4}}}}}}
services: {{payments: {{workers: 10, work: 175ms}}}}
""")
    found = predict(made)
    (said,) = answer(found, "retry-budget").sentences
    assert ("retries and refreshes ask" in said) is bool(refresh)
    assert ("and not the refreshes, which make up to 4 requests of one" in said) is bool(refresh)
    assert ("retries and refreshes alone" in margin(found, "payments")[2]) is bool(refresh)
