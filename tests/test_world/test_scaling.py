"""An autoscaler makes as many replicas as its law says, when it says so."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest

from simcb.metrics import measure, no_effect_warnings
from simcb.metrics.laws import audit
from simcb.predictions import predict
from simcb.predictions.formulas import ramp_up, settled_replicas
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.trace import Layout, Trace
from simcb.world import simulate
from simcb.world.scaling import wanted_replicas

TEXT = """
name: scaled
duration: 5m
clients:
  shop: {arrivals: {kind: constant, rate: 20/s}, calls: {api: {}}}
services:
  api: {replicas: 2, workers: 4, queue: {limit: 20}, work: 500ms, scale: SCALE}
"""
SCALE = "{target: 50%, every: 10s, delay: 20s, most: 20, tolerance: 0%, window: 1m}"


def scenario(scale: str = SCALE, *changes: tuple[str, str]) -> Scenario:
    """Return the shop."""
    text = TEXT.replace("SCALE", scale)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_scenario(text)


def run(found: Scenario) -> Trace:
    """Run it, and check that it obeys every law."""
    trace = simulate(found)
    assert [law for law in audit(trace) if not law.holds] == []
    return trace


def counts(trace: Trace) -> list[tuple[float, int]]:
    """Return from when on the service has how many replicas."""
    return [(at, replicas) for at, replicas, _ in trace.layout.services[0].scaled]


def test_it_settles_at_the_least_whose_workers_are_no_busier_than_the_target() -> None:
    """Ten workers' work a second at half of four workers each takes five replicas, soon enough."""
    found = scenario()
    trace = run(found)
    assert counts(trace)[-1][1] == settled_replicas(20.0 * 0.5, 4, 0.5) == 5
    enough = min(at for at, count in counts(trace) if count >= 5)
    assert enough <= ramp_up(2, 5, 0.5, 10.0, 20.0)
    (foretold,) = predict(found).of("replicas", "api")
    assert foretold.value == 5.0
    measured = measure(trace).value("replicas", "whole", "api")
    assert measured is not None
    course = [*counts(trace), (300.0, 0)]
    total = sum(count * (until - at) for (at, count), (until, _) in pairwise(course))
    assert measured == pytest.approx(total / 300.0)


def test_it_climbs_in_steps_of_one_by_the_target() -> None:
    """Full replicas are doubled at a target of half, one look after those before have come."""
    trace = run(scenario(SCALE, ("rate: 20/s", "rate: 150/s")))
    assert counts(trace) == [(0.0, 2), (30.0, 4), (50.0, 8), (70.0, 16), (90.0, 20)]
    assert ramp_up(2, 20, 0.5, 10.0, 20.0) == 90.0


def test_it_goes_down_once_no_more_were_wanted_for_the_window() -> None:
    """The load falls at 100 s; the look at 160 s still remembers that five were wanted."""
    steps = "rate: [{at: 0s, rate: 20/s}, {at: 101s, rate: 4/s}]"
    trace = run(scenario(SCALE, ("rate: 20/s", steps)))
    last, fewer = counts(trace)[-1]
    assert fewer == 1
    assert 160.0 < last <= 180.0


@pytest.mark.parametrize(("measure", "settles"), [("working", 1), ("held", 12)])
def test_hung_workers_use_no_processor(measure: str, settles: int) -> None:
    """While all workers hang, one who measures work takes them for idle and removes replicas."""
    found = scenario(
        SCALE.replace("target", f"measure: {measure}, least: 1, target").replace("20,", "12,"),
        ("services:", "faults: [{kind: hang, on: api, at: 1m, for: 4m}]\nservices:"),
    )
    assert counts(run(found))[-1][1] == settles


def test_workers_that_wait_for_a_call_use_no_processor_either() -> None:
    """A slow dependency makes a tier look idle, as it made Slack's in 2021."""
    found = scenario(
        SCALE,
        ("work: 500ms,", "work: 10ms, calls: {db: {}},"),
        ("services:", "services:\n  db: {workers: 99, work: 2s}"),
    )
    assert counts(run(found))[-1][1] == 1
    assert run(found.with_({"scale.measure": "held"})).layout.services[0].scaled[-1][1] == 20


def test_replicas_on_their_way_are_not_wanted_twice() -> None:
    """Kubernetes takes them for idle while more are wanted, and leaves them out while fewer."""
    found = scenario().services["api"].scale
    assert found is not None
    assert wanted_replicas(found, 1.0, 4, 0) == 8
    assert wanted_replicas(found, 1.0, 4, 4) == 8
    assert wanted_replicas(found, 0.6, 4, 4) == 8
    assert wanted_replicas(found, 0.25, 4, 4) == 2
    easy = found.model_copy(update={"tolerance": 0.1})
    assert wanted_replicas(easy, 0.54, 10, 0) == 10
    assert wanted_replicas(easy, 0.56, 10, 0) == 12
    assert wanted_replicas(easy, 0.45, 10, 0) == 10


def test_a_new_process_has_a_breaker_that_knows_nothing() -> None:
    """The breaker of a replica that went while it was open is closed when another comes there."""
    found = scenario(
        "{target: 50%, every: 5s, delay: 5s, most: 3, tolerance: 0%, window: 10s}",
        (
            "api: {}",
            "api: {breaker: {failure_threshold: 3, recovery_timeout: 1h, per_replica: true}}",
        ),
        ("replicas: 2", "replicas: 3"),
        ("queue: {limit: 20}, ", ""),
        ("rate: 20/s", "rate: [{at: 0s, rate: 20/s}, {at: 20s, rate: 2/s}, {at: 60s, rate: 20/s}]"),
        (
            "services:",
            "faults: [{kind: errors, on: api, rate: 100%, replicas: [2], at: 5s, for: 10s}]\n"
            "services:",
        ),
    )
    trace = run(found)
    names = [each.name for each in trace.layout.breakers]
    steps = [
        (at, before, after)
        for at, breaker, before, after in trace.transitions.tolist()
        if names[breaker] == "shop->api.2"
    ]
    assert [each[1:] for each in steps] == [(0, 1), (1, 0)]
    assert steps[1][0] in [at for at, count in counts(trace) if count == 3][1:]


def test_an_operator_raises_the_least() -> None:
    """From the next look on there are as many; `replicas` is no longer theirs to set."""
    changed = "changes: [{at: 1m, set: {scale.least: 9}}]\nservices:"
    trace = run(scenario(SCALE, ("services:", changed)))
    assert counts(trace)[-1][1] == 9
    with pytest.raises(ScenarioError, match=r"is what its `scale` says .*change `scale.least`"):
        scenario(SCALE, ("services:", changed.replace("scale.least", "services.api.replicas")))


def test_one_that_holds_still_changes_nothing() -> None:
    """As many at least as at most are as many as without an autoscaler."""
    same = run(scenario("{target: 50%, least: 2, most: 2}"))
    assert same.attempts.tobytes() == run(scenario("null")).attempts.tobytes()
    assert not same.layout.services[0].scaled


def test_a_layout_keeps_the_course() -> None:
    """A saved trace has it."""
    layout = run(scenario()).layout
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        ("{target: 50%, least: 3, most: 3}", "never scales"),
        ("{target: 95%, most: 20}", "never adds a replica"),
        ("{target: 50%, most: 20, delay: 6m}", "adds none in time: .* after 375s"),
        ("{target: 50%, most: 4, tolerance: 0%}", "never makes enough: .* takes 5 replicas"),
    ],
)
def test_an_autoscaler_in_vain_is_told(scale: str, told: str) -> None:
    """Each of these scales nothing, or too little."""
    (warning,) = no_effect_warnings(scenario(scale))
    assert re.search(told, warning), warning


def test_one_that_is_slower_than_the_fault_is_told() -> None:
    """So are breakers of replicas that come and go."""
    found = scenario(
        SCALE,
        ("api: {}", "api: {breaker: {per_replica: true}}"),
        (
            "services:",
            "faults: [{kind: capacity, on: api, times: 0.5, at: 1m, for: 10s}]\nservices:",
        ),
    )
    late, new = no_effect_warnings(found)
    assert "comes too late for the fault of 10s" in late
    assert "know nothing of a replica" in new


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        ("{target: 50%, least: 5, most: 3}", "scale.least: is 5 at least and 3 at most"),
        ("{target: 0%, most: 3}", "scale.target: .* is too small"),
        ("{target: 50%}", "scale.most: is missing"),
        ("{target: 50%, most: 3, every: 0s}", "scale.every: 0s is too small"),
    ],
)
def test_an_autoscaler_that_makes_no_sense_is_told(scale: str, told: str) -> None:
    """With its place."""
    with pytest.raises(ScenarioError, match=told):
        scenario(scale)


def test_it_is_never_too_few_for_ever() -> None:
    """A target of all of a worker's time is never passed, so there is no end of the ramp."""
    assert math.isinf(ramp_up(1, 2, 1.0, 15.0, 30.0))
