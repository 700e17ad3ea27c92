"""Relations that single words of the scenario file have, whatever the right numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scenario_strategy import Data, scenario_data
from test_world.focused import FOCUSED
from test_world.test_relations import assert_same_events, few, run

from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.arrivals import Replay
from simcb.world import simulate

REFUSED = ATTEMPT_CODE[AttemptOutcome.REFUSED]

SHOP = """
name: shop
duration: 16s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    calls:
      front: {timeout: 750ms, retry: {max_retries: 1}}
services:
  front:
    replicas: 2
    workers: 6
    queue: {limit: 20}
    work: {kind: exponential, mean: 20ms}
    calls:
      back: {timeout: 500ms, breaker: {failure_threshold: 4, recovery_timeout: 1s}}
  back: {workers: 5, work: {kind: exponential, mean: 60ms}}
"""


def shop(*faults: str) -> Scenario:
    """Return a small shop in which these faults happen."""
    listed = "".join(f"  - {{{fault}}}\n" for fault in faults)
    return parse_scenario(SHOP + (f"faults:\n{listed}" if faults else ""))


def assert_no_difference(one: Scenario, other: Scenario) -> None:
    """Fail unless two scenarios give the same events, byte for byte, and something happens."""
    for seed in (0, 1):
        ours, theirs = simulate(one, seed), simulate(other, seed)
        assert len(ours.attempts) > 50
        assert_same_events(ours, theirs)


@pytest.mark.parametrize(
    "fault",
    [
        "kind: hang, on: back",
        "kind: hang, on: back, share: 30%",
        "kind: refuse, on: back, share: 50%, sticky: true",
        "kind: errors, on: front->back, rate: 70%",
        "kind: latency, on: back, times: 3, share: 50%",
        "kind: loss, on: front, share: 40%",
        "kind: capacity, on: back, times: 0.25",
        "kind: pause, on: back, replicas: [0]",
        "kind: restart, on: front, replicas: [1]",
    ],
)
def test_windows_that_adjoin_are_one_window(fault: str) -> None:
    """A fault that comes again as soon as it is over is one that lasts as long as all of them."""
    again = shop(f"{fault}, at: 2s, for: 1250ms, repeat: {{every: 1250ms, times: 6}}")
    assert_no_difference(shop(f"{fault}, at: 2s, for: 7500ms"), again)


@few
@given(
    scenario_data(most_faults=0),
    st.sampled_from(
        (
            {"kind": "hang", "share": 0.5},
            {"kind": "refuse", "share": 0.5, "sticky": True},
            {"kind": "loss", "share": 0.5},
            {"kind": "capacity", "times": 0.3},
            {"kind": "pause"},
            {"kind": "restart"},
        )
    ),
)
def test_windows_that_adjoin_are_one_window_whatever_else_is_there(data: Data, fault: Data) -> None:
    """The same holds in any scenario."""
    once = {**fault, "on": "api", "at": 1.0, "for": 6.0}
    again = {**once, "for": 1.5, "repeat": {"every": 1.5, "times": 4}}
    assert_same_events(run({**data, "faults": [once]}), run({**data, "faults": [again]}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("kind: errors, rate: 60%, on: front->back", "kind: errors, rate: 60%, on: back"),
        ("kind: loss, share: 30%, on: users->front", "kind: loss, share: 30%, on: front"),
        ("kind: refuse, on: back, share: 100%, sticky: true", "kind: refuse, on: back"),
        ("kind: hang, on: back, replicas: [0]", "kind: hang, on: back"),
    ],
)
def test_two_ways_to_say_the_same_fault(one: str, other: str) -> None:
    """The only link to a service, its only replica, or all of its users are all there is."""
    when = "name: it, at: 3s, for: 5s"
    assert_no_difference(shop(f"{one}, {when}"), shop(f"{other}, {when}"))


def test_name_of_a_fault_that_needs_no_lot_means_nothing() -> None:
    """What strikes everybody strikes them under any name."""
    fault = "kind: hang, on: back, at: 3s, for: 4s"
    assert_no_difference(shop(fault), shop(f"{fault}, name: outage"))


@pytest.mark.parametrize(
    "change",
    [
        {"clients.users.deadline": "1h"},
        {"clients.users.refresh": {"after": "1h", "times": 3}},
        {"clients.users.instances": 7},
        {"clients.users.calls.front.share": "100%"},
        {"clients.users.calls.front.bulkhead": {"max_concurrent": 100000}},
        {"clients.users.calls.front.retry.budget": {"kind": "per_minute", "retries": 100000}},
        {
            "clients.users.calls.front.retry.budget": {
                "kind": "token_bucket",
                "ratio": "100%",
                "burst": 1000,
            }
        },
        {"services.back.balance": "random"},
        {"services.back.balance": "least_busy"},
        {"services.back.blocking": False},
        {"services.back.contention": "0s"},
        {"services.front.calls.back.breaker.shared": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_word_that_limits_nothing_changes_nothing(change: dict[str, object]) -> None:
    """A limit that is never reached, or a choice among one, moves no byte of what happens."""
    usual = shop("kind: latency, on: back, times: 6, at: 4s, for: 4s")
    assert_no_difference(usual, usual.with_(change))


@pytest.mark.parametrize(
    "fault",
    [
        "kind: loss, on: front, share: 0%",
        "kind: cold, on: back, times: 1, successes: 100",
        "kind: latency, on: back, add: 0s",
        "kind: capacity, on: back, times: 1",
        "kind: errors, on: back, rate: 0%",
        "kind: pause, on: back, repeat: {every: 1s, times: 3}",
    ],
)
def test_fault_of_no_strength_or_length_changes_nothing(fault: str) -> None:
    """A fault that makes no difference moves no byte of what happens."""
    lasts = "0s" if "pause" in fault else "4s"
    assert_no_difference(shop(), shop(f"{fault}, at: 3s, for: {lasts}"))


def test_instances_that_share_their_breaker_are_one_caller() -> None:
    """With a shared breaker and nothing else of their own, more instances change nothing."""
    change = {
        "clients.users.calls.front.breaker": {
            "failure_threshold": 3,
            "recovery_timeout": "1s",
            "shared": True,
        }
    }
    one = shop("kind: hang, on: back, at: 4s, for: 4s").with_(change)
    assert len(simulate(one).transitions) > 1
    assert_no_difference(one, one.with_({"clients.users.instances": 5}))


def test_recorded_moments_of_constant_arrivals_are_constant_arrivals() -> None:
    """A replay of the very moments at which requests came gives the same events."""
    usual = shop("kind: hang, on: back, at: 4s, for: 4s").with_(
        {"clients.users.arrivals": {"kind": "constant", "rate": "16/s"}}
    )
    moments = tuple(float(at) for at in simulate(usual).requests["arrival"])
    replayed = usual.with_({"clients.users.arrivals": Replay(file="a.csv", moments=moments)})
    assert_no_difference(usual, replayed)


def test_sticky_fault_strikes_all_attempts_of_a_user_or_none() -> None:
    """While a sticky fault lasts, a request's tries all fail alike; by lot they do not."""
    fault = "kind: refuse, on: front, share: 40%, at: 0s, for: 16s"
    changes = {"clients.users.calls.front.retry.max_retries": 3}
    mixed = []
    for text in (f"{fault}, sticky: true", fault):
        rows = simulate(shop(text).with_(changes)).attempts
        rows = rows[rows["parent"] < 0]
        tries = np.bincount(rows["request"])
        refused = np.bincount(rows["request"], weights=rows["outcome"] == REFUSED)
        mixed.append(int(np.sum((refused > 0) & (refused < tries))))
    assert mixed[0] == 0
    assert mixed[1] > 20


def test_sticky_fault_strikes_a_regular_user_always_or_never() -> None:
    """A closed group's only user is struck at every request, or at none, for good."""
    alone = {
        "clients.users.arrivals": {"kind": "closed", "users": 1, "think": "50ms"},
        "clients.users.calls.front.retry.max_retries": 0,
    }
    scenario = shop("kind: refuse, on: front, share: 50%, sticky: true, at: 0s, for: 16s")
    fates = set()
    for seed in range(8):
        rows = simulate(scenario.with_(alone), seed).attempts
        outcomes = rows["outcome"][(rows["parent"] < 0) & ~np.isnan(rows["end"])] == REFUSED
        assert outcomes.all() or not outcomes.any()
        fates.add(bool(outcomes.all()))
    assert fates == {True, False}


@pytest.mark.parametrize("name", ["restart-with-calls-under-way", "one-cache-for-all-instances"])
def test_focused_scenario_has_the_same_bytes_twice(name: str) -> None:
    """The same scenario and seed give the same bytes again."""
    scenario = FOCUSED[name].scenario(name)
    assert simulate(scenario, 3).digest() == simulate(scenario, 3).digest()
