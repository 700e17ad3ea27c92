"""Settings: nonsense is refused with the value and the range, sense is kept and comparable."""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

import simcb
from simcb.breaker import (
    TRIP_RULES,
    BreakerRegistry,
    Bulkhead,
    BulkheadFullError,
    CachedFallback,
    CircuitBreaker,
    CircuitOpenError,
    ClockError,
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    HalfOpen,
    MemoryStore,
    Mode,
    ParameterError,
    Permit,
    Recovery,
    SlowCallRate,
    UnkeyableError,
)
from simcb.errors import SimcbError

PIPES: Any = {"capture_output": True, "text": True}
NAN, INF = math.nan, math.inf
WRONG: list[tuple[Any, dict[str, Any], str]] = [
    *((CircuitBreaker, {"failure_threshold": value}, "failure_threshold") for value in (0, -1, 1.5, True, "5", NAN)),  # noqa: E501
    *((CircuitBreaker, {"recovery_timeout": value}, "recovery_timeout") for value in (-1, NAN, INF, "60", 1e12)),  # noqa: E501
    *((CircuitBreaker, {"expected_exception": value}, "expected_exception") for value in (int, "ValueError", (ValueError, 3), None)),  # noqa: E501
    *((CircuitBreaker, {"clock": value}, "clock") for value in (None, 3.0)),
    (CircuitBreaker, {"name": 3}, "name"),
    (CircuitBreaker, {"ignore": int}, "ignore"),
    (CircuitBreaker, {"ignore": ANY}, "ignore"),
    (CircuitBreaker, {"failed_result": 500}, "failed_result"),
    (CircuitBreaker, {"trip": []}, "trip"),
    (CircuitBreaker, {"trip": "failure_rate"}, "trip"),
    (CircuitBreaker, {"recovery": 60.0}, "recovery"),
    (CircuitBreaker, {"half_open": 1}, "half_open"),
    *((CircuitBreaker, {"listeners": value}, "listeners") for value in ([1], print, None)),
    *((CircuitBreaker, {"call_listeners": value}, "call_listeners") for value in ([print, 1], print)),  # noqa: E501
    (CircuitBreaker().add_listener, {"listener": 1}, "listener"),
    (CircuitBreaker().add_call_listener, {"listener": 1}, "listener"),
    (CircuitBreaker, {"random": 0.5, "recovery": Recovery(jitter=0.1)}, "random"),
    *((FailureRate, {"rate": value}, "rate") for value in (0, 0.0, -0.1, 1.01, 50, NAN, "50%")),
    (FailureRate, {"calls": 10, "minimum_calls": 11}, "minimum_calls"),
    (FailureRate, {"calls": 0}, "calls"),
    (FailureRate, {"calls": 10, "window": 10.0}, "window"),
    (FailureRate, {"window": 0.0}, "window"),
    (FailureRate, {"window": NAN}, "window"),
    (SlowCallRate, {"slow": 0.0}, "slow"),
    (SlowCallRate, {"slow": INF}, "slow"),
    (ConsecutiveFailures, {"threshold": 0}, "threshold"),
    (FailuresInWindow, {"threshold": 0}, "threshold"),
    (FailuresInWindow, {"window": -1.0}, "window"),
    *((HalfOpen, {"probes": value}, "probes") for value in (-1, 10_001, 1.0)),
    (HalfOpen, {"successes": 0}, "successes"),
    *((HalfOpen, {"lease": value}, "lease") for value in (0, INF, NAN)),
    *((Recovery, {"timeout": value}, "timeout") for value in (-1, NAN, "60")),
    (Recovery, {"factor": 0.5}, "factor"),
    (Recovery, {"timeout": 60.0, "max": 30.0}, "max"),
    (Recovery, {"jitter": 1.5}, "jitter"),
    (Bulkhead, {"max_concurrent": 0}, "max_concurrent"),
    (Bulkhead, {"max_wait": -1}, "max_wait"),
    (Bulkhead, {"name": None}, "name"),
    (CachedFallback, {"ttl": 0}, "ttl"),
    (CachedFallback, {"store": 3}, "store"),
    (CachedFallback, {"key": "id"}, "key"),
    (CachedFallback, {"on": 3}, "on"),
    (MemoryStore, {"max_entries": 0}, "max_entries"),
    (MemoryStore, {"clock": None}, "clock"),
    (BreakerRegistry, {"build": None}, "build"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "settings", "parameter"), WRONG)
def test_nonsense_is_refused_with_the_value_and_the_range(
    build: Any, settings: dict[str, Any], parameter: str
) -> None:
    """The error names the parameter, shows what was given and says what may be."""
    with pytest.raises(ParameterError) as refused:
        build(**settings)
    error = refused.value
    assert error.parameter == parameter
    assert str(error).startswith(f"{parameter}=")
    assert repr(error.value) in str(error)
    assert error.allowed in str(error)
    assert isinstance(error, ValueError)
    assert isinstance(error, SimcbError)


def test_the_defaults_are_those_of_the_documentation() -> None:
    """Five failures in a row, sixty seconds, any exception, one probe, one success."""
    breaker = CircuitBreaker()
    assert (breaker.name, breaker.failure_threshold, breaker.recovery_timeout) == (
        "breaker", 5, 60.0
    )  # fmt: skip
    assert breaker.expected_exception is Exception
    assert HalfOpen() == HalfOpen(probes=1, successes=1, lease=60.0)
    assert CircuitBreaker(trip=FailureRate()).failure_threshold is None
    assert repr(breaker) == "<CircuitBreaker 'breaker' closed>"


def test_a_short_form_beside_its_long_form_is_refused() -> None:
    """Neither is silently dropped, and the defaults do not count as given."""
    for long, short, remedy in (
        ({"trip": FailureRate()}, {"failure_threshold": 5}, "give it as ConsecutiveFailures"),
        ({"trip": [FailureRate()]}, {"failure_threshold": 3}, "or leave trip out"),
        ({"recovery": Recovery()}, {"recovery_timeout": 60.0}, "give it as Recovery"),
        ({"recovery": Recovery(9.0)}, {"recovery_timeout": 3}, "or leave recovery out"),
    ):
        given: dict[str, Any] = {**long, **short}
        with pytest.raises(ParameterError, match=remedy) as refused:
            CircuitBreaker(**given)
        assert [refused.value.parameter] == list(short)
        CircuitBreaker(**{name: long[name] for name in long})
        CircuitBreaker(**{name: short[name] for name in short})
    crossed = CircuitBreaker(trip=FailureRate(), recovery_timeout=3.0)
    assert crossed.recovery_timeout == 3.0
    crossed = CircuitBreaker(failure_threshold=3, recovery=Recovery(9.0))
    assert (crossed.failure_threshold, crossed.recovery_timeout) == (3, 9.0)


def test_what_is_not_given_is_none_and_documented() -> None:
    """`help` says which numbers hold then, and what arrives are plain numbers."""
    shown = inspect.signature(CircuitBreaker).parameters
    assert shown["failure_threshold"].default is shown["recovery_timeout"].default is None
    said = " ".join((CircuitBreaker.__doc__ or "").split())
    assert "failures in a row that open it, 5 unless given" in said
    assert "seconds it stays open, 60 unless given" in said
    breaker = CircuitBreaker()
    assert type(breaker.failure_threshold) is int
    assert type(breaker.recovery_timeout) is float


SETTINGS = st.sampled_from(
    [
        ConsecutiveFailures(3),
        FailuresInWindow(3, 10.0),
        FailureRate(0.5, calls=20),
        FailureRate(0.25, window=20.0, minimum_calls=7),
        SlowCallRate(1.0, 0.5, calls=20, minimum_calls=3),
        Recovery(5.0, 2.0, 40.0, 0.1),
        HalfOpen(2, 3, 4.0),
    ]
)


@given(SETTINGS, SETTINGS)
def test_settings_are_values(one: Any, other: Any) -> None:
    """Equal when their values are; hashable, copied and pickled to an equal one, and frozen."""
    assert (one == other) is (one is other)
    for again in (pickle.loads(pickle.dumps(one)), copy.deepcopy(one), eval(repr(one))):
        assert again == one
        assert hash(again) == hash(one)
    field = next(iter(vars(one)))
    with pytest.raises(AttributeError):
        setattr(one, field, 1)
    with pytest.raises(AttributeError):
        delattr(one, field)
    assert one != "something else"


@pytest.mark.parametrize("kind", TRIP_RULES)
def test_every_trip_rule_is_documented_and_named_by_its_reason(kind: str) -> None:
    """The table's word is the reason a transition gives."""
    rule = TRIP_RULES[kind]
    assert rule.__doc__
    assert rule.reason.value == kind


@pytest.mark.parametrize(
    "error",
    [
        CircuitOpenError("upstream", 2.5),
        CircuitOpenError("upstream", 0.0),
        BulkheadFullError("pool", 5, 0.25),
        ParameterError("rate", 2, "a share"),
        ClockError("upstream", None),
        UnkeyableError("shop.fetch", "self", "is captured and no argument"),
    ],
)
def test_errors_survive_pickling_and_being_built_again(error: SimcbError) -> None:
    """Process pools pickle exceptions, and SimPy builds them again from their arguments."""
    for again in (pickle.loads(pickle.dumps(error)), type(error)(*error.args)):
        assert type(again) is type(error)
        assert again.args == error.args
        assert str(again) == str(error)
        assert str(error.args[0]) in str(again)


def test_permits_come_from_breakers_only() -> None:
    """Nobody admits himself."""
    with pytest.raises(TypeError):
        Permit()


def test_a_registry_hands_out_one_breaker_per_name() -> None:
    """Made on first use, by the builder; forgotten on demand."""
    registry = BreakerRegistry(lambda name: CircuitBreaker(name, failure_threshold=2))
    one = registry.get("a")
    assert registry.get("a") is one is registry["a"]
    assert registry.get("b") is not one
    assert one.failure_threshold == 2
    assert sorted(registry) == ["a", "b"]
    assert registry.snapshots()["b"].name == "b"
    registry.forget("a")
    registry.forget("unknown")
    assert "a" not in registry
    assert len(registry) == 1
    assert registry.get("a") is not one


def test_a_registry_refuses_a_breaker_that_is_not_the_one_asked_for() -> None:
    """One without its name would be mistaken for another in every log and metric."""
    for build in (lambda name: CircuitBreaker(), lambda name: None):
        with pytest.raises(ParameterError, match=r"give a CircuitBreaker\('a', …\)"):
            BreakerRegistry(build).get("a")


async def later() -> bool:
    return True


@pytest.mark.parametrize(
    "settings",
    [
        {"failed_result": later},
        {"expected_exception": later},
        {"ignore": later},
        {"listeners": [later]},
        {"call_listeners": [later]},
    ],
)
def test_a_coroutine_function_is_refused_where_nobody_would_await_it(settings: Any) -> None:
    """As a predicate it would say yes to everything, as a listener it would never run."""
    with pytest.raises(ParameterError, match="plain function"):
        CircuitBreaker(**settings)


def test_what_cannot_be_called_is_refused_and_is_no_failure() -> None:
    """A mistake in the program says nothing about the service."""
    breaker = CircuitBreaker(failure_threshold=1)

    async def work() -> None: ...

    for thing in (3, property(repr), staticmethod(3), classmethod(3)):  # type: ignore[arg-type,var-annotated]
        with pytest.raises(ParameterError, match="a function"):
            breaker(thing)  # type: ignore[arg-type]
    for thing in (3, classmethod(repr)):
        with pytest.raises(ParameterError, match="a function"):
            breaker.call(thing)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="the function that makes the coroutine"):
        breaker.call(work())  # type: ignore[arg-type]
    assert breaker.snapshot().failures == 0


def test_cancellation_cannot_be_expected() -> None:
    """It never counts, so a breaker that waits for it would never open."""
    for kind in (asyncio.CancelledError, (OSError, KeyboardInterrupt)):
        with pytest.raises(ParameterError, match="never count"):
            CircuitBreaker(expected_exception=kind)
    CircuitBreaker(expected_exception=BaseException, ignore=asyncio.CancelledError)


def test_a_breaker_is_shared_and_not_copied() -> None:
    """A copy would be a twin that shares half of its state."""
    for shared in (CircuitBreaker(), BreakerRegistry()):
        for take in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                take(shared)


def test_what_a_breaker_was_built_with_can_be_read() -> None:
    """Rules, recovery, probes, and what it was told by hand."""
    breaker = CircuitBreaker("b", failure_threshold=3, recovery_timeout=7.0)
    assert breaker.trip == (ConsecutiveFailures(3),)
    assert breaker.recovery == Recovery(7.0)
    assert breaker.half_open == HalfOpen()
    assert (breaker.mode, repr(breaker)) == (Mode.AUTOMATIC, "<CircuitBreaker 'b' closed>")
    breaker.count_only()
    assert (breaker.mode, repr(breaker)) == (
        Mode.COUNT_ONLY,
        "<CircuitBreaker 'b' closed, count_only>",
    )
    assert repr(breaker.acquire()) == "<Permit of 'b', out>"
    assert repr(BreakerRegistry()) == "<BreakerRegistry >"


def test_a_rejection_says_what_is_the_matter() -> None:
    """Open, half-open with its probes out, or opened by hand, which waiting does not change."""
    breaker = CircuitBreaker("b", failure_threshold=1, recovery_timeout=0.0)
    said = []
    breaker.acquire().failure()
    breaker.acquire()
    for _ in range(2):
        with pytest.raises(CircuitOpenError) as caught:
            breaker.call(len, "")
        said.append((str(caught.value), caught.value.forced))
        breaker.force_open()
    assert said == [
        ("circuit 'b' is half-open: few calls pass, try again shortly", False),
        ("circuit 'b' was opened by hand and lets no call through", True),
    ]


def test_a_call_listener_can_be_removed() -> None:
    """It then hears nothing any more, and one that was never added is no error."""
    heard: list[object] = []
    breaker = CircuitBreaker(call_listeners=[heard.append])
    breaker.call(len, "")
    breaker.remove_call_listener(heard.append)
    breaker.remove_call_listener(print)
    breaker.call(len, "")
    assert len(heard) == 1


def test_importing_the_breaker_is_light() -> None:
    """It loads few modules, all light ones of the standard library.

    What that takes differs from machine to machine and from moment to moment; this does not.
    """
    heavy = "numpy simpy pydantic typer matplotlib yaml rich asyncio logging inspect dataclasses"
    code = (
        "import sys; before = {*sys.modules}; import simcb.breaker\n"
        "print(*({*sys.modules} - before))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(simcb.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, **PIPES)
    loaded = {*done.stdout.split()}
    assert not loaded & {*heavy.split()}
    others = {name for name in loaded if name.partition(".")[0] != "simcb"}
    assert len(others) < 50
    assert len(loaded - others) < 40
