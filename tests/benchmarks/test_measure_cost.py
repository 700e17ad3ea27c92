"""Measuring a run costs little beside making it, in time and in memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from benchmarks.measure_cost import cost, queue, repeated
from benchmarks.world_speed import storm

from simcb.metrics import audit, measure
from simcb.scenario import Scenario
from simcb.world import simulate


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [queue, storm], ids=["queue", "storm"])
def test_measuring_takes_little_for_each_request(scenario: Callable[[int], Scenario]) -> None:
    """It takes 0.2 µs and 25 bytes; the bound is tight for memory, which is always the same."""
    found = cost(repeated(simulate(scenario(4000)), 50), rounds=1)
    assert found.peak_bytes < 40
    assert found.microseconds < 2.0


def test_a_run_that_goes_on_the_same_way_is_one() -> None:
    """What is measured here obeys every law but those of the breaker, which was made once."""
    once = simulate(storm(2000))
    trace = repeated(once, 3)
    broken = {law.name for law in audit(trace) if not law.holds}
    assert all("breaker" in law for law in broken)
    offered = [measure(each).value("offered_rate") for each in (once, trace)]
    assert offered[0] == pytest.approx(offered[1])
