"""What several replicates say together: means with 95 % intervals, paired differences, odds.

Nothing here knows a scenario or a trace; replicates come as `Measures`, in order, and the
same replicates in another order give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcb.errors import FieldsError
from simcb.metrics.measures import Measure, Measures, Numbers, Unit
from simcb.metrics.phase import WHOLE
from simcb.metrics.student import two_sided_t

CONFIDENCE = 0.95
_NORMAL_QUANTILE = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""

_ROUNDING = 1e-9
"""Part of the largest value below which two values differ by no more than sums of floats do."""


class ReplicatesError(FieldsError):
    """Replicates do not belong together.

    Args:
        what: what is wrong with them.
        remedy: what to give instead.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


@dataclass(frozen=True)
class Estimate:
    """The mean of a value over replicates, and how sure it is.

    Args:
        mean: over the replicates where the value is defined; None if it is nowhere, or if the
            infinite ones do not agree; infinite as soon as one is, since a time that may be
            `never` has no finite mean.
        low: lower end of the 95 % interval of the mean; None with fewer than two values and
            with an infinite one.
        high: upper end, likewise.
        n: how many replicates have a value.
        never: how many of those are infinite.
        finite: the mean over the n − never others; None if there are none.
        alike: how many have the same value as most others: all n if nothing differs, and then
            the interval has no width because nothing is known of what differs, not because
            nothing can; 0 if no value is that of more than half.
    """

    mean: float | None
    low: float | None
    high: float | None
    n: int
    never: int
    finite: float | None
    alike: int = 0

    @property
    def unseen(self) -> float | None:
        """What part of runs may differ though none of these does, at 95 %; None if one does.

        It is 1 − 0.05^(1/n), about 3/n: with ten replicates alike, 26 %.
        """
        return 1.0 - (1.0 - CONFIDENCE) ** (1.0 / self.n) if 0 < self.alike == self.n else None


@dataclass(frozen=True)
class Summarised:
    """One metric of one phase (and service or client group), over the replicates."""

    name: str
    unit: Unit
    phase: str
    of: str
    estimate: Estimate


@dataclass(frozen=True)
class Summary(Numbers[Summarised]):
    """Every metric over the replicates of one scenario, or its paired difference between two.

    Args:
        replicates: how many there were.
    """

    replicates: int = 0

    def estimate(self, name: str, phase: str = WHOLE, of: str = "") -> Estimate | None:
        """Return one metric's estimate; None if it was not measured there.

        Raises:
            UnknownNumberError: as for `found`.
        """
        found = self.found(name, phase, of)
        return None if found is None else found.estimate

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return one metric's mean; None if it is undefined or was not measured there."""
        found = self.estimate(name, phase, of)
        return None if found is None else found.mean


def estimate(
    values: Sequence[float | None], bounds: tuple[float, float] = (-math.inf, math.inf)
) -> Estimate:
    """Return the mean of `values` with its 95 % t-interval; None stands for undefined.

    The interval is mean ± t·s/√n with n − 1 degrees of freedom; sums are exact, so it does not
    depend on the order of the values. Where more than half of them are alike it is wider, see
    `_with_the_rare`.

    Args:
        values: one of each replicate.
        bounds: between which values lie by their nature, and so their mean.
    """
    defined = [value for value in values if value is not None]
    finite = [value for value in defined if math.isfinite(value)]
    infinite = {value for value in defined if math.isinf(value)}
    mean = _mean(finite) if finite else None
    never = len(defined) - len(finite)
    if infinite:
        whole = infinite.pop() if len(infinite) == 1 else None
        return Estimate(whole, None, None, len(defined), never, mean)
    if mean is None or len(finite) < 2:
        return Estimate(mean, None, None, len(defined), 0, mean)
    low, high, alike = _interval(finite, mean)
    low, high = max(low, min(bounds[0], mean)), min(high, max(bounds[1], mean))
    return Estimate(mean, low, high, len(finite), 0, mean, alike)


def _interval(values: Sequence[float], mean: float) -> tuple[float, float, int]:
    """Return the ends of the interval around a mean, and how many of the values are alike."""
    n = len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    half = two_sided_t(CONFIDENCE, n - 1) * math.sqrt(squares / (n - 1) / n)
    usual = sorted(values)[n // 2]
    near = _ROUNDING * max(map(abs, values))
    others = [value - usual for value in values if abs(value - usual) > near]
    alike = n - len(others)
    if 2 * alike <= n:
        return mean - half, mean + half, 0
    below, above = _with_the_rare(others, n) if others else (0.0, 0.0)
    return min(mean - half, usual + below), max(mean + half, usual + above), alike


def _with_the_rare(others: Sequence[float], n: int) -> tuple[float, float]:
    """Return how far from the usual value the mean may be, of which few replicates tell.

    A t-interval takes the few that differ for all there is. Here as many may differ as Wilson's
    upper bound for k of n says, each by up to the largest difference there is; that is estimated
    from the largest seen, which is k/(k + 1) of it on average if all sizes are as likely.

    Args:
        others: by how much each value that differs does.
        n: how many values there are.
    """
    k = len(others)
    most = (probability(k, n).high or 0.0) * (1.0 + 1.0 / k)
    return most * min(0.0, *others), most * max(0.0, *others)


def difference(
    a: Sequence[float | None],
    b: Sequence[float | None],
    bounds: tuple[float, float] = (-math.inf, math.inf),
) -> Estimate:
    """Return the mean of b − a over replicates paired by their place, with its 95 % interval.

    Replicates of two variants share their random streams, so chance cancels in each pair and the
    interval is much narrower than that between two means. A pair in which either is undefined,
    or both are `never`, has no difference and is left out; where only b is `never` the
    difference is infinite, where only a is, it is −infinite.

    Args:
        a: one value of each replicate.
        b: likewise, of the other variant.
        bounds: between which values of both lie by their nature.

    Raises:
        ReplicatesError: the two differ in length.
    """
    if len(a) != len(b):
        raise ReplicatesError(
            f"{len(a)} replicates cannot be paired with {len(b)}", "give the same number of both"
        )
    width = bounds[1] - bounds[0]
    pairs = [_minus(after, before) for before, after in zip(a, b, strict=True)]
    return estimate(pairs, (-width, width))


def bounds_of(unit: Unit) -> tuple[float, float]:
    """Return between which values a metric's numbers lie: a share in 0 to 1, none is below 0."""
    return 0.0, 1.0 if unit is Unit.SHARE else math.inf


def jackknife(whole: float, without: Sequence[float]) -> Estimate:
    """Return a statistic of all replicates with its 95 % interval, from leaving out each in turn.

    For what is no mean of replicates but made of several means, such as the largest of some.
    The pseudo-values n·T − (n − 1)·T₋ᵢ are taken as a sample (Tukey, "Bias and confidence in
    not-quite large samples", 1958); for a mean this is the t-interval of `estimate`.

    Args:
        whole: the statistic T of all n replicates.
        without: the statistic of all but the i-th, for each i.
    """
    n = len(without)
    if n < 2 or not math.isfinite(whole):
        return Estimate(whole, None, None, n, 0, whole if math.isfinite(whole) else None)
    pseudo = [n * whole - (n - 1) * each for each in without]
    middle = _mean(pseudo)
    low, high, alike = _interval(pseudo, middle)
    return Estimate(whole, whole + (low - middle), whole + (high - middle), n, 0, whole, alike)


def probability(hits: int, n: int) -> Estimate:
    """Return hits/n with its 95 % interval: how likely an outcome (a collapse, say) is.

    The interval is Wilson's ("Probable inference", JASA 22, 1927), which stays inside 0 to 1
    and does not shrink to a point when all replicates agree.

    Raises:
        ReplicatesError: there are no replicates, or more hits than replicates.
    """
    if n < 1 or not 0 <= hits <= n:
        raise ReplicatesError(f"{hits} hits of {n} replicates", "give 0 <= hits <= n and n >= 1")
    share, z = hits / n, _NORMAL_QUANTILE
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the borders rounding leaves a trace of the other side.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == n else min(1.0, middle + half)
    return Estimate(share, low, high, n, 0, share, max(hits, n - hits) if 2 * hits != n else 0)


def summarise(replicates: Sequence[Measures]) -> Summary:
    """Return every metric's estimate over the replicates of one scenario.

    Raises:
        ReplicatesError: there are none, or they measure different things.
    """
    first = _same_kind(replicates)
    columns = zip(*(each.items for each in replicates), strict=True)
    found = [
        _summarised(row[0], estimate([each.value for each in row], bounds_of(row[0].unit)))
        for row in columns
    ]
    return _summary(found, first, len(replicates))


def summarise_difference(a: Sequence[Measures], b: Sequence[Measures]) -> Summary:
    """Return every metric's paired difference b − a, replicate by replicate.

    Metrics, phases and services that only one of the two has are left out.

    Raises:
        ReplicatesError: there are none, or the two differ in number.
    """
    first = _same_kind(a)
    shared = {(each.name, each.phase, each.of) for each in _same_kind(b)}
    found = []
    for item in first:
        key = (item.name, item.phase, item.of)
        if key in shared:
            before, after = ([each.value(*key) for each in side] for side in (a, b))
            pair = difference(before, after, bounds_of(item.unit))
            found.append(_summarised(item, pair))
    return _summary(found, first, len(a))


def summarise_apart(a: Summary, b: Summary) -> Summary:
    """Return every metric's difference b − a where replicates share no luck, as `apart` does."""
    shared = {(each.name, each.phase, each.of) for each in b}
    found = []
    for item in a:
        key = (item.name, item.phase, item.of)
        other = b.estimate(*key) if key in shared else None
        if other is not None:
            found.append(replace(item, estimate=apart(item.estimate, other)))
    return Summary(
        tuple(found), a.phases, a.entities, a.phase_names, min(a.replicates, b.replicates)
    )


def apart(a: Estimate, b: Estimate) -> Estimate:
    """Return b − a of two means of runs that share no luck, with its 95 % interval.

    The squares of the distances to the ends that lie on its way are added, which keeps skewed
    intervals skewed (Zou and Donner, "Construction of confidence limits about effect measures",
    Statistics in Medicine 27, 2008).
    """
    n, never = min(a.n, b.n), max(a.never, b.never)
    mean = _minus(b.mean, a.mean)
    finite = _minus(b.finite, a.finite)
    if mean is None or math.isinf(mean) or None in (a.low, a.high, b.low, b.high):
        return Estimate(mean, None, None, n, never, finite)
    below = math.hypot((b.mean or 0.0) - (b.low or 0.0), (a.high or 0.0) - (a.mean or 0.0))
    above = math.hypot((b.high or 0.0) - (b.mean or 0.0), (a.mean or 0.0) - (a.low or 0.0))
    return Estimate(mean, mean - below, mean + above, n, 0, finite)


def _summarised(item: Measure, value: Estimate) -> Summarised:
    return Summarised(item.name, item.unit, item.phase, item.of, value)


def _summary(items: list[Summarised], like: Measures, replicates: int) -> Summary:
    return Summary(tuple(items), like.phases, like.entities, like.phase_names, replicates)


def _same_kind(replicates: Sequence[Measures]) -> Measures:
    if not replicates:
        raise ReplicatesError("there are no replicates to summarise", "give at least one")
    first = replicates[0]
    keys = [(item.name, item.phase, item.of) for item in first]
    for each in replicates[1:]:
        if [(item.name, item.phase, item.of) for item in each] != keys:
            raise ReplicatesError(
                "the replicates measure different phases or services",
                "summarise replicates of one scenario",
            )
    return first


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _minus(after: float | None, before: float | None) -> float | None:
    if after is None or before is None or (math.isinf(after) and math.isinf(before)):
        return None
    return after - before
