"""Scenarios in which breakers count calls as slow while they are in flight.

Of all scenarios few have one: it takes a rule that counts them, calls that last long enough, and
somebody who asks meanwhile. Here all of that is there, with whatever may come in between: hedges,
deadlines and refreshes, which leave calls behind, timeouts, probes, breakers of replicas, of
groups, and those that several processes share.
"""

from __future__ import annotations

from call_strategy import Data, grouped, one_in, shares, times
from change_strategy import made
from hypothesis import strategies as st
from tied_strategy import on_the_grid

from simcb.scenario import Scenario


@st.composite
def _rules(draw: st.DrawFn) -> Data:
    """A rule that counts calls in flight, over few calls or a short time."""
    rule: Data = {
        "kind": draw(st.sampled_from(("slow_call_rate", "failure_rate"))),
        "slow": draw(times(20, 250)),
        "rate": draw(st.sampled_from((0.3, 0.5, 0.8, 1.0))),
        "in_flight": True,
    }
    over = draw(st.sampled_from(("calls", "window", "every")))
    if over == "calls":
        rule["calls"] = draw(st.integers(2, 8))
        rule["minimum_calls"] = draw(st.integers(1, rule["calls"]))
    else:
        rule |= {over: draw(times(300, 3000)), "minimum_calls": draw(st.integers(1, 5))}
    return rule


@st.composite
def _breakers(draw: st.DrawFn) -> Data:
    found: Data = {
        "trip": [draw(_rules())],
        "recovery_timeout": draw(st.just(0.0) | times(50, 900)),
    }
    if draw(one_in(3)):
        found["trip"].append(draw(_rules() | st.just({"kind": "consecutive_failures"})))
    if draw(st.booleans()):
        found["half_open"] = draw(
            st.sampled_from(
                (
                    {"probes": 2, "successes": 2, "lease": 0.5},
                    {"probes": 3, "verdict": 0.5, "lease": 2.0},
                    {"ramp": 1.0, "from": 0.25},
                    "none",
                )
            )
        )
    if draw(one_in(3)):
        found["shared"] = True
    match draw(st.sampled_from(("alone", "request", "replica"))):
        case "request":
            found["around"] = "request"
        case "replica":
            found["per_replica"] = True
            if draw(st.booleans()):
                found["max_open"] = draw(st.sampled_from((0.0, 0.5)))
            if draw(one_in(3)):
                found["panic"] = 0.5
    return found


@st.composite
def _calls(draw: st.DrawFn) -> Data:
    call: Data = {"timeout": draw(times(300, 1500)), "breaker": draw(_breakers())}
    if draw(st.booleans()):
        call["retry"] = {
            "max_retries": 1,
            "backoff": {"kind": "fixed", "delay": draw(times(0, 90))},
        }
        call["retry"]["jitter"] = "none"
    if draw(one_in(3)):
        call["hedge"] = {"after": draw(times(20, 300)), "times": draw(st.integers(1, 2))}
    if draw(one_in(4)):
        call["network"] = {"kind": "constant", "value": draw(times(0, 50))}
    if draw(one_in(4)):
        call["bulkhead"] = {"max_concurrent": draw(st.integers(2, 5)), "max_wait": 0.2}
    return call


@st.composite
def _data(draw: st.DrawFn) -> Data:
    users: Data = {
        "arrivals": {"kind": "poisson", "rate": draw(st.integers(8, 32))},
        "calls": draw(grouped({"api": draw(_calls()), "again": {**draw(_calls()), "to": "api"}})),
    }
    if draw(st.booleans()):
        users |= {"instances": 2, "spread": "round_robin"}
    if draw(st.booleans()):
        users["refresh"] = {"after": draw(times(100, 700)), "times": 2}
    if draw(one_in(3)):
        users["deadline"] = draw(times(300, 1500))
    api: Data = {
        "replicas": draw(st.integers(1, 3)),
        "workers": draw(st.integers(4, 12)),
        "work": {"kind": "exponential", "mean": draw(times(50, 250))},
        "on_abandon": draw(st.sampled_from(("finish", "drop_queued", "stop"))),
    }
    hang: Data = {"kind": "hang", "on": "api", "at": draw(times(500, 1500)), "for": 1.5}
    hang["share"] = draw(st.just(1.0) | shares())
    data: Data = {
        "name": "in-flight",
        "duration": 5.0,
        "sample_every": 1.0,
        "clients": {"users": users},
        "services": {"api": api},
        "faults": [hang],
    }
    if draw(one_in(4)):
        data["changes"] = [{"at": 2.5, "set": {"users.calls.api.timeout": draw(times(300, 900))}}]
    return data


def scenarios_in_flight() -> st.SearchStrategy[Scenario]:
    """A small valid scenario with rules that count calls in flight; of many all times are tied."""
    return st.one_of(_data(), _data().map(on_the_grid)).map(made)
