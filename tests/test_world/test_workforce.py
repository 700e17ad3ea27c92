"""A part of the workers does that part of the work, and who is dropped makes room."""

from __future__ import annotations

from collections import deque
from math import inf
from random import Random

import numpy as np
import pytest
from plain_model import differences, record_of, simulate_plainly

from simcb.metrics import audit
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace
from simcb.world import simulate

REFUSED = ATTEMPT_CODE[AttemptOutcome.REFUSED]


def overloaded(workers: int, times: float, service: str = "", call: str = "") -> Scenario:
    """Return a service with always more to do than it can, at a part of it from 10 s to 60 s."""
    return parse_scenario(f"""
name: overloaded
duration: 70s
clients:
  crowd: {{arrivals: {{kind: constant, rate: {15 * workers}/s}}, calls: {{api: {{{call}}}}}}}
services:
  api: {{workers: {workers}, queue: {{limit: 50}}, work: 100ms{service}}}
  log: {{workers: 1000, work: 100ms}}
faults:
  - {{kind: capacity, on: api, times: {times}, at: 10s, for: 50s}}
""")


def served(trace: Trace, start: float, end: float, caller: str = "crowd->api") -> int:
    """Return how many attempts a call's workers were done with, after `start` and until `end`."""
    rows = trace.attempts
    names = [call.name for call in trace.layout.calls]
    mine = (rows["call"] == names.index(caller)) & ~np.isnan(rows["begin"])
    return int(np.sum(mine & (rows["freed"] > start) & (rows["freed"] <= end)))


@pytest.mark.parametrize(
    ("workers", "times"),
    [(1, 0.2), (3, 0.5), (6, 0.25), (1, 0.93), (7, 0.61), (4, 0.25), (1, 0.001), (2, 0.0)],
)
def test_a_part_of_the_workers_does_that_part_of_the_work(workers: int, times: float) -> None:
    """Under the fault exactly the part of what was served before is served, after it all again.

    But for what is in work when the fault begins and ends: at most one attempt a worker.
    """
    trace = simulate(overloaded(workers, times))
    assert served(trace, 0.0, 10.0) == pytest.approx(100 * workers, abs=workers)
    assert served(trace, 10.05, 60.05) == pytest.approx(500 * workers * times, abs=workers)
    assert served(trace, 60.05, 70.0) == pytest.approx(100 * workers, abs=workers)
    samples = trace.samples[trace.samples["replica"] == 0]
    inside = samples[(samples["at"] > 10.0) & (samples["at"] < 60.0)]
    assert set(inside["capacity"].tolist()) == {int(np.ceil(workers * times))}
    assert all(law.holds for law in audit(trace))


@pytest.mark.parametrize(("workers", "times"), [(1, 0.2), (3, 0.5)])
def test_a_part_of_a_worker_is_held_the_longer_by_its_calls(workers: int, times: float) -> None:
    """Where the worker waits for calls in turn, the part of the throughput is exact as well."""
    scenario = overloaded(workers, times, ", calls: {log: {}}")
    trace = simulate(scenario)
    assert served(trace, 0.0, 10.0) == pytest.approx(50 * workers, abs=workers)
    assert served(trace, 10.1, 60.1) == pytest.approx(250 * workers * times, abs=workers)
    assert not differences(simulate_plainly(scenario), record_of(trace))


def test_a_worker_that_is_not_all_there_takes_longer() -> None:
    """A fifth of a worker takes five times as long, and full speed comes back with the end."""
    scenario = overloaded(1, 0.2).with_({"arrivals.rate": "1/s", "at": "10.02s", "for": "20.03s"})
    rows = simulate(scenario).attempts
    took = (rows["end"] - rows["start"]).tolist()
    assert took[9] == pytest.approx(0.1)
    # Of 100 ms of work 20 ms are done when the fault begins at 20 ms; the rest takes 400 ms.
    assert took[10] == pytest.approx(0.02 + 0.08 * 5)
    assert took[11] == pytest.approx(0.5)
    # The last begins 50 ms before the end and has 90 ms left then.
    assert took[30] == pytest.approx(0.05 + 0.09)


def test_a_ramp_takes_the_middle_of_it_away() -> None:
    """Over a ramp down to nothing and one back up, half of the work is done, to a step of 64."""
    scenario = overloaded(1, 0.0).with_({"ramp": "25s"})
    count = served(simulate(scenario), 10.0, 60.0)
    assert count == pytest.approx(250, abs=500 / 64)


LIFO = """
name: lifo
duration: 3000s
clients: {c: {arrivals: {kind: poisson, rate: 20/s}, calls: {s: {timeout: 300ms}}}}
services:
  s:
    workers: 1
    queue: {limit: 8, discipline: lifo}
    work: {kind: exponential, mean: 100ms}
    on_abandon: WORD
"""


def refused_share(stops: bool, requests: int = 60_000) -> float:
    """Return the share refused by a stack with 8 places, by a model of its own.

    Work that nobody waits for any more is finished, or it stops.
    """
    chance, patience = Random(1), 0.3
    now, refused = 0.0, 0
    stack: deque[float] = deque()
    arrival, done, since = chance.expovariate(20.0), inf, inf
    for _ in range(requests):
        while (leaves := min(done, since + patience if stops else inf)) <= arrival or (
            stack and stack[0] + patience <= arrival
        ):
            gives_up = stack[0] + patience if stack else inf
            now = min(leaves, gives_up)
            if now == gives_up:
                stack.popleft()
            elif stack:
                since, done = stack.pop(), now + chance.expovariate(10.0)
            else:
                since = done = inf
        now, arrival = arrival, arrival + chance.expovariate(20.0)
        if done == inf:
            since, done = now, now + chance.expovariate(10.0)
        elif len(stack) < 8:
            stack.append(now)
        else:
            refused += 1
    return refused / requests


@pytest.mark.parametrize(
    ("word", "known"), [pytest.param("drop_queued", 0.043, marks=pytest.mark.slow), ("stop", 0.035)]
)
def test_who_is_dropped_leaves_the_queue_at_once(word: str, known: float) -> None:
    """A stack is not clogged by those at its bottom: refused is what an independent model says."""
    trace = simulate(parse_scenario(LIFO.replace("WORD", word)))
    refused = float(np.mean(trace.attempts["outcome"] == REFUSED))
    assert refused == pytest.approx(refused_share(word == "stop"), abs=0.003)
    assert refused == pytest.approx(known, abs=0.003)
    assert all(law.holds for law in audit(trace))


def test_a_queue_has_none_in_it_that_nobody_waits_for() -> None:
    """By each sample, whoever waits has waited for less than the caller's patience."""
    text = LIFO.replace("WORD", "drop_queued").replace("3000s", "100s")
    trace = simulate(parse_scenario(text).with_({"sample_every": "37ms"}))
    rows = trace.attempts
    left = np.where(np.isnan(rows["begin"]), rows["freed"], rows["begin"])
    assert np.nanmax(left - rows["arrive"]) == pytest.approx(0.3)
    for at, _, queued, _, _ in trace.samples.tolist():
        young = (rows["arrive"] <= at) & ~(left <= at) & (rows["arrive"] > at - 0.3)
        assert queued == np.sum(young & (rows["outcome"] != REFUSED))


def test_a_caller_who_left_while_on_the_way_takes_no_place() -> None:
    """What arrives when nobody waits for it any more is dropped there, though all are busy."""
    text = """
name: late
duration: 1s
clients:
  c:
    arrivals: {kind: constant, rate: 50/s}
    calls: {s: {timeout: 100ms, network: 150ms}}
services: {s: {workers: 1, work: 500ms, queue: {limit: 1}, on_abandon: drop_queued}}
"""
    trace = simulate(parse_scenario(text))
    rows = trace.attempts
    arrived = rows[~np.isnan(rows["arrive"])]
    assert len(arrived) > 30
    assert np.all(np.isnan(arrived["begin"]))
    assert trace.samples["queued"].max() == 0
