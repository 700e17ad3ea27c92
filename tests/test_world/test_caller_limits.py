"""What holds a caller's attempts back: its rate limit, bulkheads with a queue or per replica."""

from __future__ import annotations

import numpy as np
import pytest
from test_scenario.written import problem_of, swapped

from simcb.metrics import audit, measure
from simcb.predictions.formulas import erlang_b, full_queue
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPT_CODE, AttemptOutcome
from simcb.world import simulate

SHED = ATTEMPT_CODE[AttemptOutcome.SHED]


def limited(
    call: str,
    rate: str = "40/s",
    service: str = "workers: 1000, work: {kind: exponential, mean: 100ms}",
    duration: str = "500s",
) -> Scenario:
    """Return a caller with limits of its own."""
    return parse_scenario(
        f"""
name: limited
duration: {duration}
clients: {{users: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{{call}}}}}}}}}
services: {{api: {{{service}}}}}
"""
    )


def test_a_rate_limit_with_a_wait_is_a_queue_of_constant_service() -> None:
    """With one token the wait is that of M/D/1: ρ / (2 r (1 − ρ)) (Pollaczek, Khinchine)."""
    trace = simulate(limited("rate_limit: {rate: 50/s, burst: 1, max_wait: 1h}"))
    waits = trace.attempts["arrive"] - trace.attempts["start"]
    assert float(np.nanmean(waits)) == pytest.approx(0.8 / (2 * 50 * 0.2), rel=0.1)
    assert all(law.holds for law in audit(trace))


def test_a_rate_limit_without_a_wait_sheds_what_is_too_much() -> None:
    """With one token and Poisson calls λ/(1 + λ/r) a second are sent, the rest is shed."""
    share = measure(simulate(limited("rate_limit: {rate: 40/s, burst: 1}"))).value("shed")
    assert share == pytest.approx(0.5, abs=0.01)


def test_no_call_waits_longer_than_it_may() -> None:
    """What would wait longer is shed at once; no stretch of time has more than its turns."""
    call = "rate_limit: {rate: 20/s, burst: 5, max_wait: 300ms}"
    trace = simulate(limited(call, duration="100s"))
    rows = trace.attempts
    sent = np.sort(rows["arrive"][~np.isnan(rows["arrive"])])
    assert np.nanmax(rows["arrive"] - rows["start"]) <= 0.3 + 1e-9
    assert (rows["end"] == rows["start"])[rows["outcome"] == SHED].all()
    for first in range(0, len(sent), 50):
        spans = sent[first:] - sent[first]
        assert (np.arange(1, len(spans) + 1) <= 5 + 20 * spans + 1e-6).all()


def test_a_bulkhead_with_a_queue_is_a_queue_of_limited_room() -> None:
    """Where calls wait as long as it takes, M/M/c/K says how many are shed."""
    call = "bulkhead: {max_concurrent: 3, queue: 2, max_wait: 1h}"
    share = measure(simulate(limited(call))).value("shed")
    assert share == pytest.approx(full_queue(3, 4.0, 5)[0], abs=0.01)


def test_a_bulkhead_for_each_replica_has_its_places_before_each() -> None:
    """Replicas chosen by lot are Erlang's loss systems of their own."""
    call = "bulkhead: {max_concurrent: 3, per_replica: true}"
    service = "replicas: 2, balance: random, workers: 1000, work: {kind: exponential, mean: 100ms}"
    trace = simulate(limited(call, service=service))
    assert measure(trace).value("shed") == pytest.approx(erlang_b(3, 2.0), abs=0.01)
    assert all(law.holds for law in audit(trace))
    together = limited("bulkhead: {max_concurrent: 6}", service=service)
    assert measure(simulate(together)).value("shed") == pytest.approx(erlang_b(6, 4.0), abs=0.01)


def test_a_queue_in_which_nobody_may_wait_is_refused() -> None:
    """A bulkhead's queue needs the time that a call may be in it."""
    bulkhead = "timeout: 2s\n        bulkhead: {max_concurrent: 3, queue: 5}"
    found = problem_of(swapped("timeout: 2s", bulkhead))
    assert "lets nobody wait" in found.what
    assert "max_wait: 1s" in found.remedy
