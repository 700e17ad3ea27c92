"""What a tune says of its family of storms: who is as good, the ordinary day, storm by storm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simcb.metrics import Estimate, Unit
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.evaluation.objective import Better
from simcb.studies.tune import Contender, DayCost, Trial, TuneResult
from simcb.studies.tune.storms import DAY, OWN, STORMS
from simcb.views.document import Table
from simcb.views.quantities import UNDEFINED, interval, quantity
from simcb.views.safe_text import one_line
from simcb.views.tune_data import readings, shown_value

BESIDE = (YOURS, NO_BREAKER)
MOST_OF_FRONT = 6
"""Settings of a front that are shown."""


def headline(result: TuneResult, values: str) -> str:
    """Return what is to be done: the best setting, or nothing where nothing is gained by it."""
    if result.advice == NO_BREAKER:
        return f"no breaker is as good as any; of those searched the best: {values}"
    if result.advice == YOURS:
        return f"yours is as good: leave it; of those searched the best: {values}"
    return f"best: {values}"


def family_lines(result: TuneResult) -> Iterator[str]:
    """Yield what the best costs on an ordinary day, where it is worse, and what was tuned."""
    check = result.check
    assert check is not None
    if check.winner.day is not None:
        yield f"ordinary day: {day_words(check.winner.day)}"
    found = [each for name in BESIDE for each in _worse(result, name)]
    others = [one.name for one in check.contenders if one.name in BESIDE]
    yield "; ".join(found) or f"in no storm shown to be worse than {' or '.join(others)}"
    struck = dict.fromkeys(
        fault.on
        for scenario in result.scenarios
        if scenario.storm not in (OWN, DAY)
        for fault in scenario.base.faults
    )
    if struck:
        yield (
            f"tuned: the calls to {', '.join(one_line(name, 40) for name in struck)}, where the "
            "storms strike"
        )


def day_words(day: DayCost) -> str:
    """Return what somebody costs on an ordinary day."""
    lost = interval(day.lost.mean, day.lost.low, day.lost.high, Unit.SHARE)
    trips = day.false_trips
    often = interval(trips.mean, trips.low, trips.high, Unit.COUNT)
    return f"{lost} of requests lost needlessly, {often} false trips in 24 h"


def _worse(result: TuneResult, name: str) -> Iterator[str]:
    """Yield where the best is worse than somebody, beyond doubt."""
    check = result.check
    assert check is not None
    for other in check.contenders:
        if other.name != name:
            continue
        for scenario, found in zip(result.scenarios, other.scenarios, strict=True):
            for aim, behind in zip(scenario.aims, found.behind or (), strict=True):
                if behind.high is not None and behind.high < 0.0 and behind.mean is not None:
                    by = interval(-behind.mean, -behind.high, -(behind.low or 0.0), aim.unit)
                    where = one_line(scenario.name, 40)
                    yield f"worse than {name} in {where}: {by} of {aim}"


def storm_table(result: TuneResult) -> Table:
    """Return how the best, yours and no breaker do in each storm."""
    check = result.check
    assert check is not None
    shown = [each for each in check.contenders if each.name in ("", *BESIDE)]
    rows = []
    for place, scenario in enumerate(result.scenarios):
        about = (
            STORMS[scenario.storm].about if scenario.storm in STORMS else "the file's own faults"
        )
        unit = scenario.aims[0].unit
        cells = [aim_words(each.scenarios[place].aims[0], unit) for each in shown]
        rows.append((one_line(scenario.name, 24), about, *cells))
    aim = result.aims[0]
    better = "more" if aim.better is Better.HIGHER else "less"
    header = ("storm", "what happens", *(each.name or "best" for each in shown))
    return Table(
        header,
        tuple(rows),
        heading="Storm by storm",
        title=f"{aim} in each storm, on a fresh seed ({check.seed}); {better} is better",
    )


def aim_words(found: Estimate, unit: Unit) -> str:
    """Return what somebody comes to, with its interval; or how often it never came."""
    if found.never:
        return f"never in {found.never}"
    return interval(found.mean, found.low, found.high, unit)


DAY_COLUMNS: tuple[tuple[str, Callable[[DayCost], tuple[Estimate, Unit]]], ...] = (
    ("lost on the day", lambda day: (day.lost, Unit.SHARE)),
    ("false trips/24 h", lambda day: (day.false_trips, Unit.COUNT)),
)


def day_cells(contender: Contender) -> list[str]:
    """Return what a contender costs on an ordinary day, as cells of a table."""
    if contender.day is None:
        return [UNDEFINED] * len(DAY_COLUMNS)
    found = [of(contender.day) for _, of in DAY_COLUMNS]
    return [interval(each.mean, each.low, each.high, unit) for each, unit in found]


def day_front(result: TuneResult) -> list[Trial]:
    """Return the settings that none beats both in the storms and on the day, the calmest first."""
    known = [each for each in result.trials if each.worst and each.day is not None]
    known = [each for each in known if each.replicates == result.replicates]
    points = {each.number: (max(each.day or 0.0, 0.0), each.worst[0]) for each in known}
    front = []
    for each in known:
        cost, harm = points[each.number]
        others = (points[other.number] for other in known)
        if not any(c <= cost and h <= harm and (c, h) != (cost, harm) for c, h in others):
            front.append(each)
    return sorted(front, key=lambda each: points[each.number])


def day_front_table(result: TuneResult) -> Table:
    """Return the front between harm in the worst storm and cost on the ordinary day."""
    front = day_front(result)
    kept = front[:MOST_OF_FRONT]
    read = readings(result)[0]
    rows = []
    for trial in kept:
        name = "best" if trial.number == result.winner else f"trial {trial.number}"
        values = [shown_value(value) for value in trial.setting.values]
        lost = quantity(max(trial.day or 0.0, 0.0), Unit.SHARE)
        rows.append((name, *values, read.amount(trial.worst[0]), lost))
    header = ("front", *result.labels, "worst storm", "lost on the day")
    return Table(
        tuple(one_line(cell, 40) for cell in header),
        tuple(rows),
        heading="Harm in the storm against cost on the day",
        title="regret in the worst storm against what the ordinary day loses needlessly",
    )
