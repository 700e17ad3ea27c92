"""A fallback inside the retries: what it has is served after the first try that fails."""

from __future__ import annotations

from collections import Counter

import pytest
from test_world.test_agreement import assert_agreement

from simcb.metrics import audit, measure, no_effect_warnings
from simcb.predictions import predict
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.trace import Trace
from simcb.world import simulate


def falling_back(fallback: str, *, call: str = "", errors: str = "100%") -> Scenario:
    """Return a minute of twenty requests a second at a service that fails."""
    return parse_scenario(f"""
name: second-best
duration: 60s
clients:
  shop:
    arrivals: {{kind: poisson, rate: 20/s}}
    calls: {{api: {{{call}, fallback: {{{fallback}}}}}}}
services:
  api: {{workers: 100, work: 1ms, errors: {errors}}}
""")


def attempts_by_request(trace: Trace) -> Counter[int]:
    """Return how many requests made how many attempts."""
    return Counter(Counter(trace.attempts["request"].tolist()).values())


@pytest.mark.parametrize("retries", [1, 3])
@pytest.mark.parametrize("hit", [0.0, 0.4, 1.0])
def test_a_dead_service_is_asked_once_or_as_often_as_ever(hit: float, retries: int) -> None:
    """With hit rate h and n retries: 1 + n(1 - h) attempts, as degraded as from outside."""
    call = f"retry: {{max_retries: {retries}}}"
    inside = simulate(falling_back(f"hit_rate: {hit:.0%}, around: attempt", call=call))
    outside = simulate(falling_back(f"hit_rate: {hit:.0%}", call=call))
    assert (inside.requests["outcome"] == outside.requests["outcome"]).all()
    assert set(attempts_by_request(outside)) == {1 + retries}
    made = attempts_by_request(inside)
    assert set(made) <= {1, 1 + retries}
    served = round(measure(inside).value("degraded") * len(inside.requests))
    assert made[1] == served
    expected = 1 + retries * (1 - hit)
    assert len(inside.attempts) / len(inside.requests) == pytest.approx(expected, abs=0.15)
    assert all(law.holds for law in audit(inside))


def test_what_formulas_say_of_an_ordinary_day_comes_out() -> None:
    """Half of the tries fail: 1 + (1 - h)(p + p²) attempts for each request."""
    scenario = falling_back(
        "hit_rate: 60%, around: attempt", call="retry: {max_retries: 2}", errors="50%"
    )
    trace = simulate(scenario)
    expected = 1 + 0.4 * (0.5 + 0.25)
    assert predict(scenario).traffic.arriving("api") == pytest.approx(20 * expected)
    assert len(trace.attempts) / len(trace.requests) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("around", "opens"), [("attempt", False), ("request", True)])
def test_a_breaker_around_the_request_hears_what_the_fallback_says(
    around: str, *, opens: bool
) -> None:
    """Inside it every answer is good, and it never opens; outside it every failure is one."""
    call = "breaker: {failure_threshold: 3, recovery_timeout: 5s, around: request}"
    trace = simulate(falling_back(f"hit_rate: 100%, around: {around}", call=call))
    assert bool(len(trace.transitions)) is opens
    assert measure(trace).value("degraded") == 1.0


@pytest.mark.parametrize(
    "call",
    [
        "breaker: {failure_threshold: 3, recovery_timeout: 1s, around: request}",
        "timeout: 5ms, hedge: {after: 1ms, times: 2}, network: {kind: exponential, mean: 2ms}",
        "breaker: {failure_threshold: 3, recovery_timeout: 1s}",
    ],
)
@pytest.mark.parametrize("what", ["hit_rate: 60%", "cache: {keys: 20, zipf: 1, ttl: 500ms}"])
def test_both_models_agree(call: str, what: str) -> None:
    """With a breaker on either side, with hedges, with a rate and with a cache."""
    retry = "retry: {max_retries: 2, on: [error, timeout, rejected], backoff: BACK}, cache: CACHE"
    retry = retry.replace("BACK", "{kind: fixed, delay: 300ms}")
    retry = retry.replace("CACHE", "{keys: 50, ttl: 1s, coalesce: true}")
    scenario = falling_back(f"{what}, around: attempt", call=f"{call}, {retry}", errors="60%")
    scenario = scenario.with_({"duration": "10s"})
    assert_agreement(scenario)
    degraded = measure(simulate(scenario)).value("degraded")
    assert 0.0 < degraded < 1.0


@pytest.mark.parametrize(
    ("call", "hit", "told"),
    [
        ("retry: {max_retries: 2}", "100%", "`shop->api` is never retried: the fallback"),
        ("retry: {max_retries: 2}", "90%", ""),
        ("timeout: 1s", "90%", "changes nothing in the fallback of `shop->api`"),
        ("breaker: {failure_threshold: 2, around: request}", "100%", "never opens: the fallback"),
        ("breaker: {failure_threshold: 2, around: request}", "90%", ""),
        ("breaker: {failure_threshold: 2}, retry: {max_retries: 1}", "90%", ""),
    ],
)
def test_what_is_useless_beside_it_is_told(call: str, hit: str, told: str) -> None:
    """Retries and breakers that hear of no failure, and a place that makes no difference."""
    found = no_effect_warnings(falling_back(f"hit_rate: {hit}, around: attempt", call=call))
    assert len(found) == bool(told)
    assert all(told in each for each in found)


def test_a_place_that_is_none_is_refused() -> None:
    """What there is stands beside it."""
    with pytest.raises(ScenarioError, match=r"fallback\.around.*\n*.*attempt"):
        falling_back("hit_rate: 50%, around: call", call="timeout: 1s")
