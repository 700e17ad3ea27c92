"""Limits that shed and limits that wait come out as their write-ups tell."""

from __future__ import annotations

import numpy as np
import pytest
from test_catalogue.telling import told

FIFO = "playapi.queue={limit: 14, discipline: fifo}"
PLACES = "playapi.admit={kind: concurrency, limit: 14}"


def test_prefetch_backlog_leaves_prefetches_a_fifth_and_people_all() -> None:
    """Twelve times the prefetches: a fifth of them is answered, and 99.4% of the people (2024)."""
    shown = told("prefetch-backlog")
    assert shown.value("success", "fault", "people") >= 0.994
    assert shown.value("success", "fault", "prefetch") == pytest.approx(0.20, abs=0.02)
    assert shown.value("success", "healthy") == 1.0
    rows = shown.trace.requests
    asked = rows["arrival"][rows["group"] == shown.trace.layout.groups.index("prefetch")]
    during, before = np.sum((asked >= 60.0) & (asked < 150.0)) / 90.0, np.sum(asked < 60.0) / 60.0
    assert during / before == pytest.approx(12, abs=1.5)


@pytest.mark.parametrize("sets", [FIFO, PLACES])
def test_prefetch_backlog_without_priorities_treats_all_alike(sets: str) -> None:
    """A queue, or places before it, answer a quarter of both groups."""
    shown = told("prefetch-backlog", sets)
    shares = [shown.value("success", "fault", group) for group in ("people", "prefetch")]
    assert shares == pytest.approx([0.27, 0.27], abs=0.02)


def test_timid_limiter_makes_a_burst_wait_for_half_a_minute() -> None:
    """Ten places and one more a second: 30 s at p99, and nobody is turned away (2019)."""
    shown = told("timid-limiter")
    assert shown.value("p99") == pytest.approx(30.0, abs=1.5)
    assert shown.value("success") == 1.0
    work = shown.trace.attempts["freed"] - shown.trace.attempts["begin"]
    assert np.nanpercentile(work, 99) < 1.0


def test_timid_limiter_is_as_quick_as_its_first_limit() -> None:
    """Beginning at 64 cuts it to a third; without a limit of its own the storage copes."""
    assert told("timid-limiter", "bulkhead.limit.initial=64").value("p99") < 10.5
    assert told("timid-limiter", "bulkhead.max_concurrent=400").value("p99") < 1.0


def test_timid_limiter_that_begins_high_crashes_through_a_low_limit() -> None:
    """Where the storage refuses beyond 40, most of the burst fails; a ninth does from 10 on."""
    small = ("storage.queue={limit: 0}", "storage.workers=40")
    high = told("timid-limiter", "bulkhead.limit.initial=64", *small)
    low = told("timid-limiter", *small)
    assert high.value("success") < 0.45
    assert low.value("success") > 0.85
