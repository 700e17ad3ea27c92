"""Every run obeys the exact laws of conservation."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenario_strategy import scenarios
from test_world.focused import FOCUSED, trace_of

from simcb.metrics import audit, measure, verdict
from simcb.scenario import Scenario
from simcb.trace import Trace
from simcb.world import simulate


def assert_lawful(scenario: Scenario, seed: int = 0) -> Trace:
    """Run a scenario, fail with every law that its trace breaks, and return the trace."""
    return lawful(simulate(scenario, seed), scenario)


def lawful(trace: Trace, scenario: Scenario) -> Trace:
    """Return a trace; fail with every law that it breaks."""
    broken = [law for law in audit(trace) if not law.holds]
    listed = [f"{law.name}: {law.detail}" for law in broken]
    assert not broken, "\n".join([scenario.to_yaml(), *listed])
    return trace


@pytest.mark.parametrize("name", FOCUSED)
def test_laws_hold_on_focused_scenario(name: str) -> None:
    """Each part of the semantics alone obeys every law."""
    lawful(trace_of(name), FOCUSED[name].scenario(name))


QUICK, MANY = 10, 200


@settings(max_examples=QUICK)
@given(scenarios(), st.integers(0, 5))
def test_generated_scenarios_are_lawful_measurable_and_repeatable(
    scenario: Scenario, seed: int
) -> None:
    """Whatever is in the file, every law holds, and the same run has the same bytes twice."""
    assert_sound(scenario, seed)


@pytest.mark.slow
@settings(max_examples=MANY)
@given(scenarios(most_faults=6), st.integers(0, 5))
def test_many_generated_scenarios_are_lawful_measurable_and_repeatable(
    scenario: Scenario, seed: int
) -> None:
    """The same for some hundred, with more going wrong at once."""
    assert_sound(scenario, seed)


def assert_sound(scenario: Scenario, seed: int) -> None:
    """Run a scenario twice; fail if a law breaks, a measure is nan, or the bytes differ."""
    trace = assert_lawful(scenario, seed)
    measures = measure(trace)
    assert verdict(trace).reason
    assert not any(each.value is not None and isnan(each.value) for each in measures)
    shed = measures.value("shed")
    rejected = measures.value("rejected")
    assert (shed is None) == (rejected is None) == (len(trace.attempts) == 0)
    assert simulate(scenario, seed).digest() == trace.digest()
