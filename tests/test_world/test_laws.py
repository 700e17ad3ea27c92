"""Every run obeys the exact laws of conservation."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenario_strategy import scenarios
from test_world.focused import FOCUSED

from simcb.metrics import audit
from simcb.scenario import Scenario, list_shipped, read_scenario
from simcb.world import simulate


def assert_lawful(scenario: Scenario, seed: int = 0) -> None:
    """Run a scenario and fail with every law that its trace breaks."""
    broken = [law for law in audit(simulate(scenario, seed)) if not law.holds]
    listed = [f"{law.name}: {law.detail}" for law in broken]
    assert not broken, "\n".join([scenario.to_yaml(), *listed])


@pytest.mark.parametrize("name", list_shipped())
def test_laws_hold_on_shipped_scenario(name: str) -> None:
    """Each shipped scenario obeys every law."""
    assert_lawful(read_scenario(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", list_shipped())
def test_laws_hold_on_shipped_scenario_without_breakers(name: str) -> None:
    """Each shipped scenario obeys every law when nothing stops the storm."""
    assert_lawful(read_scenario(name).without_breakers())


@pytest.mark.parametrize("name", FOCUSED)
def test_laws_hold_on_focused_scenario(name: str) -> None:
    """Each part of the semantics alone obeys every law."""
    assert_lawful(FOCUSED[name].scenario(name))


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.integers(0, 5))
def test_laws_hold_on_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, every law holds."""
    assert_lawful(scenario, seed)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(most_faults=6), st.integers(0, 5))
def test_laws_hold_on_many_generated_scenarios(scenario: Scenario, seed: int) -> None:
    """Whatever is in the file, every law holds and the same run has the same bytes twice."""
    assert_lawful(scenario, seed)
    assert simulate(scenario, seed).digest() == simulate(scenario, seed).digest()
