"""Queues by priority: who waits how long, and who has to go when there is no room."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import audit, measure
from simcb.metrics.warnings import no_effect_warnings
from simcb.predictions.formulas import erlang_c
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Trace
from simcb.world import simulate

THROTTLED = ATTEMPT_CODE[AttemptOutcome.THROTTLED]


def ranked(queue: str = "{discipline: priority}", workers: int = 2, rate: int = 9) -> Scenario:
    """Return two groups alike but for their priority, and the service both of them need."""
    return parse_scenario(
        f"""
name: ranked
duration: 2000s
clients:
  people: {{arrivals: {{kind: poisson, rate: {rate}/s}}, priority: 5, calls: {{api: {{}}}}}}
  robots: {{arrivals: {{kind: poisson, rate: {rate}/s}}, calls: {{api: {{}}}}}}
services:
  api: {{workers: {workers}, queue: {queue}, work: {{kind: exponential, mean: 100ms}}}}
"""
    )


def of_group(trace: Trace, group: int) -> np.ndarray:
    """Return which attempts a group's requests have made."""
    found: np.ndarray = trace.requests["group"][trace.attempts["request"]] == group
    return found


def test_waits_are_those_of_a_queue_with_priorities() -> None:
    """W₁ = W₀/(1 − ρ₁) and W₂ = W₀/((1 − ρ₁)(1 − ρ)), of M/M/c (Cobham 1954)."""
    trace = simulate(ranked())
    waits = trace.attempts["begin"] - trace.attempts["arrive"]
    load, first = 0.9, 0.45
    behind = erlang_c(2, 1.8) / 20.0
    people, robots = (float(np.nanmean(waits[of_group(trace, group)])) for group in (0, 1))
    assert people == pytest.approx(behind / (1 - first), rel=0.05)
    assert robots == pytest.approx(behind / ((1 - first) * (1 - load)), rel=0.2)
    assert all(law.holds for law in audit(trace))


def test_the_lowest_priority_is_throttled_first() -> None:
    """In an overload by the robots people lose next to nothing; without priorities they do."""
    crowded = ranked("{limit: 6, discipline: priority}").with_({"robots.arrivals.rate": "40/s"})
    crowded = crowded.with_({"duration": "300s"})
    trace = simulate(crowded)
    assert all(law.holds for law in audit(trace))
    lost = trace.attempts["outcome"] == THROTTLED
    people, robots = (float(np.mean(lost[of_group(trace, group)])) for group in (0, 1))
    assert people < 0.01
    assert robots > 0.6
    assert (trace.attempts["freed"][lost] > trace.attempts["arrive"][lost]).any()
    alike = measure(simulate(crowded.with_({"queue.discipline": "fifo"})))
    assert alike.value("success", of="people") == pytest.approx(20 / 49, abs=0.02)


def test_priorities_that_change_nothing_are_told() -> None:
    """A priority without a queue that goes by it, and a queue for priorities all alike."""
    assert no_effect_warnings(ranked()) == ()
    (unused,) = no_effect_warnings(ranked("{discipline: fifo}"))
    assert "`priority` of `people` changes nothing" in unused
    (alike,) = no_effect_warnings(ranked().with_({"people.priority": 0}))
    assert "the queue of `api` goes by priority" in alike
