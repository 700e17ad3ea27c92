"""`max_retries: forever`: until an attempt is good, or nobody waits any more."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import audit
from simcb.predictions import predict
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.limits import estimate_size
from simcb.trace import ATTEMPT_CODE, AttemptOutcome
from simcb.world import simulate

OK = ATTEMPT_CODE[AttemptOutcome.OK]


def stubborn(
    retry: str, *, errors: str = "0%", rest: str = "", duration: str = "200s", deadline: str = ""
) -> Scenario:
    """Return callers who never give up."""
    return parse_scenario(
        f"""
name: stubborn
duration: {duration}
clients:
  users:
    arrivals: {{kind: poisson, rate: 20/s}}
    {deadline}
    calls: {{api: {{timeout: 1s, retry: {{max_retries: forever, {retry}}}}}}}
services: {{api: {{workers: 1000, work: 10ms, errors: {errors}}}}}
{rest}
"""
    )


def test_the_tries_of_a_request_are_geometric() -> None:
    """Each try fails with p on its own, so there are 1/(1 − p) of them and all end well."""
    trace = simulate(stubborn("backoff: {kind: fixed, delay: 50ms}", errors="75%"))
    done = trace.requests[trace.requests["arrival"] < 190]
    assert (done["cause"] == OK).all()
    tries = np.bincount(trace.attempts["request"])[: len(done)]
    assert float(tries.mean()) == pytest.approx(4.0, rel=0.05)
    assert float(np.mean(tries > 8)) == pytest.approx(0.75**8, abs=0.02)


def test_an_outage_is_outlasted_and_a_deadline_is_not() -> None:
    """Whoever asked in the outage is answered after it; who leaves at a deadline stops trying."""
    outage = "faults: [{kind: refuse, on: api, at: 50s, for: 60s}]"
    wait = "backoff: {kind: exponential, base: 100ms, max: 2s}, jitter: full"
    trace = simulate(stubborn(wait, rest=outage))
    hit = (trace.requests["arrival"] > 50) & (trace.requests["arrival"] < 105)
    assert (trace.requests["cause"][hit] == OK).all()
    assert all(law.holds for law in audit(trace))
    leaving = simulate(stubborn(wait, rest=outage, deadline="deadline: 5s"))
    for request in np.flatnonzero(hit[: len(leaving.requests)])[:50]:
        mine = leaving.attempts[leaving.attempts["request"] == request]
        assert (mine["start"] <= leaving.requests["arrival"][request] + 5.0).all()


@pytest.mark.slow
def test_more_retries_than_a_row_can_count_are_all_there() -> None:
    """Time goes on from try to try, so tens of thousands of one request do no harm."""
    many = stubborn("backoff: {kind: fixed, delay: 100us}", errors="100%", duration="10s")
    trace = simulate(
        many.with_({"users.arrivals.rate": "0.2/s", "api.work": "0s", "api.errors": "100%"}), seed=1
    )
    assert trace.attempts["retry"].max() == 32767
    assert np.bincount(trace.attempts["request"]).max() > 32768


def test_the_size_of_a_run_knows_that_the_run_ends() -> None:
    """The worst case is what time allows: of each request a try each 110 ms, all the run."""
    size = estimate_size(stubborn("backoff: {kind: fixed, delay: 100ms}", errors="100%"))
    assert size.worst_attempts == pytest.approx(4000 * 200 / 0.11, rel=0.01)


def test_explain_says_that_nothing_bounds_the_tries() -> None:
    """The most tries of a request are endless, and so is what they may ask."""
    found = predict(stubborn("backoff: {kind: fixed, delay: 100ms}", errors="1%"))
    assert next(each for each in found.of("amplification")).value == float("inf")


@pytest.mark.parametrize(
    "waits",
    [
        "on: [refused]",
        "backoff: {kind: fixed, delay: 0s}",
        "backoff: {kind: listed, delays: [1s, 0s]}",
        "backoff: {kind: server}",
        "backoff: {kind: decorrelated, base: 0s, max: 1s}",
    ],
)
def test_retries_that_do_not_wait_are_refused(waits: str) -> None:
    """For ever and at once would not let time go on: told at its place, with a remedy."""
    with pytest.raises(ScenarioError, match=r"retry\.max_retries.*would not let time go on"):
        stubborn(waits)


def test_a_growing_wait_needs_an_end() -> None:
    """A backoff that grows for ever grows beyond all bounds."""
    with pytest.raises(ScenarioError, match="grows beyond all bounds"):
        stubborn("backoff: {kind: exponential, base: 1ms}")


def test_forever_is_written_back_and_swept() -> None:
    """The word survives a round trip, and a change from outside."""
    scenario = stubborn("backoff: {kind: fixed, delay: 100ms}")
    assert "max_retries: forever" in scenario.to_yaml()
    assert parse_scenario(scenario.to_yaml()) == scenario
    thrice = scenario.with_({"retry.max_retries": 3})
    assert thrice.with_({"retry.max_retries": "forever"}) == scenario
    with pytest.raises(ScenarioError, match="write at most 1000, or `forever`"):
        scenario.with_({"retry.max_retries": 1001})
