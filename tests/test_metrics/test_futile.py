"""What can never matter is told before a run, and what can is left alone."""

from __future__ import annotations

import pytest

from simcb.metrics import futile, judge, measure
from simcb.scenario import Scenario, list_shipped, parse_scenario, read_scenario
from simcb.world import simulate


def scenario(faults: str, *thresholds: str) -> Scenario:
    """Return ten seconds of a shop with these faults and thresholds."""
    lines = "".join(f"\n  - {each}" for each in thresholds)
    return parse_scenario(f"""
name: short
duration: 10s
clients:
  shop: {{arrivals: {{kind: poisson, rate: 5/s}}, calls: {{store: {{timeout: 1s}}}}}}
services:
  store: {{workers: 2, work: 20ms}}
faults: {faults}
thresholds: {lines or "[]"}
""")


@pytest.mark.parametrize(
    ("faults", "threshold", "told"),
    [
        ("[]", "p99{fault} < 1s", "no fault is ever active in it"),
        ("[]", "p99{recovery} < 1s", "no fault is ever active in it"),
        ("[{kind: hang, on: store, at: 0s, for: 2s}]", "p99{healthy} < 1s", "from the first"),
        ("[{kind: hang, on: store, at: 4s, for: 9s}]", "success{recovery} > 1%", "until the run"),
        (
            "[{kind: hang, on: store, at: 4s, for: 1s}, {kind: loss, on: store, at: 7s, for: 0s}]",
            "success{fault:loss:store} > 1%",
            "the fault `loss:store` is never active",
        ),
    ],
)
def test_a_threshold_on_a_phase_that_cannot_be_can_only_fail(
    faults: str, threshold: str, told: str
) -> None:
    """It is told before the run with the reason, and the run fails it."""
    made = scenario(faults, threshold, "success > 1%")
    (sentence,) = futile(made)
    assert sentence.startswith(f"threshold `{threshold}` can only fail: ")
    assert told in sentence
    one, other = judge(made.thresholds, measure(simulate(made)))
    assert not one.passed
    assert one.value is None
    assert other.value is not None


def test_a_fault_after_the_end_never_strikes() -> None:
    """At the very end is too late as well; one that begins before it is in time."""
    late = scenario("[{kind: hang, on: store, at: 10s, for: 5s}]")
    (sentence,) = futile(late)
    assert "fault `hang:store` begins at 10s and the run ends at 10s" in sentence
    assert futile(scenario("[{kind: hang, on: store, at: 9.9s, for: 5s}]")) == ()
    assert len(futile(late, scenario("[]", "p99{fault} < 1s").thresholds)) == 2


@pytest.mark.parametrize(
    "threshold",
    ["p99{healthy} < 1s", "p99{fault} < 1s", "p99{fault:hang:store} < 9s", "p99{recovery} < 1s"],
)
def test_what_a_run_can_have_is_not_told(threshold: str) -> None:
    """Every phase of a run with a fault in its middle, and `healthy` of one without any."""
    assert futile(scenario("[{kind: hang, on: store, at: 4s, for: 1s}]", threshold)) == ()
    assert futile(scenario("[]", "p99{healthy} < 1s")) == ()


@pytest.mark.parametrize("name", list_shipped())
def test_nothing_shipped_is_futile(name: str) -> None:
    """The catalogue means what it says."""
    assert futile(read_scenario(name)) == ()
