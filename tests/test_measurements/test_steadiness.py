"""A minute that stands out in a log is told, chance and few requests are not."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.measurements.steadiness import sentence
from simcb.measurements.values import Requests


def requests(seed: int, minutes: int = 10, rate: float = 10.0) -> Requests:
    """Return exponential times of 100 ms, 1 % failures; no minute differs from another."""
    return changed(seed, minutes, rate, slower=0.0, failing=0.01)


def changed(
    seed: int, minutes: int = 10, rate: float = 10.0, *, slower: float, failing: float
) -> Requests:
    """Return the same with a fifth minute of its own."""
    chance, found = np.random.default_rng(seed), Requests()
    for begin in np.arange(0.0, minutes * 60.0, 1.0 / rate):
        own = 240.0 <= begin < 300.0
        failed = chance.random() < (failing if own else 0.01)
        found.add(begin, chance.exponential(0.1) + (slower if own else 0.0), bool(failed))
    return found


@pytest.mark.parametrize(
    ("slower", "failing", "words"),
    [(0.0, 0.2, "of its requests failed, of all others 1."), (0.5, 0.01, "its median is 0.5")],
)
def test_a_bad_minute_is_told(slower: float, failing: float, words: str) -> None:
    (warning,) = changed(1, slower=slower, failing=failing).measured().warnings
    assert "the minute from 0:04:00 after the first request on stands out" in warning
    assert words in warning
    assert "write what happened then as a fault" in warning


def test_chance_is_not_told() -> None:
    """Six standard deviations of a minute never come of it."""
    assert [requests(seed).measured().warnings for seed in range(20)] == [()] * 20


def test_few_requests_or_minutes_tell_nothing() -> None:
    """A minute of fewer than 50 requests, two minutes in all, and moments that are unknown."""
    assert changed(1, rate=0.5, slower=1.0, failing=0.9).measured().warnings == ()
    assert requests(1, minutes=2).measured().warnings == ()
    unknown = np.full(3, np.nan)
    assert sentence(unknown, unknown, np.zeros(3, np.int8)) == ""
