"""What formulas say of a breaker that several calls of a caller have together."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics.openings import state_intervals
from simcb.predictions import TOPICS, answer, findings, predict
from simcb.scenario import parse_scenario
from simcb.world import simulate

TEXT = """
name: grouped
duration: 200s
clients:
  shop:
    arrivals: {kind: poisson, rate: 80/s}
    calls:
      stock: {breaker: {group: suppliers, TRIP, recovery_timeout: 1s}}
      price: {share: 50%, breaker: {group: suppliers}}
services:
  stock: {workers: 40, work: {kind: exponential, mean: 50ms}, errors: 10%}
  price: {workers: 40, work: {kind: exponential, mean: 50ms}, errors: 30%}
"""
GROUP = "shop->suppliers"
RULES = [
    "failure_threshold: 3",
    "trip: {kind: failure_rate, rate: 40%, calls: 20}",
    "trip: {kind: failures_in_window, threshold: 5, window: 200ms}",
]


def test_it_hears_the_sum_of_its_calls_and_the_mix_of_their_failures() -> None:
    """One row for the group: 80 of one and, of those that are good, half as many of the other."""
    found = predict(parse_scenario(TEXT.replace("TRIP", RULES[0])))
    assert {each.subject for each in found.items} == {"stock", "price", GROUP}
    heard, trips = found.of("calls_heard")[0], found.of("false_trips")[0]
    assert heard.value == pytest.approx(80.0 + 36.0)
    assert dict(trips.numbers)["p"].value == pytest.approx((80.0 * 0.1 + 36.0 * 0.3) / 116.0)
    assert found.of("rejected_by_one", GROUP)[0].value == pytest.approx(116.0)
    assert not found.of("probes")


@pytest.mark.parametrize("rule", RULES)
def test_it_opens_by_chance_as_often_as_in_a_run(rule: str) -> None:
    """The mean time closed of a run is the formula's, give or take a third."""
    scenario = parse_scenario(TEXT.replace("TRIP", rule))
    (life,) = state_intervals(simulate(scenario, 1))
    closed = [each.end - each.start for each in life if each.state == "closed"]
    assert len(closed) > 20
    assert predict(scenario).of("false_trips")[0].value == pytest.approx(np.mean(closed), rel=0.35)


def test_what_is_left_out_of_it_is_said() -> None:
    """Faults and probes strike one of its calls, of which no formula knows the others."""
    found = predict(parse_scenario(TEXT.replace("TRIP", RULES[0])))
    assert findings(found)[0].startswith(f"what faults do to the breaker of {GROUP} is left out")
    for topic in TOPICS:
        said = answer(found, topic)
        rows = topic in ("threshold", "count-or-percentage", "false-trips", "timeout")
        assert bool(said.rows) == rows, topic
    assert GROUP in answer(found, "shared").sentences[0]
