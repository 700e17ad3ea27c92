"""A hedge shortens the tail as its paper says, and at high load it makes one."""

from __future__ import annotations

import numpy as np
import pytest
from test_catalogue.telling import Told, told

ALONE = "tablets.hedge=null"
BUSY = ("arrivals.rate=55000/s", "duration=3s")


def slowest_of_a_hundred(run: Told) -> float:
    """Return p99.9, seconds, of what each hundred calls in a row have to wait for."""
    rows = run.trace.requests
    took = rows["end"] - rows["arrival"]
    reads = took[: len(took) // 100 * 100].reshape(-1, 100).max(axis=1)
    return float(np.nanpercentile(reads, 99.9))


@pytest.mark.slow
def test_a_hedge_after_10_ms_takes_the_tail_from_1800_to_74_ms_for_2_percent() -> None:
    """p99.9 of reads over a hundred servers without and with it, and the calls it adds (2013)."""
    hedged, alone = told("hedged-reads"), told("hedged-reads", ALONE)
    assert slowest_of_a_hundred(alone) == pytest.approx(1.8, rel=0.1)
    assert slowest_of_a_hundred(hedged) == pytest.approx(0.074, rel=0.1)
    calls = len(hedged.trace.attempts) / len(alone.trace.attempts)
    assert calls == pytest.approx(1.02, abs=0.002)


@pytest.mark.slow
def test_at_four_fifths_of_the_load_it_doubles_the_calls_and_hurts() -> None:
    """Half of the calls take twenty times as long and more; a budget of 5% prevents it."""
    hedged, alone = told("hedged-reads", *BUSY), told("hedged-reads", *BUSY, ALONE)
    assert len(hedged.trace.attempts) > 1.7 * len(alone.trace.attempts)
    assert hedged.value("p50") > 20 * alone.value("p50")
    bounded = told("hedged-reads", *BUSY, "hedge.budget=5%")
    assert bounded.value("p50") < 1.3 * alone.value("p50")
