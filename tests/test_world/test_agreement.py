"""The fast model and the plain one tell the same story, event for event."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_model import differences, record_of, simulate_plainly
from scenario_strategy import scenarios
from test_world.focused import FOCUSED, trace_of
from tied_strategy import tied_scenarios

from simcb.scenario import Scenario, list_shipped, read_scenario
from simcb.trace import Trace
from simcb.world import simulate


def assert_agreement(scenario: Scenario, seed: int = 0, replicate: int = 0) -> None:
    """Run both models and fail with the scenario and the first differences."""
    assert_same(simulate(scenario, seed, replicate), scenario, seed, replicate)


def assert_same(trace: Trace, scenario: Scenario, seed: int = 0, replicate: int = 0) -> None:
    """Run the plain model and fail with the first differences to what the fast one did."""
    found = differences(simulate_plainly(scenario, seed, replicate), record_of(trace))
    assert not found, "\n".join([scenario.to_yaml(), f"seed {seed}", *found])


@pytest.mark.parametrize("name", FOCUSED)
def test_focused_scenario_shows_what_it_is_for(name: str) -> None:
    """Each focused scenario brings about the outcomes it was made for."""
    focused = FOCUSED[name]
    record = record_of(trace_of(name))
    assert set(focused.attempts) <= {attempt.outcome for attempt in record.attempts}
    assert set(focused.requests) <= {request.outcome for request in record.requests}
    for mark in focused.marks:
        assert any(getattr(attempt, mark) for attempt in record.attempts), mark
    assert focused.trips == any(after == "open" for _, _, _, after in record.transitions)


@pytest.mark.parametrize("name", FOCUSED)
def test_models_agree_on_focused_scenario(name: str) -> None:
    """Each part of the semantics alone gives the same events in both models."""
    assert_same(trace_of(name), FOCUSED[name].scenario(name))


def begun_early(name: str, duration: float) -> Scenario:
    """Return a shipped scenario cut short, its first fault brought forward to second 3."""
    scenario = read_scenario(name)
    early = min((fault.at.mean_value for fault in scenario.faults), default=3.0) - 3.0
    moved = {
        f"faults.{i}.at": f"{f.at.mean_value - early:g}s" for i, f in enumerate(scenario.faults)
    }
    return scenario.with_({**moved, "duration": f"{min(duration, scenario.duration):g}s"})


BUSY = {
    "hedged-reads": 4.0,
    "liveness-cascade": 8.0,
    "memcache-leases": 6.0,
    "redundant-requests": 5.0,
    "retry-budget": 6.0,
    "timid-limiter": 8.0,
}
"""Seconds that are enough of those with thousands of calls in each."""


@pytest.mark.parametrize("name", list_shipped())
def test_models_agree_on_the_beginning_of_shipped_scenario(name: str) -> None:
    """Each shipped scenario gives the same events while its outage begins."""
    assert_agreement(begun_early(name, BUSY.get(name, 12.0)), seed=1)


SPARSE = (
    "flapping",
    "gc-pause",
    "hung-redis",
    "low-traffic",
    "metadata-refetch",
    "reconnect-herd",
)
"""Those of few requests; a minute of any other costs the plain model as much as these do whole."""


DEAR = {"error-queries": 20.0, "hedged-reads": 8.0, "redis-500-retries": 12.0}
"""Seconds that are enough without breakers: of those with thousands of calls in each, or whose
queue grows to the end of the run, through all of which the plain model looks at each event."""


def briefly(name: str) -> Scenario:
    """Return a shipped scenario with faults of 40 s or two ramps at most, and 30 s after them."""
    scenario = begun_early(name, inf)
    if not scenario.faults:
        return begun_early(name, 2.0 * BUSY.get(name, 30.0))
    lasts = [min(fault.lasts.mean_value, max(40.0, 2.0 * fault.ramp)) for fault in scenario.faults]
    short = {f"faults.{i}.for": f"{seconds:g}s" for i, seconds in enumerate(lasts)}
    end = (
        max(f.at.mean_value + seconds for f, seconds in zip(scenario.faults, lasts, strict=True))
        + 30.0
    )
    return scenario.with_({**short, "duration": f"{end:g}s"})


@pytest.mark.slow
@pytest.mark.parametrize("name", list_shipped())
def test_models_agree_on_shipped_scenario_to_its_end(name: str) -> None:
    """Each shipped scenario gives the same events, with its breakers until it has recovered."""
    whole = read_scenario(name) if name in SPARSE else briefly(name)
    assert_agreement(whole, seed=7, replicate=1)
    assert_agreement(begun_early(name, DEAR.get(name, 40.0)).without_breakers())


@pytest.mark.slow
@pytest.mark.parametrize("name", FOCUSED)
def test_models_agree_on_focused_scenario_with_more_seeds(name: str) -> None:
    """Each part of the semantics gives the same events whatever the luck."""
    for seed in range(1, 4):
        assert_agreement(FOCUSED[name].scenario(name), seed)


@settings(max_examples=10)
@given(scenarios(), st.integers(0, 5))
def test_models_agree_on_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, both models give the same events."""
    assert_agreement(scenario, seed)


@pytest.mark.slow
@settings(max_examples=200)
@given(scenarios(most_faults=6), st.integers(0, 5))
def test_models_agree_on_many_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, both models give the same events, with more going wrong at once."""
    assert_agreement(scenario, seed)


@settings(max_examples=10)
@given(tied_scenarios(), st.integers(0, 5))
def test_models_agree_on_what_happens_in_the_same_moment(scenario: Scenario, seed: int) -> None:
    """Whatever falls together, both models let it happen in the same order."""
    assert_agreement(scenario, seed)


@pytest.mark.slow
@settings(max_examples=200)
@given(tied_scenarios(most_faults=6), st.integers(0, 5))
def test_models_agree_on_much_that_happens_in_the_same_moment(
    scenario: Scenario, seed: int
) -> None:
    """Whatever falls together, both models agree, with more going wrong at once."""
    assert_agreement(scenario, seed)
