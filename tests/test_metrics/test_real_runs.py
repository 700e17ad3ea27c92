"""The shipped scenarios, measured and audited, and a million requests measured in time."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from simcb.metrics import Verdict, audit, judge, measure, series, verdict
from simcb.scenario import read_scenario
from simcb.trace import (
    ATTEMPT_CODE,
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    TRANSITIONS,
    AttemptOutcome,
    BreakerInfo,
    CallInfo,
    FaultInfo,
    Layout,
    ServiceInfo,
    Trace,
)
from simcb.world import simulate


@pytest.mark.parametrize("guarded", [True, False], ids=["breaker", "no breaker"])
@pytest.mark.parametrize(
    "name", ["flaky-payments", pytest.param("slow-replica", marks=pytest.mark.slow)]
)
def test_a_shipped_scenario_is_lawful_and_measurable(name: str, guarded: bool) -> None:
    """Every law holds, no measure is nan, and the harm is seen for what it is."""
    scenario = read_scenario(name)
    trace = simulate(scenario if guarded else scenario.without_breakers())
    assert [law for law in audit(trace) if not law.holds] == []
    measures = measure(trace)
    assert not any(each.value is not None and math.isnan(each.value) for each in measures)
    assert verdict(trace).verdict in (Verdict.RECOVERED, Verdict.DEGRADED)
    assert len(judge(scenario.thresholds, measures)) == len(scenario.thresholds)
    over_time = series(trace)
    assert float(np.sum(over_time.offered * over_time.width)) == pytest.approx(len(trace.requests))
    queues = [queue for queue in (each.queue for each in over_time.services) if queue.max() > 0]
    assert queues


def long_trace(requests: int) -> Trace:
    """A trace of many requests of one service with retries, rejections and two faults."""
    lots = np.random.default_rng(5)
    attempts, duration = int(requests * 1.3), requests / 100.0
    arrival = np.sort(lots.uniform(0.0, duration, requests))
    asking = np.concatenate((np.arange(requests), lots.integers(0, requests, attempts - requests)))
    start = np.minimum(arrival[asking] + lots.exponential(0.5, attempts), duration)
    order = np.argsort(start)
    rows = np.zeros(attempts, ATTEMPTS.dtype)
    rows["start"], rows["request"], rows["parent"] = start[order], asking[order], -1
    rows["arrive"] = rows["start"]
    rows["begin"] = rows["start"] + lots.exponential(0.02, attempts)
    rows["freed"] = rows["end"] = rows["begin"] + lots.exponential(0.1, attempts)
    rejected = lots.random(attempts) < 0.1
    rows["outcome"][rejected] = ATTEMPT_CODE[AttemptOutcome.REJECTED]
    rows["replica"][rejected] = -1
    for column in ("arrive", "begin", "freed"):
        rows[column][rejected] = np.nan
    users = np.zeros(requests, REQUESTS.dtype)
    users["arrival"], users["end"] = arrival, arrival + lots.lognormal(-2.0, 1.0, requests)
    users["outcome"] = lots.choice(3, requests, p=[0.9, 0.05, 0.05])
    steps = np.zeros(300, TRANSITIONS.dtype)
    steps["at"] = np.linspace(1.0, duration - 1.0, 300)
    steps["before"], steps["after"] = np.arange(300) % 3, (np.arange(300) + 1) % 3
    layout = Layout(
        groups=("shop",),
        services=(ServiceInfo("db", 0, 1, 64),),
        calls=(CallInfo("shop", "db", 5.0, True),),
        breakers=(BreakerInfo("shop->db", 0, -1),),
        faults=(
            FaultInfo("a", "hang", "db", 0.4 * duration, 0.6 * duration),
            FaultInfo("b", "hang", "db", 0.7 * duration, 0.75 * duration),
        ),
    )
    samples = np.zeros(0, SAMPLES.dtype)
    counters = np.zeros(1, COUNTERS.dtype)
    return Trace(layout, duration, 0, 0, "", {}, users, rows, steps, samples, counters)


@pytest.mark.slow
def test_a_million_requests_are_measured_in_two_seconds() -> None:
    """1.3 million attempts, five phases and every metric; the best of three tries counts."""
    trace = long_trace(1_000_000)
    tries = []
    for _ in range(3):
        begin = time.process_time()
        measure(trace)
        tries.append(time.process_time() - begin)
    assert min(tries) < 2.0


def test_a_thousand_faults_are_measured_without_a_cliff() -> None:
    """Each fault is a phase of its own; the work grows with the rows in them, not with all."""
    trace = long_trace(20_000)
    faults = tuple(
        FaultInfo(f"f{i}", "hang", "db", 0.1 + i * 0.19, 0.15 + i * 0.19) for i in range(1000)
    )
    measures = measure(replace(trace, layout=replace(trace.layout, faults=faults)))
    assert len(measures.phases) == 1005
    assert sum(each.phase == "fault:f999" for each in measures) > 30
