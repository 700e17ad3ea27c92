"""Regret: how candidates compare, from the runs there are, and which go on.

In each scenario a candidate is as good as its mean loss over replicates, and its **regret** there
is what it loses to the best candidate known for that scenario on the same random streams;
`losses` says what that is a share of. Its **worst regret** is the largest over the scenarios;
that is what a tune makes small, so that a setting is good in every scenario and not splendid in
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import Estimate, ThresholdResult, estimate, jackknife, judge
from simcb.metrics.phase import WHOLE
from simcb.scenario.thresholds import Comparison, Threshold
from simcb.studies.evaluation.cells import Column, Floats
from simcb.studies.evaluation.evaluator import Evaluator
from simcb.studies.evaluation.table import MISSING, Outcome, Table
from simcb.studies.tune.losses import fixed_size, losses_of, sizes_of
from simcb.studies.tune.scenarios import TuneScenario

_HARDLY = 1e-12
"""The violation of a limit that is missed by no measurable amount, such as `<` when equal."""


@dataclass(frozen=True)
class Guard:
    """What an ordinary day may lose.

    Args:
        reference: the candidate without a breaker.
        budget: the share of requests that one may lose there and this one does not.
    """

    reference: int
    budget: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is known of all candidates at one moment.

    An ordinary day among the scenarios is no storm: nothing is regretted there, but it has to be
    kept whole, as a limit has to hold.

    Args:
        scenarios: the scenarios.
        losses: candidates × aims × scenarios × replicates: each aim's value, turned so that less is
            better; nan where nothing was run.
        sizes: likewise: what a loss is at least a share of, where it is relative to the best.
        excesses: candidates × limits × scenarios × replicates: by how much each limit is missed, as
            a share of it; 0 or less where it holds.
        ran: candidates × scenarios: how many replicates were run.
        kept: candidates × scenarios: whether all limits hold there, judged by the means, or
            nothing was run.
        lost: candidates × replicates: the share of an ordinary day's requests that a candidate
            loses and the one without a breaker does not; nan where there is no such day.
    """

    scenarios: tuple[TuneScenario, ...]
    losses: Floats
    sizes: Floats
    excesses: Floats
    ran: NDArray[np.int64]
    kept: NDArray[np.bool_]
    lost: Floats
    _standards: dict[int, NDArray[np.int64]] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(
        cls,
        scenarios: tuple[TuneScenario, ...],
        evaluator: Evaluator,
        guard: Guard | None = None,
    ) -> Evaluation:
        """Return how the candidates compare now."""
        tables = evaluator.tables
        aims, limits = range(len(scenarios[0].aims)), range(len(scenarios[0].limits))
        shape = (len(evaluator), 1, len(scenarios), evaluator.replicates)
        pairs = list(zip(scenarios, tables, strict=True))
        losses, sizes = (
            [[of(table, scenario, scenario.aims[aim]) for scenario, table in pairs] for aim in aims]
            for of in (losses_of, sizes_of)
        )
        excesses = [
            [
                np.full_like(table.verdicts, -1.0, np.float64)
                if scenario.is_day
                else _excesses(table, scenario, scenario.limits[limit])
                for scenario, table in pairs
            ]
            for limit in limits
        ]
        ran = evaluator.counts()
        kept = [
            [
                not ran[candidate, scenario]
                or all(
                    each.passed
                    for each in limits_of(
                        scenarios[scenario], evaluator.outcome(candidate, scenario)
                    )
                )
                for scenario in range(len(scenarios))
            ]
            for candidate in range(len(evaluator))
        ]
        exceeding = np.array(excesses).transpose(2, 0, 1, 3) if limits else np.zeros(shape)[:, :0]
        holding = np.array(kept, np.bool_)
        lost = np.full((len(evaluator), evaluator.replicates), np.nan)
        if guard is not None:
            place = next(place for place, each in enumerate(scenarios) if each.is_day)
            lost = _lost(tables[place], guard.reference)
            beyond = np.full(shape, -1.0)
            beyond[:, 0, place] = lost - guard.budget
            exceeding = np.concatenate((exceeding, beyond), axis=1)
            ran_there = ran[:, place] > 0
            means = np.nan_to_num(lost).sum(axis=1) / np.maximum(ran[:, place], 1)
            holding[:, place] = ~ran_there | (means <= guard.budget)
        return cls(
            scenarios,
            np.array(losses).transpose(2, 0, 1, 3),
            np.array(sizes).transpose(2, 0, 1, 3),
            exceeding,
            ran,
            holding,
            lost,
        )

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How many replicates of each candidate were run in every scenario."""
        found: NDArray[np.int64] = self.ran.min(axis=1)
        return found

    @cached_property
    def seen(self) -> NDArray[np.int64]:
        """How many replicates of each candidate were run where it was run most."""
        found: NDArray[np.int64] = self.ran.max(axis=1)
        return found

    @cached_property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether each candidate keeps all limits in every scenario."""
        return np.array(self.kept.all(axis=1), np.bool_)

    @cached_property
    def complete(self) -> tuple[int, ...]:
        """The candidates that have been run as often as any may be."""
        return self.with_count(self.losses.shape[3])

    def with_count(self, replicates: int) -> tuple[int, ...]:
        """Return the candidates that have been run at least so often in every scenario."""
        return tuple(np.flatnonzero(self.counts >= replicates).tolist())

    def standards(self, replicates: int) -> NDArray[np.int64]:
        """Return, for each aim and scenario, the best candidate over the first so many replicates.

        Entries that keep the limits in that scenario go before all others.
        """
        if replicates not in self._standards:
            aims, scenarios = self.losses.shape[1:3]
            found = np.zeros((aims, scenarios), np.int64)
            for scenario in range(scenarios):
                candidates = np.flatnonzero(self.ran[:, scenario] >= replicates)
                kept = candidates[self.kept[candidates, scenario]]
                candidates = kept if len(kept) else candidates
                if not len(candidates):
                    continue
                means = self.losses[candidates, :, scenario, :replicates].mean(axis=2)
                found[:, scenario] = candidates[means.argmin(axis=0)]
            self._standards[replicates] = found
        return self._standards[replicates]

    def regrets(self, candidate: int, replicates: int) -> Floats:
        """Return a candidate's regrets: aims × scenarios × replicates; nan where it was not run."""
        standards = self.standards(replicates)
        found = np.empty((*standards.shape, replicates))
        for aim, scenario in np.ndindex(*standards.shape):
            unknown = self.ran[candidate, scenario] < replicates
            if unknown or self.scenarios[scenario].is_day:
                found[aim, scenario] = np.nan
                continue
            best = self.losses[standards[aim, scenario], aim, scenario, :replicates]
            scale = self._scale(int(standards[aim, scenario]), aim, scenario, replicates)
            found[aim, scenario] = (
                self.losses[candidate, aim, scenario, :replicates] - best
            ) / scale
        return found

    def _scale(self, best: int, aim: int, scenario: int, replicates: int) -> float:
        """Return what a regret is a share of: a fixed size, or that of the best candidate."""
        fixed = fixed_size(self.scenarios[scenario], self.scenarios[scenario].aims[aim])
        if fixed is not None:
            return fixed
        place = (best, aim, scenario, slice(replicates))
        return max(abs(float(self.losses[place].mean())), float(self.sizes[place].mean())) or 1.0

    def worst(self, candidate: int, replicates: int | None = None) -> tuple[float, ...]:
        """Return a candidate's worst regret for each aim, over its replicates or the first few.

        Of one that was eliminated it is the worst where it was run so often: at least so much.
        """
        count = int(self.seen[candidate]) if replicates is None else replicates
        wholes, _ = _worst(self.regrets(candidate, count))
        return tuple(wholes.tolist())

    def worst_estimates(self, candidate: int, replicates: int) -> tuple[Estimate, ...]:
        """Return a candidate's worst regret for each aim, with its interval."""
        wholes, parts = _worst(self.regrets(candidate, replicates))
        pairs = zip(wholes.tolist(), parts.tolist(), strict=True)
        return tuple(jackknife(whole, without) for whole, without in pairs)

    def regret_estimates(
        self, candidate: int, scenario: int, replicates: int
    ) -> tuple[Estimate, ...]:
        """Return a candidate's regret in one scenario for each aim, with its interval."""
        return tuple(
            estimate(each) for each in self.regrets(candidate, replicates)[:, scenario].tolist()
        )

    def leads(self, candidate: int, other: int, replicates: int) -> tuple[Estimate, ...]:
        """Return, for each aim, by how much a candidate's worst regret exceeds another's.

        Both have had the same random streams, so the interval is that of the paired difference.
        """
        wholes, parts = _worst(self.regrets(candidate, replicates))
        others, other_parts = _worst(self.regrets(other, replicates))
        pairs = zip((wholes - others).tolist(), (parts - other_parts).tolist(), strict=True)
        return tuple(jackknife(whole, without) for whole, without in pairs)

    def violation(self, candidate: int) -> float:
        """Return by how much a candidate misses the limits: the largest share, or 0."""
        count = int(self.seen[candidate])
        excesses = self.excesses[candidate, :, :, :count]
        largest = float(_largest(excesses.mean(axis=2).ravel())) if excesses.size else 0.0
        return max(largest, 0.0) if self.feasible[candidate] else max(largest, _HARDLY)

    def surely_violates(self, candidate: int, replicates: int) -> bool:
        """Return whether a candidate misses a limit, and chance is no excuse."""
        excesses = self.excesses[candidate, :, :, :replicates]
        if not excesses.size or self.feasible[candidate]:
            return False
        ((whole,), (without,)) = _worst(excesses.reshape(1, -1, replicates))
        low = jackknife(float(whole), without.tolist()).low
        return low is not None and low > 0.0

    def champion(self, candidates: Iterable[int], replicates: int) -> int:
        """Return the best of candidates that have been run so often.

        A candidate that keeps the limits beats all that do not; of those that do not, the one that
        misses them by least wins. With several aims it is the compromise on the front: the
        candidate whose largest regret, each as a share of its range along the front, is smallest.
        """
        known = [each for each in candidates if self.counts[each] >= replicates]
        kept = [each for each in known if self.feasible[each]]
        if not kept:
            return min(known, key=lambda each: (self.violation(each), each))
        front = self.front(replicates, kept)
        points = np.array([self.worst(each, replicates) for each in front])
        low, width = points.min(axis=0), np.ptp(points, axis=0)
        shares = (points - low) / np.where(width > 0.0, width, 1.0)
        return min(zip(shares.max(axis=1).tolist(), front, strict=True))[1]

    def front(self, replicates: int, among: Iterable[int] | None = None) -> tuple[int, ...]:
        """Return the candidates that keep the limits and that none beats in all aims.

        Args:
            replicates: over how many replicates; candidates with fewer are left out.
            among: which candidates; all if None.
        """
        candidates = self.with_count(replicates) if among is None else among
        kept = [each for each in candidates if self.feasible[each]]
        worst = {each: self.worst(each, replicates) for each in kept}
        return tuple(e for e in kept if not any(_beats(worst[o], worst[e]) for o in kept))


def _excesses(table: Table, scenario: TuneScenario, limit: Threshold) -> Floats:
    """Return by how much a limit is missed in each run, as a share of it."""
    column = _column(table, limit)
    if column is None:
        return np.where(table.verdicts == MISSING, np.nan, 1.0)
    values = table.values[:, :, table.index[column]]
    upper = limit.op in (Comparison.LESS, Comparison.AT_MOST)
    size = abs(limit.limit) if np.isfinite(limit.limit) and limit.limit != 0.0 else 1.0
    never = max(scenario.base.duration, 2.0 * size)
    values = np.where(np.isposinf(values), never, values)
    bound = min(limit.limit, never)
    if limit.op is Comparison.EQUAL:
        excess = np.abs(values - bound) / size
    else:
        excess = (values - bound) / size if upper else (bound - values) / size
    excess = np.where(np.isnan(values), 1.0, excess)
    return np.where(table.verdicts == MISSING, np.nan, excess)


def _column(table: Table, limit: Threshold) -> Column | None:
    """Return the column that a limit is about; None if no run of the scenario has it."""
    for column in table.columns:
        named = {word for word in (column.phase, column.of) if word not in ("whole", "")}
        if column.metric == limit.metric and named == set(limit.qualifiers) - {"whole"}:
            return column
    return None


def limits_of(scenario: TuneScenario, outcome: Outcome) -> tuple[ThresholdResult, ...]:
    """Return how the limits fare for what came out in a scenario, by its means."""
    return judge(scenario.limits, outcome) if scenario.limits else ()


def _worst(numbers: Floats) -> tuple[Floats, Floats]:
    """Return the largest mean over scenarios, with all replicates and without each in turn.

    Args:
        numbers: aims × scenarios × replicates.

    Returns:
        Numbers by aim, and by aim and the replicate that is left out.
    """
    n = numbers.shape[2]
    whole = _largest(numbers.mean(axis=2))
    if n < 2:
        return whole, np.empty((numbers.shape[0], 0))
    without: Floats = (numbers.sum(axis=2, keepdims=True) - numbers) / (n - 1)
    return whole, np.fmax.reduce(without, axis=1)


def _largest(numbers: Floats) -> Floats:
    """Return the largest along the last axis, of those that are known."""
    found: Floats = np.fmax.reduce(numbers, axis=-1)
    return found


def _lost(table: Table, reference: int) -> Floats:
    """Return what share of the requests each candidate loses that another does not."""
    answered = table.values[:, :, table.index[Column("success", WHOLE, "")]]
    found: Floats = answered[reference] - answered
    return found


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether one point is nowhere worse than another and somewhere better."""
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
