"""Checking: the winner on random streams that nothing was tuned on, beside what it has to beat."""

from __future__ import annotations

import math
from collections.abc import Callable

from simcb.metrics import Unit, bounds_of, difference, estimate, judge
from simcb.metrics.phase import WHOLE
from simcb.studies.evaluation.cells import Cell, Column, Done, value_of
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.evaluation.evaluator import Changes, Evaluator
from simcb.studies.evaluation.objective import Better
from simcb.studies.tune.contenders import DEFAULTS
from simcb.studies.tune.context import TuneContext
from simcb.studies.tune.racing import FEWEST
from simcb.studies.tune.regret import Evaluation, limits_of
from simcb.studies.tune.result import Check, Contender, DayCost, InScenario

WINNER = ""
"""The name under which the winner stands among the contenders."""


def check(
    context: TuneContext,
    searched: Evaluator,
    known: Evaluation,
    winner: int,
    *,
    replicates: int,
    seed: int,
    taken: Callable[[tuple[Done, ...]], None],
) -> tuple[bool, Check | None]:
    """Run the winner and the others on the random streams of another seed.

    The best setting found for each scenario alone runs there, too: it is what regret is measured
    against.

    Args:
        context: the scenarios.
        searched: where the winner was found.
        known: how the candidates stood there.
        winner: its candidate there.
        replicates: runs of each contender in each scenario.
        seed: random seed.
        taken: called whenever runs have come back.

    Returns:
        Whether it came to its end, and the check if it did.
    """
    evaluator = context.evaluator(replicates, seed)
    evaluator.taken = taken
    candidates = {WINNER: evaluator.enter(searched.changes(winner))}
    for name, changes in _others(context):
        # Who changes nothing is you, and is among them already.
        if name == YOURS or any(changes):
            candidates[name] = evaluator.enter(changes)
    guard = context.guard(candidates.get(NO_BREAKER))
    wanted = [
        (evaluator.enter(searched.changes(int(candidate))), scenario)
        for standards in known.standards(searched.replicates)
        for scenario, candidate in enumerate(standards)
        if not context.scenarios[scenario].is_day
    ]
    wanted += [
        (candidate, s) for candidate in candidates.values() for s in range(len(context.scenarios))
    ]
    # A family has many storms: the libraries, of whom one only wants to know about where they
    # stand, are run as often as it takes to know it at all.
    few = min(replicates, FEWEST) if guard is not None else replicates
    known_by_few = set(candidates.values()) - {
        candidates.get(name) for name in (WINNER, YOURS, NO_BREAKER)
    }
    if not evaluator.run(
        Cell(each, r, scenario)
        for each, scenario in wanted
        for r in range(few if each in known_by_few else replicates)
    ):
        return False, None
    evaluation = Evaluation.of(context.scenarios, evaluator, guard)
    if evaluation.counts[candidates[WINNER]] < replicates:
        return True, None
    contenders = [
        _contender(name, candidate, candidates[WINNER], evaluator, evaluation)
        for name, candidate in candidates.items()
        if evaluation.counts[candidate] >= few
    ]
    return True, Check(seed, replicates, tuple(contenders))


def _others(context: TuneContext) -> list[tuple[str, Changes]]:
    libraries = DEFAULTS if context.libraries else ()
    defaults = [(each.name, context.with_default(each)) for each in libraries]
    return [(YOURS, context.unchanged()), (NO_BREAKER, context.without_breaker()), *defaults]


def _contender(
    name: str, candidate: int, winner: int, evaluator: Evaluator, evaluation: Evaluation
) -> Contender:
    count = int(evaluation.counts[candidate])
    return Contender(
        name=name,
        worst=evaluation.worst_estimates(candidate, count),
        behind=None if name == WINNER else evaluation.leads(candidate, winner, count),
        scenarios=tuple(
            _in_scenario(name, candidate, winner, evaluator, evaluation, scenario)
            for scenario in range(len(evaluation.scenarios))
        ),
        differs=next((each.differs for each in DEFAULTS if each.name == name), ""),
        day=_day(candidate, count, evaluator, evaluation),
    )


def _day(
    candidate: int, count: int, evaluator: Evaluator, evaluation: Evaluation
) -> DayCost | None:
    """Return what a candidate costs on the ordinary day among the scenarios, if there is one."""
    place = next((place for place, s in enumerate(evaluation.scenarios) if s.is_day), None)
    if place is None:
        return None
    table, days = evaluator.tables[place], evaluation.scenarios[place].base.duration / 86_400.0
    rejected, trips = (
        [value_of(each) for each in table.values[candidate, :count, index].tolist()]
        for index in (table.index[Column(name, WHOLE, "")] for name in ("rejected", "false_trips"))
    )
    return DayCost(
        lost=estimate(evaluation.lost[candidate, :count].tolist()),
        rejected=estimate(rejected, bounds_of(Unit.SHARE)),
        false_trips=estimate([(each or 0.0) / days for each in trips], (0.0, math.inf)),
        kept=bool(evaluation.kept[candidate, place]),
    )


def _in_scenario(
    name: str, candidate: int, winner: int, evaluator: Evaluator, evaluation: Evaluation, place: int
) -> InScenario:
    scenario, table = evaluation.scenarios[place], evaluator.tables[place]
    count = int(evaluation.counts[candidate])
    outcome = evaluator.outcome(candidate, place)
    behind = []
    for aim in scenario.aims:
        ours, theirs = table.series(winner, aim), table.series(candidate, aim)
        turned = (theirs, ours) if aim.better is Better.HIGHER else (ours, theirs)
        behind.append(difference(*turned))
    return InScenario(
        aims=tuple(table.estimate(candidate, aim) for aim in scenario.aims),
        regret=evaluation.regret_estimates(candidate, place, count) if not scenario.is_day else (),
        behind=None if name == WINNER else tuple(behind),
        verdicts=outcome.verdicts,
        thresholds=judge(scenario.base.thresholds, outcome),
        limits=limits_of(scenario, outcome),
    )
