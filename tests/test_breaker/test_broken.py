"""Every deliberately broken breaker is caught by the test that guards its contract line.

The same test passes with the shipped room, in the same way it is called here, so none of them
is caught by a test that always fails.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from test_breaker.broken import BROKEN, WRONG_GENERATION, Broken, broken_room
from test_breaker.stage import Clock, Interrupts, bad, elsewhere, fail, good, tripped

import simcb.breaker


def interrupted_probe_gives_its_slot_back(room: ModuleType, clock: Clock) -> None:
    """An interrupted probe is out of the way, however its permit was acquired."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    with pytest.raises(KeyboardInterrupt):
        breaker.call(bad, KeyboardInterrupt())
    seen = breaker.snapshot()
    assert (seen.probes_out, seen.ignored) == (0, 1)


def handler_does_not_deadlock(room: ModuleType, clock: Clock) -> None:
    """In a process of its own, because a deadlock there cannot be undone here."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(2)
        breaker = room.CircuitBreaker(clock=clock, failure_threshold=1000)
        for line in range(1, 60):
            with Interrupts(room, line, lambda: fail(breaker)):
                fail(breaker)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, "a handler that calls the breaker deadlocks"


def demand(mistake: Broken, room: ModuleType) -> None:
    """Runs the test that guards against the mistake, for every set of its own parameters."""
    module, function = mistake.test.split("::")
    test: Callable[..., None] = (
        globals()[function]
        if module == "test_broken"
        else getattr(importlib.import_module(f"test_breaker.{module}"), function)
    )
    inner: Any = inspect.signature(test).parameters
    given: dict[str, object] = {"room": room}
    if "clock" in inner:
        given["clock"] = Clock()
    if "caplog" in inner:
        given["caplog"] = None
    rest = [
        name
        for name in inner
        if name not in given and inner[name].default is inspect.Parameter.empty
    ]
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    choices = dict(zip(rest, mistake.arguments, strict=False))
    if rest and not choices:
        assert len(marks) == 1
        for value in marks[0].args[1]:
            test(**given | {"clock": Clock()} | {rest[0]: value})
        return
    test(**given, **choices)


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.slow
@pytest.mark.parametrize("mistake", BROKEN, ids=lambda one: f"line {one.line}: {one.name}")
def test_a_broken_breaker_is_caught(mistake: Broken, tmp_path: Path) -> None:
    """The guarding test fails with the mistake in the room, and passes without it."""
    with broken_room(mistake, tmp_path) as room, pytest.raises(BaseException) as caught:
        demand(mistake, room)
    assert not isinstance(caught.value, (ImportError, SyntaxError, NameError, TypeError))
    demand(mistake, simcb.breaker)


def test_a_permit_of_a_state_that_grants_none_is_stale(tmp_path: Path) -> None:
    """Where a mistake gives a permit the generation of an open state, nothing waits for ever."""
    with broken_room(WRONG_GENERATION, tmp_path) as room:
        stale = line = 0
        while True:
            line += 1
            breaker = room.CircuitBreaker(clock=Clock())
            interrupts = Interrupts(room, line, breaker.force_open)
            permit = None
            with contextlib.suppress(room.CircuitOpenError), interrupts:
                permit = breaker.acquire()
            if not interrupts.reached:
                break
            if permit is not None:
                for settle in (permit.success, permit.failure):
                    elsewhere(lambda settle=settle: settle() is None)
                assert breaker.snapshot().stale == 1
                stale += 1
        assert stale


def test_every_contract_line_has_a_broken_breaker() -> None:
    """All seventeen lines are guarded, and there are at least a dozen mistakes."""
    assert {one.line for one in BROKEN} == set(range(1, 18))
    assert len(BROKEN) >= 12
    assert good() == "good"
