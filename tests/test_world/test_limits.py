"""Runs that would never end are stopped, with the number and what to do."""

from __future__ import annotations

import copy
import pickle

import pytest

from simcb import studies
from simcb.errors import SimcbError
from simcb.options import MOST_EVENTS, MOST_ROWS
from simcb.scenario import Scenario, parse_scenario
from simcb.world import (
    EventBudgetError,
    RowBudgetError,
    TimeStandsStillError,
    simulate,
)


def loop(think: str, service: str, call: str = "{}", users: int = 10) -> Scenario:
    """Return users in a closed loop for an hour."""
    return parse_scenario(f"""
name: loop
duration: 1h
clients:
  users:
    arrivals: {{kind: closed, users: {users}, think: {think}}}
    calls: {{api: {call}}}
services: {{api: {service}}}
""")


STILL = {
    "no work": loop("0s", "{workers: 1, work: 0s}"),
    "refused at once": loop("0s", "{workers: 1, queue: {limit: 0}, work: 10ms}"),
    "rejected at once": loop(
        "0s", "{workers: 20, work: 1s, errors: 100%}", "{breaker: {failure_threshold: 1}}"
    ),
    "shed at once": loop("0s", "{workers: 20, work: 1s}", "{bulkhead: {max_concurrent: 1}}"),
    "retried at once": loop(
        "0s", "{workers: 1, queue: {limit: 0}, work: 1s}", "{retry: {max_retries: 1}}"
    ),
}


@pytest.mark.parametrize(
    "name",
    [each if each == "no work" else pytest.param(each, marks=pytest.mark.slow) for each in STILL],
)
def test_time_that_cannot_advance_is_noticed(name: str) -> None:
    """Users who are done at once and ask again at once stop the run, and are named as cause."""
    with pytest.raises(TimeStandsStillError, match="think time"):
        simulate(STILL[name])


def test_many_users_at_one_moment_are_no_standstill() -> None:
    """Twenty thousand who all ask in the same moment are just many."""
    crowd = loop("1s", "{workers: 1, work: 1s}", "{timeout: 100ms}", users=20_000)
    trace = simulate(crowd.with_({"duration": "3s"}))
    assert len(trace.requests) > 20_000


SLOWLY = loop("1us", "{workers: 1, queue: {limit: 0}, work: 1d}", users=2)


def test_a_run_is_stopped_by_its_event_budget() -> None:
    """Time creeps on, but a run of so many events is not waited for."""
    with pytest.raises(EventBudgetError, match="--max-events 1000000") as stopped:
        simulate(SLOWLY, max_events=100_000)
    assert stopped.value.events == 100_000
    assert 0.0 < stopped.value.at < 1.0
    assert "100,000 events" in str(stopped.value)


def test_a_budget_that_is_enough_changes_nothing() -> None:
    """The same bytes with a tight budget, the usual one, and none; one event less is too few."""
    scenario = SLOWLY.with_({"duration": "2ms"})
    bare = simulate(scenario, max_events=None).digest()
    assert simulate(scenario).digest() == bare
    low, high = 1, 1_000_000
    while low < high:
        middle = (low + high) // 2
        try:
            assert simulate(scenario, max_events=middle).digest() == bare
            high = middle
        except EventBudgetError:
            low = middle + 1
    assert len(simulate(scenario).requests) < low < 1_000_000
    with pytest.raises(EventBudgetError):
        simulate(scenario, max_events=low - 1)


SPINNING = loop("1us", "{workers: 20, work: 1s, errors: 100%}", "{breaker: {failure_threshold: 1}}")


def test_a_run_is_stopped_by_its_budget_of_rows() -> None:
    """Users who are turned away at once and come back at once do not fill the memory."""
    with pytest.raises(RowBudgetError, match="--allow-large") as stopped:
        simulate(SPINNING, max_rows=20_000)
    assert stopped.value.rows == 20_000
    assert 1.0 < stopped.value.at < 1.1
    assert "20,000 requests and attempts" in str(stopped.value)
    assert MOST_ROWS == 30_000_000


def test_the_rows_that_stop_a_run_are_those_it_would_have() -> None:
    """What has as many rows as are allowed runs to its end; the bytes are the same."""
    scenario = SLOWLY.with_({"duration": "2ms"})
    whole = simulate(scenario, max_rows=None)
    rows = len(whole.requests) + len(whole.attempts)
    assert simulate(scenario, max_rows=rows).digest() == whole.digest()
    with pytest.raises(RowBudgetError):
        simulate(scenario, max_rows=rows // 2)


def test_every_run_of_a_study_has_the_budget() -> None:
    """A study hands the budget on; a senseless one is refused before anything runs."""
    with pytest.raises(EventBudgetError):
        studies.run(SLOWLY, max_events=10_000)
    with pytest.raises(studies.StudyError, match="max_events is 0"):
        studies.run(SLOWLY, max_events=0)
    assert MOST_EVENTS == 200_000_000


def test_the_errors_can_be_copied_and_sent() -> None:
    """They survive what process pools and simulators do to exceptions."""
    for error in (EventBudgetError(1.5, 10), RowBudgetError(1.5, 9), TimeStandsStillError(2.0, 7)):
        for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert isinstance(twin, SimcbError)
            assert str(twin) == str(error)
