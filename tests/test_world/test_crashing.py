"""A replica that is full for too long starts anew."""

from __future__ import annotations

import re

import numpy as np
import pytest
from plain_model import differences, record_of, simulate_plainly

from simcb.metrics import no_effect_warnings
from simcb.metrics.laws import audit
from simcb.outcomes import ATTEMPT_CODE
from simcb.scenario import ScenarioError, parse_scenario
from simcb.trace import Layout, Trace
from simcb.world import simulate

TEXT = """
name: full
duration: 30s
clients:
  shop: {arrivals: {kind: constant, rate: 10/s}, calls: {db: {}}}
services:
  db: {workers: 2, work: 250ms, crash: CRASH}
"""


def run(crash: str, *changes: tuple[str, str]) -> Trace:
    """Run the shop, and check that it obeys every law."""
    text = TEXT.replace("CRASH", crash)
    for old, new in changes:
        text = text.replace(old, new)
    trace = simulate(parse_scenario(text))
    assert [law for law in audit(trace) if not law.holds] == []
    return trace


def test_it_falls_after_so_long_and_is_back_after_so_long() -> None:
    """Full from 0.1 s on, as 2.5 workers are needed: it falls at 2.1 s and every 2 + 3.1 s."""
    trace = run("{for: 2s, restart: 3s}")
    assert [each.at for each in trace.layout.crashes] == pytest.approx(
        [2.1, 7.2, 12.3, 17.4, 22.5, 27.6], abs=0.11
    )
    first = trace.layout.crashes[0].at
    outcome, start = trace.attempts["outcome"], trace.attempts["start"]
    refused = start[outcome == ATTEMPT_CODE["refused"]]  # type: ignore[index]
    assert np.all((refused[:30] >= first) & (refused[:30] < first + 3.0))
    # All that was inside then ends in an error, the queue too.
    lost = trace.attempts[(outcome == ATTEMPT_CODE["error"]) & (trace.attempts["end"] == first)]  # type: ignore[index]
    inside = (start < first) & ~(trace.attempts["end"] < first)
    assert len(lost) == np.sum(inside)


def test_one_that_is_never_full_for_so_long_never_falls() -> None:
    """With workers for all nothing breaks, and a threshold of half breaks it all the same."""
    three = ("workers: 2", "workers: 3")
    assert not run("{for: 2s, restart: 3s}", three).layout.crashes
    assert run("{above: 50%, for: 2s, restart: 3s}", three).layout.crashes


def test_without_a_crash_nothing_is_another() -> None:
    """One that never comes changes no attempt."""
    never = run("{for: 1h, restart: 3s}").attempts
    assert never.tobytes() == run("null").attempts.tobytes()


def test_one_whose_workers_are_all_taken_is_not_full() -> None:
    """Nobody holds a worker of a paused one, however many wait; a change of it is no reason."""
    faults = """
faults: [{kind: pause, on: db, at: 1.1s, for: 3s}]
changes: [{at: 2.6s, set: {services.db.contention: 250ms}}]
"""
    text = TEXT.replace("CRASH", "{above: 50%, for: 200ms, restart: 500ms}") + faults
    text = text.replace("250ms, crash", "0s, crash").replace("duration: 30s", "duration: 5s")
    scenario = parse_scenario(text.replace("db: {}", "db: {timeout: 2s}"))
    trace = simulate(scenario)
    # The 30 that waited are served one after the other then, which is when it is full.
    assert [each.at for each in trace.layout.crashes if each.at < 4.1] == []
    assert differences(simulate_plainly(scenario), record_of(trace)) == []


def test_a_layout_keeps_the_crashes() -> None:
    """A saved trace has them."""
    layout = run("{for: 2s, restart: 3s}").layout
    assert layout.crashes
    assert Layout.from_dict(layout.to_dict()) == layout


@pytest.mark.parametrize(
    ("crash", "told"),
    [
        ("{for: 0s, restart: 3s}", "crash.for: 0s is too small"),
        ("{for: 2s}", "crash.restart: is missing; write `restart: 30s`"),
        ("{for: 2s, restart: 3s, above: 0%}", "crash.above: .* is too small"),
        ("{lasts: 2s, restart: 3s}", "crash.lasts: is unknown here; did you mean `for`"),
    ],
)
def test_a_crash_that_makes_no_sense_is_told(crash: str, told: str) -> None:
    """Time has to pass between two of them."""
    with pytest.raises(ScenarioError, match=told):
        parse_scenario(TEXT.replace("CRASH", crash))


@pytest.mark.parametrize(
    ("crash", "told"),
    [
        ("{for: 1m, restart: 3s}", "never falls: it would have to be full for 1m"),
        ("{for: 2s, restart: 3s}", "always falls: .* holds 2.5 workers"),
        ("{for: 2s, restart: 3s}, admit: {kind: concurrency, limit: 1}", "lets 1 in at once"),
    ],
)
def test_check_tells_a_crash_that_never_comes_or_always(crash: str, told: str) -> None:
    """Each with what it would take."""
    (warning,) = no_effect_warnings(parse_scenario(TEXT.replace("CRASH", crash)))
    assert re.search(told, warning), warning
