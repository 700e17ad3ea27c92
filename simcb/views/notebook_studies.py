"""simcb in a notebook or a script: compare, sweep or tune scenarios, or ask for advice.

A script, unlike a notebook, has to call these below `if __name__ == "__main__":`, or with
`workers=0`: worker processes read the script again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

from simcb import studies
from simcb.options import CompareOptions, JobOptions, SweepOptions, TuneOptions
from simcb.scenario import Scenario
from simcb.studies import Clients
from simcb.studies.clients import named_clients
from simcb.studies.compare import compare as run_compare
from simcb.studies.conditions import conditions_on
from simcb.studies.sweep import sweep as run_sweep
from simcb.studies.tags import checked_tags
from simcb.studies.tune import tune as run_tune
from simcb.studies.tune.advise import advise as run_advise
from simcb.studies.variants import (
    NONE,
    Variant,
    altered,
    check_variants,
    coded_variants,
    parse_group,
)
from simcb.views.advise import AdviceView
from simcb.views.compare import answer_of as compare_answer
from simcb.views.compare_view import CompareView
from simcb.views.notebook import load
from simcb.views.run_view import RunView
from simcb.views.sweep_view import SweepView
from simcb.views.tune_view import TuneView


def compare(
    *variants: Scenario | str | Path | RunView | Mapping[str, Scenario | str | Path | RunView],
    with_: Sequence[str] = (),
    replicates: int | None = None,
    seed: int | None = None,
    fail_if: Sequence[str] = (),
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    clients: Clients | None = None,
) -> CompareView:
    """Run variants with the same random streams, and return a view of how they differ.

    The first is what the others are held against. A script, unlike a notebook, has to call this
    below `if __name__ == "__main__":`, or with `workers=0`.

    Args:
        variants: scenarios, what `load` makes one of, runs that were made before, or one mapping
            of names to these: `{"now": s, "fast": s.with_({"breaker.recovery_timeout": "5s"})}`.
        with_: changes of the first one: `none`, a library such as `resilience4j` (our breaker with
            its defaults), `use=NAME` (that package's breaker), an overlay file, or `NAME:
            PATH=VALUE, PATH=VALUE`.
        replicates: runs of each; if None, as many as the runs made before have, or 10.
        seed: the random seed, which all share; if None, that of runs made before, or 0.
        fail_if: conditions under which it counts as failed, as in `success < 99%`, about every
            variant but the first; `NAME: success < 99%` or `change answered{fault} < -1%`.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core where it would take long.
        executor: makes the runs instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        clients: your own code for a client group in place of its calls, in each variant that is
            run: `module:function`, or a function that other processes find in its module too.

    Raises:
        ScenarioError: a scenario cannot be read.
        StudyError: an argument makes no sense.
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        ThresholdError: a condition names what does not exist.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
    """
    groups = [parse_group(each) for each in with_]
    found = list(_variants(variants))
    if groups and not found:
        raise studies.StudyError("there is nothing to change", "give a scenario first")
    for group in groups:
        if group.overlays:
            what = f"{group.overlays[0]!r} is a file"
            raise studies.StudyError(what, "merge it with `load(source, overlays=[…])`")
        found.append(altered(group, found[0].scenario))
    found = list(coded_variants(found, named_clients(clients)))
    check_variants(found)
    conditions = conditions_on(fail_if, found)
    options = CompareOptions(replicates, seed)
    job = JobOptions(workers, dask, allow_large=allow_large, executor=executor)
    comparison = run_compare(found, options, job, clients=clients)
    return CompareView(comparison, compare_answer(comparison, conditions).fail_if)


def _variants(
    given: Sequence[
        Scenario | str | Path | RunView | Mapping[str, Scenario | str | Path | RunView]
    ],
) -> Iterator[Variant]:
    """Yield variants by the names they are given, or those of their scenarios."""
    for each in given:
        named = each.items() if isinstance(each, Mapping) else [("", each)]
        for name, one in named:
            if isinstance(one, RunView):
                yield Variant(name or one.scenario.name, one.scenario, kept=one.result)
                continue
            if isinstance(one, str) and one == NONE:
                what = "`none` is a change of a variant, not one that is read"
                raise studies.StudyError(what, 'write simcb.compare(s, with_=["none"])')
            given_one: object = one
            if not isinstance(given_one, Scenario | str | Path):
                what = f"a variant is a {type(given_one).__name__}"
                remedy = 'give each by itself, changes with with_: compare(s, t, with_=["none"])'
                raise studies.StudyError(what, remedy)
            read = one if isinstance(one, Scenario) else load(one)
            yield Variant(name or read.name, read)


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
    alone: bool = False,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    tags: Mapping[str, str] | None = None,
    clients: Clients | None = None,
) -> SweepView:
    """Run a scenario at many settings with the same random streams, and return a view of them.

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
        seed: the random seed, the same in all settings.
        by: the number to rank by, such as `goodput`, `p99{fault}` or `collapse`.
        refine: a border such as `collapse=50%`, along which settings are added.
        depth: how often the refinement halves the distance between neighbours.
        alone: neither the scenario's own setting nor no breaker beside the ranking.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core.
        executor: runs the cells instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        tags: what you call it, key to value, in every output.
        clients: your own code for a client group in place of its calls: `module:function`, or a
            function that other processes find in its module too.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: an argument makes no sense.
        ClientError: code cannot be loaded.
        StoreError: the directory cannot be used.
    """
    base = scenario if isinstance(scenario, Scenario) else load(scenario)
    options = SweepOptions(over, design, replicates, seed, by, refine, depth, alone)
    job = JobOptions(workers, dask, out, resume, allow_large, executor, checked_tags(tags))
    return SweepView(run_sweep(base, options, job, clients=clients))


def tune(
    scenarios: Scenario | str | Path | Sequence[Scenario | str | Path],
    space: Mapping[str, object] | Sequence[str] | None = None,
    *,
    minimize: str | Sequence[str] = (),
    maximize: str | Sequence[str] = (),
    subject_to: str | Sequence[str] = (),
    storms: str = "all",
    trials: int | None = None,
    batch: int | None = None,
    replicates: int | None = None,
    fresh: int | None = None,
    seed: int = 0,
    tolerance: float = 0.01,
    day_budget: float = 0.001,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    tags: Mapping[str, str] | None = None,
) -> TuneView:
    """Find the setting that holds in every scenario, and return a view of what came out.

    A setting is as good as its worst regret: what it loses, in the scenario where it loses
    most, to the best setting known for that scenario alone. The best is run with fresh
    seeds beside the scenarios as they are and the defaults of known libraries.

    A script, unlike a notebook, has to call this below `if __name__ == "__main__":`, or with
    `workers=0`: worker processes read the script again.

    Args:
        scenarios: one or many scenarios, or what `load` makes one of.
        space: where to look: `{"breaker.failure_threshold": "1..50@log",
            "breaker.recovery_timeout": "1s..2m@log"}`; ranges, or lists of values. If None the
            rule, the opening and the timeout of the guarded calls to one service.
        minimize: numbers to make small, such as `p99{fault}` or `collapse`.
        maximize: numbers to make large; goodput if there is neither.
        subject_to: what has to hold in every scenario, such as `success >= 99%`.
        storms: `all`, a family of storms made of the scenarios, whose moments and lengths are
            drawn anew in each run; some of it, as in `day,blip,hung,own`; or `own`, the
            scenarios' own faults as they are.
        trials: settings that are tried at most; 16, or 60 with `own`.
        batch: settings that are tried at a time, 8; the result depends on it.
        replicates: runs of a good setting in each scenario, 4, or 10 with `own`; bad ones get
            fewer.
        fresh: runs of the best and of its rivals with other seeds, at the end; 4, or 20 with
            `own`.
        seed: the random seed, the same in all settings; the check uses the next one.
        tolerance: the loss that does not matter, as a share.
        day_budget: the share of an ordinary day's requests that a setting may lose needlessly.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core.
        executor: runs the cells instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        tags: what you call it, key to value, in every output.

    Raises:
        ScenarioError: a scenario cannot be read.
        StudyError: an argument makes no sense.
        StoreError: the directory cannot be used.
        MissingExtraError: Optuna is not installed.
    """
    alone = isinstance(scenarios, Scenario | str | Path)
    given = [scenarios] if alone else list(scenarios)  # type: ignore[arg-type]
    read = [each if isinstance(each, Scenario) else load(each) for each in given]  # type: ignore[arg-type]
    aims = _listed(minimize), _listed(maximize), _listed(subject_to)
    size = trials, batch, replicates, fresh
    options = TuneOptions(space, *aims, storms, *size, tolerance, day_budget, seed)
    job = JobOptions(workers, dask, out, resume, allow_large, executor, checked_tags(tags))
    return TuneView(run_tune(read, options, job))


def advise(
    scenario: Scenario | str | Path,
    *,
    storms: str = "all",
    seed: int = 0,
    tolerance: float = 0.01,
    day_budget: float = 0.001,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
) -> AdviceView:
    """Return what to set the guarded calls of a scenario to, and how sure that is, as a view.

    A script, unlike a notebook, has to call this below `if __name__ == "__main__":`, or with
    `workers=0`: worker processes read the script again.

    Args:
        scenario: a scenario, or what `load` makes one of.
        storms: what it has to withstand, as for `tune`.
        seed: the random seed; the check uses the next one, the guesses the one after that.
        tolerance: the loss that does not matter, as a share.
        day_budget: the share of an ordinary day's requests that a setting may lose needlessly.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core.
        executor: runs the cells instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: an argument makes no sense, or no call is guarded.
    """
    read = scenario if isinstance(scenario, Scenario) else load(scenario)
    options = TuneOptions(storms=storms, tolerance=tolerance, day_budget=day_budget, seed=seed)
    job = JobOptions(workers, dask, allow_large=allow_large, executor=executor)
    return AdviceView(run_advise(read, options, job))


def _listed(texts: str | Sequence[str]) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)
