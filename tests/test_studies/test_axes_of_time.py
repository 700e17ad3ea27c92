"""Axes on what happens while a scenario runs: when an operator acts, how an autoscaler is set."""

from __future__ import annotations

from test_studies.sweep_cases import SMALL, scenario, sweep
from test_studies.tune_cases import tune

CURED = (
    SMALL
    + """
changes:
  - {at: 10s, set: {breaker.recovery_timeout: 200ms}, name: sooner}
"""
)
SCALED = SMALL.replace(
    "workers: 8,", "workers: 1, scale: {target: 50%, delay: 1s, every: 1s, most: 9},"
)


def test_a_tune_says_when_an_operator_should_act_and_how() -> None:
    """A breaker that opens after 3 s keeps the recovery it opened with, so 2 s are soon enough."""
    longer = CURED.replace("recovery_timeout: 2s", "recovery_timeout: 8s")
    space = {"changes.sooner.at": ["2s", "6s", "10s"]}
    found = tune(scenario(longer), space, trials=9, replicates=3, fresh=2, workers=0)
    assert found.searched == 3
    assert found.best == {"changes.sooner.at": "2s"}


def test_a_sweep_goes_over_an_autoscalers_settings() -> None:
    """Each setting is a scenario whose autoscaler has it."""
    over = {"scale.target": ["30%", "90%"], "scale.delay": ["1s", "10s"]}
    found = sweep(scenario(SCALED), over, replicates=2, workers=0)
    scales = [found.scenario_of(place).services["store"].scale for place in range(len(found))]
    made = {(each.target, each.delay) for each in scales if each is not None}
    assert made == {(0.3, 1.0), (0.3, 10.0), (0.9, 1.0), (0.9, 10.0)}
