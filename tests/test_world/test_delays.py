"""Limits on the wait in a queue: when CoDel throws out, and what is left of the wait."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import audit
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Trace
from simcb.world import simulate

CODEL = "admit: {kind: codel, target: 5ms, interval: 100ms}, "
SLOUGH = "admit: {kind: slough, target: 5ms, interval: 100ms}, "


def served(admit: str, rate: int = 200, seconds: int = 5, more: str = "") -> Scenario:
    """Return one worker that can do a hundred a second."""
    return parse_scenario(
        f"""
name: served
duration: {seconds}s
clients: {{users: {{arrivals: {{kind: constant, rate: {rate}/s}}, calls: {{api: {{}}}}}}}}
services: {{api: {{{admit}workers: 1, work: 10ms{more}}}}}
"""
    )


def thrown_out(trace: Trace) -> np.ndarray:
    """Return the moments at which attempts were thrown out, in order."""
    rows = trace.attempts
    return np.sort(rows["freed"][rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.THROTTLED]])


def waits(trace: Trace) -> np.ndarray:
    """Return how long those waited who got the worker, in the order in which they got it."""
    rows = trace.attempts[~np.isnan(trace.attempts["begin"])]
    return (rows["begin"] - rows["arrive"])[np.argsort(rows["begin"])]


def test_codel_throws_out_at_intervals_over_the_root() -> None:
    """The n-th leaves Σ 100 ms/√k after the first, when the worker is free next."""
    moments = thrown_out(simulate(served(CODEL)))[:80]
    due = moments[0] + np.concatenate([[0.0], np.cumsum(0.1 / np.sqrt(np.arange(1, 80)))])
    late = moments - due
    assert (late >= -1e-9).all()
    assert (late <= 0.010 + 1e-9).all()


def test_codel_begins_an_interval_after_waits_are_too_long() -> None:
    """Nobody is thrown out before all waits of one interval were above the target."""
    trace = simulate(served(CODEL))
    rows = trace.attempts
    begun = np.sort(rows["begin"][(rows["begin"] - rows["arrive"]) >= 0.005])
    first = thrown_out(trace)[0]
    assert begun[0] + 0.1 <= first <= begun[0] + 0.1 + 0.03


@pytest.mark.parametrize("admit", [CODEL, SLOUGH])
def test_a_queue_that_drains_is_left_alone(admit: str) -> None:
    """A burst that is over within an interval, and a load of 99%, lose nothing."""
    assert not len(thrown_out(simulate(served(admit, rate=99))))
    burst = served(admit).with_(
        {"arrivals.rate": [{"at": "0s", "rate": "200/s"}, {"at": "40ms", "rate": "50/s"}]}
    )
    assert not len(thrown_out(simulate(burst)))


def test_slough_keeps_waits_at_twice_the_target() -> None:
    """In a lasting overload nobody is served who has waited 10 ms but the first of an interval."""
    trace = simulate(served(SLOUGH))
    late = waits(trace)[100:]
    assert np.mean(late > 0.010 + 1e-9) <= 1.1 / 10
    assert len(late) == pytest.approx(400, abs=10)
    assert all(law.holds for law in audit(trace))


@pytest.mark.parametrize("admit", [CODEL, SLOUGH])
def test_the_worker_is_never_idle_for_it(admit: str) -> None:
    """Twice the load: a hundred a second are answered all the same, and sooner than without."""
    trace, bare = simulate(served(admit)), simulate(served(""))
    ok = np.sum(trace.attempts["outcome"] == ATTEMPT_CODE[AttemptOutcome.OK])
    assert ok == pytest.approx(np.sum(bare.attempts["outcome"] == 0), abs=3)
    assert waits(trace)[-1] < 0.5 * waits(bare)[-1]


def test_who_is_thrown_out_is_told_when_to_come_again() -> None:
    """The answer is a 429 with its Retry-After, at the moment at which the worker was free."""
    told = served(CODEL.replace("}", ", retry_after: 2s}"))
    retry = {"max_retries": 1, "on": ["throttled"], "backoff": {"kind": "server"}}
    rows = simulate(told.with_({"calls.api.retry": retry})).attempts
    again = rows[rows["retry"] == 1]
    first = rows[(rows["retry"] == 0) & (rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.THROTTLED])]
    ends = dict(zip(first["request"], first["end"], strict=True))
    assert len(again)
    assert all(row["start"] == pytest.approx(ends[row["request"]] + 2.0) for row in again)
