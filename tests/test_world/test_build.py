"""A run's trace says what was run, and names everything in an order of its own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from test_world.focused import FOCUSED

from simcb.scenario import parse_scenario
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


@pytest.mark.parametrize("name", ["three-deep", "share-hangs-and-returns"])
def test_seeds_and_replicates_bring_other_luck(name: str) -> None:
    """Another seed or another replicate is another run."""
    scenario = FOCUSED[name].scenario("luck")
    digests = {simulate(scenario, s, r).digest() for s, r in ((0, 0), (0, 1), (1, 0), (1, 1))}
    assert len(digests) == 4
