"""Retry budgets: what they let through when everything fails, and when little does."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPT_CODE, AttemptOutcome
from simcb.world import simulate

ERROR = ATTEMPT_CODE[AttemptOutcome.ERROR]


def retried(
    budget: str, retry: str = "max_retries: 5", errors: str = "100%", arrivals: str = "100/s"
) -> Scenario:
    """Return callers who try again by a budget at a service of which so many answers fail."""
    return parse_scenario(
        f"""
name: retried
duration: 120s
clients:
  users:
    arrivals: {{kind: poisson, rate: {arrivals}}}
    calls: {{api: {{retry: {{{retry}, budget: {{{budget}}}}}}}}}
services: {{api: {{workers: 1000, work: 500ms, errors: {errors}}}}}
"""
    )


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_a_share_of_what_is_under_way_bounds_the_load(share: float) -> None:
    """Where everything fails, s of the attempts are retries: 1/(1 − s) for one request."""
    trace = simulate(retried(f"kind: concurrent, share: {share}, least: 0"))
    retries = trace.attempts["retry"] > 0
    assert float(np.mean(retries)) == pytest.approx(share, abs=0.01)


def test_at_no_moment_are_there_more_retries_than_allowed() -> None:
    """A retry is under way from its granting on, its wait included."""
    backoff = "max_retries: 5, backoff: {kind: fixed, delay: 250ms}"
    trace = simulate(retried("kind: concurrent, share: 0%, least: 7", retry=backoff))
    rows = trace.attempts[trace.attempts["retry"] > 0]
    begins = rows["start"] - 0.25
    ends = np.where(np.isnan(rows["end"]), trace.duration, rows["end"])
    moments = np.concatenate((begins, ends))
    steps = np.concatenate((np.ones(len(begins)), -np.ones(len(ends))))
    level = np.cumsum(steps[np.lexsort((steps, np.round(moments, 9)))])
    assert level.max() == 7


def test_failures_use_up_the_upper_half_of_the_tokens() -> None:
    """Ten tokens, each failure takes one: the first four may be retried, then none."""
    trace = simulate(retried("kind: failure_tokens, max: 10, earn: 0.1"))
    assert int(np.sum(trace.attempts["retry"] > 0)) == 4


@pytest.mark.parametrize(("errors", "all_retried"), [("8%", True), ("12%", False)])
def test_good_answers_pay_for_so_many_failures(errors: str, all_retried: bool) -> None:
    """Of failures up to e/(1 + e), 9.1 % for a tenth, all are retried; of more not."""
    trace = simulate(retried("kind: failure_tokens, max: 100, earn: 0.1", errors=errors))
    rows = trace.attempts
    failed = (rows["outcome"] == ERROR) & (rows["retry"] < 5)
    shares = np.sum(rows["retry"] > 0) / np.sum(failed)
    assert bool(shares > 0.99) is all_retried
