"""Checking: the winner on random streams that nothing was tuned on, beside what it has to beat."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from simcb.metrics import Unit, bounds_of, difference, estimate, judge
from simcb.metrics.phase import WHOLE
from simcb.studies.evaluation.cells import Cell, Column, Done, value_of
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.evaluation.dispatch import Spare
from simcb.studies.evaluation.evaluator import Changes, Evaluator
from simcb.studies.evaluation.objective import Better
from simcb.studies.tune.contenders import DEFAULTS
from simcb.studies.tune.context import TuneContext
from simcb.studies.tune.racing import FEWEST, in_turn
from simcb.studies.tune.regret import Evaluation, limits_of
from simcb.studies.tune.result import Check, Contender, DayCost, InScenario
from simcb.studies.tune.scenarios import is_family

WINNER = ""
"""The name under which the winner stands among the contenders."""


class Checking:
    """The winner and others on the random streams of another seed.

    Who they are is known before the winner is, so most of their runs can be made meanwhile.

    Args:
        context: the scenarios.
        replicates: runs of each contender in each scenario.
        seed: random seed.
        taken: called whenever runs have come back.
    """

    def __init__(
        self,
        context: TuneContext,
        *,
        replicates: int,
        seed: int,
        taken: Callable[[tuple[Done, ...]], None],
    ) -> None:
        self._context = context
        self._evaluator = context.evaluator(replicates, seed)
        self._evaluator.taken = taken
        self._others: dict[str, int] = {}
        for name, changes in _others(context):
            # Who changes nothing is you, and is among them already.
            if name == YOURS or any(changes):
                self._others[name] = self._evaluator.enter(changes)
        self._guard = context.guard(self._others.get(NO_BREAKER))
        family = is_family(context.scenarios)
        self._few = min(replicates, FEWEST) if family else replicates
        self._libraries = set(self._others.values()) - {
            self._others.get(name) for name in (YOURS, NO_BREAKER)
        }

    def ahead(self) -> Iterator[Spare]:
        """Yield the runs that are needed whoever wins."""
        return self._evaluator.spares(self._certain())

    def _certain(self) -> Iterator[Cell]:
        """Yield the cells of the others: of libraries those of the ordinary day alone."""
        for candidate in self._others.values():
            library = candidate in self._libraries
            for place, scenario in enumerate(self._context.scenarios):
                if not library or scenario.is_day:
                    for replicate in range(self._few if library else self._evaluator.replicates):
                        yield Cell(candidate, replicate, place)

    def check(
        self, searched: Evaluator, known: Evaluation, winner: int
    ) -> tuple[bool, Check | None]:
        """Run what is still to be run, and tell how everybody did.

        The best setting found for each scenario alone runs there, too: it is what regret is
        measured against. In a family of storms, which are many runs, a library gets no more of
        them once it is behind the winner beyond doubt; it has had the ordinary day before.

        Args:
            searched: where the winner was found.
            known: how the candidates stood there.
            winner: its candidate there.

        Returns:
            Whether it came to its end, and the check if it did.
        """
        scenarios, evaluator, guard = self._context.scenarios, self._evaluator, self._guard
        replicates, few = evaluator.replicates, self._few
        searched.settle()
        best = evaluator.enter(searched.changes(winner))
        special = [
            (evaluator.enter(searched.changes(int(candidate))), place)
            for standards in known.standards(searched.replicates)
            for place, candidate in enumerate(standards)
            if not scenarios[place].is_day
        ]
        wanted = [*((best, place) for place in range(len(scenarios))), *special]
        cells = [Cell(each, i, place) for each, place in wanted for i in range(replicates)]
        if not evaluator.run([*cells, *self._certain()]):
            return False, None
        evaluation = Evaluation.of(scenarios, evaluator, guard)
        libraries, behind = self._libraries - {best}, set[int]()
        for places in in_turn(evaluation, replicates):
            if not evaluator.run_in(places, libraries - behind, few):
                return False, None
            evaluation = Evaluation.of(scenarios, evaluator, guard)
            behind |= {each for each in libraries if _is_behind(evaluation, each, best, few)}
        if evaluation.counts[best] < replicates:
            return True, None
        contenders = [
            _contender(name, candidate, best, evaluator, evaluation)
            for name, candidate in {WINNER: best, **self._others}.items()
            if evaluation.counts[candidate] >= few or candidate in behind
        ]
        return True, Check(evaluator.seed, replicates, tuple(contenders))


def _is_behind(evaluation: Evaluation, candidate: int, winner: int, replicates: int) -> bool:
    """Tell whether a candidate is behind the winner beyond doubt where it was run."""
    leads = evaluation.leads(candidate, winner, replicates)
    return all(each.low is not None and each.low > 0.0 for each in leads)


def _others(context: TuneContext) -> list[tuple[str, Changes]]:
    libraries = DEFAULTS if context.libraries else ()
    defaults = [(each.name, context.with_default(each)) for each in libraries]
    return [(YOURS, context.unchanged()), (NO_BREAKER, context.without_breaker()), *defaults]


def _contender(
    name: str, candidate: int, winner: int, evaluator: Evaluator, evaluation: Evaluation
) -> Contender:
    count = int(evaluation.seen[candidate])
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
    count = int(evaluation.ran[candidate, place])
    outcome = evaluator.outcome(candidate, place)
    behind = []
    for aim in scenario.aims:
        ours, theirs = table.series(winner, aim), table.series(candidate, aim)
        turned = (theirs, ours) if aim.better is Better.HIGHER else (ours, theirs)
        behind.append(difference(*turned))
    return InScenario(
        replicates=count,
        aims=tuple(table.estimate(candidate, aim) for aim in scenario.aims),
        regret=()
        if scenario.is_day or not count
        else evaluation.regret_estimates(candidate, place, count),
        behind=None if name == WINNER else tuple(behind),
        verdicts=outcome.verdicts,
        thresholds=judge(scenario.base.thresholds, outcome) if count else (),
        limits=limits_of(scenario, outcome) if count else (),
    )
