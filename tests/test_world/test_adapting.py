"""Limits that adapt themselves: their closed forms at a service, and at a caller's bulkhead."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from simcb.metrics import audit
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Trace
from simcb.world import simulate


def overloaded(
    limit: str,
    rate: int = 200,
    workers: int = 4,
    duration: int = 40,
    call: str = "",
    more: str = "",
) -> Scenario:
    """Return workers of 100 ms each that are asked for more than they can do."""
    admit = f"admit: {{kind: adaptive, limit: {limit}}}, " if limit else ""
    return parse_scenario(
        f"""
name: overloaded
duration: {duration}s
sample_every: 50ms
clients:
  users: {{arrivals: {{kind: constant, rate: {rate}/s}}, calls: {{api: {{{call}}}}}}}
services:
  api: {{{admit}workers: {workers}, work: 100ms{more}}}
"""
    )


def inside(trace: Trace) -> np.ndarray:
    """Return how many were in the only replica at each sample."""
    return trace.samples["queued"] + trace.samples["busy"]


SAWTOOTH = "{kind: aimd, initial: 4, target: 310ms, backoff: 50%}"


def test_a_sawtooth_goes_from_its_target_to_its_backoff() -> None:
    """Where all places are taken an answer takes L·w/c, so L climbs to the first above target·c/w.

    That is 13, its half 6, and a tooth is seven windows up and one down; meanwhile all workers
    have work, so the rest is turned away.
    """
    trace = simulate(overloaded(SAWTOOTH))
    there = inside(trace)[trace.samples["at"] > 12.0]
    assert (there.min(), there.max()) == (6, 13)
    starts = trace.samples["at"][1:][(np.diff(inside(trace)) < 0) & (inside(trace)[:-1] == 13)]
    first_of_each = starts[np.diff(starts, prepend=0.0) > 2.0]
    assert np.diff(first_of_each) == pytest.approx(8.0, abs=0.3)
    served = np.sum(trace.attempts["outcome"] == ATTEMPT_CODE[AttemptOutcome.OK])
    assert served == pytest.approx(40 * 40, rel=0.01)
    assert all(law.holds for law in audit(trace))


def test_a_limit_that_begins_low_climbs_by_one_a_window() -> None:
    """Workers enough for all, and a limit of 2: after k windows it is 2 + k, and no faster."""
    trace = simulate(overloaded("{kind: aimd, initial: 2}", workers=100, duration=15))
    at, there = trace.samples["at"], inside(trace)
    for second in range(2, 15):
        assert there[at < second].max() <= 2 + second
        assert there[at < second + 1.2].max() >= min(20, 2 + second - 1)


def test_a_gradient_of_one_climbs_by_a_part_of_its_headroom() -> None:
    """Where answers take as long as ever, each window adds smoothing · headroom: 10 · 0.2 = 2."""
    limit = "{kind: gradient, initial: 10, headroom: 10, smoothing: 20%}"
    trace = simulate(overloaded(limit, rate=2000, workers=200, duration=12))
    at, there = trace.samples["at"], inside(trace)
    steps = [int(there[(at > k + 0.5) & (at < k + 0.9)].max()) for k in range(1, 12)]
    assert np.diff(steps) == pytest.approx(2, abs=1)
    assert steps[-1] - steps[0] == pytest.approx(20, abs=1)


def test_a_gradient_settles_where_its_law_says() -> None:
    """One worker: g = (1 + b) w / L w, so that L goes to x + √x with x = 1 + b."""
    limit = "{kind: min_rtt, least: 1, buffer: 9, probes: 10, every: 1h, window: 5s}"
    trace = simulate(overloaded(limit, workers=1, duration=90))
    x = 1.0 + 9.0
    there = inside(trace)[trace.samples["at"] > 60.0]
    assert set(there) <= {int(x + sqrt(x)) - 1, int(x + sqrt(x))}
    assert inside(trace)[trace.samples["at"] < 0.9].max() == 1


def test_a_measurement_lets_few_in_until_it_is_done() -> None:
    """Ten answers of 100 ms through three places take 400 ms, once in a second and a bit."""
    limit = "{kind: min_rtt, probes: 10, every: 1s}"
    trace = simulate(overloaded(limit, rate=400, workers=8, duration=20))
    few = np.mean(inside(trace)[trace.samples["at"] > 2.0] <= 3)
    assert few == pytest.approx(0.4 / (1.0 + 0.5), abs=0.12)


def test_a_callers_limit_learns_from_what_it_hears() -> None:
    """Refused attempts shrink it to what the service takes; the rest is shed where it is made."""
    call = "bulkhead: {limit: {kind: aimd, initial: 100, backoff: 50%, window: 100ms}}"
    quick = overloaded("", call=call, more=", queue: {limit: 4}")
    rows = simulate(quick).attempts
    late = rows[rows["start"] > 20.0]
    refused = np.mean(late["outcome"] == ATTEMPT_CODE[AttemptOutcome.REFUSED])
    shed = np.mean(late["outcome"] == ATTEMPT_CODE[AttemptOutcome.SHED])
    assert refused < 0.1
    assert refused + shed == pytest.approx(0.8, abs=0.01)


def test_those_who_wait_get_every_place_that_a_limit_makes() -> None:
    """A queue of callers is let out as the limit grows, not one for one that ends."""
    call = "bulkhead: {limit: {kind: aimd, initial: 1, window: 0s, samples: 1}, max_wait: 1h}"
    burst = overloaded("", rate=1, workers=100, duration=60, call=call)
    crowd = burst.with_({"arrivals.rate": "100/s", "duration": "5s"})
    rows = simulate(crowd).attempts
    begun = np.sort(rows["begin"][~np.isnan(rows["begin"])])
    # One for the first answer, two for the second, … doubles in each round of 100 ms.
    rounds = [int(np.sum((begun > 0.1 * k - 0.05) & (begun < 0.1 * k + 0.05))) for k in range(1, 4)]
    assert rounds == [2, 4, 8]


@pytest.mark.parametrize("words", ["aimd, initial: 5", "gradient, initial: 5", "min_rtt"])
def test_a_limit_that_cannot_move_is_a_limit(words: str) -> None:
    """With least = most it is a plain number, at a service of two replicas and in a bulkhead."""
    limit = f"{{kind: {words}, least: 5, most: 5}}"
    moving = overloaded(limit, call=f"bulkhead: {{limit: {limit}, max_wait: 20ms}}", duration=10)
    plain = moving.with_(
        {"admit": {"kind": "concurrency", "limit": 5}, "bulkhead.max_concurrent": 5}
    )
    for scenario in (moving, plain):
        assert (scenario.clients["users"].calls["api"].bulkhead.limit is None) is (
            scenario is plain
        )
    one, other = (simulate(each.with_({"replicas": 2})) for each in (moving, plain))
    for word in ("start", "begin", "end", "outcome"):
        assert np.array_equal(one.attempts[word], other.attempts[word], equal_nan=True)
