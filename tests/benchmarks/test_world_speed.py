"""The world is fast, and stays so."""

from __future__ import annotations

import pytest
from benchmarks.world_speed import cost, speeds, storm
from plain_model import differences, record_of, simulate_plainly

from simcb.world import simulate


@pytest.mark.slow
def test_both_models_do_the_same_work_in_the_benchmark() -> None:
    """What is timed is the same story, with retries, timeouts and trips in it."""
    scenario = storm(4000)
    trace = simulate(scenario)
    assert not differences(simulate_plainly(scenario), record_of(trace))
    assert len(trace.transitions) >= 3
    assert {"timeout", "rejected", "ok"} <= {a.outcome for a in record_of(trace).attempts}


@pytest.mark.slow
def test_world_is_five_times_as_fast_as_the_textbook() -> None:
    """The world simulates at least five times the plain model's requests per second."""
    fast, plain = speeds(20_000)
    assert fast >= 5 * plain, f"{fast:,.0f} requests a second beside {plain:,.0f}"


@pytest.mark.slow
def test_cost_of_a_request_does_not_grow_with_their_number() -> None:
    """A request costs about the same among 10⁴ and 10⁶, and memory stays bounded."""
    small, large = cost(10_000), cost(1_000_000)
    assert large.microseconds_per_request < 1.5 * small.microseconds_per_request
    assert large.megabytes_per_million < 150
