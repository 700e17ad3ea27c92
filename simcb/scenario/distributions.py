"""Distributions of times: how long a worker is held, by kind.

Each class holds the file's own parameters and gives its mean in closed form. A new distribution is
one class here and one line in `DISTRIBUTIONS`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, model_validator

from simcb.scenario.data_files import DataBacked
from simcb.scenario.fields import Exclusive, Model, OneOf
from simcb.scenario.pieces import (
    QUANTILES,
    STANDARD_NORMAL,
    Piece,
    Points,
    pieces_between,
    reachable,
)
from simcb.scenario.recorded import Column, DataFile, Recorded
from simcb.scenario.refusal import Refused, listed
from simcb.scenario.scalars import FROM_FILE, Duration, Number, PositiveSeconds, Seconds, word
from simcb.scenario.units import LONGEST_DURATION, format_duration

GREATEST_CV = 100.0
"""The greatest coefficient of variation: beyond it no feasible sample shows the mean."""

Variation = Annotated[float, Number(above=0.0, most=GREATEST_CV)]


class Distribution(Model):
    """Base of all distributions of times."""

    kind: str

    @property
    def mean_value(self) -> float:
        """The mean, in seconds."""
        return self._mean()

    @abstractmethod
    def _mean(self) -> float: ...


class Constant(Distribution):
    """The same time always; a bare duration in the file means this."""

    kind: Literal["constant"] = "constant"
    value: Annotated[Seconds, word("the time, seconds", "50ms")]

    def _mean(self) -> float:
        return self.value


class Exponential(Distribution):
    """Memoryless times with the given mean."""

    kind: Literal["exponential"] = "exponential"
    mean: Annotated[PositiveSeconds, word("the mean, seconds", "50ms")]

    def _mean(self) -> float:
        return self.mean


class Percentiles(Distribution):
    """Base of the distributions that may be given by percentiles."""

    p25: Annotated[PositiveSeconds | None, word("the lower quartile, seconds", "12ms")] = None
    p50: Annotated[PositiveSeconds | None, word("the median, seconds", "20ms")] = None
    p75: Annotated[PositiveSeconds | None, word("the upper quartile, seconds", "40ms")] = None
    p90: Annotated[PositiveSeconds | None, word("the 90th percentile, seconds", "90ms")] = None
    p95: Annotated[PositiveSeconds | None, word("the 95th percentile, seconds", "120ms")] = None
    p99: Annotated[PositiveSeconds | None, word("the 99th percentile, seconds", "200ms")] = None
    p999: Annotated[PositiveSeconds | None, word("the 99.9th percentile, seconds", "1s")] = None
    p9999: Annotated[PositiveSeconds | None, word("the 99.99th percentile, seconds", "2s")] = None

    @property
    def percentiles(self) -> list[tuple[str, float]]:
        """The percentiles that are given, by their words, in order."""
        known = ((word, getattr(self, word)) for word in QUANTILES)
        return [(word, time) for word, time in known if time is not None]


class Lognormal(Percentiles):
    """Times whose logarithm is normal, the usual shape of service times.

    Given either by any two percentiles, as `p50` and `p99`, or by `mean` and `cv` (the standard
    deviation divided by the mean).
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = tuple(
        Exclusive(one, other) for one in QUANTILES for other in ("mean", "cv")
    )

    kind: Literal["lognormal"] = "lognormal"
    mean: Annotated[PositiveSeconds | None, word("the mean, seconds", "50ms")] = None
    cv: Annotated[Variation | None, word("standard deviation divided by the mean", "1.5")] = None

    @model_validator(mode="after")
    def _one_pair(self) -> Lognormal:
        given = {key for key in ("mean", "cv") if getattr(self, key) is not None}
        quantiles = self.percentiles
        if (len(quantiles), len(given)) not in ((2, 0), (0, 2)):
            has = listed([word for word, _ in quantiles] + sorted(given)) or "neither"
            raise Refused(
                f"has {has}; a lognormal takes one pair",
                "write two percentiles, like `p50` and `p99`, or `mean` and `cv`; "
                "`kind: quantiles` takes more of them",
            )
        if quantiles and quantiles[1][1] < quantiles[0][1]:
            (below, _), (above, _) = quantiles
            raise Refused(f"is less than {below}", f"write a {above} of {below} or more", above)
        if self.log_mean + self.log_deviation**2 / 2 > math.log(LONGEST_DURATION):
            near = quantiles[1][0] if quantiles else "cv"
            raise Refused("has a mean beyond all bounds", "bring the two nearer together", near)
        return self

    @property
    def log_mean(self) -> float:
        """The mean μ of the logarithm of the time in seconds."""
        for below, time in self.percentiles:
            return math.log(time) - self.log_deviation * STANDARD_NORMAL[below]
        return math.log(self.mean or 0.0) - self.log_deviation**2 / 2

    @property
    def log_deviation(self) -> float:
        """The standard deviation σ of the logarithm.

        ln(p99/p50) = σ·(z₉₉ - z₅₀), and so with any two; or σ² = ln(1 + cv²).
        """
        quantiles = self.percentiles
        if quantiles:
            (below, low), (above, high) = quantiles
            return (math.log(high) - math.log(low)) / (
                STANDARD_NORMAL[above] - STANDARD_NORMAL[below]
            )
        return math.sqrt(math.log1p((self.cv or 0.0) ** 2))

    def _mean(self) -> float:
        if self.mean is not None:
            return self.mean
        return math.exp(self.log_mean + self.log_deviation**2 / 2)


class Gamma(Distribution):
    """Gamma times by mean and `cv`: shape 1/cv², scale mean·cv²; cv 1 is exponential."""

    kind: Literal["gamma"] = "gamma"
    mean: Annotated[PositiveSeconds, word("the mean, seconds", "50ms")]
    cv: Annotated[
        float,
        Number(least=0.001, most=GREATEST_CV),
        word("standard deviation divided by the mean", "0.5"),
    ]

    @property
    def shape(self) -> float:
        """The shape parameter, 1/cv²."""
        return self.cv**-2

    @property
    def scale(self) -> float:
        """The scale parameter mean·cv², in seconds."""
        return self.mean * self.cv**2

    def _mean(self) -> float:
        return self.mean


class Uniform(Distribution):
    """Times spread evenly between `low` and `high`."""

    kind: Literal["uniform"] = "uniform"
    low: Annotated[Seconds, word("the shortest, seconds", "10ms")]
    high: Annotated[Seconds, word("the longest, seconds", "30ms")]

    @model_validator(mode="after")
    def _in_order(self) -> Uniform:
        if self.high < self.low:
            raise Refused("is less than low", "write a high of low or more", "high")
        return self

    def _mean(self) -> float:
        return (self.low + self.high) / 2


class Empirical(Distribution, DataBacked):
    """One of the measured times, by lot; all alike, or by their weights.

    They stand in the file itself as `values`, or one a line in a CSV `file` beside it: seconds,
    or durations like `12ms`, in a column `times`.
    """

    kind: Literal["empirical"] = "empirical"
    values: Annotated[
        tuple[Seconds, ...], word("measured times, seconds", "[12ms, 15ms, 80ms]")
    ] = ()
    file: Annotated[DataFile | None, word("a CSV file beside the scenario", "times.csv")] = None
    weights: Annotated[
        tuple[Annotated[float, Number(most=1e9)], ...] | None,
        word("how often each value occurs, any scale", "[5, 4, 1]"),
    ] = None
    times: Annotated[tuple[float, ...], Recorded(Column.TIMES)] = Field(
        default=(), exclude=True, repr=False, description="what the file holds, seconds"
    )

    @property
    def column(self) -> Column:
        """Which column of the file is meant."""
        return Column.TIMES

    @property
    def numbers(self) -> tuple[float, ...]:
        """The measured times, in seconds."""
        return self.times or self.values

    @model_validator(mode="after")
    def _paired(self, info: ValidationInfo) -> Empirical:
        if self.file is not None:
            for other in ("values", "weights"):
                if getattr(self, other):
                    raise Refused("is given beside `file`", "keep one of the two", other)
            # Of a scenario file the reader brings the numbers, and says itself why it cannot.
            if not self.times and info.context != FROM_FILE:
                raise Refused("is empty", "give the numbers that `file` holds", "times")
            return self
        if not self.values:
            what = "is empty" if "values" in self.model_fields_set else "is missing"
            raise Refused(what, "write at least one duration, or name a `file`", "values")
        if self.weights is None:
            return self
        if len(self.weights) != len(self.values):
            raise Refused(
                f"has {len(self.weights)} entries for {len(self.values)} values",
                "write one weight for each value",
                "weights",
            )
        if math.fsum(self.weights) <= 0:
            raise Refused("are all zero", "write at least one weight above 0", "weights")
        return self

    def _mean(self) -> float:
        if self.weights is None:
            return math.fsum(self.numbers) / max(1, len(self.numbers))
        weighted = (v * w for v, w in zip(self.values, self.weights, strict=True))
        return math.fsum(weighted) / math.fsum(self.weights)


class Piecewise(Distribution):
    """Base of the distributions that are known at some points, and perhaps by their mean."""

    mean: PositiveSeconds | None

    @property
    @abstractmethod
    def points(self) -> Points:
        """Shares of all times, and the seconds that each does not exceed."""

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """How the times between the points are spread."""
        return pieces_between(self.points, self.mean)

    def _mean(self) -> float:
        if self.mean is not None:
            return self.mean
        return math.fsum(each.share * each.mean for each in self.pieces)

    def _check_mean(self) -> None:
        """Refuse a mean that no times between the points can have."""
        if self.mean is not None:
            low, high = reachable(self.points)
            if not low <= self.mean <= high:
                above = "or more" if math.isinf(high) else f"to {format_duration(high)}"
                remedy = f"write a mean of {format_duration(low)} {above}"
                raise Refused("cannot be, beside the rest", remedy, "mean")
        if self._mean() > LONGEST_DURATION:
            raise Refused("has a mean beyond all bounds", "write a `mean`", "mean")


class Quantiles(Piecewise, Percentiles):
    """Times by the percentiles that were measured, any of them; `mean` shapes what is between.

    Each percentile is met exactly. Between two of them the times are spread as in a lognormal, and
    above the highest one, where no `max` is given, they have an exponential tail. With a `mean`
    they are moved within these bounds, those above the median first, until it is met.
    """

    kind: Literal["quantiles"] = "quantiles"
    min: Annotated[Seconds | None, word("the shortest, seconds", "8ms")] = None
    max: Annotated[Seconds | None, word("the longest, seconds", "3s")] = None
    mean: Annotated[PositiveSeconds | None, word("the mean, seconds", "40ms")] = None

    @property
    def _given(self) -> list[tuple[str, float, float]]:
        """The words that are given, with their shares and seconds, in order."""
        known = [("min", self.min), *self.percentiles, ("max", self.max)]
        shares = {"min": 0.0, **QUANTILES, "max": 1.0}
        return [(word, shares[word], time) for word, time in known if time is not None]

    @property
    def points(self) -> Points:
        """Shares of all times, and the seconds that each does not exceed."""
        return tuple((share, time) for _, share, time in self._given)

    @model_validator(mode="after")
    def _rising(self) -> Quantiles:
        given = self._given
        if len(given) + (self.mean is not None) < 2 or not given:
            raise Refused(
                f"has {given[0][0] if given else 'no percentile'} alone",
                "write some of `min`, `p50`, `p90`, `p95`, `p99`, `max` and `mean`",
            )
        for (before, _, low), (after, _, high) in pairwise(given):
            if high < low:
                raise Refused(
                    f"is less than {before}", f"write a {after} of {before} or more", after
                )
        self._check_mean()
        return self


class Bucket(Model):
    """So many times up to a bound, beyond that of the bucket before."""

    to: Annotated[
        PositiveSeconds | None, word("the longest in it, seconds; the last may have none", "50ms")
    ] = None
    count: Annotated[float, Number(most=1e15), word("how many times are in it, any scale", "120")]


class Histogram(Piecewise):
    """Times by how many of them lie up to each of some bounds; `mean` shapes what is between.

    The first bucket begins at 0, or where one of no times ends. Within a bucket the times are
    spread as those of `quantiles` are.
    """

    kind: Literal["histogram"] = "histogram"
    buckets: Annotated[
        tuple[Bucket, ...],
        word("how many are in each, rising", "[{to: 10ms, count: 90}, {to: 1s, count: 10}]"),
    ]
    mean: Annotated[PositiveSeconds | None, word("the mean, seconds", "40ms")] = None

    @property
    def points(self) -> Points:
        """Shares of all times, and the seconds that each does not exceed."""
        total = math.fsum(each.count for each in self.buckets)
        if not total:
            return ()
        known, found = 0.0, []
        last = max(n for n, each in enumerate(self.buckets) if each.count)
        for number, each in enumerate(self.buckets[: last + 1]):
            known += each.count
            if each.to is not None:
                found.append((1.0 if number == last else known / total, each.to))
        return tuple(found)

    @model_validator(mode="after")
    def _rising(self) -> Histogram:
        bounds = [each.to for each in self.buckets]
        if None in bounds[:-1]:
            raise Refused(
                "has a bucket without `to` that is not the last", "write its bound", "buckets"
            )
        known = [bound for bound in bounds if bound is not None]
        if any(after <= before for before, after in pairwise(known)):
            raise Refused("do not rise", "sort them by `to`, each bound once", "buckets")
        if not self.points:
            raise Refused(
                "hold no times below a bound", "write a `to` and a count above 0", "buckets"
            )
        self._check_mean()
        return self


DISTRIBUTIONS: dict[str, type[Model]] = {
    "constant": Constant,
    "exponential": Exponential,
    "lognormal": Lognormal,
    "gamma": Gamma,
    "uniform": Uniform,
    "empirical": Empirical,
    "quantiles": Quantiles,
    "histogram": Histogram,
}

AnyDistribution = Annotated[
    Distribution,
    OneOf("distribution", DISTRIBUTIONS, shorthand=("constant", "value"), scalar=Duration()),
]
"""A field that takes any distribution, or a bare duration."""
