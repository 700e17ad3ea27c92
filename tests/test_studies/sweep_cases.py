"""A scenario whose runs take some milliseconds, and sweeps over it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from simcb.scenario import Scenario, parse_scenario
from simcb.studies.sweep import SweepResult, sweep

SMALL = """
name: small
duration: 12s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      store:
        timeout: 500ms
        breaker: {failure_threshold: 3, recovery_timeout: 2s}
services:
  store: {workers: 8, work: {kind: exponential, mean: 20ms}}
faults:
  - {kind: refuse, on: store, at: 3s, for: 4s}
thresholds:
  - success >= 60%
"""

OVER = {"breaker.failure_threshold": [1, 3, 30], "breaker.recovery_timeout": ["1s", "2s", "8s"]}


@cache
def scenario(text: str = SMALL) -> Scenario:
    """Return the scenario of a text."""
    return parse_scenario(text)


@cache
def swept() -> SweepResult:
    """Return a sweep of nine settings and four replicates, kept in memory."""
    return sweep(scenario(), OVER, replicates=4, workers=0)


def kept(out: Path, *, resume: bool = False, **more: object) -> SweepResult:
    """Return the same sweep kept in a directory."""
    return sweep(  # type: ignore[arg-type]
        scenario(), OVER, replicates=4, workers=0, out=out, resume=resume, **more
    )


def after(calls: int) -> Callable[[], bool]:
    """Return a wish to stop that comes after it has been asked for so often."""
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > calls

    return stop
