"""Simulators that are set beside each other do the same, and the README has their table."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from benchmarks.simulators import (
    SIMULATORS,
    Cost,
    cost_here,
    heap_queue,
    simcb_queue,
    simcb_storm,
    simpy_queue,
    simpy_storm,
)


def test_all_queues_are_the_same_queue() -> None:
    """Each has as many requests, and the mean time of M/M/1: 50 ms, but for chance."""
    for run in (heap_queue, simpy_queue, simcb_queue):
        ran = run(10_000)
        assert abs(ran.requests - 10_000) < 4 * math.sqrt(10_000)
        # The mean of so many has a standard error of 4 ms: they depend on each other.
        assert ran.mean == pytest.approx(0.05, abs=0.016)


def test_both_storms_have_the_same_requests() -> None:
    """The textbook model is run on the same words."""
    assert simpy_storm(500).requests == simcb_storm(500).requests


def test_one_story_of_one_simulator_is_measured() -> None:
    """What a fresh interpreter reports is a cost a request."""
    found = cost_here("a loop over a heap", "queue", 2000)
    assert 0.0 < found.microseconds < 1000.0
    assert Cost(2.0, 1000, 0.1).microseconds == 2000.0


def test_the_readme_has_a_line_for_each() -> None:
    """The table in the README is of the simulators that the script knows."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    for each in SIMULATORS:
        assert f"| {each.name.partition(',')[0]}" in text
