"""What follows a change: its phase, the names it has, and the numbers in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_metrics.building import TraceBuilder

from simcb.metrics import (
    ThresholdError,
    check_thresholds,
    judge,
    measure,
    no_effect_warnings,
    phases,
)
from simcb.metrics.phase import PHASES, layout_phases, phase_names
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.scenario.thresholds import parse_threshold
from simcb.studies import read_kept
from simcb.studies.evaluation.cells import columns_of
from simcb.trace import Trace
from simcb.trace.tables import ChangeInfo
from simcb.world import simulate

Windows = dict[str, tuple[tuple[float, float], ...]]

TEXT = """
name: cured
duration: 40s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    calls:
      db: {timeout: 1s, breaker: {failure_threshold: 3, recovery_timeout: 1s, enabled: false}}
services:
  db: {workers: 4, work: 100ms}
faults:
  - {kind: errors, on: db, rate: 100%, at: 10s, for: 20s}
changes:
  - {at: 20s, set: {db.workers: 3, share: 0%}, name: cut}
  - {at: 25s, set: {share: 100%, breaker.enabled: true}}
  - {at: 35s, set: {db.workers: 2}}
  - {at: 32s, set: {db.workers: 5}}
"""
NAMES = ("change:cut", "change:share+breaker.enabled", "change:db.workers", "change:db.workers#2")


def trace_of(changes: Sequence[tuple[str, float]], *faults: tuple[str, float, float]) -> Trace:
    """Return a run of 100 s with these changes and faults."""
    trace = TraceBuilder(faults=faults).trace()
    made = tuple(ChangeInfo(name, at) for name, at in changes)
    return replace(trace, layout=replace(trace.layout, changes=made))


def after(changes: Sequence[tuple[str, float]], *faults: tuple[str, float, float]) -> Windows:
    """Return the windows of the phases of changes, by name."""
    found = {each.name: each.windows for each in phases(trace_of(changes, *faults))}
    return {name: windows for name, windows in found.items() if name.startswith("change:")}


def test_a_change_is_followed_until_the_next() -> None:
    """The last one until the end; two of one moment are followed by the same."""
    made = [("a", 0.0), ("b", 30.0), ("c", 30.0), ("d", 50.0)]
    both = ((30.0, 50.0),)
    assert after(made) == {
        "change:a": ((0.0, 30.0),),
        "change:b": both,
        "change:c": both,
        "change:d": ((50.0, 100.0),),
    }


def test_a_change_is_followed_under_the_conditions_in_which_it_was_made() -> None:
    """To the end of the fault, not beyond; one made at its end is followed without it."""
    fault = ("slow", 20.0, 60.0)
    assert after([("a", 30.0)], fault) == {"change:a": ((30.0, 60.0),)}
    assert after([("a", 10.0)], fault) == {"change:a": ((10.0, 20.0),)}
    assert after([("a", 20.0)], fault) == {"change:a": ((20.0, 60.0),)}
    assert after([("a", 60.0)], fault) == {"change:a": ((60.0, 100.0),)}
    assert after([("a", 30.0)], fault, ("down", 40.0, 70.0)) == {"change:a": ((30.0, 70.0),)}


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.0, 99.0)), max_size=4),
    st.lists(st.tuples(st.floats(0.0, 120.0), st.floats(0.0, 60.0)), max_size=3),
)
def test_what_follows_a_change_lies_within_one_part_of_the_run(
    made: list[tuple[str, float]], struck: list[tuple[float, float]]
) -> None:
    """No window has a fault's begin or end or a change inside it; every other phase is as ever."""
    faults = [("x", at, at + lasts) for at, lasts in struck]
    trace = trace_of(sorted(made, key=lambda each: each[1]), *faults)
    found = {each.name: each.windows for each in phases(trace)}
    parts = {name: windows for name, windows in found.items() if name in PHASES}
    assert parts == {each.name: each.windows for each in phases(trace_of([], *faults))}
    edges = {edge for windows in parts.values() for window in windows for edge in window}
    for name in found.keys() - parts.keys():
        own = {at for each, at in made if f"change:{each}" == name}
        stops = edges | ({at for _, at in made} - own)
        for start, end in found[name]:
            assert not [stop for stop in stops if start < stop < end]
            assert start in own
            assert end in edges or end in {at for _, at in made}
    assert found.keys() - parts.keys() == {f"change:{name}" for name, _ in made}


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Return a scenario with a named change, and three that go by what they set."""
    return parse_scenario(TEXT)


def test_a_scenario_and_its_run_have_the_same_phases(scenario: Scenario) -> None:
    """By its words alone it is known what may be asked, measured, and stands in which column."""
    trace = simulate(scenario)
    names = phase_names(scenario)
    assert set(names.changes) == set(NAMES)
    measured = measure(trace)
    assert measured.phases == tuple(each for each in names.measured if each in measured.phases)
    assert set(names.measured) - set(measured.phases) == {"between"}
    assert {each.phase for each in columns_of(scenario)} == set(names.measured)
    assert layout_phases(trace.layout).faults == names.faults
    assert {*layout_phases(trace.layout).askable} == {*names.askable}


def test_the_numbers_after_a_change_are_those_of_its_time(scenario: Scenario) -> None:
    """Calls that are not made cannot fail: all is well until they are made again, and fail."""
    measures = measure(simulate(scenario))
    assert measures.value("success", "fault") == pytest.approx(0.25)
    assert measures.value("success", "change:cut") == 1.0
    assert measures.value("success", "change:share+breaker.enabled") == 0.0
    assert measures.value("offered_rate", "change:cut") == pytest.approx(10.0)
    assert measures.value("missed_trips", "change:cut") is None
    assert measures.value("success", "change:db.workers#2") == 1.0


def test_without_breakers_the_same_time_is_measured(scenario: Scenario) -> None:
    """What switches a breaker on there switches none, at the same moment, under the same name."""
    with_it, without_it = simulate(scenario), simulate(scenario.without_breakers())
    assert phases(with_it) == phases(without_it)
    assert with_it.layout.breaker_count
    assert not without_it.layout.breaker_count


def test_thresholds_go_by_changes(scenario: Scenario) -> None:
    """In the file and outside of it; a name that is none is told with what was probably meant."""
    lines = "".join(f"\n  - success{{{name}}} >= 50%" for name in NAMES)
    demanded = parse_scenario(f"{TEXT}thresholds:{lines}\n").thresholds
    judged = judge(demanded, measure(simulate(scenario)))
    assert [each.passed for each in judged] == [True, False, True, True]
    for text, told in (
        ("success{change:cutt} > 1%", "there is no change `cutt`; did you mean `cut`?"),
        ("success{chnage:cut} > 1%", "did you mean `change:cut`?"),
        ("success{change:cut,fault} > 1%", "names 2 phases"),
    ):
        with pytest.raises(ThresholdError, match=told.replace("?", r"\?")):
            check_thresholds([parse_threshold(text)], scenario)
    with pytest.raises(ScenarioError, match="there is no change `cutt`"):
        read_kept(f"{TEXT}thresholds: ['success{{change:cutt}} > 1%']\n", "cured")


def test_a_threshold_on_a_change_after_the_end_can_only_fail(scenario: Scenario) -> None:
    """The change is told, and so is what is asked of it."""
    late = scenario.with_({"changes.cut.at": "50s"})
    told = no_effect_warnings(late, [parse_threshold("success{change:cut} > 1%")])
    assert told[-1].startswith("threshold `success{change:cut} > 1%` can only fail: the change")
