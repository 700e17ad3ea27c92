"""How large a study of many runs may be, and how long its runs take."""

from __future__ import annotations

import time

from simcb.scenario import Scenario, ScenarioError
from simcb.studies import Clients, run_once
from simcb.studies.limits import estimate_size

MOST_CELLS = 100_000
"""Runs of a sweep, beyond which it has to be allowed explicitly."""

MOST_REQUESTS = 2_000_000_000
"""Requests of all runs of a sweep together, beyond which it has to be allowed explicitly."""

SAMPLE_REQUESTS = 5_000
"""Requests of the piece that is run: a fraction of a second's work."""

WORKER_MEGABYTES = 110.0
"""Memory of a worker before it has run anything: the interpreter and the libraries."""


def pace(scenario: Scenario, seed: int, clients: Clients | None = None) -> float:
    """Return how many seconds a request of a scenario takes, as its beginning does."""
    requests = estimate_size(scenario).requests
    sample = _shortened(scenario, min(1.0, SAMPLE_REQUESTS / max(requests, 1.0)))
    begin = time.perf_counter()
    run_once(sample, seed, 0, clients=clients)
    return (time.perf_counter() - begin) / max(estimate_size(sample).requests, 1.0)


def _shortened(scenario: Scenario, share: float) -> Scenario:
    """Return the scenario for a part of its time, or whole where that cannot be."""
    try:
        return scenario.with_({"duration": f"{max(scenario.duration * share, 1e-3)!r}s"})
    except ScenarioError:
        return scenario
