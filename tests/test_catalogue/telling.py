"""Runs of shipped scenarios, changed as a reader of their comments would change them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simcb.metrics import Judgement, Measures, Verdict, audit, measure, verdict
from simcb.scenario import Scenario, read_scenario
from simcb.trace import Trace
from simcb.world import simulate


@dataclass(frozen=True)
class Told:
    """What happened in one run."""

    scenario: Scenario
    trace: Trace
    measures: Measures
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    def value(self, name: str, phase: str = "whole", of: str = "") -> float:
        """Return a metric that has to be defined."""
        value = self.measures.value(name, phase, of)
        assert value is not None, f"{name}{{{phase}}} of {self.scenario.name} is undefined"
        return value

    def latency(self, since: float, until: float) -> np.ndarray:
        """Return the seconds that requests of a stretch of time took."""
        rows = self.trace.requests
        within = (rows["arrival"] >= since) & (rows["arrival"] < until)
        return rows["end"][within] - rows["arrival"][within]

    def queued(self, service: int = 0) -> np.ndarray:
        """Return the length of a service's first queue in every sample."""
        samples = self.trace.samples
        return samples["queued"][samples["replica"] == service].astype(int)


@lru_cache(maxsize=24)
def told(name: str, *sets: str, breaker: bool = True, seed: int = 0) -> Told:
    """Run a shipped scenario, hold it against the laws of every run, and measure it.

    Args:
        name: of the scenario.
        sets: `path=value`, as after `--set`.
        breaker: False takes every breaker out.
        seed: of the run.
    """
    scenario = read_scenario(name, sets=sets)
    trace = simulate(scenario if breaker else scenario.without_breakers(), seed=seed)
    broken = [law for law in audit(trace) if not law.holds]
    assert not broken, f"{name} breaks laws: {broken}"
    measures = measure(trace)
    return Told(scenario, trace, measures, verdict(trace))
