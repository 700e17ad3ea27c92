"""A run's trace says what was run, and names everything in an order of its own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from test_world.focused import FOCUSED

from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Flag
from simcb.world import simulate

OUTAGE = """
name: outage
duration: 60s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    calls: {api: {timeout: 1s, breaker: {failure_threshold: 3, recovery_timeout: 15s}}}
services:
  api: {workers: 50, work: 50ms}
faults:
  - {kind: errors, on: api, rate: 100%, at: 10s, for: 20s}
"""

HUNG = """
name: hung
duration: 60s
clients:
  users:
    arrivals: {kind: poisson, rate: 10/s}
    calls: {api: {timeout: 1s, breaker: {failure_threshold: 8, recovery_timeout: 35s}}}
services:
  api: {workers: 4, work: 50ms}
faults:
  - {kind: hang, on: api, at: 10s, for: 30s}
"""


def test_trace_can_be_run_again_from_what_it_says() -> None:
    """The scenario, seed and replicate in a trace bring the same trace about."""
    first = simulate(FOCUSED["three-deep"].scenario("again"), seed=9, replicate=4)
    assert (first.seed, first.replicate, first.duration) == (9, 4, 20.0)
    assert set(first.versions) >= {"simcb", "simpy", "numpy", "python"}
    again = simulate(parse_scenario(first.scenario), first.seed, first.replicate)
    assert again.digest() == first.digest()


def test_layout_names_entities_in_order_of_their_names() -> None:
    """Groups and services stand in order of their names, clients' calls before services'."""
    layout = simulate(FOCUSED["three-deep"].scenario("layout")).layout
    assert layout.groups == ("users",)
    assert [service.name for service in layout.services] == ["back", "flags", "front", "middle"]
    assert [service.first_replica for service in layout.services] == [0, 1, 2, 3]
    assert [call.name for call in layout.calls] == [
        "users->front",
        "front->middle",
        "front->flags",
        "middle->back",
    ]
    assert [breaker.name for breaker in layout.breakers] == ["middle.0->back", "middle.1->back"]


def test_progress_is_told_in_simulated_seconds() -> None:
    """Progress begins at 0, never goes back, and gets near the end."""
    told: list[float] = []
    simulate(FOCUSED["full-queue"].scenario("progress"), progress=told.append)
    assert told[0] == 0.0
    assert all(before <= after for before, after in pairwise(told))
    assert told[-1] >= 14.0


def test_samples_are_taken_at_regular_moments_of_every_replica() -> None:
    """Each replica is sampled at the multiples of the sampling interval, from 0."""
    scenario = FOCUSED["workers-come-and-go"].scenario("samples").with_({"sample_every": "700ms"})
    samples = simulate(scenario).samples
    for replica in (0, 1):
        own = samples[samples["replica"] == replica]
        assert own["at"].tolist() == [k * 0.7 for k in range(29)]
    assert samples["capacity"].min() == 0
    assert samples["capacity"].max() == 5


def test_rejection_is_unneeded_exactly_while_the_service_would_have_answered() -> None:
    """Rejections in an outage are needed; those of a breaker still open afterwards are not."""
    trace = simulate(parse_scenario(OUTAGE))
    rejected = trace.attempts[trace.attempts["replica"] < 0]
    unneeded = (rejected["flags"] & int(Flag.UNNEEDED)) > 0
    over = rejected["start"] >= 30.0
    assert np.array_equal(unneeded, over)
    assert over.sum() > 100
    assert (~over).sum() > 100


def _rejections(scenario: Scenario) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return when attempts were turned away, and whether each one was unneeded."""
    attempts = simulate(scenario).attempts
    rejected = attempts[attempts["outcome"] == ATTEMPT_CODE[AttemptOutcome.REJECTED]]
    return rejected["start"], (rejected["flags"] & int(Flag.UNNEEDED)) > 0


def test_no_rejection_is_unneeded_while_hung_workers_hold_the_service() -> None:
    """With every worker hung, only what can wait for the end of the hang would be answered.

    All four workers serve the four in the queue at 40 s, the attempt itself 50 ms later and
    for 50 ms, so one that is sent from 39.1 s on is in time for its second.
    """
    start, unneeded = _rejections(parse_scenario(HUNG))
    held = (start > 12.0) & (start < 39.0)
    over = start > 39.2
    assert held.sum() > 100
    assert over.sum() > 50
    assert not unneeded[held].any()
    assert unneeded[over].all()


def test_no_rejection_is_unneeded_when_the_queue_takes_the_last_free_worker() -> None:
    """A hang that catches half of the attempts takes all workers as surely, only later."""
    start, unneeded = _rejections(parse_scenario(HUNG, sets=["faults.0.share=50%"]))
    held = (start > 16.0) & (start < 39.0)
    assert held.sum() > 50
    assert not unneeded[held].any()


def test_every_rejection_by_an_idle_healthy_service_is_unneeded() -> None:
    """A breaker that a moment's errors opened for long turns everybody away for nothing."""
    blip = ["faults.0.for=1s", "breaker.recovery_timeout=45s"]
    start, unneeded = _rejections(parse_scenario(OUTAGE, sets=blip))
    healthy = start >= 11.0
    assert healthy.sum() > 500
    assert unneeded[healthy].all()
    assert not unneeded[~healthy].any()


@pytest.mark.parametrize("name", ["three-deep", "share-hangs-and-returns"])
def test_seeds_and_replicates_bring_other_luck(name: str) -> None:
    """Another seed or another replicate is another run."""
    scenario = FOCUSED[name].scenario("luck")
    digests = {simulate(scenario, s, r).digest() for s, r in ((0, 0), (0, 1), (1, 0), (1, 1))}
    assert len(digests) == 4
