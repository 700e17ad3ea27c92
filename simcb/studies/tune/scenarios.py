"""The scenarios that settings have to hold in, and what counts in each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import ThresholdError, check_thresholds
from simcb.scenario import Scenario, Threshold, parse_threshold
from simcb.scenario.axes import Axis
from simcb.scenario.refusal import Refused, quoted
from simcb.studies import StudyError
from simcb.studies.clients import is_code
from simcb.studies.evaluation.cells import Column, columns_of
from simcb.studies.evaluation.objective import DEFAULT, Objective, parse_objective
from simcb.studies.evaluation.settings import check_places, policies
from simcb.studies.tune.storms import DAY, OWN

MOST_SCENARIOS = 100
MOST_AIMS = 4

_UNTIL = frozenset({"time_to_trip", "time_to_recover"})
"""Times from a fault until something happens, which it may never do."""


@dataclass(frozen=True)
class TuneScenario:
    """One scenario that settings have to hold in.

    Args:
        name: the scenario's, or with `#2`, `#3` where several share theirs.
        storm: the storm that was made of a scenario, by its name in `STORMS`; or `own`.
        base: the scenario as its file has it.
        columns: what is measured in each of its runs.
        aims: what is to be as good as possible, in the order in which it was asked for.
        limits: what has to hold.
    """

    name: str
    storm: str
    base: Scenario
    columns: tuple[Column, ...]
    aims: tuple[Objective, ...]
    limits: tuple[Threshold, ...]

    @property
    def is_day(self) -> bool:
        """Whether it is an ordinary day, on which nothing may be lost."""
        return self.storm == DAY


def is_until(aim: Objective) -> bool:
    """Return whether an aim is the time from a fault until something happens."""
    return aim.column.metric in _UNTIL


def is_family(scenarios: Sequence[TuneScenario]) -> bool:
    """Tell whether scenarios are a family of storms, and not just their own faults."""
    return any(each.storm != OWN for each in scenarios)


def tune_scenarios(
    scenarios: Sequence[tuple[str, Scenario]],
    *,
    minimize: Sequence[str],
    maximize: Sequence[str],
    subject_to: Sequence[str],
) -> tuple[TuneScenario, ...]:
    """Return scenarios with what counts in them: goodput, as high as possible, without an aim.

    Raises:
        StudyError: there are no scenarios or too many aims, or an aim or a limit does not
            exist in one of them.
    """
    if not 1 <= len(scenarios) <= MOST_SCENARIOS:
        raise StudyError(f"{len(scenarios)} scenarios are given", f"give 1 to {MOST_SCENARIOS}")
    wanted = [*(f"max:{each}" for each in maximize), *(f"min:{each}" for each in minimize)]
    if len(wanted) > MOST_AIMS:
        raise StudyError(f"{len(wanted)} aims are given", f"give at most {MOST_AIMS}")
    if len({each.partition(":")[2].strip() for each in wanted}) < len(wanted):
        raise StudyError("an aim is given twice", "name each number once")
    limits = tuple(_limit(text) for text in subject_to)
    seen: Counter[str] = Counter()
    found = []
    for storm, scenario in scenarios:
        columns = columns_of(scenario)
        asked, bounds = (wanted or [DEFAULT], limits)
        if storm == DAY:
            # What is asked of a storm, such as the latency under its fault, a day may not have.
            asked, bounds = [DEFAULT if _of_a_fault(each) else each for each in asked], ()
        try:
            aims = [parse_objective(each, scenario, columns) for each in asked]
            _check_faults(scenario, aims)
            check_thresholds((*scenario.thresholds, *bounds), scenario)
        except StudyError as error:
            raise StudyError(f"{quoted(scenario.name)}: {error.what}", error.remedy) from None
        except ThresholdError as error:
            problem = error.problems[0]
            what = f"{quoted(scenario.name)}: {quoted(problem.text)}: {problem.what}"
            raise StudyError(what, problem.remedy) from None
        seen[scenario.name] += 1
        times = seen[scenario.name]
        name = scenario.name if times == 1 else f"{scenario.name}#{times}"
        found.append(TuneScenario(name, storm, scenario, columns, tuple(aims), bounds))
    return tuple(found)


def check_space(scenarios: Sequence[Scenario], axes: Sequence[Axis]) -> None:
    """Check that every axis has one place of its own in every scenario, and is a policy there.

    Raises:
        StudyError: it names none, or several, in one of them, or varies the world.
    """
    for axis in axes:
        if is_code(axis.path):
            what = f"{quoted(axis.path)} is up to clients' code, which no tune runs"
            raise StudyError(what, "sweep it: simcb sweep SCENARIO --client GROUP=module:make")
    for scenario in scenarios:
        try:
            check_places(scenario, axes, {})
        except StudyError as error:
            raise StudyError(f"{quoted(scenario.name)}: {error.what}", error.remedy) from None
        for axis, policy in zip(axes, policies(scenario, axes), strict=True):
            if not policy:
                raise StudyError(
                    f"{quoted(axis.path)} is no policy but the world, whose best is the mildest",
                    "tune what a call or a queue is set to, and sweep the world",
                )


def _of_a_fault(aim: str) -> bool:
    """Tell whether an aim is asked for in a phase, or about a fault."""
    return "{" in aim or any(word in aim for word in _UNTIL)


def _check_faults(scenario: Scenario, aims: Sequence[Objective]) -> None:
    for aim in aims:
        if is_until(aim) and not scenario.faults:
            raise StudyError(
                f"{quoted(str(aim))} does not exist in this scenario, which has no fault",
                "leave the scenario out, or ask for another number",
            )


def _limit(text: str) -> Threshold:
    try:
        return parse_threshold(text)
    except Refused as refused:
        raise StudyError(f"{quoted(text)}: {refused.what}", refused.remedy) from None
