"""A retry budget by active requests holds a storm to what Envoy says of it."""

from __future__ import annotations

import numpy as np
import pytest
from test_catalogue.telling import Told, told

UNLIMITED = "orders.retry.budget=null"
HALF = "budget.share=50%"


def calls_a_request(run: Told, since: float, until: float) -> float:
    """Return how many calls begin for each request that arrives, in a stretch of the run."""
    begun, arrived = run.trace.attempts["start"], run.trace.requests["arrival"]
    calls = np.sum((begun >= since) & (begun < until))
    return float(calls / np.sum((arrived >= since) & (arrived < until)))


def answered(run: Told, since: float, until: float) -> float:
    """Return the share of the requests of a stretch of the run that were answered."""
    rows = run.trace.requests
    within = (rows["arrival"] >= since) & (rows["arrival"] < until)
    return float(np.mean(rows["outcome"][within] == 0))


def test_retries_under_way_are_a_fifth_of_the_calls_or_three() -> None:
    """When one begins, at most a fifth of the calls under way are retries, or three are (2019)."""
    rows = told("retry-budget").trace.attempts
    start, end, again = rows["start"], rows["end"], rows["retry"] > 0
    assert np.sum(again) > 500
    for moment in start[again]:
        under_way = (start <= moment) & ~(end <= moment)
        assert np.sum(under_way & again) <= max(3, 0.2 * np.sum(under_way) + 1)


def test_the_storm_is_a_quarter_more_and_ends_with_its_cause() -> None:
    """A fifth of all calls are retries: 1.25 calls a request, and all is well a minute later."""
    run = told("retry-budget")
    assert calls_a_request(run, 0, 60) == 1.0
    assert calls_a_request(run, 61, 80) == pytest.approx(1.25, abs=0.03)
    assert answered(run, 140, 290) == 1.0
    assert run.value("time_to_recover") == pytest.approx(20, abs=10)


@pytest.mark.parametrize(
    ("sets", "calls"), [pytest.param(UNLIMITED, 4.0, marks=pytest.mark.slow), (HALF, 2.0)]
)
def test_more_retries_are_a_storm_without_end(sets: str, calls: float) -> None:
    """Four and two calls a request need all of the 200 a second that are answered, or more."""
    run = told("retry-budget", sets)
    assert calls_a_request(run, 140, 290) == pytest.approx(calls, abs=0.05)
    assert answered(run, 140, 290) < 0.01
