"""Health checks that ask a dependency: what they find, and what comes of it."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import measure, no_effect_warnings
from simcb.metrics.laws import audit
from simcb.outcomes import ATTEMPT_CODE
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.trace import Layout, Trace
from simcb.views.run_data import events
from simcb.views.strip import state_strip
from simcb.world import simulate

TEXT = """
name: checked
duration: 3m
clients:
  shop: {arrivals: {kind: constant, rate: 5/s}, calls: {api: {}}}
services:
  api: {replicas: 2, workers: 9, work: 10ms, calls: {db: {timeout: 500ms}}, liveness: LIVENESS}
  db: {workers: 2, work: 100ms}
faults: [FAULT]
"""
LIVENESS = "{asks: db, every: 10s, timeout: 1s, failures: 3, restart: 30s}"


def scenario(fault: str, liveness: str = LIVENESS, *changes: tuple[str, str]) -> Scenario:
    """Return the shop."""
    text = TEXT.replace("LIVENESS", liveness).replace("FAULT", fault)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_scenario(text)


def run(fault: str, liveness: str = LIVENESS, *changes: tuple[str, str]) -> Trace:
    """Run the shop, and check that it obeys every law."""
    trace = simulate(scenario(fault, liveness, *changes))
    assert [law for law in audit(trace) if not law.holds] == []
    return trace


def falls(trace: Trace) -> list[tuple[int, float]]:
    """Return which replica fell when."""
    assert all(each.by_check for each in trace.layout.crashes)
    return sorted((each.replica, each.at) for each in trace.layout.crashes)


def expected(bad_from: float, bad_until: float, end: float = 180.0) -> list[tuple[int, float]]:
    """Return the falls of two replicas whose checks go wrong in a stretch of time, by counting."""
    found = []
    for replica in (0, 1):
        wrong, down = 0, 0.0
        for nth in range(int(end / 10.0)):
            at = 10.0 * nth + 5.0 * (replica + 1)
            if at < down:
                wrong = 0
                continue
            wrong = wrong + 1 if bad_from <= at < bad_until else 0
            if wrong == 3 and at + 1.0 < end:
                found.append((replica, at + 1.0))
                wrong, down = 0, at + 31.0
    return found


@pytest.mark.parametrize(
    "fault",
    [
        "{kind: latency, on: db, add: 2s, at: 1m, for: 1m}",
        "{kind: errors, on: db, rate: 100%, at: 1m, for: 1m}",
        "{kind: refuse, on: db, at: 1m, for: 1m}",
        "{kind: loss, on: api->db, at: 1m, for: 1m}",
        "{kind: hang, on: db, at: 1m, for: 1m}",
    ],
)
def test_a_replica_falls_when_so_many_checks_in_a_row_go_wrong(fault: str) -> None:
    """Whatever is wrong with what they ask, all replicas go one after the other, and again."""
    trace = run(fault)
    found = falls(trace)
    assert dict(found[::-1]) == dict(expected(60.0, 120.0)[::-1])
    if "hang" not in fault and "latency" not in fault:
        assert found == expected(60.0, 120.0)
    gone = [(each.replica, each.at, each.until) for each in trace.layout.crashes]
    rows = trace.attempts
    for replica, at, until in gone:
        there = (rows["replica"] == replica) & (rows["arrive"] >= at) & (rows["arrive"] < until)
        assert np.all(rows["outcome"][there] == ATTEMPT_CODE["refused"])  # type: ignore[index]


def test_fewer_in_a_row_do_nothing() -> None:
    """Twenty seconds hold two checks of each replica."""
    assert falls(run("{kind: errors, on: db, rate: 100%, at: 1m, for: 20s}")) == []


def test_a_check_waits_for_its_turn_behind_those_who_came_before() -> None:
    """Where there is more to do than two workers can, a check waits as long as everybody."""
    slow = ("db: {workers: 2, work: 100ms}", "db: {workers: 1, work: 220ms}")
    many = ("timeout: 500ms", "timeout: 30s")
    assert falls(run("", LIVENESS, slow, many))
    assert not falls(run("", LIVENESS, many))


def test_without_a_check_that_goes_wrong_nothing_is_another() -> None:
    """Checks hold no worker and change no attempt."""
    assert run("").attempts.tobytes() == run("", "null").attempts.tobytes()


def test_a_layout_keeps_who_fell_and_why() -> None:
    """A saved trace has it."""
    layout = run("{kind: refuse, on: db, at: 1m, for: 1m}").layout
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize(
    ("liveness", "told"),
    [
        ("{asks: dv, restart: 3s}", "liveness.asks: `dv` is not a service; write db"),
        ("{asks: api, restart: 3s}", "liveness.asks: `api` is the service itself"),
        ("{asks: db}", "liveness.restart: is missing"),
        ("{asks: db, restart: 3s, failures: 0}", "liveness.failures: `0` is too small"),
    ],
)
def test_a_check_that_makes_no_sense_is_told(liveness: str, told: str) -> None:
    """With its place."""
    with pytest.raises(ScenarioError, match=told):
        scenario("", liveness)


@pytest.mark.parametrize(
    ("liveness", "told"),
    [
        (LIVENESS, "an outage of `db` that lasts 30s restarts `api`, which may be well"),
        ("{asks: db, timeout: 50ms, restart: 3s}", "a check always goes wrong"),
        ("{asks: db, every: 2m, restart: 3s}", "never restarts a replica"),
    ],
)
def test_check_tells_what_a_liveness_check_does(liveness: str, told: str) -> None:
    """That an outage of the dependency becomes one of its own, or that it does nothing."""
    assert any(told in each for each in no_effect_warnings(scenario("", liveness)))


def test_restarts_and_time_down_are_measured_and_marked() -> None:
    """Two replicas that fall once, for 30 s of the two minutes after the first."""
    trace = run("{kind: refuse, on: db, at: 1m, for: 30s}")
    assert len(falls(trace)) == 2
    measures = measure(trace)
    assert measures.value("restarts", "whole", "api") == 2.0
    assert measures.value("restarts", "whole", "db") == 0.0
    assert measures.value("restarts", "fault") == 2.0
    assert measures.value("restarts", "recovery") == 0.0
    assert measures.value("down", "whole", "api") == pytest.approx(2 * 30.0 / (2 * 180.0))
    told = [each for each in events(trace) if each["event"] == "crash"]
    assert [each["service"] for each in told] == ["api", "api"]
    assert {each["by"] for each in told} == {"liveness"}
    strip = state_strip((), (), (), 180.0, 80, 0, (), {"api": [at for _, at in falls(trace)]})
    assert strip.plain.splitlines()[0].count("▼") == 2
