"""One story for every breaker: three failures in a row, five seconds open, one probe that helps."""

from __future__ import annotations

from collections.abc import Mapping

from simcb.adapters import adapter
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import STATE_NAMES, Trace
from simcb.world import simulate

STORY = """
name: story
duration: 25s
clients:
  shop:
    arrivals: {kind: constant, rate: 1/s}
    calls:
      payments:
        timeout: 900ms
        breaker: {failure_threshold: 3}
services:
  payments: {workers: 10, work: 250ms}
faults:
  - {kind: errors, rate: 100%, on: payments, at: 9500ms, for: 3s}
"""


BY_RATE: Mapping[str, Mapping[str, object]] = {
    "nopanic": {"failure_threshold": 0.2, "min_calls": 3, "reset_timeout": 5},
    "polly": {"FailureRatio": 0.2, "MinimumThroughput": 3, "BreakDuration": 5},
    "opossum": {"errorThresholdPercentage": 20, "volumeThreshold": 3, "resetTimeout": 5000},
}
"""Settings of those that know no failures in a row: three failures of thirteen calls open them."""


def story(use: str, settings: Mapping[str, object] | None = None, text: str = STORY) -> Scenario:
    """Return the story with a breaker in it, at its comparable settings unless others are given."""
    if settings is None:
        comparable = adapter(use).comparable
        assert comparable is not None
        settings = BY_RATE.get(use) or comparable.settings(3, 5.0)
    scenario = parse_scenario(text)
    return scenario.with_({"shop.calls.payments.breaker": {"use": use, "settings": settings}})


def steps(trace: Trace, breaker: int = 0) -> list[tuple[float, str]]:
    """Return when a breaker came into which state."""
    return [
        (round(float(row["at"]), 6), STATE_NAMES[int(row["after"])])
        for row in trace.transitions
        if row["breaker"] == breaker
    ]


def told(scenario: Scenario) -> Trace:
    """Return what happens in a scenario."""
    return simulate(scenario)
