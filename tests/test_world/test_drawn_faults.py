"""Faults whose begin or length is drawn anew in each run, the same for all variants."""

from __future__ import annotations

import numpy as np
import pytest

from simcb import studies
from simcb.scenario import ScenarioError, parse_scenario
from simcb.scenario.faults import Hang
from simcb.world import simulate

TEXT = """
name: drawn
duration: 60s
clients:
  shop:
    arrivals: {kind: constant, rate: 20/s}
    calls: {db: {timeout: 500ms, breaker: {failure_threshold: 3, recovery_timeout: 5s}}}
services: {db: {workers: 200, work: 20ms}}
faults:
  - kind: refuse
    on: db
    at: {kind: uniform, low: 10s, high: 30s}
    for: {kind: uniform, low: 5s, high: 15s}
  - {kind: errors, rate: 50%, on: db, at: 50s, for: 5s}
"""


def windows(text: str, replicate: int, seed: int = 0) -> list[tuple[float, float]]:
    """Return when the faults of one run strike, in file order."""
    trace = simulate(parse_scenario(text), seed, replicate)
    return [(each.start, each.end) for each in trace.layout.faults]


def test_each_replicate_has_its_own_times_within_the_bounds() -> None:
    """Twenty replicates: twenty begins, spread over what the file allows."""
    found = [windows(TEXT.replace("20/s", "1/s"), replicate) for replicate in range(20)]
    begins = np.array([drawn[0] for drawn, _ in found])
    lengths = np.array([drawn[1] - drawn[0] for drawn, _ in found])
    assert len({*begins.tolist()}) == 20
    assert (begins.min(), begins.max()) == pytest.approx((10.0, 30.0), abs=4.0)
    assert (lengths.min(), lengths.max()) == pytest.approx((5.0, 15.0), abs=2.0)
    assert all(10.0 <= begin <= 30.0 for begin in begins)
    assert all(5.0 <= length <= 15.0 for length in lengths)
    assert {fixed for _, fixed in found} == {(50.0, 55.0)}


def test_all_variants_meet_the_same_times() -> None:
    """A setting, a baseline or another fault in the file moves no drawn begin."""
    first = windows(TEXT, 3)[0]
    assert windows(TEXT.replace("failure_threshold: 3", "failure_threshold: 9"), 3)[0] == first
    assert windows(TEXT.replace("20/s", "7/s"), 3)[0] == first
    scenario = parse_scenario(TEXT)
    trace = simulate(scenario.without_breakers(), 0, 3)
    assert trace.layout.faults[0].start == first[0]
    assert windows(TEXT, 3, seed=1)[0] != first


def test_phases_and_metrics_follow_the_drawn_times() -> None:
    """The breaker opens within a second of the begin of each replicate, wherever that is."""
    result = studies.run(parse_scenario(TEXT), replicates=5)
    for run in result.runs:
        begin = run.trace.layout.faults[0].start
        opened = run.trace.transitions["at"][0]
        assert 0.0 < opened - begin < 1.0
        took = run.measures.value("time_to_trip", "fault:refuse:db")
        assert took == pytest.approx(opened - begin)


def test_a_fault_at_fixed_times_is_what_it_was() -> None:
    """A bare duration and a constant are the same, to the last bit."""
    fixed = TEXT.replace("{kind: uniform, low: 10s, high: 30s}", "20s").replace(
        "{kind: uniform, low: 5s, high: 15s}", "10s"
    )
    spelt = fixed.replace("at: 20s", "at: {kind: constant, value: 20s}")
    one, other = (simulate(parse_scenario(text), 0, 0) for text in (fixed, spelt))
    assert one.digest() == other.digest()


def test_what_is_drawn_still_fits() -> None:
    """A ramp takes half of a short draw, and a fault that comes again does not overlap itself."""
    fault = Hang(on="db", at=1.0, lasts=8.0, ramp=3.0, repeat={"every": 10.0, "times": 2})
    assert fault.drawn(2.0, 4.0).ramp == 2.0
    assert fault.drawn(2.0, 25.0).windows == ((2.0, 12.0), (12.0, 22.0))
    assert not fault.by_lot


def test_a_drawn_time_is_checked_as_any_distribution() -> None:
    with pytest.raises(ScenarioError, match="is less than low"):
        parse_scenario(TEXT.replace("low: 10s, high: 30s", "low: 30s, high: 10s"))
    again = parse_scenario(parse_scenario(TEXT).to_yaml())
    assert again == parse_scenario(TEXT)
    moved = parse_scenario(TEXT).with_({"faults.0.at": "7s"})
    assert moved.faults[0].windows == ((7.0, 17.0),)
