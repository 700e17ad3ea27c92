"""The fast model and the plain one tell the same story, event for event."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_model import differences, record_of, simulate_plainly
from scenario_strategy import scenarios
from test_world.focused import FOCUSED

from simcb.scenario import Scenario, list_shipped, read_scenario
from simcb.world import simulate


def assert_agreement(scenario: Scenario, seed: int = 0, replicate: int = 0) -> None:
    """Run both models and fail with the scenario and the first differences."""
    fast = record_of(simulate(scenario, seed, replicate))
    found = differences(simulate_plainly(scenario, seed, replicate), fast)
    assert not found, "\n".join([scenario.to_yaml(), f"seed {seed}", *found])


@pytest.mark.parametrize("name", FOCUSED)
def test_focused_scenario_shows_what_it_is_for(name: str) -> None:
    """Each focused scenario brings about the outcomes it was made for."""
    focused = FOCUSED[name]
    record = record_of(simulate(focused.scenario(name)))
    assert focused.attempts <= {attempt.outcome for attempt in record.attempts}
    assert focused.requests <= {request.outcome for request in record.requests}
    assert focused.trips == any(after == "open" for _, _, _, after in record.transitions)


@pytest.mark.parametrize("name", FOCUSED)
def test_models_agree_on_focused_scenario(name: str) -> None:
    """Each part of the semantics alone gives the same events in both models."""
    for seed in (0, 1):
        assert_agreement(FOCUSED[name].scenario(name), seed)


def test_models_agree_on_the_outage_of_flaky_payments() -> None:
    """The shipped scenario of a hanging payment provider gives the same events."""
    assert_agreement(read_scenario("flaky-payments").with_({"duration": "200s"}))


def test_models_agree_on_the_trip_of_slow_replica() -> None:
    """The shipped scenario of a silent replica gives the same events while the breakers trip."""
    assert_agreement(read_scenario("slow-replica").with_({"duration": "80s"}))


@pytest.mark.slow
@pytest.mark.parametrize("name", list_shipped())
def test_models_agree_on_whole_shipped_scenario(name: str) -> None:
    """Each shipped scenario gives the same events to its end, with breakers and without."""
    scenario = read_scenario(name)
    assert_agreement(scenario, seed=7, replicate=1)
    assert_agreement(scenario.without_breakers())


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.integers(0, 5))
def test_models_agree_on_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, both models give the same events."""
    assert_agreement(scenario, seed)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(most_faults=6), st.integers(0, 5))
def test_models_agree_on_many_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, both models give the same events, with fresh examples each time."""
    assert_agreement(scenario, seed)
