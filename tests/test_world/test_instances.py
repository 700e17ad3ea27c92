"""A client group's processes: which request goes through which, and what they cost."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

from simcb.breaker import CircuitBreaker
from simcb.garbage import uncollected
from simcb.metrics import audit, measure
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import STATE_CODE, Trace
from simcb.world import simulate


def sixty(**changes: object) -> Scenario:
    """Return sixty instances that share 100/s through an outage of a minute."""
    return parse_scenario("""
name: sixty
duration: 2m
clients:
  web:
    instances: 60
    arrivals: {kind: constant, rate: 100/s}
    calls:
      api:
        timeout: 1s
        breaker:
          trip: {kind: failure_rate, rate: 50%, window: 10s, minimum_calls: 20}
          recovery: {timeout: 10s}
services:
  api: {workers: 50, work: 20ms}
faults:
  - {kind: errors, on: api, rate: 100%, at: 30s, for: 60s}
""").with_(changes)


def opened(trace: Trace) -> int:
    """Return how many breakers opened."""
    rows = trace.transitions
    return len(np.unique(rows["breaker"][rows["after"] == STATE_CODE["open"]]))


@pytest.mark.slow
def test_turns_hide_from_a_rate_window_what_chance_shows_it() -> None:
    """In turn each instance has 16.7 calls in ten seconds and never 20; by lot most have once.

    A Poisson number of mean 16.7 is 20 or more in 24 % of windows; there are six in the outage,
    and the windows slide.
    """
    assert opened(simulate(sixty(spread="round_robin"))) == 0
    shares = [opened(simulate(sixty(), seed)) / 60 for seed in range(3)]
    assert np.mean(shares) == pytest.approx(0.96, abs=0.04)


def test_instances_by_lot_share_the_load_evenly_and_independently() -> None:
    """Requests through an instance are multinomial: their variance is that of counts."""
    trace = simulate(sixty())
    counts = np.bincount(trace.attempts["breaker"], minlength=60)
    assert counts.sum() == 12_000
    # The sum of (n - 200)²/200 is chi-squared with 59 degrees of freedom: 40 to 82 is 95 %.
    assert 35.0 < np.sum((counts - 200.0) ** 2 / 200.0) < 90.0


@pytest.mark.parametrize("spread", ["random", "round_robin"])
def test_the_way_through_the_instances_depends_on_no_policy(spread: str) -> None:
    """With another breaker the same requests go through the same instances."""
    first = {"minimum_calls": 1, "spread": spread}
    base, other = sixty(**first), sixty(**first, **{"recovery.timeout": "1s"})
    trace, changed = simulate(base), simulate(other)
    assert opened(trace) == opened(changed) == 60
    assert np.array_equal(trace.attempts["breaker"], changed.attempts["breaker"])
    names = [breaker.name for breaker in trace.layout.breakers]
    assert names == [f"web.{number}->api" for number in range(60)]


def test_users_of_a_closed_group_keep_to_their_instance_unless_told_otherwise() -> None:
    """Each of ten users has one of ten processes; by lot each request has another."""
    words = """
name: closed
duration: 30s
clients:
  web:
    instances: 10
    arrivals: {kind: closed, users: 10, think: {kind: exponential, mean: 100ms}}
    calls: {api: {timeout: 1s, bulkhead: {max_concurrent: 1}}}
services: {api: {workers: 50, work: 100ms}}
"""
    usual = parse_scenario(words)
    for kept in (usual, usual.with_({"spread": "round_robin"})):
        assert measure(simulate(kept)).value("shed") == 0.0
    assert (measure(simulate(usual.with_({"spread": "random"}))).value("shed") or 0.0) > 0.05


def test_instances_cost_what_their_requests_cost() -> None:
    """Of a hundred thousand processes, each with a breaker, only those that are used exist."""
    few = {"duration": "2s", "faults.0.at": "0s", "faults.0.for": "2s"}
    peaks = []
    for count in (200, 100_000):
        tracemalloc.start()
        trace = simulate(sixty(instances=count, **few))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
    assert len(trace.layout.breakers) <= len(trace.requests) == 200
    assert trace.layout.breaker_count == 100_000
    assert all(law.holds for law in audit(trace))


def test_breakers_that_nobody_asked_are_closed_for_the_metrics() -> None:
    """The share of open breakers is one of all there are, also of those without a request."""
    base = {"minimum_calls": 1, "spread": "round_robin", "duration": "31s"}
    trace = simulate(sixty(instances=10_000, **base))
    # The fault's hundred requests open the breakers of a hundred instances for half a second on
    # average, in the last second of the run.
    assert opened(trace) > 90
    share = measure(trace).value("open_fraction", "fault")
    assert share == pytest.approx(opened(trace) / 10_000 / 2, rel=0.1)


def test_breakers_for_each_replica_of_a_large_service_are_made_as_they_are_asked() -> None:
    """A thousand replicas with a breaker for each of a thousand others need no million breakers."""
    trace = simulate(
        parse_scenario("""
name: mesh
duration: 1s
clients: {web: {arrivals: {kind: constant, rate: 50/s}, calls: {front: {timeout: 1s}}}}
services:
  front:
    replicas: 1000
    workers: 4
    work: 1ms
    calls: {back: {timeout: 1s, breaker: {per_replica: true}}}
  back: {replicas: 1000, workers: 4, work: 1ms}
""")
    )
    assert trace.layout.breaker_count == 1_000_000
    assert len(trace.layout.breakers) == 50
    names = {breaker.name for breaker in trace.layout.breakers}
    assert names == {f"front.{number}->back.{number}" for number in range(50)}
    assert all(law.holds for law in audit(trace))


def test_the_breakers_of_a_run_go_with_it() -> None:
    """A study of many processes leaves the collector of garbage nothing to look through."""

    def alive() -> int:
        return sum(isinstance(each, CircuitBreaker) for each in gc.get_objects())

    gc.collect()
    with uncollected():
        before = alive()
        trace = simulate(sixty(duration="5s"))
        assert len(trace.layout.breakers) == 60
        assert alive() == before
