"""Servers that break under load, and how far it has to fall before they stay up."""

from __future__ import annotations

import numpy as np
import pytest
from test_catalogue.telling import Told, told

CURE = "changes.a-tenth.set.arrivals.rate"


def answered(run: Told, minute: int) -> float:
    """Return the share of a minute's requests that were answered."""
    rows = run.trace.requests
    within = (rows["arrival"] >= 60.0 * minute) & (rows["arrival"] < 60.0 * (minute + 1))
    return float(np.mean(rows["outcome"][within] == 0))


def crashes(run: Told, since: float, until: float) -> int:
    """Return how often a server fell in a stretch of the run, seconds."""
    return sum(since <= each.at < until for each in run.trace.layout.crashes)


@pytest.mark.slow
def test_servers_break_at_a_tenth_more_and_stay_broken_at_a_tenth_less() -> None:
    """Nothing falls at 100/s; from 110/s on all do, and at 90/s a tenth is answered as before."""
    run = told("crash-loop")
    assert answered(run, 0) == 1.0
    assert crashes(run, 0.0, 60.0) == 0
    assert crashes(run, 60.0, 120.0) == 10
    assert 0.05 < answered(run, 3) < 0.2
    assert 0.05 < answered(run, 5) < 0.2
    assert crashes(run, 240.0, 360.0) >= 20


def test_a_tenth_of_the_load_ends_it_and_then_all_of_it_is_borne() -> None:
    """Two minutes at 10/s, and 100/s are as good as in the first minute."""
    run = told("crash-loop")
    assert crashes(run, 360.0, 720.0) == 0
    assert answered(run, 8) == 1.0
    assert answered(run, 9) == 1.0


@pytest.mark.slow
def test_eight_tenths_are_not_little_enough() -> None:
    """The few that are up get the load of all, and fall before the others are back."""
    run = told("crash-loop", f"{CURE}=80/s")
    assert answered(run, 8) < 0.2
    assert answered(run, 11) < 0.2


@pytest.mark.slow
def test_servers_that_turn_away_what_would_break_them_never_fall() -> None:
    """With a place less than there are workers they are never full; a sixth is throttled."""
    run = told("crash-loop", "frontend.admit={kind: concurrency, limit: 11}")
    assert not run.trace.layout.crashes
    assert run.value("success") > 0.8
