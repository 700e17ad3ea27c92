"""Which replica an attempt goes to beside what its breakers say: panic, slow start, elsewhere."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from test_world.test_agreement import assert_agreement

from simcb.metrics.warnings import no_effect_warnings
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.variants import with_preset
from simcb.trace import STATE_CODE
from simcb.world import simulate

REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]

TEXT = """
name: chosen
duration: 60s
clients:
  web:
    arrivals: {kind: constant, rate: 40/s}
    calls:
      app:
        timeout: 500ms
        RETRY
        breaker: {per_replica: true, half_open: none, recovery_timeout: 10s, WORDS}
services:
  app: {replicas: 4, workers: 20, work: 10ms}
faults:
  - {kind: errors, on: app, rate: 100%, at: 5s, for: 12s, replicas: DOWN}
"""


def scenario(words: str, down: str = "[0, 1, 2]", retry: str = "") -> Scenario:
    """Return the scenario with words in its breaker and its retries."""
    text = TEXT.replace("WORDS", words).replace("DOWN", down).replace("RETRY", retry)
    return parse_scenario(text)


@pytest.mark.parametrize(("panic", "all_asked"), [("25%", False), ("26%", True), ("50%", True)])
def test_when_too_few_replicas_are_not_open_all_are_asked(panic: str, all_asked: bool) -> None:
    """One of four is a quarter, which is not fewer; past open breakers no breaker is named."""
    found = scenario(f"panic: {panic}").with_({"duration": "20s"})
    rows = simulate(found, 1).attempts
    during = rows[(rows["start"] > 7.0) & (rows["start"] < 15.0)]
    sent_to = np.bincount(during["replica"], minlength=4)
    if all_asked:
        assert sent_to.max() - sent_to.min() <= 1
        assert ((during["breaker"] < 0) == (during["replica"] < 3)).all()
    else:
        assert list(np.flatnonzero(sent_to)) == [3]
    assert not (rows["outcome"] == REJECTED).any()
    assert_agreement(found, 1)


def test_a_replica_that_is_back_gets_a_growing_share_of_its_turns() -> None:
    """It has the weight s = t / T beside three of weight 1, so of λ calls s / (3 + s) λ."""
    found = scenario("slow_start: 20s", down="[0]")
    rows = simulate(found, 1).attempts
    changes = simulate(found, 1).transitions
    back = float(changes["at"][changes["after"] == 0][-1])
    mine = rows["start"][(rows["replica"] == 0) & (rows["start"] >= back)] - back
    for age in (5.0, 10.0, 15.0, 20.0):
        share = age / 20.0
        due = 40.0 * 20.0 * (share - 3.0 * math.log1p(share / 3.0))
        assert abs(int((mine < age).sum()) - due) <= 2.0
    assert abs(int(((mine >= 20.0) & (mine < 28.0)).sum()) - 80) <= 2
    assert_agreement(found, 1)


def test_a_replica_in_its_slow_start_is_asked_where_no_other_admits() -> None:
    """It is better than none."""
    found = scenario("slow_start: 30s", down="[0, 1, 2, 3]")
    trace = simulate(found, 1)
    back = float(trace.transitions["at"][trace.transitions["after"] == 0].max())
    late = trace.attempts[trace.attempts["start"] > back]
    assert not (late["outcome"] == REJECTED).any()
    assert_agreement(found, 1)


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("balance", ["round_robin", "random", "least_busy"])
def test_retries_go_to_a_replica_not_asked_yet(guarded: bool, balance: str) -> None:
    """All four are asked before any is asked again, and none twice in a row."""
    found = scenario("failure_threshold: 1000000", retry="retry: {max_retries: 5, elsewhere: true}")
    found = found.with_({"app.balance": balance, "duration": "12s"})
    found = found if guarded else found.without_breakers()
    rows = simulate(found, 2).attempts
    assert (rows["retry"] == 3).any()
    for request in np.unique(rows["request"][rows["retry"] == 2]):
        tries = rows["replica"][rows["request"] == request].tolist()
        assert len({*tries[:4]}) == len(tries[:4])
        assert all(one != other for one, other in pairwise(tries))
    assert (rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.OK])[rows["retry"] == 3].all()
    assert_agreement(found, 2)


def test_callers_who_share_breakers_share_the_turns_of_who_is_back() -> None:
    """Three processes with one breaker a replica let it begin as slowly as one does."""
    found = parse_scenario(
        """
        name: shared
        duration: 8s
        clients:
          apps:
            arrivals: {kind: poisson, rate: 9/s}
            instances: 3
            calls:
              api:
                timeout: 50ms
                breaker:
                  {trip: {kind: consecutive_failures, threshold: 1}, recovery_timeout: 100ms,
                   per_replica: true, shared: true, slow_start: 3s}
        services:
          api: {replicas: 3, workers: 1, errors: 50%, work: {kind: exponential, mean: 30ms}}
        """
    )
    trace = simulate(found)
    assert (trace.transitions["after"] == STATE_CODE["closed"]).sum() > 5
    assert_agreement(found)


@pytest.mark.parametrize("word", ["panic: 50%", "slow_start: 30s"])
def test_they_are_refused_without_breakers_of_replicas(word: str) -> None:
    """There would be nothing that they are about."""
    with pytest.raises(ScenarioError, match="per_replica: true"):
        parse_scenario(
            TEXT.replace("WORDS", word)
            .replace("DOWN", "[0]")
            .replace("RETRY", "")
            .replace("per_replica: true, ", "")
        )


def test_a_librarys_defaults_leave_alone_what_is_done_about_replicas() -> None:
    """Which of them may be open, and what follows, is the caller's and not the breaker's."""
    found = with_preset(scenario("max_open: 50%, panic: 30%, slow_start: 30s"), "gobreaker")
    breaker = found.scenario.clients["web"].calls["app"].breaker
    assert breaker is not None
    assert (breaker.max_open, breaker.panic, breaker.slow_start) == (0.5, 0.3, 30.0)
    assert breaker.rules()[0].threshold == 6  # type: ignore[union-attr]


def test_a_panic_that_cannot_be_and_a_lone_replica_are_told() -> None:
    """With their places; where they can be, nothing is said."""

    def warned(found: Scenario) -> str:
        return " ".join(map(str, no_effect_warnings(found)))

    assert "panic" in warned(scenario("max_open: 25%, panic: 50%"))
    assert "panic" not in warned(scenario("max_open: 75%, panic: 50%"))
    retry = "retry: {max_retries: 2, elsewhere: true}"
    assert "elsewhere" not in warned(scenario("max_open: 75%", retry=retry))
    lone = scenario("max_open: 75%", down="[0]", retry=retry).with_({"app.replicas": 1})
    assert "elsewhere" in warned(lone)
