"""Servers that a check restarts though they are well, and those that an autoscaler takes away."""

from __future__ import annotations

import numpy as np
from test_catalogue.telling import Told, told


def answered(run: Told, minute: int) -> float:
    """Return the share of a minute's requests that were answered."""
    rows = run.trace.requests
    within = (rows["arrival"] >= 60.0 * minute) & (rows["arrival"] < 60.0 * (minute + 1))
    return float(np.mean(rows["outcome"][within] == 0))


def test_liveness_cascade_has_the_write_ups_minutes() -> None:
    """Latency at 14:23, restarts in the second minute after, and by 14:27 all are gone at once."""
    run = told("liveness-cascade")
    falls = run.trace.layout.crashes
    first, last = (pick(each.at for each in falls if each.at < 270.0) for pick in (min, max))
    assert 60.0 < first - 120.0 < 120.0
    assert last - 120.0 < 240.0
    gone = [sum(each.at <= at < each.until for each in falls) for at in range(480)]
    assert max(gone[:360]) == 5
    assert run.value("restarts", "whole", "api") == len(falls) == 10
    assert run.value("down", "fault", "api") > 0.3
    assert answered(run, 3) < 0.6


def test_without_the_check_everybody_waits_and_is_answered() -> None:
    """The servers were well all the time."""
    run = told("liveness-cascade", "api.liveness=null")
    assert run.value("success") == 1.0
    assert 1.5 < run.value("p50", "fault") < 1.6


def test_idle_looking_tier_is_taken_away_while_all_its_workers_are_held() -> None:
    """By processor time there are half of them in the end, of which none answers in time."""
    run = told("idle-looking-tier")
    course = [count for at, count, _ in run.trace.layout.services[1].scaled if at < 240.0]
    assert course == sorted(course, reverse=True)
    assert course[-1] <= 7 == course[0] / 2
    assert run.value("utilisation", "fault", "web") > 0.95
    assert answered(run, 2) < 0.05


def test_idle_looking_tier_grows_where_held_workers_count() -> None:
    """The write-up's other rule makes servers, and all are answered."""
    run = told("idle-looking-tier", "scale.measure=held")
    assert run.value("replicas", "fault", "web") > 20.0
    assert run.value("success", "fault") > 0.99
