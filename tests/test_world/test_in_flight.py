"""Calls that are slow while they are in flight: both models count the same ones."""

from __future__ import annotations

import pytest
from flight_strategy import scenarios_in_flight
from hypothesis import given, settings
from hypothesis import strategies as st
from test_world.test_agreement import assert_same

from simcb.breaker.states import ClosedState
from simcb.metrics import audit
from simcb.scenario import Scenario
from simcb.world import simulate


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moments at which a call was counted while in flight, since the list was emptied."""
    moments: list[float] = []
    whole = ClosedState.with_one_overdue

    def counting(self: ClosedState, place: int, moment: float, now: float) -> object:
        moments.append(moment)
        return whole(self, place, moment, now)

    monkeypatch.setattr(ClosedState, "with_one_overdue", counting)
    return moments


def most_agree(examples: int, counted: list[float]) -> None:
    """Compare both models in so many scenarios, in most of which some are counted in flight."""
    with_some = []

    @settings(max_examples=examples)
    @given(scenarios_in_flight(), st.integers(0, 5))
    def agree(scenario: Scenario, seed: int) -> None:
        counted.clear()
        trace = simulate(scenario, seed)
        with_some.append(bool(counted))
        assert [law for law in audit(trace) if not law.holds] == []
        assert_same(trace, scenario, seed)

    agree()
    assert sum(with_some) > 0.7 * len(with_some)


def test_models_agree_on_calls_counted_in_flight(counted: list[float]) -> None:
    """In most scenarios some are, and the same events and laws hold."""
    most_agree(6, counted)


@pytest.mark.slow
def test_models_agree_on_many_calls_counted_in_flight(counted: list[float]) -> None:
    """In most scenarios some are, with many more ways that calls end."""
    most_agree(200, counted)
