"""What a tune comes to: the winner, how sure that is, and how it does on fresh random streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from simcb.metrics import Estimate, ThresholdResult, Verdict
from simcb.scenario.axes import Axis
from simcb.scenario.refusal import choice_remedy, quoted
from simcb.scenario.units import Value
from simcb.studies import StudyError
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS
from simcb.studies.evaluation.dispatch import Lost
from simcb.studies.evaluation.evaluator import Tally
from simcb.studies.evaluation.objective import Objective
from simcb.studies.evaluation.settings import Setting, labels_of
from simcb.studies.tune.losses import Filled
from simcb.studies.tune.scenarios import TuneScenario, is_family
from simcb.studies.tune.sensitivity import Reach


@dataclass(frozen=True)
class Trial:
    """A setting that was tried.

    Args:
        number: from 0, in the order of the search.
        setting: its values.
        replicates: how many runs it got in every scenario; 0 if it was clear in some that it is
            no good, and the others were left out.
        worst: its worst regret for each aim, of where it was run at least; empty if it was refused
            or never run.
        violation: by how much it misses the limits; 0 if it keeps them.
        refused: why the scenarios refuse it, or "".
        day: the share of an ordinary day's requests that it loses and no breaker does not; None
            where that is not known.
    """

    number: int
    setting: Setting
    replicates: int
    worst: tuple[float, ...]
    violation: float
    refused: str = ""
    day: float | None = None


@dataclass(frozen=True)
class InScenario:
    """How a contender does in one scenario.

    Args:
        replicates: how many runs that is; 0 if it was behind before, and not run there.
        aims: each aim's mean over the replicates with its interval.
        regret: what is lost there to the best setting known for that scenario alone, by aim.
        behind: how much worse that is than the winner's, paired; None for the winner.
        verdicts: how many replicates ended in each verdict, the worst last.
        thresholds: how the scenario's own thresholds fare.
        limits: how the limits of the tune fare.
    """

    replicates: int
    aims: tuple[Estimate, ...]
    regret: tuple[Estimate, ...]
    behind: tuple[Estimate, ...] | None
    verdicts: dict[Verdict, int]
    thresholds: tuple[ThresholdResult, ...]
    limits: tuple[ThresholdResult, ...]


@dataclass(frozen=True)
class DayCost:
    """What a contender costs on an ordinary day, over all days among the scenarios.

    Args:
        lost: the share of requests that it loses and no breaker does not, paired.
        rejected: the share of attempts that it rejects.
        false_trips: openings in 24 hours.
        kept: whether no more is lost than the budget.
    """

    lost: Estimate
    rejected: Estimate
    false_trips: Estimate
    kept: bool


@dataclass(frozen=True)
class Contender:
    """One of those that were held against each other on fresh random streams.

    Who was behind beyond doubt in some scenarios was not run in the others: its worst regret, and
    how far it is behind, are then at least so much.

    Args:
        name: who it is; "" for the winner.
        worst: its worst regret for each aim, with its interval.
        behind: by how much that is above the winner's, paired; None for the winner itself.
        scenarios: how it does in each scenario.
        differs: what the library it is named after does otherwise; "" if nothing.
        day: what it costs on an ordinary day; None if there is none among the scenarios.
    """

    name: str
    worst: tuple[Estimate, ...]
    behind: tuple[Estimate, ...] | None
    scenarios: tuple[InScenario, ...]
    differs: str = ""
    day: DayCost | None = None

    @property
    def marked_name(self) -> str:
        """Its name, with a mark if the library does something otherwise."""
        return f"{self.name}*" if self.differs else self.name

    @property
    def runs(self) -> int:
        """How many runs that is in all."""
        return sum(each.replicates for each in self.scenarios)

    @property
    def stopped(self) -> bool:
        """Whether it was behind beyond doubt before it was run in every scenario."""
        return not all(each.replicates for each in self.scenarios)

    @property
    def losses(self) -> tuple[float, ...]:
        """Its largest regret of any aim in each scenario; -1 where none is known."""
        return tuple(
            max((each.mean or 0.0 for each in scenario.regret), default=-1.0)
            for scenario in self.scenarios
        )

    @property
    def worst_storm(self) -> int:
        """The place of the scenario in which it loses most to the best setting for that alone."""
        return self.losses.index(max(self.losses))

    @property
    def feasible(self) -> bool:
        """Whether it keeps the limits in every scenario, and the ordinary day whole."""
        kept = all(limit.passed for scenario in self.scenarios for limit in scenario.limits)
        return kept and (self.day is None or self.day.kept)


@dataclass(frozen=True)
class Check:
    """The winner and the others on random streams that nothing was tuned on.

    Args:
        seed: random seed; `simcb run --seed` with it shows the same runs.
        replicates: runs of each contender in each scenario.
        contenders: the winner first, then the others in the order of their names' table.
    """

    seed: int
    replicates: int
    contenders: tuple[Contender, ...]

    @property
    def winner(self) -> Contender:
        """The tuned setting."""
        return self.contenders[0]

    def contender(self, name: str) -> Contender:
        """Return a contender by its name.

        Raises:
            KeyError: there is none of that name.
        """
        for each in self.contenders:
            if each.name == name:
                return each
        raise KeyError(name)


@dataclass(frozen=True, eq=False)
class TuneResult:
    """A tune's results.

    Args:
        scenarios: the scenarios, with what counted in them.
        axes: the space.
        replicates: the most runs of a setting in a scenario while it was searched.
        batch: settings tried at a time.
        seed: random seed of the search.
        tolerance: the loss of worst regret that does not matter.
        day_budget: the share of an ordinary day's requests that may be lost needlessly.
        trials: every setting tried.
        searched: how many of them the search proposed; the others lie around the winner.
        winner: the number of the best; None if none was run to the end.
        feasible: whether it keeps the limits.
        front: the trials that no other beats in every aim.
        reach: how far each of the winner's values can be moved.
        check: the winner on fresh random streams, beside others; None if it was stopped before.
        filled: where an aim had no number of its own in some runs, and what it counted as.
        lost: runs that could not be made.
        complete: false if it was stopped before its end.
        tally: how much work it was.
        tags: what the user calls it.
    """

    scenarios: tuple[TuneScenario, ...]
    axes: tuple[Axis, ...]
    replicates: int
    batch: int
    seed: int
    tolerance: float
    day_budget: float
    trials: tuple[Trial, ...]
    searched: int
    winner: int | None
    feasible: bool
    front: tuple[int, ...]
    reach: tuple[Reach, ...]
    check: Check | None
    filled: tuple[Filled, ...]
    lost: tuple[Lost, ...]
    complete: bool
    tally: Tally
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def aims(self) -> tuple[Objective, ...]:
        """What was to be as good as possible, as it stands in the first scenario."""
        return self.scenarios[0].aims

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The axes' names in sentences, each of one place alone in every scenario."""
        found = [labels_of(each.base, self.axes) for each in self.scenarios]
        return tuple(max(labels, key=len) for labels in zip(*found, strict=True))

    def label_of(self, axis: Axis) -> str:
        """Return the name in sentences of one of the axes."""
        return self.labels[[each.path for each in self.axes].index(axis.path)]

    def standing(self, *names: str) -> tuple[Contender, ...]:
        """Return those that were held against each other on fresh random streams.

        Args:
            names: who; "" is the winner. All if none is given, the winner first.

        Raises:
            StudyError: there is nobody of that name, or nothing was checked.
        """
        if self.check is None:
            raise StudyError("nothing was checked", "let the tune run to its end")
        known = {each.name: each for each in self.check.contenders}
        for name in names:
            if name not in known:
                remedy = choice_remedy(name, [each for each in known if each])
                raise StudyError(f"there is no contender {quoted(name)}", remedy)
        return tuple(known[name] for name in names or known)

    @property
    def family(self) -> bool:
        """Whether the scenarios are a family of storms, and not just their own faults."""
        return is_family(self.scenarios)

    @property
    def advice(self) -> str:
        """The calmest that is as good as the winner on fresh random streams.

        `NO_BREAKER` or `YOURS` if that one loses no more than the tolerance to it and keeps
        what has to hold; "" if the winner is to be set, or nothing was checked.
        """
        if self.check is None or not self.family:
            return ""
        found = [each.name for each in self.check.contenders if self._is_as_good(each)]
        return next((name for name in (NO_BREAKER, YOURS) if name in found), "")

    def _is_as_good(self, contender: Contender) -> bool:
        return contender.feasible and all(
            lead.mean is not None and lead.mean <= self.tolerance for lead in contender.behind or ()
        )

    @property
    def importance(self) -> tuple[float | None, ...]:
        """How much each axis matters around the winner, as shares of 1; None where unknown.

        That is what a value from anywhere along the axis loses on average, of the first aim,
        as the walk has found it. What the trials of the search have in common (PED-ANOVA looks
        at the best tenth of them) says little before there are hundreds: six good settings
        agree on an axis by chance.
        """
        losses = [each.average_loss for each in self.reach]
        total = sum(losses)
        if len(losses) < 2 or not total > 0.0:
            return (None,) * len(self.axes)
        return tuple(loss / total for loss in losses)

    @property
    def best(self) -> dict[str, Value]:
        """The winner's values by the axes' paths; empty if there is no winner."""
        if self.winner is None:
            return {}
        values = self.trials[self.winner].setting.values
        return {
            each.path: value
            for axis, value in zip(self.axes, values, strict=True)
            for each in axis.each_place
        }
