"""From what is asked for to a tune that is known to make sense, and how large it will be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcb.options import TuneOptions
from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.studies import StudyError
from simcb.studies.evaluation.backends import usable_cores
from simcb.studies.evaluation.cells import ROW, Engine, scenario_digest, this_engine
from simcb.studies.evaluation.manifest import TuneSpec
from simcb.studies.evaluation.objective import Better
from simcb.studies.evaluation.settings import axes_of, check_axes
from simcb.studies.evaluation.size import MOST_CELLS, MOST_REQUESTS, pace
from simcb.studies.limits import check_size, estimate_size, in_words
from simcb.studies.run import check_ranges
from simcb.studies.tune.contenders import DEFAULTS
from simcb.studies.tune.scenarios import TuneScenario, check_space, tune_scenarios
from simcb.studies.tune.search import starting
from simcb.studies.tune.sensitivity import MOST_OF_LIST, STEPS
from simcb.studies.tune.space import default_space
from simcb.studies.tune.storms import family_of, storms_named, tuned_services

WALKS = 3
"""How often the walk around the winner is gone: anew whenever it has found a better one."""


@dataclass(frozen=True)
class TunePlan:
    """A tune that is known to make sense.

    Args:
        scenarios: the scenarios, with what counts in them.
        axes: the space.
        options: what was asked for, with the aims as they stand in the scenarios; the space,
            which has been read, is not in it.
        engine: the versions it is run with.
        services: those whose breakers are tuned; None for all there are.
    """

    scenarios: tuple[TuneScenario, ...]
    axes: tuple[Axis, ...]
    options: TuneOptions
    engine: Engine
    services: frozenset[str] | None = None

    @property
    def around(self) -> int:
        """How many settings around a winner are looked at, at most."""
        return sum(min(len(axis.values), MOST_OF_LIST) or STEPS for axis in self.axes)

    @property
    def runs(self) -> int:
        """How many runs there are at most.

        That is if no setting is eliminated early, every walk finds a better winner, and the
        setting that is best in a scenario alone is another one for each scenario and aim.
        """
        size = self.options.size
        beside = 0 if self.options.own else 2
        searched = (size.trials + beside + WALKS * self.around) * size.replicates
        checked = len(self.scenarios[0].aims) + self.contenders
        return (searched + checked * size.fresh) * len(self.scenarios)

    @property
    def likely_runs(self) -> int:
        """How many runs there usually are, to a factor of two.

        Half of the settings that are searched, or walked to once, are eliminated early; in a
        family of storms a library is run on the day and in the first of them alone, and the best
        setting for a storm is the same for several.
        """
        size, options, places = self.options.size, self.options, len(self.scenarios)
        tried = (size.trials + self.around) * size.replicates * places / 2.0
        if options.own:
            return round(tried + (self.contenders + 1) * size.fresh * places)
        libraries = self.contenders - 3
        beside = 2 * size.replicates * places
        return round(beside + tried + 3.5 * size.fresh * places + 2 * libraries * size.fresh)

    @property
    def contenders(self) -> int:
        """Who is checked at most: the winner, yours, no breaker, and the libraries if asked for."""
        return 3 + (len(DEFAULTS) if self.options.libraries else 0)

    @property
    def megabytes(self) -> float:
        """Memory of the results at most."""
        columns = sum(len(scenario.columns) for scenario in self.scenarios) / len(self.scenarios)
        return self.runs * columns * ROW.itemsize / 1e6

    @property
    def largest_run(self) -> float:
        """Megabytes of the largest run of a scenario as it is given, in the worst case."""
        return max(estimate_size(scenario.base).megabytes for scenario in self.scenarios)

    @property
    def requests(self) -> float:
        """How many user requests those runs have, about."""
        each = sum(estimate_size(scenario.base).requests for scenario in self.scenarios)
        return each * self.runs / len(self.scenarios)

    def manifest(self) -> TuneSpec:
        """Return what the tune's directory says of it."""
        return TuneSpec(
            engine=self.engine,
            scenarios=tuple(scenario.base.to_yaml() for scenario in self.scenarios),
            storms=tuple(scenario.storm for scenario in self.scenarios),
            digest="-".join(scenario_digest(scenario.base) for scenario in self.scenarios),
            axes=self.axes,
            options=self.options,
            columns=tuple(column for scenario in self.scenarios for column in scenario.columns),
        )


def plan_tune(scenarios: Scenario | Sequence[Scenario], options: TuneOptions) -> TunePlan:
    """Return the plan of a tune.

    Raises:
        StudyError: something does not make sense.
    """
    given = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    check_ranges(options, "trials", "batch", "replicates", "fresh")
    names = storms_named(options.storms)
    axes = default_space(given[0]) if options.space is None and given else ()
    axes = axes_of(options.space) if options.space is not None else axes
    check_axes(axes, options.seed)
    check_space(given, axes)
    return plan_in(tuple(family_of(given, axes, names)), axes, options, this_engine())


def plan_in(
    scenarios: Sequence[tuple[str, Scenario]],
    axes: tuple[Axis, ...],
    options: TuneOptions,
    engine: Engine,
) -> TunePlan:
    """Return the plan of a tune of storms that have been made, in a space that has been read.

    Raises:
        StudyError: something does not make sense.
    """
    known = tune_scenarios(
        scenarios,
        minimize=options.minimize,
        maximize=options.maximize,
        subject_to=options.subject_to,
    )
    for name in ("tolerance", "day_budget"):
        share = getattr(options, name)
        if not 0.0 <= share < 1.0:
            raise StudyError(f"{name} is {share!r}", "give a share from 0 to below 1")
    # What the search begins with has to make sense, whoever asks and whatever for.
    starting(axes, options.size.batch, options.seed)
    check_space([each.base for each in known], axes)
    if all(each.is_day for each in known):
        raise StudyError(
            "an ordinary day is no storm to withstand", "name a storm besides, as in day,hung"
        )
    aims = known[0].aims
    read = replace(
        options,
        space=None,
        minimize=tuple(str(aim) for aim in aims if aim.better is Better.LOWER),
        maximize=tuple(str(aim) for aim in aims if aim.better is Better.HIGHER),
        subject_to=tuple(limit.text for limit in known[0].limits),
    )
    services = None
    if not options.own:
        found = (tuned_services(each.base, axes) for each in known)
        services = frozenset(service for each in found for service in each)
    return TunePlan(known, axes, read, engine, services)


def check_small(plan: TunePlan) -> None:
    """Refuse a tune that is too large to be run without being asked for explicitly.

    Raises:
        StudyError: it is beyond the limits of a sweep.
        TooLargeError: a single run is too large.
    """
    for scenario in plan.scenarios:
        check_size(estimate_size(scenario.base))
    if plan.runs > MOST_CELLS or plan.requests > MOST_REQUESTS:
        raise StudyError(
            f"this would be up to {plan.runs:,} runs with about {in_words(plan.requests)} requests",
            "give fewer trials, replicates or scenarios, or allow it with --allow-large",
        )


def estimate_tune_time(plan: TunePlan, workers: int | None = None) -> tuple[float, int]:
    """Return how long a run of a tune takes, in seconds, and how many are made at once.

    The beginning of each scenario is run to find out, so the estimate is rough.
    """
    seconds = sum(
        pace(scenario.base, plan.options.seed) * estimate_size(scenario.base).requests
        for scenario in plan.scenarios
    )
    concurrency = max(1, usable_cores() if workers is None else workers)
    return seconds / len(plan.scenarios), concurrency
