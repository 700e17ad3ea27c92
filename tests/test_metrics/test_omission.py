"""Closed groups whose percentiles hide that everybody waited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_metrics.building import TraceBuilder

from simcb.metrics import hidden_stalls, measure
from simcb.trace import Trace


def closed(latency: Callable[[float], float | None], users: int | None = 10) -> Trace:
    """Ten users who ask a second after each answer, for ten minutes with a fault at 300 s."""
    build = TraceBuilder(600.0, faults=[("x", 300.0, 330.0)])
    if users is not None:
        build.layout = replace(build.layout, users=(users,))
    for user in range(10):
        at = user / 10
        while at < 600.0:
            took = latency(at)
            if took is not None and at + took > 600.0:
                took = None
            build.request(at, took)
            if took is None:
                break
            at += took + 1.0
    return build.trace()


def stalled(at: float) -> float:
    """Return 0.1 s, and for whoever asks during the fault the rest of it too."""
    return 0.1 + (330.0 - at if 300.0 <= at < 330.0 else 0.0)


def test_a_stall_that_no_percentile_shows_is_told() -> None:
    """Everybody waits for 5 % of the time, in ten of five thousand requests.

    With requests at the usual pace one in a hundred would wait for at least 24 of the 30 s.
    """
    trace = closed(stalled)
    assert measure(trace).value("p99") == pytest.approx(0.1)
    (sentence,) = hidden_stalls(trace)
    assert sentence.startswith("`shop` asks for nothing while it waits, up to 30")
    assert "its p99 is 0.1 s, and 2" in sentence
    assert float(sentence.partition("its p99 is 0.1 s, and ")[2].partition(" s")[0]) > 22.0
    assert "rate: 9.1/s" in sentence


def test_users_who_wait_for_ever_are_told() -> None:
    """Half of the time nobody is answered, and no finished request shows it."""
    (sentence,) = hidden_stalls(closed(lambda at: None if at >= 300.0 else 0.1))
    assert "up to 299.9 s, and that hides a stall: its p99 is 0.1 s" in sentence


def test_without_a_stall_nothing_is_told() -> None:
    """Fast answers, slow answers that are usual, and one slow answer in a hundred hide nothing."""
    assert hidden_stalls(closed(lambda at: 0.1)) == ()
    assert hidden_stalls(closed(lambda at: 5.0)) == ()
    assert hidden_stalls(closed(lambda at: 1.5 if int(at * 10) % 100 == 0 else 0.1)) == ()


def test_users_who_arrive_whatever_happens_hide_nothing() -> None:
    """In an open group as many ask during a stall as before."""
    assert hidden_stalls(closed(stalled, users=None)) == ()
