"""A tune under way: propose and race, choose, walk around the winner, check it.

What is done next depends on what is known, and on nothing else; who runs it and how it is kept
is for others to know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from simcb.metrics import estimate
from simcb.scenario.units import Value
from simcb.studies import StudyError
from simcb.studies.evaluation.cells import Done, value_of
from simcb.studies.evaluation.evaluator import Changes
from simcb.studies.evaluation.settings import Setting, applied, changes_of
from simcb.studies.tune.checking import Checking
from simcb.studies.tune.context import TuneContext
from simcb.studies.tune.losses import check_defined
from simcb.studies.tune.plan import WALKS, TunePlan
from simcb.studies.tune.racing import race
from simcb.studies.tune.regret import Evaluation, Guard
from simcb.studies.tune.result import Check, Trial, TuneResult
from simcb.studies.tune.search import Search, Tried
from simcb.studies.tune.sensitivity import Reach, neighbours, next_beyond, reach_of
from simcb.studies.tune.space import calmness


@dataclass(frozen=True)
class TuneProgress:
    """How far a tune is.

    Args:
        stage: `searching`, `walking` around the winner, or `checking` it.
        done: settings of the stage that are settled.
        total: settings of the stage.
        ran: runs made so far.
        seconds: since the first run.
        best: the best so far, if any is known.
    """

    stage: str
    done: int
    total: int
    ran: int
    seconds: float
    best: Setting | None


class Tuning:
    """A tune under way.

    Args:
        plan: what is to be done.
        context: the scenarios, and who runs them.
        search: what proposes settings.
        progress: called as runs come back.
    """

    def __init__(
        self,
        plan: TunePlan,
        context: TuneContext,
        search: Search,
        progress: Callable[[TuneProgress], None] | None,
    ) -> None:
        self._options = plan.options
        self._context = context
        self._axes = plan.axes
        self._search = search
        self._evaluator = context.evaluator(plan.options.size.replicates, plan.options.seed)
        self._evaluator.taken = self._tell
        self._checking = Checking(
            context,
            replicates=plan.options.size.fresh,
            seed=plan.options.seed + 1,
            taken=self._tell,
        )
        self._evaluator.spare = self._checking.ahead()
        self._tried: dict[Setting, int | str] = {}
        self._evaluation: Evaluation | None = None
        self._guard: Guard | None = None
        self._rivals: set[int] = set()
        self._winner: int | None = None
        self._progress = progress
        self._stage, self._done, self._total = "searching", 0, plan.options.size.trials
        self._begun = time.monotonic()
        self._best: Setting | None = None

    def run(self) -> TuneResult:
        """Search, walk and check; what was not reached before a stop is missing."""
        complete = self._beside() and self._look()
        searched = len(self._tried)
        reach: tuple[Reach, ...] = ()
        checked: Check | None = None
        if complete and self._winner is not None:
            complete, reach = self._walk()
        if complete and self._winner is not None:
            self._stage, self._done, self._total = "checking", 0, 1
            complete, checked = self._checking.check(self._evaluator, self._known, self._winner)
        return self._result(searched, reach, checked, complete=complete)

    # Searching.

    def _beside(self) -> bool:
        """Run what a storm's settings have to beat: none at all, and the file's own.

        Own faults alone, as they are, have always been searched without.
        """
        if self._options.own:
            return True
        changes = [self._context.without_breaker(), self._context.unchanged()]
        known = [self._evaluator.enter(each) for each in changes]
        self._guard = self._context.guard(known[0])
        self._rivals = set(known)
        places = range(len(self._context.scenarios))
        return self._evaluator.run_in(places, known, self._evaluator.replicates)

    def _race(self, candidates: Sequence[int], margin: float, *, rivals: bool = False) -> bool:
        """Race settings; one of them gets to the end, even where no breaker at all is better.

        After that `rivals`, no breaker and yours, eliminate nobody unless they are to.
        """
        return race(
            self._context.scenarios,
            self._evaluator,
            candidates,
            margin,
            self._guard,
            least=0 if self._settled else 1,
            beside=set()
            if rivals or not self._settled
            else self._rivals - set(self._tried.values()),
        )

    def _evaluated(self) -> Evaluation:
        return Evaluation.of(self._context.scenarios, self._evaluator, self._guard)

    def _look(self) -> bool:
        while len(self._tried) < self._options.size.trials:
            settings = self._search.propose(self._history())
            settings = settings[: self._options.size.trials - len(self._tried)]
            if not settings:
                # Everything there is has been tried.
                break
            self._done = len(self._tried)
            margin = 0.0 if self._options.own else self._options.tolerance
            if not self._race(self._enter(settings), margin):
                return False
            for scenario, table in zip(
                self._context.scenarios, self._evaluator.tables, strict=True
            ):
                check_defined(table, scenario)
            self._choose()
        self._done = len(self._tried)
        return True

    def _enter(self, settings: Iterable[Setting]) -> list[int]:
        """Return the candidates of settings, and note those that a scenario refuses.

        Raises:
            StudyError: none was ever accepted.
        """
        candidates = []
        for setting in settings:
            try:
                found = self._evaluator.enter(self._changes(setting))
            except StudyError as error:
                self._tried.setdefault(setting, f"{error.what}; {error.remedy}")
                refusal = error
            else:
                self._tried.setdefault(setting, found)
                candidates.append(found)
        if not len(self._evaluator):
            raise refusal
        return candidates

    def _changes(self, setting: Setting) -> Changes:
        return tuple(changes_of(self._axes, setting) for _ in self._context.scenarios)

    @property
    def _known(self) -> Evaluation:
        if self._evaluation is None or len(self._evaluation.ran) < len(self._evaluator):
            self._evaluation = self._evaluated()
        return self._evaluation

    @property
    def _settled(self) -> list[int]:
        """The settings that have been run as often as any may be."""
        tried = set(self._tried.values())
        return [each for each in self._known.complete if each in tried]

    def _history(self) -> list[Tried]:
        known = [
            self._trial(number, setting, candidate)
            for number, (setting, candidate) in enumerate(self._tried.items())
        ]
        ran = [each for each in known if each.worst]
        if not ran:
            return [Tried(each.setting, (), 1.0) for each in known]
        # What cannot even be run is as bad as the worst that can, and against the limits.
        worst = tuple(max(each.worst[aim] for each in ran) for aim in range(len(ran[0].worst)))
        return [
            Tried(each.setting, each.worst or worst, each.violation if each.worst else 1.0)
            for each in known
        ]

    def _trial(self, number: int, setting: Setting, candidate: int | str) -> Trial:
        if isinstance(candidate, str):
            return Trial(number, setting, 0, (), 0.0, candidate)
        known = self._known
        if not known.seen[candidate]:
            return Trial(number, setting, 0, (), 0.0)
        worst = known.worst(candidate)
        day = estimate([value_of(each) for each in known.lost[candidate].tolist()]).mean
        count = int(known.counts[candidate])
        return Trial(number, setting, count, worst, known.violation(candidate), day=day)

    def _choose(self) -> None:
        self._evaluation = self._evaluated()
        if self._settled:
            self._winner = self._chosen(self._settled)
            self._best = self._setting_of(self._winner)

    def _chosen(self, among: Collection[int]) -> int:
        """Return the best of settings that have been run to the end.

        In a family of storms that is, of those that are as good as the best, the calmest.
        """
        known, count = self._known, self._evaluator.replicates
        best = known.champion(among, count)
        if self._options.own:
            return best
        tolerance = self._options.tolerance
        calm = {best: calmness(self._axes, self._setting_of(best).values)}
        for each in among:
            if known.feasible[each] == known.feasible[best] and all(
                lead.mean is not None and lead.mean <= tolerance
                for lead in known.leads(each, best, count)
            ):
                calm[each] = calmness(self._axes, self._setting_of(each).values)
        return max(calm, key=lambda each: calm[each])

    # Walking.

    def _walk(self) -> tuple[bool, tuple[Reach, ...]]:
        """Walk around the winner, anew around a better one, and tell how far each value may move.

        In a family of storms that is along one axis after the other, each from the best so far;
        the first of the axes comes last, which in the usual space is the rule, where most of the
        values are as good. Where no breaker at all is best nobody asks how far a value may move;
        only what beats it goes to the end there.
        """
        every = range(len(self._axes))
        turns = [[*every]] if self._options.own else [[index] for index in reversed(every)]
        for left in reversed(range(WALKS)):
            before = self._winner
            for turn in turns:
                if not self._go(turn):
                    return False, ()
                # In a family the last walk only looks: around the winner everything is known.
                if left or self._options.own:
                    self._improve()
            if self._winner == before:
                break
        if self._needless:
            return True, ()
        winner = self._setting_of(self._winner)
        return True, tuple(self._reach(index, winner) for index in every)

    def _go(self, axes: Iterable[int]) -> bool:
        """Race what differs from the winner in one of some axes; false if it was stopped."""
        winner = self._setting_of(self._winner)
        paths = [neighbours(self._axes, winner, index) for index in axes]
        settings = list(dict.fromkeys(s for path in paths for s in path.values()))
        self._stage, self._done, self._total = "walking", 0, len(settings)
        around = self._enter(settings)
        ended = self._race(around, self._options.tolerance, rivals=self._needless)
        self._evaluation = self._evaluated()
        return ended

    @property
    def _needless(self) -> bool:
        """Whether no breaker at all is as good as the winner."""
        if not self._rivals:
            return False
        none = self._evaluator.enter(self._context.without_breaker())
        known, count = self._known, self._evaluator.replicates
        return bool(known.feasible[none]) and all(
            lead.mean is not None and lead.mean <= self._options.tolerance
            for lead in known.leads(none, self._winner or 0, count)
        )

    def _improve(self) -> None:
        """Put a winner that was found on the way in the old one's place, if it is worth it.

        In a family it always is; else if it is better beyond doubt, or by more than the tolerance.
        """
        known, count = self._known, self._evaluator.replicates
        assert self._winner is not None
        found = self._chosen(self._settled)
        if found == self._winner:
            return
        if not self._options.own:
            self._winner = found
            return
        leads = known.leads(found, self._winner, count)
        surely = all(each.high is not None and each.high < 0.0 for each in leads)
        clearly = all(
            each.mean is not None and each.mean < -self._options.tolerance for each in leads
        )
        # Of several aims one alone may be better, and the others the same to the last digit.
        beaten = len(leads) > 1 and self._winner not in known.front(count, self._settled)
        kept = known.feasible[found] and not known.feasible[self._winner]
        if surely or clearly or beaten or kept:
            self._winner = found

    def _reach(self, index: int, winner: Setting) -> Reach:
        path = neighbours(self._axes, winner, index)
        candidates: dict[Value, int] = {}
        for value, setting in path.items():
            candidate = self._tried.get(setting)
            if isinstance(candidate, int):
                candidates[value] = candidate
        assert self._winner is not None
        axis, value = self._axes[index], winner.values[index]
        found = reach_of(
            axis, value, candidates, self._known, self._winner, self._options.tolerance
        )
        if all(step.as_good for step in found.steps):
            return found
        return replace(found, beyond=self._beyond(index, winner))

    def _beyond(self, index: int, winner: Setting) -> str:
        """Return on which side of an axis a better value may lie that was not looked at."""
        found = next_beyond(self._axes[index], winner.values[index])
        if found is None:
            return ""
        side, value = found
        values = (*winner.values[:index], value, *winner.values[index + 1 :])
        try:
            for scenario in self._context.scenarios:
                applied(scenario.base, changes_of(self._axes, Setting(values)))
        except StudyError:
            return ""
        return side

    def _setting_of(self, candidate: int | None) -> Setting:
        return next(setting for setting, number in self._tried.items() if number == candidate)

    # Telling.

    def _result(
        self,
        searched: int,
        reach: tuple[Reach, ...],
        checked: Check | None,
        *,
        complete: bool,
    ) -> TuneResult:
        known, evaluator = self._known, self._evaluator
        trials = tuple(
            self._trial(number, setting, candidate)
            for number, (setting, candidate) in enumerate(self._tried.items())
        )
        numbers = {candidate: number for number, candidate in enumerate(self._tried.values())}
        winner = None if self._winner is None else numbers[self._winner]
        return TuneResult(
            scenarios=self._context.scenarios,
            axes=self._axes,
            replicates=evaluator.replicates,
            batch=self._options.size.batch,
            seed=self._options.seed,
            tolerance=self._options.tolerance,
            day_budget=self._options.day_budget,
            trials=trials,
            searched=searched,
            winner=winner,
            feasible=self._winner is not None and bool(known.feasible[self._winner]),
            front=tuple(numbers[each] for each in known.front(evaluator.replicates, self._settled)),
            reach=reach,
            check=checked,
            filled=self._context.filled,
            lost=self._context.lost,
            complete=complete,
            tally=self._context.tally,
        )

    def _tell(self, done: tuple[Done, ...]) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self._begun
            ran = self._context.tally.ran
            self._progress(
                TuneProgress(self._stage, self._done, self._total, ran, seconds, self._best)
            )
