"""Outages and experiments that others have published come out as published."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import Verdict, measure, verdict
from simcb.outcomes import REQUEST_CODE, RequestOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace
from simcb.world import simulate

GC_PAUSE = """
name: gc-pause
duration: 3m
clients:
  users:
    arrivals: {kind: constant, rate: 7/s}
    calls:
      api:
        timeout: 500ms
        retry: {max_retries: 3, backoff: {kind: fixed, delay: 50ms}}
        breaker: {failure_threshold: 5, recovery_timeout: 5s}
services:
  api: {workers: 1, work: 100ms}
faults:
  - {kind: capacity, on: api, times: 0, at: 1m, for: 1s, name: pause}
"""


def answered(trace: Trace, since: float, until: float) -> np.ndarray:
    """Seconds that requests of a stretch of time took, of those that were answered."""
    requests = trace.requests
    within = (requests["arrival"] >= since) & (requests["arrival"] < until)
    within &= requests["outcome"] == REQUEST_CODE[RequestOutcome.OK]
    return requests["end"][within] - requests["arrival"][within]


def test_gc_pause_collapses_a_service_that_is_retried() -> None:
    """After a pause of 1 s the queue grows by exactly 7·4 − 10 = 18 a second and stays."""
    scenario = parse_scenario(GC_PAUSE).without_breakers()
    trace = simulate(scenario)
    assert answered(trace, 0.0, 59.5) == pytest.approx(np.full(417, 0.1), abs=1e-9)
    queued = trace.samples["queued"].astype(int)
    assert queued[50] <= 1
    assert set(np.diff(queued[70:])) == {18}
    assert len(answered(trace, 70.0, 170.0)) == 0
    assert verdict(trace, measure(trace)).verdict is Verdict.COLLAPSED


def test_breaker_saves_a_service_from_its_gc_pause() -> None:
    """With a breaker the same service is back to 100 ms for everyone within seconds."""
    trace = simulate(parse_scenario(GC_PAUSE))
    after = answered(trace, 100.0, 170.0)
    assert after == pytest.approx(np.full(490, 0.1), abs=1e-9)
    assert trace.samples["queued"][100:].max() <= 1
    assert verdict(trace, measure(trace)).verdict is Verdict.RECOVERED


def brooker(failing: str) -> Scenario:
    """1000 requests a second for 10 s, each tried up to four times, work 10 ms."""
    return parse_scenario(f"""
name: retries
duration: 10s
clients:
  callers:
    arrivals: {{kind: poisson, rate: 1000/s}}
    calls: {{api: {{retry: {{max_retries: 3}}}}}}
services:
  api: {{workers: 1000, work: {{kind: exponential, mean: 10ms}}, errors: {failing}}}
""")


@pytest.mark.parametrize(
    ("failing", "success", "load"), [("10%", 0.9999, 1.111), ("50%", 0.9375, 1.875)]
)
def test_retries_of_independent_failures(failing: str, success: float, load: float) -> None:
    """Brooker's retry experiment gives his success and load, to three digits."""
    measures = measure(simulate(brooker(failing)))
    finished = measures.value("success")
    tries = measures.value("amplification")
    assert finished == pytest.approx(success, abs=0.01)
    assert tries == pytest.approx(load, rel=0.02)


def test_metastable_region_begins_where_retries_exceed_capacity() -> None:
    """A trigger passes while λ(1+n) < C; beyond, the same trigger leaves the overload behind."""
    at_end = {}
    for rate in (9, 11, 12, 15, 17, 20):
        scenario = parse_scenario(f"""
name: metastable
duration: 200s
clients:
  users:
    arrivals: {{kind: poisson, rate: {rate}/s}}
    calls: {{api: {{timeout: 500ms, retry: {{max_retries: 2}}}}}}
services:
  api: {{workers: 4, work: {{kind: exponential, mean: 100ms}}}}
faults:
  - {{kind: capacity, on: api, times: 0, at: 10s, for: 10s}}
""")
        at_end[rate] = int(simulate(scenario).samples["queued"][-1])
    # Capacity is 40/s: 40 / 3 = 13.3 requests a second is the border.
    assert max(at_end[rate] for rate in (9, 11, 12)) < 10
    grown = [at_end[rate] for rate in (15, 17, 20)]
    assert grown == sorted(grown)
    assert grown[0] > 300
