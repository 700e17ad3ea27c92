"""How long a sweep will take, from a short piece of it that is run to find out."""

from __future__ import annotations

import time
from dataclasses import dataclass

from simcb.scenario import Scenario, ScenarioError
from simcb.studies import run_once
from simcb.studies.limits import estimate_size
from simcb.studies.sweep.backends import usable_cores
from simcb.studies.sweep.plan import applied, changes_of
from simcb.studies.sweep.planning import Plan, SweepSize, measure_plan

SAMPLE_REQUESTS = 5_000
"""Requests of the piece that is run: a fraction of a second's work."""

WORKER_MEGABYTES = 110.0
"""Memory of a worker before it has run anything: the interpreter and the libraries."""


@dataclass(frozen=True)
class TimeEstimate:
    """How much a sweep will be.

    Args:
        size: settings, runs, requests and memory.
        seconds: how long it takes on so many workers.
        workers: how many there are.
    """

    size: SweepSize
    seconds: float
    workers: int


def estimate_time(plan: Plan, workers: int | None = None) -> TimeEstimate:
    """Run the beginning of a middle setting, and estimate from it how long all of them take.

    What comes later in the scenario, its faults and their retries, may cost more by the request
    than its beginning, so the estimate is rough.

    Raises:
        StudyError: the scenario refuses a setting.
    """
    _, size = measure_plan(plan)
    middle = plan.settings[len(plan.settings) // 2]
    variant = applied(plan.scenario, changes_of(plan.axes, middle))
    concurrency = max(1, usable_cores() if workers is None else workers)
    return TimeEstimate(size, pace(variant, plan.seed) * size.requests / concurrency, concurrency)


def pace(scenario: Scenario, seed: int) -> float:
    """Return how many seconds a request of a scenario takes, as its beginning does."""
    requests = estimate_size(scenario).requests
    sample = _shortened(scenario, min(1.0, SAMPLE_REQUESTS / max(requests, 1.0)))
    begin = time.perf_counter()
    run_once(sample, seed, 0)
    return (time.perf_counter() - begin) / max(estimate_size(sample).requests, 1.0)


def _shortened(scenario: Scenario, share: float) -> Scenario:
    """Return the scenario for a part of its time, or whole where that cannot be."""
    try:
        return scenario.with_({"duration": f"{max(scenario.duration * share, 1e-3)!r}s"})
    except ScenarioError:
        return scenario
