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


@pytest.mark.slow
@pytest.mark.parametrize("scenario", [queue, storm], ids=["queue", "storm"])
def test_auditing_takes_nothing_for_each_request(scenario: Callable[[int], Scenario]) -> None:
    """What it needs is the same for a long run as for a short one, and never whole columns.

    That is 5 to 8 MB; one column of 400,000 moments is 3.
    """
    once = simulate(scenario(4000))
    short, long = (repeated(once, times) for times in (50, 100))
    peaks = [len(each.requests) * cost(each, audit, rounds=1).peak_bytes for each in (short, long)]
    assert max(peaks) < 10e6
    assert peaks[1] - peaks[0] < 2 * (len(long.requests) - len(short.requests))


def test_a_run_that_goes_on_the_same_way_is_one() -> None:
    """What is measured here obeys every law but those of the breaker, which was made once."""
    once = simulate(storm(2000))
    trace = repeated(once, 3)
    broken = {law.name for law in audit(trace) if not law.holds}
    assert all("breaker" in law for law in broken)
    offered = [measure(each).value("offered_rate") for each in (once, trace)]
    assert offered[0] == pytest.approx(offered[1])
