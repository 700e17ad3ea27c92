"""The study: scenarios and a space to the setting that holds in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from simcb.options import JobOptions, TuneOptions
from simcb.scenario import Scenario
from simcb.studies.evaluation.backends import Inline
from simcb.studies.evaluation.evaluator import working
from simcb.studies.evaluation.manifest import (
    MANIFEST,
    StoreError,
    TuneSpec,
    differences,
    read_manifest,
)
from simcb.studies.evaluation.store import Store, check_store
from simcb.studies.run import read_kept
from simcb.studies.tags import checked_tags
from simcb.studies.tune.context import TuneContext
from simcb.studies.tune.plan import TunePlan, check_small, plan_in, plan_tune
from simcb.studies.tune.result import TuneResult
from simcb.studies.tune.search import STARTS, Search
from simcb.studies.tune.tuning import TuneProgress, Tuning


def tune(
    scenarios: Scenario | Sequence[Scenario],
    options: TuneOptions,
    job: JobOptions,
    *,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TuneResult:
    """Find the setting whose worst regret over all scenarios is smallest, and check it.

    All settings share their random streams, and bad ones get few replicates. What comes out
    depends on the scenarios, the options and the versions, and not on who ran what.

    Args:
        scenarios: in which a setting has to be good.
        options: what is asked for.
        job: who runs it.
        progress: called as runs come back.
        stop: asked again and again: once it says true, no more runs are sent out.

    Raises:
        StudyError: something does not make sense, or is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds something else.
        MissingExtraError: Optuna, or Dask if it is asked for, is not installed.
    """
    plan = plan_tune(scenarios, options)
    if not job.allow_large:
        check_small(plan)
    search = _search(plan)
    if job.out is not None:
        check_store(job.out, resume=job.resume)
    with working(job, plan.manifest()) as (store, backend):
        context = TuneContext(plan, store, backend, stop or (lambda: False))
        made = Tuning(plan, context, search, progress).run()
        return replace(made, tags=checked_tags(job.tags))


def _search(plan: TunePlan) -> Search:
    size = plan.options.size
    learns = size.trials > STARTS * size.batch
    aims = len(plan.scenarios[0].aims)
    return Search(plan.axes, aims, size.batch, plan.options.seed, learns=learns)


def is_tune(directory: str | Path) -> bool:
    """Tell whether a study's directory is a tune's.

    Raises:
        StoreError: it is no study's, or it is damaged.
    """
    return isinstance(read_manifest(Path(directory)), TuneSpec)


def open_tune(directory: str | Path) -> TuneResult:
    """Read what a tune has kept in a directory; nothing is run.

    What a tune does next depends on what is known, so its steps are taken again with its log.
    Where the log ends, because the tune was stopped or because another version of Optuna
    proposes other settings, the result ends too, and is not `complete`.

    Args:
        directory: what `out` named.

    Raises:
        StoreError: there is no tune in it, it is damaged, or it replays data that is not in it.
        MissingExtraError: Optuna is not installed.
    """
    folder = Path(directory)
    held = read_manifest(folder)
    if not isinstance(held, TuneSpec):
        raise StoreError(str(folder), "holds a sweep and no tune", "open it as a sweep")
    plan = _plan_of(held, str(folder / MANIFEST))
    context = TuneContext(plan, Store(folder), Inline, lambda: True)
    return replace(Tuning(plan, context, _search(plan), None).run(), tags=held.tags)


def _plan_of(held: TuneSpec, file: str) -> TunePlan:
    try:
        scenarios = [read_kept(text, f"{file}, a scenario") for text in held.scenarios]
        storms = tuple(zip(held.storms, scenarios, strict=True))
        plan = plan_in(storms, held.axes, held.options, held.engine)
    except (ValueError, TypeError):
        remedy = "name the directory of a tune, or tune anew in another"
        raise StoreError(file, "is damaged: it is no manifest of a tune", remedy) from None
    if plan.manifest() != replace(held, tags={}):
        why = "; ".join(differences(held, plan.manifest()))
        again = "name its scenarios to simcb tune, with --out and --resume: nothing is run twice"
        raise StoreError(file, f"cannot be shown from what is kept: {why}", again)
    return plan
