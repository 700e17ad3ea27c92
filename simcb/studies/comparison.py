"""What came of variants that were run with the same random streams, each held against the first.

A request of one variant meets the numbers that it meets in all others, so chance cancels in
each pair of replicates and small differences can be told from none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from simcb.metrics import (
    METRICS,
    Estimate,
    Summary,
    Unit,
    probability,
    summarise_apart,
    summarise_difference,
)
from simcb.metrics.effect import LEAST
from simcb.metrics.health import SIGMAS
from simcb.metrics.phase import WHOLE, phases
from simcb.scenario import Scenario
from simcb.studies.run import Result, measured_by, result_of
from simcb.studies.variants import Variant

PRACTICAL = 0.05
"""Part of the larger value below which a difference is none; of shares it is a tenth of a point."""

ALONE = 4.0
"""How many times that a difference has to be in a single run, which has no interval."""

SHORTEST = {"time_to_trip": 0.5, "time_to_recover": 1.0}
"""Seconds below which such times do not differ; other times are told apart from 5 ms on."""


@dataclass(frozen=True, eq=False)
class Change:
    """One number of a variant against that of another.

    Args:
        metric: the number's metric.
        phase: its phase.
        unit: what it counts.
        before: the other variant's.
        after: the variant's.
        by: after minus before, of pairs of replicates where there are pairs.
        told: whether they differ by more than chance, and by enough to matter.
    """

    metric: str
    phase: str
    unit: Unit
    before: Estimate
    after: Estimate
    by: Estimate
    told: bool

    @property
    def more(self) -> bool:
        """Whether the variant has more."""
        return self.told and (self.by.mean or 0.0) > 0.0

    @property
    def less(self) -> bool:
        """Whether the variant has less."""
        return self.told and (self.by.mean or 0.0) < 0.0


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants and what came of them; the others are held against the first.

    Args:
        variants: what is compared.
        results: what came of each.
        paired: whether replicates of the same place share their random streams.
    """

    variants: tuple[Variant, ...]
    results: tuple[Result, ...]
    paired: bool = True
    _changes: dict[tuple[int, int], Summary] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.variants)

    @property
    def names(self) -> tuple[str, ...]:
        """What the variants are called."""
        return tuple(each.name for each in self.variants)

    @property
    def replicates(self) -> int:
        """How many runs each variant has, or the first one where they differ."""
        return len(self.results[0].runs)

    @property
    def alone(self) -> bool:
        """Whether a variant has a single run, so that there are no intervals."""
        return any(len(each.runs) < 2 for each in self.results)

    def difference(self, variant: int, to: int = 0) -> Summary:
        """Return every number of a variant minus that of another, by their places."""
        key = variant, to
        if key not in self._changes:
            a, b = self.results[to], self.results[variant]
            if self.paired:
                found = summarise_difference(
                    [run.measures for run in a.runs], [run.measures for run in b.runs]
                )
            else:
                found = summarise_apart(a.summary, b.summary)
            self._changes[key] = found
        return self._changes[key]

    def change(
        self, variant: int, metric: str, phase: str = WHOLE, *, to: int = 0, of: str = ""
    ) -> Change | None:
        """Return how a number of a variant differs; None if it is undefined in one of the two."""
        every = self.results[to].summary, self.results[variant].summary
        if not all(_has(summary, phase, of) for summary in every):
            return None
        before, after = (summary.estimate(metric, phase, of) for summary in every)
        by = self.difference(variant, to).estimate(metric, phase, of)
        if before is None or after is None or by is None or not before.n or not after.n:
            return None
        unit = METRICS[metric].unit
        requests = self._requests(to, phase) if self.alone else 0.0
        told = _told(metric, unit, before, after, by, requests)
        return Change(metric, phase, unit, before, after, by, told)

    def _requests(self, variant: int, phase: str) -> float:
        """Return about how many requests a variant's users make in a phase of its first run."""
        result = self.results[variant]
        seconds = next((e.seconds for e in phases(result.trace) if e.name == phase), 0.0)
        return seconds * (result.measures.value("offered_rate", phase) or 0.0)

    @cached_property
    def best(self) -> int:
        """The variant that answers most requests in time, the first of those that are alike."""
        shares = [each.summary.value("answered") or 0.0 for each in self.results]
        return max(range(len(shares)), key=lambda place: (shares[place], -place))

    @cached_property
    def as_good(self) -> tuple[int, ...]:
        """The variants that cannot be told from the best by what they answer, itself included."""
        return tuple(
            place
            for place in range(len(self))
            if place == self.best
            or not ((change := self.change(place, "answered", to=self.best)) and change.told)
        )

    def twin(self, variant: int) -> int | None:
        """Return the variant before this one that is the same scenario; None if none is."""
        own = self.variants[variant]
        scenario = own.scenario.without_sweep()
        same = (
            place
            for place, each in enumerate(self.variants[:variant])
            if each.clients == own.clients and _alike(each.scenario.without_sweep(), scenario)
        )
        return next(same, None)


def _has(summary: Summary, phase: str, of: str) -> bool:
    return phase in summary.phases and (not of or of in summary.entities.names)


def _alike(a: Scenario, b: Scenario) -> bool:
    """Tell whether two scenarios differ in nothing but their names and what is said of them."""
    unnamed = {"name": "", "about": ""}
    return a.model_copy(update=unnamed) == b.model_copy(update=unnamed)


def _told(
    metric: str, unit: Unit, before: Estimate, after: Estimate, by: Estimate, requests: float
) -> bool:
    """Return whether two numbers differ by more than chance, and by enough to matter."""
    if before.never or after.never:
        if before.n == 1 == after.n:
            return before.never != after.never
        ends = [probability(each.never, each.n) for each in (before, after)]
        low, high = sorted(ends, key=lambda each: each.mean or 0.0)
        return (high.low or 0.0) > (low.high or 1.0)
    if not by.mean:
        return False
    known = by.low is not None and by.high is not None
    if known and (by.low or 0.0) <= 0.0 <= (by.high or 0.0):
        return False
    size = abs(by.mean)
    if unit is Unit.SHARE:
        if not known:
            missed = requests * sum(1.0 - (each.mean or 0.0) for each in (before, after))
            return size >= LEAST and size * requests > SIGMAS * math.sqrt(max(missed, 1.0))
        return size >= LEAST
    least = SHORTEST.get(metric, 0.005 if unit is Unit.SECONDS else 0.0)
    part = PRACTICAL * max(abs(before.mean or 0.0), abs(after.mean or 0.0))
    return size >= max(least, part) * (1.0 if known else ALONE)


def comparison_of(variants: Sequence[Variant], results: Sequence[Result]) -> Comparison:
    """Return what came of variants as pairs, if all were run with the same streams.

    What is in time is the same for all of them, by what was usual in the first: users' patience
    is no matter of the breaker, and one behind which they always wait long would pass for a good
    one by its own measure.
    """
    first = variants[0].name, results[0]
    results = [results[0], *(_by_the_limits_of(*first, each) for each in results[1:])]
    streams = {(each.seed, *(run.replicate for run in each.runs)) for each in results}
    return Comparison(tuple(variants), tuple(results), len(streams) == 1)


def _by_the_limits_of(name: str, first: Result, result: Result) -> Result:
    """Measure a variant's runs by what was usual in those of the first, where that is another."""
    if result.trace.layout.groups != first.trace.layout.groups:
        return result
    usual = [replace(run.limits, whose=name) for run in first.runs]
    runs = [
        measured_by(usual[min(place, len(usual) - 1)], run) for place, run in enumerate(result.runs)
    ]
    again = result_of(runs)
    return replace(result, runs=again.runs, summary=again.summary, thresholds=again.thresholds)
