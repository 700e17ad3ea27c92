"""A sweep in a notebook or a script: `simcb.sweep`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from simcb.scenario import Scenario
from simcb.studies import read
from simcb.studies.sweep import sweep as study
from simcb.views.sweeps.view import SweepView


def sweep(
    scenario: Scenario | str | Path,
    over: Mapping[str, object] | Sequence[str] | None = None,
    *,
    design: str | None = None,
    replicates: int | None = None,
    seed: int = 0,
    by: str | None = None,
    refine: str | None = None,
    depth: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
) -> SweepView:
    """Run a scenario at many settings with the same luck, and return a view of what came out.

    What is not given is as the scenario's `sweep` has it, and where that says nothing, as here:
    a grid, 10 replicates, ranked by goodput or by what is refined.

    A script, unlike a notebook, has to call this below `if __name__ == "__main__":`, or with
    `workers=0`: worker processes read the script again.

    Args:
        scenario: a scenario, or what `load` makes one of.
        over: what is varied: `{"breaker.failure_threshold": [3, 5, 10],
            "breaker.recovery_timeout": "5s..120s/8@log"}`. If given, nothing else is varied.
        design: `grid`, `zip` or `lhs:N`.
        replicates: runs of each setting; intervals need at least two.
        seed: names the luck, the same in all settings.
        by: the number to rank by, such as `goodput`, `p99{fault}` or `collapse`.
        refine: a border such as `collapse=50%`, along which settings are added.
        depth: how often the refinement halves the distance between neighbours.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core.
        executor: somebody to run the cells instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: an argument makes no sense.
        StoreError: the directory cannot be used.
    """
    base = scenario if isinstance(scenario, Scenario) else read(scenario)
    result = study(
        base,
        over,
        design=design,
        replicates=replicates,
        seed=seed,
        by=by,
        refine=refine,
        depth=depth,
        out=out,
        resume=resume,
        workers=workers,
        executor=executor,
        dask=dask,
        allow_large=allow_large,
    )
    return SweepView(result)
