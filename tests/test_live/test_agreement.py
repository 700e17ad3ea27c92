"""Where the network takes no time, what happens over HTTP is what the simulation says."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from test_live.stages import Theatre, played

from simcb import studies
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace
from simcb.world import simulate


def performed(scenario: Scenario) -> Trace:
    """Return what happens when a scenario's own callers ask over HTTP."""

    async def play(theatre: Theatre) -> Trace:
        await asyncio.sleep(scenario.duration + 1e-6)
        if theatre.over.done():
            theatre.over.result()
        theatre.stage.end()
        return theatre.stage.trace()

    return played(play, scenario, asked=True)


STORIES = {
    "a hang, timeouts, retries and a breaker": (
        "flaky-payments",
        ["duration=30s", "faults.0.at=5s", "faults.0.for=20s", "rate=20/s"],
    ),
    "calls downstream, refreshes, a fallback, a breaker for each replica": (
        "slow-replica",
        ["duration=40s", "faults.0.at=5s", "faults.0.for=30s", "rate=8/s", "database.timeout=5s"],
    ),
    "admission and Retry-After": ("llm-429", ["duration=40s"]),
}

MANY_WORDS = """name: many-words
duration: 20s
clients:
  web:
    arrivals: {kind: poisson, rate: 9/s}
    priority: 1
    deadline: 3s
    calls:
      api: {timeout: 2s, network: 4ms, retry: {max_retries: 1, on: [error, refused, timeout]}}
  batch:
    arrivals: {kind: closed, users: 6, think: {kind: exponential, mean: 400ms}}
    calls:
      api: {timeout: 1s, bulkhead: {max_concurrent: 3, max_wait: 200ms}}
services:
  api:
    replicas: 2
    balance: random
    workers: 2
    errors: 4%
    on_abandon: stop
    queue: {limit: 3, discipline: priority}
    work: {kind: exponential, mean: 150ms}
    calls:
      store:
        timeout: 300ms
        retry: {max_retries: 2, backoff: {kind: exponential, base: 50ms}}
        breaker: {failure_threshold: 3, recovery_timeout: 1s}
  store: {workers: 3, queue: {limit: 4}, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: restart, on: api, replicas: [0], at: 3s, for: 1s}
  - {kind: loss, on: web->api, share: 30%, at: 5s, for: 3s}
  - {kind: latency, on: store, times: 4, at: 8s, for: 3s}
  - {kind: refuse, on: store, share: 50%, at: 12s, for: 2s}
  - {kind: hang, on: api, share: 20%, sticky: true, at: 15s, for: 3s}
"""


@pytest.mark.parametrize("story", STORIES)
def test_every_row_is_that_of_the_simulation(story: str) -> None:
    """Requests, attempts, transitions and samples, to a microsecond."""
    name, sets = STORIES[story]
    demand_agreement(studies.read(name, sets=sets))


def test_so_it_is_with_all_that_can_stop_an_attempt() -> None:
    """Restarts, losses, refusals, full queues and those who leave are seen by both alike."""
    demand_agreement(parse_scenario(MANY_WORDS, "many-words.yaml"))


def demand_agreement(scenario: Scenario) -> None:
    performance, simulation = performed(scenario), simulate(scenario)
    for table in ("requests", "attempts", "transitions", "samples"):
        found, wanted = getattr(performance, table), getattr(simulation, table)
        assert len(found) == len(wanted) > 0 or table == "transitions"
        for column in found.dtype.names:
            np.testing.assert_allclose(
                found[column].astype(float), wanted[column].astype(float), rtol=0, atol=1e-6
            )
