"""Consumers of a queue before a mail server that is down: what pausing saves, by arithmetic."""

from __future__ import annotations

import pytest
from test_catalogue.telling import told

NO_PAUSE = "arrivals.pause_when=null"
NO_REDELIVERY = "arrivals.redeliver=null"
MORE = "changes=[{at: 15m, set: {arrivals.consumers: 20}}]"
PRODUCED = 5 * 600
"""Messages in the ten minutes that the server is down."""


def test_with_pause_all_are_done_and_the_queue_drains_as_computed() -> None:
    """3,000 lag at the end, worked off at 5 / 0.4 - 5 = 7.5 a second."""
    run = told("queue-consumers")
    assert run.value("success") == 1.0
    assert run.value("lag") == pytest.approx(PRODUCED, rel=0.05)
    drain = run.value("lag_at_end", "fault") / (5 / 0.4 - 5)
    assert run.value("time_to_catch_up") == pytest.approx(drain, rel=0.05)
    assert run.value("p99") < 605


def test_without_pause_the_breaker_burns_the_queue() -> None:
    """Nothing of the ten minutes is done: each message fails at once, and nothing waits."""
    run = told("queue-consumers", NO_PAUSE, NO_REDELIVERY)
    assert run.value("success", "fault") == 0.0
    assert run.value("lag", "fault") < 30
    assert run.value("rejected", "fault") > 0.95


def test_redelivery_saves_what_comes_in_the_last_two_minutes() -> None:
    """Five deliveries 30 s apart reach two minutes, of ten."""
    run = told("queue-consumers", NO_PAUSE)
    assert run.value("success", "fault") == pytest.approx(0.2, abs=0.03)


def test_more_consumers_are_through_sooner() -> None:
    """20 / 0.4 - 5 = 45 a second instead of 7.5, from the server's return on."""
    run = told("queue-consumers", MORE)
    drain = run.value("lag_at_end", "fault") / (20 / 0.4 - 5)
    assert run.value("time_to_catch_up") == pytest.approx(drain, rel=0.1)
