"""Consumers that pull messages from a queue: closed forms, conservation, and a ten-line model."""

from __future__ import annotations

from heapq import heapify, heapreplace
from math import ceil, isnan
from typing import Any

import numpy as np
import pytest

from simcb.metrics import audit, measure, no_effect_warnings, series
from simcb.scenario import Scenario
from simcb.studies.limits import estimate_size
from simcb.trace import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome, Trace
from simcb.world import simulate

REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]
FAILED = REQUEST_CODE[RequestOutcome.FAILED]
UNFINISHED = REQUEST_CODE[RequestOutcome.UNFINISHED]


def queue(law: dict[str, Any], call: dict[str, Any] | None = None, **more: Any) -> Scenario:
    """Return consumers of one queue who ask one service with a worker for each."""
    group = {"arrivals": {"kind": "backlog", "consumers": 4, "rate": 0.0, **law}}
    group |= {"calls": {"mail": call or {}}, **more.pop("group", {})}
    service = {"workers": 50, "work": {"kind": "constant", "value": 0.5}, **more.pop("service", {})}
    data = {"name": "queue", "duration": 60.0, "clients": {"jobs": group}}
    return Scenario(**{**data, "services": {"mail": service}, **more})


def run(scenario: Scenario, seed: int = 0) -> Trace:
    """Run it, and hold it against the laws of every run."""
    trace = simulate(scenario, seed)
    assert not [law for law in audit(trace) if not law.holds]
    return trace


@pytest.mark.parametrize(("messages", "consumers"), [(40, 4), (41, 4), (7, 10), (1, 1)])
def test_what_lies_there_is_done_in_rounds(messages: int, consumers: int) -> None:
    """N messages of S seconds take M consumers N / M rounds of S, to the last digit."""
    trace = run(queue({"initial": messages, "consumers": consumers}))
    assert len(trace.requests) == messages
    assert trace.requests["end"].max() == ceil(messages / consumers) * 0.5
    waits = max(0, messages - consumers)
    expected = ceil(waits / consumers) * 0.5
    assert measure(trace).value("time_to_catch_up") == expected


def test_a_backlog_drains_at_what_capacity_is_left() -> None:
    """The drain time is backlog / (capacity - rate): 1,200 / (40 - 10) is 40 s."""
    law = {"initial": 1200, "rate": 10.0, "consumers": 20}
    found = [measure(run(queue(law), seed)).value("time_to_catch_up") for seed in range(5)]
    # Poisson: after 40 s as many have come as 400 ± 20, and 30 a second are worked off.
    assert np.mean(found) == pytest.approx(40.0, abs=1.0)


def test_each_message_begins_when_a_consumer_is_free() -> None:
    """A ten-line model with a heap of consumers gives every end."""
    law = {"initial": 9, "rate": 9.0, "consumers": 4}
    trace = run(queue(law, service={"work": {"kind": "exponential", "mean": 0.4}}))
    rows = trace.attempts
    work = dict(
        zip(rows["request"].tolist(), (rows["freed"] - rows["begin"]).tolist(), strict=True)
    )
    free = [0.0] * 4
    heapify(free)
    for number, (arrival, end) in enumerate(trace.requests[["arrival", "end"]].tolist()):
        begin = max(arrival, free[0])
        done = begin + work.get(number, np.nan)
        assert end == pytest.approx(done, nan_ok=True)
        heapreplace(free, np.inf if isnan(done) else done)


def test_produced_is_done_and_dead_and_what_lags() -> None:
    """Messages are conserved, and no more are in work than there are consumers."""
    law = {"initial": 50, "rate": 10.0, "redeliver": {"after": 3.0, "times": 1}}
    down = {"kind": "errors", "on": "mail", "rate": 0.5, "at": 5.0, "for": 30.0}
    trace = run(queue(law, {"timeout": 2.0}, faults=[down], group={"deadline": 20.0}))
    outcomes = trace.requests["outcome"]
    lag = int(np.sum(outcomes == UNFINISHED))
    assert 0 < np.sum(outcomes == FAILED) < len(outcomes) - lag
    values = measure(trace)
    assert values.value("lag_at_end") == lag
    curve = series(trace, 1.0).lag
    for second in range(0, 60, 7):
        there = (trace.requests["arrival"] <= second) & ~(trace.requests["end"] <= second)
        assert curve[second] == np.sum(there)
    starts, ends = trace.attempts["start"], trace.attempts["end"]
    assert max(np.sum((starts <= at) & ~(ends <= at)) for at in starts) == 4
    assert values.value("lag") == max(
        np.sum((trace.requests["arrival"] <= at) & ~(trace.requests["end"] <= at))
        for at in trace.requests["arrival"]
    )


def test_a_message_comes_again_so_often_and_so_late() -> None:
    """One that always fails is delivered 1 + times, `after` apart, behind those that wait."""
    law = {"initial": 3, "consumers": 1, "redeliver": {"after": 4.0, "times": 2}}
    trace = run(queue(law, service={"errors": 1.0}))
    assert trace.requests["presses"].tolist() == [3, 3, 3]
    assert set(trace.requests["outcome"].tolist()) == {FAILED}
    starts = trace.attempts["start"].reshape(3, 3)
    assert trace.attempts["request"].tolist() == [0, 1, 2] * 3
    assert np.allclose(np.diff(starts, axis=0), 4.5)


BREAKER = {"failure_threshold": 3, "recovery_timeout": 10.0}
DOWN = {"kind": "refuse", "on": "mail", "at": 5.0, "for": 20.0}


def test_a_breaker_without_pause_burns_the_queue() -> None:
    """Every message that comes while it is open is a dead letter: all but the trials' 20 s."""
    trace = run(queue({"rate": 5.0}, {"breaker": BREAKER}, faults=[DOWN]))
    arrived = trace.requests["arrival"]
    during = (arrived > 5.5) & (arrived < 25.0)
    assert np.sum(during) > 60
    assert set(trace.requests["outcome"][during].tolist()) == {FAILED}
    assert measure(trace).value("lag") < 10


def test_with_pause_only_trials_are_lost() -> None:
    """The lag is what was produced; what an open breaker rejects is put back and counts not."""
    law = {"rate": 5.0, "pause_when": "open", "poll": 0.5}
    trace = run(queue(law, {"breaker": BREAKER}, faults=[DOWN]))
    dead = trace.requests[trace.requests["outcome"] == FAILED]
    opened = trace.transitions["at"][0]
    assert np.sum(dead["end"] > opened) == 1  # the trial before the service is back
    assert not (dead["cause"] == REJECTED).any()
    rejected = trace.attempts["start"][trace.attempts["outcome"] == REJECTED]
    half_open, closed = trace.transitions["at"][-2:]
    assert half_open >= opened + 20.0
    assert ((rejected >= half_open) & (rejected <= closed)).all()
    produced = np.sum((trace.requests["arrival"] > 6) & (trace.requests["arrival"] < 25))
    assert measure(trace).value("lag") == pytest.approx(produced, abs=12)
    assert measure(trace).value("lag_at_end") < 8


def test_what_is_rejected_is_put_back_and_first_again() -> None:
    """In half-open state the others are rejected, pause, and take the same messages again."""
    law = {"initial": 40, "pause_when": "open", "poll": 1.0}
    once = {**DOWN, "at": 0.0, "for": 10.0}
    breaker = {"failure_threshold": 1, "recovery_timeout": 10.0}
    trace = run(queue(law, {"breaker": {**breaker, "half_open": {"probes": 1}}}, faults=[once]))
    rejected = trace.attempts["request"][trace.attempts["outcome"] == REJECTED]
    assert len(rejected) > 0
    ok = trace.requests["outcome"][rejected]
    assert FAILED not in ok.tolist()
    assert trace.requests["presses"][rejected].tolist() == [1] * len(rejected)
    begun = trace.requests["end"][trace.requests["outcome"] != FAILED]
    assert (np.diff(begun) >= 0).all()


def test_consumers_come_and_go_with_a_change() -> None:
    """Twice the consumers work twice as fast from then on, and half of them half as fast."""
    changes = [
        {"at": 10.0, "set": {"arrivals.consumers": 8}},
        {"at": 20.0, "set": {"arrivals.consumers": 2}},
    ]
    trace = run(queue({"initial": 1000}, changes=changes))
    done = [int(np.sum(trace.requests["end"] <= at)) for at in (10.0, 20.0, 30.0)]
    assert done == [80, 80 + 160, 80 + 160 + 40]


def test_size_limits_know_what_lies_there() -> None:
    """A study of a million messages is a million requests, and their deliveries."""
    scenario = queue({"initial": 1_000_000, "redeliver": {"after": 1.0, "times": 9}})
    assert estimate_size(scenario).requests == 1_000_000


FOREVER = {"retry": {"max_retries": "forever", "backoff": {"kind": "fixed", "delay": 1.0}}}


@pytest.mark.parametrize(
    ("law", "call", "told"),
    [
        ({"pause_when": "open"}, {}, "never pause: none of their calls has a breaker"),
        ({"poll": 2.0}, {}, "`poll` does nothing"),
        ({"rate": 9.0}, {}, "never catch up: 9/s come, and 4 consumers do 8/s at most"),
        ({}, FOREVER, "4 such messages hold all consumers"),
    ],
)
def test_misuse_is_explained(law: dict[str, Any], call: dict[str, Any], told: str) -> None:
    """What does nothing or never ends has a sentence that says what to write instead."""
    every = [str(each) for each in no_effect_warnings(queue(law, call))]
    assert any(told in each for each in every), every
    assert not [each for each in map(str, no_effect_warnings(queue({}))) if "consumers" in each]
