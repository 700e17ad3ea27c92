"""What is said of a service's limit is what a run shows."""

from __future__ import annotations

import pytest

from simcb.metrics import measure
from simcb.predictions import answer, predict
from simcb.predictions.admission import held_back, limited_services
from simcb.scenario import Scenario, parse_scenario
from simcb.world import simulate


def limited(admit: str, call: str = "", kind: str = "poisson", duration: int = 200) -> Scenario:
    """Return eight workers of 100 ms that are asked a hundred times a second."""
    return parse_scenario(
        f"""
name: limited
duration: {duration}s
clients: {{users: {{arrivals: {{kind: {kind}, rate: 100/s}}, calls: {{api: {{{call}}}}}}}}}
services: {{api: {{admit: {admit}, workers: 8, work: {{kind: exponential, mean: 100ms}}}}}}
"""
    )


AGAIN = "retry: {max_retries: %d, on: [throttled], backoff: {kind: server}}"
SPREAD = AGAIN.replace("{kind: server}", "{kind: fixed, delay: 1s}, jitter: full")


@pytest.mark.parametrize(
    ("admit", "within"),
    [
        ("{kind: rate, rate: 60/s, burst: 1}", 0.01),
        ("{kind: rate, rate: 60/s}", 0.01),
        ("{kind: concurrency, limit: 8}", 0.01),
        ("{kind: concurrency, limit: 14}", 0.01),
    ],
)
def test_a_limit_turns_away_as_much_as_said(admit: str, within: float) -> None:
    """Bucket, places and places with a queue: the share of attempts that end as throttled."""
    scenario = limited(admit)
    (said,) = predict(scenario).of("throttled", "api")
    assert said.value == pytest.approx(measure(simulate(scenario)).value("throttled"), abs=within)


@pytest.mark.parametrize(
    "admit",
    [
        "{kind: codel}",
        "{kind: slough}",
        "{kind: adaptive, limit: {kind: aimd, initial: 9, target: 200ms}}",
    ],
)
def test_what_adapts_turns_away_at_least_what_workers_cannot_do(admit: str) -> None:
    """The bound 1 − c/λS holds, and is not far off where workers always have work."""
    scenario = limited(admit)
    (said,) = predict(scenario).of("throttled", "api")
    assert said.value == pytest.approx(0.2)
    seen = measure(simulate(scenario)).value("throttled")
    assert said.value - 0.01 <= seen <= said.value + 0.08


@pytest.mark.parametrize("retries", [1, 3])
@pytest.mark.parametrize(("call", "within"), [(SPREAD, 0.03), (AGAIN, 0.2)])
def test_asking_again_costs_as_many_attempts_as_said(
    call: str, within: float, retries: int
) -> None:
    """Each that is turned away comes again: more attempts, as many let in, as many given up.

    Those who all wait for the same time come back in the heaps in which they were turned away, so
    that more of the tokens go to those who come for the first time, and fewer ask again.
    """
    admit = "{kind: rate, rate: 60/s, retry_after: 1s}"
    scenario = limited(admit, call % retries, duration=150)
    (each,) = limited_services(predict(scenario).traffic)
    seen = measure(simulate(scenario))
    assert each.made == pytest.approx(seen.value("attempt_rate"), rel=within)
    assert each.throttled == pytest.approx(seen.value("throttled"), abs=within)
    assert 1.0 - each.gives_up == pytest.approx(seen.value("success"), abs=0.03)
    assert each.let_in == pytest.approx(60.0, rel=0.01)
    # A wait of one second before each try but the first.
    assert held_back(each) == pytest.approx(each.made / each.offered - 1.0)
    (said,) = predict(scenario).of("throttled", "api")
    assert "asking again makes" in said.remark


def test_the_question_is_answered_with_and_without_limits() -> None:
    """What is let in, what is given up, how long a 429 holds; or that nobody is turned away."""
    tight = answer(
        predict(limited("{kind: rate, rate: 60/s, retry_after: 5s}", AGAIN % 1)), "limits"
    )
    assert "lets 60 of 100 attempts a second in" in tight.sentences[0]
    assert "costs" in tight.sentences[1]
    wide = answer(predict(limited("{kind: rate, rate: 200/s}")), "limits")
    assert wide.sentences == ("api turns nobody away on an ordinary day",)
    none = limited("{kind: rate, rate: 200/s}").with_({"admit": None})
    assert "no service has a limit" in answer(predict(none), "limits").sentences[0]
