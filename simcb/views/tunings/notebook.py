"""A tune in a notebook or a script: `simcb.tune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from simcb.scenario import Scenario
from simcb.studies import read
from simcb.studies.tune import tune as study
from simcb.views.tunings.view import TuneView


def tune(
    scenarios: Scenario | str | Path | Sequence[Scenario | str | Path],
    space: Mapping[str, object] | Sequence[str],
    *,
    minimize: str | Sequence[str] = (),
    maximize: str | Sequence[str] = (),
    subject_to: str | Sequence[str] = (),
    trials: int = 60,
    batch: int = 8,
    replicates: int = 10,
    fresh: int = 20,
    seed: int = 0,
    tolerance: float = 0.01,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
) -> TuneView:
    """Find the setting that holds in every scenario, and return a view of what came out.

    A setting is as good as its worst regret: what it loses, in the scenario where it loses
    most, to the best setting known for that scenario alone. The best is run on fresh luck
    beside the scenarios as they are and the defaults of known libraries.

    A script, unlike a notebook, has to call this below `if __name__ == "__main__":`, or with
    `workers=0`: worker processes read the script again.

    Args:
        scenarios: one or many scenarios, or what `load` makes one of.
        space: where to look: `{"breaker.failure_threshold": "1..50@log",
            "breaker.recovery_timeout": "1s..2m@log"}`; ranges, or lists of values.
        minimize: numbers to make small, such as `p99{fault}` or `collapse`.
        maximize: numbers to make large; goodput if there is neither.
        subject_to: what has to hold in every scenario, such as `success >= 99%`.
        trials: settings that are tried at most.
        batch: settings that are tried at a time; the result depends on it.
        replicates: runs of a good setting in each scenario; bad ones get fewer.
        fresh: runs of the best and of its rivals on other luck, at the end.
        seed: names the luck, the same in all settings; the check uses the next one.
        tolerance: the loss that does not matter, as a share.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core.
        executor: somebody to run the cells instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.

    Raises:
        ScenarioError: a scenario cannot be read.
        StudyError: an argument makes no sense.
        StoreError: the directory cannot be used.
        MissingExtraError: Optuna is not installed.
    """
    alone = isinstance(scenarios, Scenario | str | Path)
    given = [scenarios] if alone else list(scenarios)  # type: ignore[arg-type]
    result = study(
        [each if isinstance(each, Scenario) else read(each) for each in given],  # type: ignore[arg-type]
        space,
        minimize=_listed(minimize),
        maximize=_listed(maximize),
        subject_to=_listed(subject_to),
        trials=trials,
        batch=batch,
        replicates=replicates,
        fresh=fresh,
        seed=seed,
        tolerance=tolerance,
        out=out,
        resume=resume,
        workers=workers,
        executor=executor,
        dask=dask,
        allow_large=allow_large,
    )
    return TuneView(result)


def _listed(texts: str | Sequence[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)
