"""What a sweep comes to: every cell's numbers, the ranking, and what went wrong on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from simcb.metrics import Estimate, Unit, bounds_of, difference
from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.scenario.sweep import Design
from simcb.scenario.units import Value
from simcb.studies.evaluation.dispatch import Lost
from simcb.studies.evaluation.evaluator import Tally, Told
from simcb.studies.evaluation.objective import Better, Border, Objective
from simcb.studies.evaluation.settings import (
    Setting,
    applied,
    changes_of,
    labels_of,
    policies,
    values_at,
)
from simcb.studies.evaluation.table import Failure, Outcome, Table
from simcb.studies.sweep.contenders import Contender
from simcb.studies.sweep.ranking import Ranked, World, is_worse, rank, tolerance, world_of


@dataclass(frozen=True, eq=False)
class Beside:
    """What a contender came to.

    Args:
        contender: which.
        table: where its numbers are.
        number: in which row.
        lost: its cells that could not be run.
    """

    contender: Contender
    table: Table
    number: int
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True)
class Standing:
    """How a contender stands beside the best setting of its world.

    Args:
        name: the contender's.
        world: the world it meets.
        values: what its scenario has at each axis's place; None where it says nothing.
        outcome: everything it came to.
        estimate: the objective, its mean and interval.
        behind: the paired difference to that best, this one minus the best; None without one.
        tied: whether it cannot be told from that best.
        better: whether it is shown to be better.
        same_as: the setting that is the same scenario, if one is.
    """

    name: str
    world: World
    values: tuple[Value | None, ...]
    outcome: Outcome
    estimate: Estimate
    behind: Estimate | None
    tied: bool
    better: bool
    same_as: int | None


_AS_THEY_ARE = frozenset({Unit.SHARE, Unit.COUNT, Unit.RATIO})
"""What a difference of is a loss as it is, and not a part of the best."""


@dataclass(frozen=True, eq=False)
class SweepResult:
    """A sweep's results.

    Args:
        scenario: what was varied.
        axes: how.
        design: how settings were made of the axes.
        settings: the settings, those of a refinement after the others.
        replicates: how many runs each has.
        seed: random seed, which all settings share.
        objective: by what they are ranked.
        border: what was refined; None if nothing was.
        fine_settings: how many settings the fine grid would have had.
        table: all numbers.
        lost: the cells that could not be run.
        complete: false if the sweep was stopped before its end.
        tally: how much work it was.
        contenders: what the settings are held against, and what each came to.
        tags: what the user calls it.
        clients: the code of client groups, with arguments if it has any.
        told: what is worth telling of how that code ran in the settings that were run now.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    design: Design
    settings: tuple[Setting, ...]
    replicates: int
    seed: int
    objective: Objective
    border: Border | None
    fine_settings: int
    table: Table
    lost: tuple[Lost, ...]
    complete: bool
    tally: Tally
    contenders: tuple[Beside, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    clients: Mapping[str, str] = field(default_factory=dict)
    told: tuple[Told, ...] = ()

    def __len__(self) -> int:
        return len(self.settings)

    def outcome(self, setting: int) -> Outcome:
        """Return what a setting, by its number, came to."""
        return Outcome(self.table, setting, self.scenario)

    def outcomes(self) -> Iterator[tuple[Setting, Outcome]]:
        """Yield each setting with what it came to."""
        for number, setting in enumerate(self.settings):
            yield setting, self.outcome(number)

    @cached_property
    def policies(self) -> tuple[bool, ...]:
        """Which axes vary a policy; the others vary the world."""
        return policies(self.scenario, self.axes)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The axes' names in sentences, each of one place of the scenario alone."""
        return labels_of(self.scenario, self.axes)

    def world_of(self, setting: int) -> World:
        """Return the world that a setting meets: its values of the axes that are no policy."""
        return world_of(self.settings[setting], self.policies)

    @cached_property
    def failures(self) -> tuple[Failure | None, ...]:
        """Why each setting has failed as a whole, if it has."""
        return tuple(outcome.failure for _, outcome in self.outcomes())

    @cached_property
    def ranking(self) -> tuple[Ranked, ...]:
        """The settings, the best of each world first; in their order if none is ranked."""
        return self.ranking_by(self.objective)

    def ranking_by(self, objective: Objective) -> tuple[Ranked, ...]:
        """Return the settings as `ranking` has them, ranked by another number."""
        worlds = [self.world_of(number) for number in range(len(self))]
        chosen = any(self.policies)
        return rank(self.table, objective, worlds, self.failures, chosen=chosen)

    def losses(self, objective: Objective | None = None) -> tuple[Estimate | None, ...]:
        """Return what each setting, in their order, loses to the best that meets its world.

        A loss is the paired difference to the best, positive where a setting is worse. Of
        shares, counts and ratios it is in their own unit (0.2 from 99 % to 79 %), of all others
        a share of the best's mean.

        Args:
            objective: by what they are ranked; what the sweep is ranked by if None.

        Returns:
            None for a setting that is not ranked.
        """
        objective = objective or self.objective
        ranked = self.ranking_by(objective)
        best = {self.world_of(e.setting): e.estimate for e in ranked if e.rank == 1}
        sign = -1.0 if objective.better is Better.HIGHER else 1.0
        found: list[Estimate | None] = [None] * len(self)
        for each in ranked:
            if each.rank is None:
                continue
            whole = best[self.world_of(each.setting)].finite
            size = 1.0 if objective.unit in _AS_THEY_ARE else abs(whole or 0.0) or 1.0
            behind = each.behind or _none_lost(each.estimate)
            found[each.setting] = _scaled(behind, sign / size)
        return tuple(found)

    @property
    def known(self) -> bool:
        """Whether the objective has a value in any setting."""
        return any(each.estimate.n for each in self.ranking)

    @property
    def bests(self) -> tuple[Ranked, ...]:
        """The best setting of each world that has one."""
        return tuple(each for each in self.ranking if each.rank == 1 and each.estimate.n)

    @property
    def best(self) -> Ranked | None:
        """The best setting; None if there is none, or one for each of several worlds."""
        found = self.bests
        return found[0] if len(found) == 1 and all(self.policies) else None

    @property
    def tied(self) -> tuple[Ranked, ...]:
        """The settings that cannot be told from the best of their world, the best first."""
        return tuple(each for each in self.ranking if each.tied)

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """How each contender stands beside the best setting of its world."""
        bests = {self.world_of(each.setting): each for each in self.bests}
        return tuple(self._standing(each, bests) for each in self.contenders)

    def _standing(self, each: Beside, bests: Mapping[World, Ranked]) -> Standing:
        objective, contender = self.objective, each.contender
        outcome = Outcome(each.table, each.number, self.scenario)
        found = each.table.estimate(each.number, objective)
        best, behind, tied, better = bests.get(contender.world), None, False, False
        if best is not None and found.n:
            series = each.table.series(each.number, objective)
            leader = self.table.series(best.setting, objective)
            behind = difference(leader, series, bounds_of(objective.unit))
            failed = outcome.failure is Failure.UNANSWERED
            least = tolerance(best.estimate, objective)
            better = not failed and is_worse(series, leader, objective, tolerance(found, objective))
            tied = not (failed or better or is_worse(leader, series, objective, least))
        return Standing(
            contender.name,
            contender.world,
            values_at(applied(self.scenario, contender.changes), self.axes, self.clients),
            outcome,
            found,
            behind,
            tied,
            better,
            each.number if each.table is self.table else None,
        )

    @property
    def every_lost(self) -> tuple[Lost, ...]:
        """The cells that could not be run, those of the settings first."""
        return (*self.lost, *(lost for each in self.contenders for lost in each.lost))

    @property
    def reasons_lost(self) -> tuple[str, ...]:
        """Why runs could not be made, those of the settings first."""
        return tuple(each.reason for each in self.every_lost)

    def values_of(self, setting: int) -> dict[str, Value]:
        """Return a setting's values by the axes' paths."""
        pairs = zip(self.axes, self.settings[setting].values, strict=True)
        return {axis.path: value for axis, value in pairs}

    def scenario_of(self, setting: int) -> Scenario:
        """Return the scenario of a setting."""
        return applied(self.scenario, changes_of(self.axes, self.settings[setting]))

    def estimates(self, objective: Objective) -> list[Estimate]:
        """Return a number's mean and interval for every setting, in their order."""
        return [self.table.estimate(number, objective) for number in range(len(self.settings))]


def _none_lost(best: Estimate) -> Estimate:
    """Return the loss of the best to itself, in as many replicates."""
    return replace(best, mean=0.0, low=None, high=None, never=0, finite=0.0)


def _scaled(found: Estimate, factor: float) -> Estimate:
    """Return an estimate of so many times the value."""
    ends = [each and each * factor for each in (found.low, found.high)]
    low, high = ends if factor > 0.0 else reversed(ends)
    mean, finite = (each and each * factor for each in (found.mean, found.finite))
    return replace(found, mean=mean, low=low, high=high, finite=finite)
