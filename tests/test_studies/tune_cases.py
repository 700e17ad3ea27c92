"""Two small scenarios whose runs take some milliseconds, and tunes over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from test_studies.sweep_cases import SMALL, job_of, scenario

from simcb.options import Over, TuneOptions
from simcb.scenario import Scenario
from simcb.studies.tune import DEFAULTS, TuneProgress, TuneResult
from simcb.studies.tune import tune as study

SLOW = SMALL.replace("name: small", "name: slow").replace(
    "{kind: refuse, on: store, at: 3s, for: 4s}",
    "{kind: latency, on: store, add: 400ms, at: 3s, for: 4s}",
)

SPACE = {"breaker.failure_threshold": "1..40@log", "breaker.recovery_timeout": "200ms..8s@log"}


def scenarios() -> list[Scenario]:
    """Return a scenario of refusals and one of slow answers."""
    return [scenario(), scenario(SLOW)]


def tune(
    scenarios: Scenario | Sequence[Scenario],
    space: Over,
    *,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **words: object,
) -> TuneResult:
    """Return a tune of what is asked for and who runs it, in words."""
    job = job_of(words)
    for aims in ("minimize", "maximize", "subject_to"):
        words[aims] = tuple(words.get(aims, ()))  # type: ignore[arg-type]
    words.setdefault("storms", "own")
    return study(scenarios, TuneOptions(space, **words), job, progress=progress, stop=stop)  # type: ignore[arg-type]


NARROW: dict[str, list[object]] = {
    "breaker.failure_threshold": [1, 2, 4],
    "breaker.recovery_timeout": ["500ms", "2s", "8s"],
}
FEW = tuple(each for each in DEFAULTS if each.name in ("pybreaker 5/60s", "Hystrix 50%/5s"))


def tuned_with(space: Over = NARROW, **more: object) -> TuneResult:
    """Return a brief tune over both in this process, with some arguments changed.

    Four settings, one walk from the best of them, and two libraries' defaults are all there is
    to a tune; more of each is more of the same.
    """
    brief = {"trials": 4, "batch": 4, "replicates": 3, "fresh": 2, "workers": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)
        return tune(scenarios(), space, **{**brief, **more})  # type: ignore[arg-type]


@cache
def briefly() -> TuneResult:
    """Return the brief tune as it is."""
    return tuned_with()


@cache
def tuned() -> TuneResult:
    """Return a tune that drops settings after three of five runs, beside every library."""
    words: dict[str, object] = {"trials": 8, "batch": 4, "replicates": 5, "fresh": 3, "workers": 0}
    return tune(scenarios(), SPACE, **words)  # type: ignore[arg-type]


def kept(out: Path, **more: object) -> TuneResult:
    """Return the brief tune kept in a directory."""
    return tuned_with(out=out, **more)
