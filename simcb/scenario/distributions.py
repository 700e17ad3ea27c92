"""Distributions of times: how long a worker is held, by kind.

Each class holds the file's own parameters and gives its mean in closed form. A new distribution is
one class here and one line in `DISTRIBUTIONS`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import model_validator

from simcb.scenario.fields import Exclusive, Model, OneOf
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import Duration, Number, PositiveSeconds, Seconds, word
from simcb.scenario.units import LONGEST_DURATION

Z99 = 2.3263478740408408  # the 99th percentile of the standard normal distribution

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


class Lognormal(Distribution):
    """Times whose logarithm is normal, the usual shape of service times.

    Given either by two percentiles, `p50` and `p99`, or by `mean` and `cv` (the standard
    deviation divided by the mean).
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = tuple(
        Exclusive(one, other) for one in ("p50", "p99") for other in ("mean", "cv")
    )

    kind: Literal["lognormal"] = "lognormal"
    p50: Annotated[PositiveSeconds | None, word("the median, seconds", "20ms")] = None
    p99: Annotated[PositiveSeconds | None, word("the 99th percentile, seconds", "200ms")] = None
    mean: Annotated[PositiveSeconds | None, word("the mean, seconds", "50ms")] = None
    cv: Annotated[Variation | None, word("standard deviation divided by the mean", "1.5")] = None

    @model_validator(mode="after")
    def _one_pair(self) -> Lognormal:
        given = {key for key in ("p50", "p99", "mean", "cv") if getattr(self, key) is not None}
        if given not in ({"p50", "p99"}, {"mean", "cv"}):
            has = ", ".join(sorted(given)) or "neither"
            raise Refused(
                f"has {has}; a lognormal takes one pair",
                "write `p50` and `p99`, or `mean` and `cv`",
            )
        if self.p50 is not None and self.p99 is not None and self.p99 < self.p50:
            raise Refused("is less than p50", "write a p99 of p50 or more", "p99")
        if self.log_mean + self.log_deviation**2 / 2 > math.log(LONGEST_DURATION):
            raise Refused("has a mean beyond all bounds", "bring p99 nearer to p50", "p99")
        return self

    @property
    def log_mean(self) -> float:
        """The mean μ of the logarithm of the time in seconds."""
        if self.p50 is not None:
            return math.log(self.p50)
        return math.log(self.mean or 0.0) - self.log_deviation**2 / 2

    @property
    def log_deviation(self) -> float:
        """The standard deviation σ of the logarithm.

        ln(p99/p50) = σ·z₉₉; or σ² = ln(1 + cv²).
        """
        if self.p50 is not None and self.p99 is not None:
            return (math.log(self.p99) - math.log(self.p50)) / Z99
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


class Empirical(Distribution):
    """One of the measured times, by lot; all alike, or by their weights."""

    kind: Literal["empirical"] = "empirical"
    values: Annotated[tuple[Seconds, ...], word("measured times, seconds", "[12ms, 15ms, 80ms]")]
    weights: Annotated[
        tuple[Annotated[float, Number(most=1e9)], ...] | None,
        word("how often each value occurs, any scale", "[5, 4, 1]"),
    ] = None

    @model_validator(mode="after")
    def _paired(self) -> Empirical:
        if not self.values:
            raise Refused("is empty", "write at least one duration", "values")
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
            return math.fsum(self.values) / len(self.values)
        weighted = (v * w for v, w in zip(self.values, self.weights, strict=True))
        return math.fsum(weighted) / math.fsum(self.weights)


DISTRIBUTIONS: dict[str, type[Model]] = {
    "constant": Constant,
    "exponential": Exponential,
    "lognormal": Lognormal,
    "gamma": Gamma,
    "uniform": Uniform,
    "empirical": Empirical,
}

AnyDistribution = Annotated[
    Distribution,
    OneOf("distribution", DISTRIBUTIONS, shorthand=("constant", "value"), scalar=Duration()),
]
"""A field that takes any distribution, or a bare duration."""
