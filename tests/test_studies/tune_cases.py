"""Two small storms whose runs take some milliseconds, and tunes over them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from test_studies.sweep_cases import SMALL, scenario

from simcb.scenario import Scenario
from simcb.studies.tune import TuneResult, tune

SLOW = SMALL.replace("name: small", "name: slow").replace(
    "{kind: refuse, on: store, at: 3s, for: 4s}",
    "{kind: latency, on: store, add: 400ms, at: 3s, for: 4s}",
)

SPACE = {"breaker.failure_threshold": "1..40@log", "breaker.recovery_timeout": "200ms..8s@log"}


def storms() -> list[Scenario]:
    """Return a storm of refusals and one of slow answers."""
    return [scenario(), scenario(SLOW)]


def tuned_with(**more: object) -> TuneResult:
    """Return a short tune over both storms in this process, with some arguments changed."""
    arguments: dict[str, object] = {
        "trials": 8,
        "batch": 4,
        "replicates": 5,
        "fresh": 3,
        "workers": 0,
        **more,
    }
    return tune(storms(), SPACE, **arguments)  # type: ignore[arg-type]


@cache
def tuned() -> TuneResult:
    """Return the short tune as it is."""
    return tuned_with()


def kept(out: Path, **more: object) -> TuneResult:
    """Return the same tune kept in a directory."""
    return tuned_with(out=out, **more)
