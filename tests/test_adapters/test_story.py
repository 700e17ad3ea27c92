"""Every breaker lives through one story on the simulator's clock, and leaves no trace outside."""

from __future__ import annotations

import datetime
import importlib
import random
import time
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import pytest
from test_adapters.story import BY_RATE, STORY, steps, story, told

from simcb.adapters import adapter, names
from simcb.adapters.registry import ADAPTERS
from simcb.metrics.effect import Effect
from simcb.metrics.laws import audit
from simcb.scenario import parse_scenario
from simcb.studies import run
from simcb.world import EventBudgetError, simulate

OTHERWISE = ("unawaited", "hystrix", "envoy")
"""Breakers whose story is another: `test_models` has it."""

COMPARABLE = [name for name in ADAPTERS if adapter(name).comparable and name not in OTHERWISE]

STORM = """
name: storm
duration: 20s
clients:
  shop:
    instances: 2
    deadline: 1500ms
    arrivals: {kind: poisson, rate: 30/s}
    calls:
      payments:
        timeout: 400ms
        retry: {max_retries: 2, backoff: {kind: fixed, delay: 50ms}}
        breaker: {failure_threshold: 3}
services:
  payments: {replicas: 2, workers: 4, work: {kind: exponential, mean: 50ms}}
faults:
  - {kind: hang, on: payments, at: 4s, for: 4s}
  - {kind: errors, rate: 60%, on: payments, at: 10s, for: 3s}
"""

CLOCKS: dict[str, list[tuple[str, str, Any]]] = {
    "pybreaker": [("pybreaker", "datetime", datetime.datetime)],
    "circuitbreaker": [("circuitbreaker", "monotonic", time.monotonic)],
    "aiobreaker": [
        ("aiobreaker.circuitbreaker", "datetime", datetime.datetime),
        ("aiobreaker.state", "datetime", datetime.datetime),
    ],
    "asyncbreaker": [("asyncbreaker.timeutils", "datetime", datetime.datetime)],
    "purgatory": [("purgatory.domain.model", "time", time)],
    "fluxgate": [
        ("fluxgate.circuitbreaker", "time", time),
        ("fluxgate.retries", "time", time),
        ("fluxgate.permits", "time", time.time),
        ("fluxgate.permits", "random", random.random),
    ],
    "pyresilience": [
        ("pyresilience._circuit_breaker", "_monotonic", time.monotonic),
        ("pyresilience._executor", "time", time),
    ],
}
"""What each library reads time by, where that is bound otherwise for a while."""


@pytest.mark.parametrize("name", COMPARABLE)
def test_it_opens_rejects_probes_and_closes_at_the_right_second(name: str) -> None:
    """The third failure opens it; five seconds later one call probes, and closes it."""
    trace = told(story(name))
    assert steps(trace) == [(12.25, "open"), (18.0, "half_open"), (18.25, "closed")]
    rejected = [float(row["start"]) for row in trace.attempts if row["outcome"] == 4]
    assert rejected == [13.0, 14.0, 15.0, 16.0, 17.0]
    assert told(story(name)).digest() == trace.digest()


@pytest.mark.parametrize("name", COMPARABLE)
def test_its_counts_are_those_of_the_world(name: str) -> None:
    """What is admitted, rejected and settled agrees with the attempts, as for the shipped one."""
    assert [law.name for law in audit(told(story(name))) if not law.holds] == []


@pytest.mark.parametrize("words", ["around: request", "per_replica: true", "shared: true"])
@pytest.mark.parametrize("name", COMPARABLE)
def test_the_laws_of_the_world_hold_whatever_stands_around_it(name: str, words: str) -> None:
    """With retries, callers who leave, replicas and two processes, nothing is lost or invented."""
    scenario = parse_scenario(STORM)
    place, comparable = "shop.calls.payments.breaker", adapter(name).comparable
    assert comparable is not None
    settings = BY_RATE.get(name) or comparable.settings(3, 2.0)
    key, _, value = words.partition(": ")
    more = {key: True if value == "true" else value}
    breaker = {"use": name, "settings": settings, **more}
    trace = simulate(scenario.with_({place: breaker}))
    assert [law.name for law in audit(trace) if not law.holds] == []
    assert len(trace.transitions) > 2


@pytest.mark.parametrize("name", CLOCKS)
@pytest.mark.parametrize("cut_off", [False, True])
def test_the_clock_is_the_machines_again(name: str, cut_off: bool) -> None:
    """After a run, and after one that ends with an error, the library reads real time."""
    if cut_off:
        with pytest.raises(EventBudgetError):
            simulate(story(name), max_events=40)
    else:
        told(story(name))
    for module, attribute, value in CLOCKS[name]:
        assert getattr(importlib.import_module(module), attribute) is value


def test_breakers_of_two_libraries_do_not_disturb_each_other() -> None:
    """Two callers with a breaker of another library each see what each sees alone."""
    more = """
  desk:
    arrivals: {kind: constant, rate: 1/s}
    calls:
      payments:
        timeout: 900ms
        breaker:
          use: circuitbreaker
          settings: {failure_threshold: 3, recovery_timeout: 5}
services:"""
    both = told(story("pybreaker", text=STORY.replace("\nservices:", more)))
    expected = [(12.25, "open"), (18.0, "half_open"), (18.25, "closed")]
    assert [steps(both, each) for each in range(2)] == [expected, expected]


def test_calls_of_pybreaker_go_one_at_a_time() -> None:
    """Its lock is held during the call: four callers of a quarter second take one second."""
    burst = STORY.replace("kind: constant, rate: 1/s", "kind: closed, users: 4, think: 1ms")
    trace = told(story("pybreaker", text=burst))
    begun = [float(row["start"]) for row in trace.attempts if row["start"] < 9.0]
    assert len(begun) == 36
    assert all(later - earlier > 0.2499 for earlier, later in pairwise(begun))


def test_a_lock_that_callers_wait_for_hurts_before_the_breaker_ever_opens() -> None:
    """Without a fault, and closed all the time, fewer are answered than without it."""
    calm = STORY.partition("faults:")[0].replace("rate: 1/s}", "rate: 20/s}\n    deadline: 2s")
    scenario = story("pybreaker", {"fail_max": 10_000}, text=calm)
    result = run(scenario, baseline="none", replicates=2)
    assert not result.opened
    assert result.effect is not None
    assert result.effect.effect is Effect.HURT
    gentle = run(story("circuitbreaker", text=calm), baseline="none")
    assert gentle.effect is not None
    assert gentle.effect.effect is Effect.NEVER_OPENED


def test_a_trace_says_which_version_of_a_package_made_it() -> None:
    """Beside simcb's own, and only where the package had a part in it."""
    assert told(story("pybreaker")).versions["pybreaker"] == version("pybreaker")
    assert "pybreaker" not in told(story("textbook")).versions


def test_a_coroutine_that_nobody_awaits_never_opens_a_breaker() -> None:
    """Every call is a success to it, whatever it comes to."""
    trace = told(story("unawaited"))
    assert steps(trace) == []
    assert sum(row["outcome"] == 1 for row in trace.attempts) == 3


def test_the_textbook_lets_everybody_through_when_half_open() -> None:
    """Twenty callers who come while a probe is out all reach the service."""
    crowd = STORY.replace("rate: 1/s", "rate: 40/s").replace("for: 3s", "for: 11s")
    textbook = told(story("textbook", text=crowd))
    opened = next(at for at, state in steps(textbook) if state == "half_open")
    through = [
        row
        for row in textbook.attempts
        if opened <= row["start"] < opened + 0.25 and row["outcome"] != 4
    ]
    assert len(through) >= 9


def test_names_are_unique() -> None:
    """Each word is registered once."""
    assert len(set(names())) == len(names())
