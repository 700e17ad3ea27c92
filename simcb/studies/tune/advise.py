"""Advice: a tune of one scenario over its storms, and which guess of the file would change it.

What is known of somebody else's service, its workers, its work, its queue, is mostly guessed.
Each is moved to half and to double, and the advised setting is run again beside the file's own
and no breaker, in the storms that decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from simcb.options import JobOptions, TuneOptions
from simcb.scenario import Scenario
from simcb.scenario.units import format_duration, quantity_of, rounded
from simcb.studies import StudyError
from simcb.studies.evaluation.cells import this_engine
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.evaluation.evaluator import Changes, working
from simcb.studies.evaluation.settings import applied, changes_of
from simcb.studies.tune.context import TuneContext
from simcb.studies.tune.plan import plan_in, plan_tune
from simcb.studies.tune.racing import FEWEST
from simcb.studies.tune.regret import Evaluation
from simcb.studies.tune.result import TuneResult
from simcb.studies.tune.storms import DAY, OWN, family_of
from simcb.studies.tune.tune import tune
from simcb.studies.tune.tuning import TuneProgress

FACTORS = (0.5, 2.0)

_TIMES = frozenset({"value", "mean", "p50", "p99", "low", "high", "values"})
"""The words of a distribution that are times."""


@dataclass(frozen=True)
class Guess:
    """A number of the file, moved.

    Args:
        name: what it is, as in `workers of payments`.
        value: what the file says.
        moved: what was tried instead.
        better: what is then better than the advice by more than the tolerance: `YOURS`,
            `NO_BREAKER`; "" if the advice holds.
    """

    name: str
    value: str
    moved: str
    better: str


@dataclass(frozen=True, eq=False)
class Advice:
    """What to set, and how sure that is.

    Args:
        name: the scenario's.
        result: the tune it comes from.
        guesses: the numbers of the file that were moved; none if the tune was stopped.
    """

    name: str
    result: TuneResult
    guesses: tuple[Guess, ...]


def advise(
    scenario: Scenario,
    options: TuneOptions,
    job: JobOptions,
    *,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Advice:
    """Return what to set the guarded calls of a scenario to.

    Args:
        scenario: the scenario.
        options: what is asked for; without an aim the share of requests that end ok.
        job: who runs it.
        progress: called as runs of the tune come back.
        stop: asked again and again: once it says true, no more runs are sent out.

    Raises:
        StudyError: something does not make sense, or is too large to be run unasked.
        StoreError: the directory cannot be used.
    """
    if not (options.maximize or options.minimize):
        options = replace(options, maximize=("success",))
    options = replace(options, libraries=False)
    result = tune(scenario, options, job, progress=progress, stop=stop)
    if not result.complete or result.check is None or result.winner is None:
        return Advice(scenario.name, result, ())
    return Advice(scenario.name, result, tuple(_guesses(scenario, result, options, job, stop)))


def _guesses(
    scenario: Scenario,
    result: TuneResult,
    options: TuneOptions,
    job: JobOptions,
    stop: Callable[[], bool] | None,
) -> Iterator[Guess]:
    plan = plan_tune(scenario, options)
    names = _deciding(result)
    with working(replace(job, out=None, resume=False), plan.manifest()) as (_, backend):
        for service in sorted(plan.services or ()):
            for name, value, moved, changes in _moves(scenario, service):
                try:
                    other = applied(scenario, changes)
                except StudyError:
                    continue
                storms = tuple(family_of([other], plan.axes, names))
                again = plan_in(storms, plan.axes, plan.options, this_engine())
                context = TuneContext(again, None, backend, stop or (lambda: False))
                better = _better(context, result, options)
                if better is None:
                    return
                yield Guess(f"{name} of {service}", value, moved, better)


def _deciding(result: TuneResult) -> tuple[str, ...]:
    """Return the storms in which the winner, yours and no breaker lose most, and the day."""
    assert result.check is not None
    found = {DAY: None} if any(each.is_day for each in result.scenarios) else {}
    for contender in result.check.contenders:
        found[result.scenarios[contender.worst_storm].storm] = None
    return tuple(found) if set(found) != {OWN} else (OWN,)


def _better(context: TuneContext, result: TuneResult, options: TuneOptions) -> str | None:
    """Return who beats what is advised; "" if nobody does, None if it was stopped."""
    assert result.winner is not None
    setting = result.trials[result.winner].setting
    best: Changes = tuple(changes_of(result.axes, setting) for _ in context.scenarios)
    every = {"": best, YOURS: context.unchanged(), NO_BREAKER: context.without_breaker()}
    evaluator = context.evaluator(FEWEST, options.seed + 2)
    candidates = {name: evaluator.enter(changes) for name, changes in every.items()}
    places = range(len(context.scenarios))
    if not evaluator.run_in(places, candidates.values(), FEWEST):
        return None
    guard = context.guard(candidates[NO_BREAKER])
    evaluation = Evaluation.of(context.scenarios, evaluator, guard)
    ours = candidates.pop(result.advice)
    for name in (NO_BREAKER, YOURS, ""):
        if name not in candidates or not evaluation.feasible[candidates[name]]:
            continue
        leads = evaluation.leads(ours, candidates[name], FEWEST)
        lost = all(
            (each.mean or 0.0) > options.tolerance and (each.low or 0.0) > 0.0 for each in leads
        )
        if lost or not evaluation.feasible[ours]:
            return name or "what was found"
    return ""


def _moves(scenario: Scenario, service: str) -> Iterator[tuple[str, str, str, dict[str, object]]]:
    """Yield what may be wrong of a service: its name, its value, another, and the changes."""
    found, path = scenario.services[service], f"services.{service}"
    for factor in FACTORS:
        workers = max(1, round(found.workers * factor))
        if workers != found.workers:
            changes: dict[str, object] = {f"{path}.workers": workers}
            yield "workers", str(found.workers), str(workers), changes
    for factor in FACTORS:
        mean = found.work.mean_value
        words = found.to_data()["work"]
        changes = {f"{path}.work": _scaled(words, factor)}
        shown = (_briefly(mean), _briefly(mean * factor))
        yield "work", *shown, changes
    limit = found.queue.limit
    for factor in FACTORS if limit else ():
        moved = max(1, round((limit or 0) * factor))
        yield "queue", str(limit), str(moved), {f"{path}.queue.limit": moved}


def _briefly(seconds: float) -> str:
    """Return a time in three digits."""
    return format_duration(rounded(seconds, 3))


def _scaled(words: object, factor: float) -> object:
    """Return a distribution, as in a file, with all its times multiplied."""
    if isinstance(words, dict):
        return {k: _scaled(v, factor) if k in _TIMES else v for k, v in words.items()}
    if isinstance(words, list | tuple):
        return [_scaled(each, factor) for each in words]
    quantity = quantity_of(words) if isinstance(words, str | int | float) else None
    return words if quantity is None else f"{quantity.number * factor!r}s"
