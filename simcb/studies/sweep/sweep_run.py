"""A sweep under way: which settings are known, how they fare, and what a border asks for next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate
from simcb.studies.evaluation.cells import Done, scenario_digest
from simcb.studies.evaluation.evaluator import Evaluator
from simcb.studies.evaluation.settings import Setting, applied, changes_of, policies
from simcb.studies.sweep.plan import Plan
from simcb.studies.sweep.ranking import badness
from simcb.studies.sweep.refining import Refinement
from simcb.studies.sweep.result import SweepResult


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Args:
        done: cells whose numbers are known.
        total: all cells known of; a refinement may find more.
        lost: cells that were given up.
        seconds: since the first cell of this process was sent out.
        ran: how many of the done cells were run since then.
        best: the best of the settings that are complete, and its objective; None where there
            is no one best.
    """

    done: int
    total: int
    lost: int
    seconds: float
    ran: int
    best: tuple[Setting, Estimate] | None


class SweepRun:
    """A sweep under way.

    Args:
        plan: what is to be done.
        digests: the effective scenario of each of the plan's settings.
        evaluator: what runs it.
        progress: called after each chunk.
    """

    def __init__(
        self,
        plan: Plan,
        digests: Sequence[str],
        evaluator: Evaluator,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._plan = plan
        self._evaluator = evaluator
        self._table = evaluator.tables[0]
        self._progress = progress
        self._numbers: dict[Setting, int] = {}
        self._begun = time.monotonic()
        self._best: tuple[Setting, Estimate] | None = None
        # Of several worlds each has a best of its own.
        self._crowning = all(policies(plan.scenario, plan.axes))
        self._refinement = Refinement(plan.axes, plan.depth) if plan.border else None
        evaluator.taken = self._tell
        self._add(plan.settings, digests)

    def run(self) -> SweepResult:
        """Run what is missing, then what the refinement asks for, until it is stopped."""
        complete = self._run_all()
        while complete and self._refine():
            complete = self._run_all()
        plan = self._plan
        return SweepResult(
            scenario=plan.scenario,
            axes=plan.axes,
            design=plan.design,
            settings=tuple(self._numbers),
            replicates=plan.replicates,
            seed=plan.seed,
            objective=plan.objective,
            border=plan.border,
            fine_settings=self._refinement.fine_settings if self._refinement else 0,
            table=self._table,
            lost=self._evaluator.lost,
            complete=complete,
            tally=self._evaluator.tally,
        )

    def _run_all(self) -> bool:
        return self._evaluator.run_everywhere(range(len(self._numbers)), self._plan.replicates)

    def _add(self, settings: Sequence[Setting], digests: Sequence[str]) -> None:
        for setting in settings:
            self._numbers[setting] = len(self._numbers)
        changes = [(changes_of(self._plan.axes, setting),) for setting in settings]
        self._evaluator.add(changes, [(digest,) for digest in digests])

    def _tell(self, done: tuple[Done, ...]) -> None:
        if self._progress is None:
            return
        evaluator, settings = self._evaluator, list(self._numbers)
        for number in sorted({each.cell.setting for each in done}):
            self._compare(number, settings[number])
        known, ran = evaluator.ran + evaluator.reused, evaluator.ran
        total, seconds = len(settings) * self._plan.replicates, time.monotonic() - self._begun
        self._progress(Progress(known, total, len(evaluator.lost), seconds, ran, self._best))

    def _compare(self, number: int, setting: Setting) -> None:
        """Keep a setting in mind that is complete and better than any before."""
        if not self._crowning or not self._table.is_complete(number):
            return
        objective = self._plan.objective
        found = self._table.estimate(number, objective)
        if not found.n or self._evaluator.outcome(number, 0).failure:
            return
        if self._best is None or badness(found, objective) < badness(self._best[1], objective):
            self._best = setting, found

    def _refine(self) -> bool:
        """Add the settings that the border asks for; false if it asks for no more."""
        if self._refinement is None:
            return False
        while True:
            points = self._refinement.points
            sides = {point: self._side(self._refinement.setting_at(point)) for point in points}
            found = [self._refinement.setting_at(point) for point in self._refinement.more(sides)]
            if not found:
                return False
            # Points between neighbouring whole numbers are no settings of their own.
            added = [each for each in dict.fromkeys(found) if each not in self._numbers]
            if added:
                self._add(added, [self._digest(each) for each in added])
                return True

    def _side(self, setting: Setting) -> bool | None:
        """Return on which side of the border a setting lies; None if that is undefined."""
        border = self._plan.border
        if border is None:
            return None
        mean = self._table.estimate(self._numbers[setting], border.objective).mean
        return None if mean is None else mean >= border.value

    def _digest(self, setting: Setting) -> str:
        changes = changes_of(self._plan.axes, setting)
        return scenario_digest(applied(self._plan.scenario, changes))
