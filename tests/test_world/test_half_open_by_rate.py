"""Half-open by rate in a run, against a small model that knows nothing of the breaker's code.

The model is resilience4j's rule in the plainest words: a window of the last calls, so many
probes in all, their rates when they have ended.
"""

from __future__ import annotations

import random
import statistics
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest

from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.studies import run_once
from simcb.trace import Trace
from simcb.world import simulate

SCENARIO = """
name: verdict
duration: {duration}s
clients:
  web:
    arrivals: {{kind: poisson, rate: 50/s}}
    calls:
      b:
        timeout: 1s
        breaker:
          trip: {trip}
          recovery: {{timeout: {wait}s}}
          half_open: {{probes: 10, verdict: 50%}}
services:
  b: {{workers: 50, work: {work}}}
faults:
  - {{kind: errors, on: b, rate: 100%, at: {at}s, for: {at}s, name: outage}}
  - {{kind: errors, on: b, rate: 30%, at: {rest}s, for: {rest_for}s, name: rest}}
"""
RATE = "{kind: failure_rate, rate: 50%, calls: 100, minimum_calls: 100}"
SLOW = "{kind: slow_call_rate, slow: 150ms, rate: 50%, calls: 100, minimum_calls: 100}"


def case(duration: int, wait: int, at: int, work: str = "20ms", trip: str = RATE) -> Scenario:
    """An outage, and then a service of which three answers in ten fail, nearly to the end."""
    rest = {"rest": 2 * at, "rest_for": duration - 3 * at}
    return parse_scenario(
        SCENARIO.format(duration=duration, wait=wait, at=at, work=work, trip=trip, **rest)
    )


@dataclass
class Rule:
    """Opens at half of the last hundred calls, closes by the rate of ten."""

    wait: float
    slow: float = float("inf")
    slow_rate: float = 1.0
    state: str = "closed"
    opened: float = 0.0
    period: int = 0
    let_through: int = 0
    window: deque[tuple[bool, bool]] = field(default_factory=lambda: deque(maxlen=100))
    counts: list[int] = field(default_factory=lambda: [0, 0])
    verdicts: list[str] = field(default_factory=list)

    def ask(self, now: float) -> int | None:
        """Whether a call is made: the period it belongs to, or None."""
        if self.state == "open" and now - self.opened >= self.wait:
            self.become("half-open", now, 10)
        if self.state == "open" or (self.state == "half-open" and self.let_through == 10):
            return None
        self.let_through += 1
        return self.period

    def end(self, now: float, period: int, failed: bool, took: float) -> None:
        """Counts the end of a call of this period, and looks once the window is full."""
        if period != self.period or self.state == "open":
            return
        if len(self.window) == self.window.maxlen:
            for column, old in enumerate(self.window[0]):
                self.counts[column] -= old
        entry = (failed, took >= self.slow)
        self.window.append(entry)
        for column, new in enumerate(entry):
            self.counts[column] += new
        calls = len(self.window)
        if calls < (self.window.maxlen or 0):
            return
        bad = self.counts[0] / calls >= 0.5 or self.counts[1] / calls >= self.slow_rate
        if self.state == "half-open":
            self.verdicts.append("open" if bad else "closed")
        if bad:
            self.become("open", now, 1)
        elif self.state == "half-open":
            self.become("closed", now, 100)

    def become(self, state: str, now: float, size: int) -> None:
        self.state, self.opened, self.let_through = state, now, 0
        self.period += 1
        self.window, self.counts = deque(maxlen=size), [0, 0]


def replayed(trace: Trace, rule: Rule) -> list[str]:
    """Gives the model the calls of a run, demands its decisions, and returns its verdicts."""
    attempts = trace.attempts
    ok, rejected = (ATTEMPT_CODE[each] for each in (AttemptOutcome.OK, AttemptOutcome.REJECTED))
    assert len(np.unique(attempts["start"])) == len(attempts), "ties would have no order"
    began = [(start, 1, row) for row, start in enumerate(attempts["start"].tolist())]
    ended = [(end, 0, row) for row, end in enumerate(attempts["end"].tolist()) if end == end]
    periods: dict[int, int] = {}
    for now, starts, row in sorted(began + ended):
        one = attempts[row]
        if starts:
            period = rule.ask(now)
            assert (period is None) == (one["outcome"] == rejected), now
            if period is not None:
                periods[row] = period
        elif row in periods:
            rule.end(now, periods[row], one["outcome"] != ok, now - one["start"])
    return rule.verdicts


@pytest.mark.parametrize("seed", range(3))
def test_every_call_of_a_run_is_let_through_or_not_as_the_rule_has_it(seed: int) -> None:
    """Ten probes decide, again and again; four failures of them close it and five do not."""
    trace = simulate(case(240, wait=3, at=20), seed=seed)
    verdicts = replayed(trace, Rule(wait=3.0))
    assert verdicts.count("open") >= 4
    assert verdicts[-1] == "closed"


def test_slow_probes_are_judged_by_the_rate_of_their_rule() -> None:
    """Probes overlap, fail and are slow; each of both rates can open it."""
    work = "{kind: exponential, mean: 180ms}"
    trace = simulate(case(120, wait=1, at=10, work=work, trip=f"[{RATE}, {SLOW}]"), seed=1)
    verdicts = replayed(trace, Rule(wait=1.0, slow=0.15, slow_rate=0.5))
    assert verdicts.count("open") > 10
    assert verdicts.count("closed") > 3


def goodput_of_the_rule(seed: int) -> float:
    """The case of twenty minutes by the model alone, with luck of its own."""
    draw, rule, now, ok = random.Random(seed), Rule(wait=60.0), 0.0, 0
    ends: deque[tuple[float, int, bool]] = deque()
    while (now := now + draw.expovariate(50.0)) < 1200.0:
        while ends and ends[0][0] <= now:
            rule.end(*ends.popleft(), took=0.02)
        period = rule.ask(now)
        if period is not None:
            share = 1.0 if 60.0 <= now < 120.0 else 0.3 if 120.0 <= now < 1140.0 else 0.0
            failed = draw.random() < share
            ends.append((now + 0.02, period, failed))
            ok += not failed
    return ok / 1200.0


@pytest.mark.slow
def test_a_run_of_twenty_minutes_has_the_goodput_of_the_rule() -> None:
    """Twelve runs and forty of the model, each with luck of its own: no difference to see."""
    scenario = case(1200, wait=60, at=60)
    runs = [run_once(scenario, 0, n).measures.value("goodput") for n in range(12)]
    model = [goodput_of_the_rule(seed) for seed in range(40)]
    error = (statistics.variance(runs) / 12 + statistics.variance(model) / 40) ** 0.5
    assert abs(statistics.mean(runs) - statistics.mean(model)) < 3.0 * error
    assert error < 0.5
    assert statistics.mean(model) == pytest.approx(33.9, abs=0.6)
