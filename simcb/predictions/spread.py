"""How a distribution of times is spread: its variation, its tail and its quantiles."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from simcb.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Lognormal,
    Piecewise,
    Uniform,
)
from simcb.world.samplers import sampler_of

DRAWS = 200_000
"""How many draws stand for a distribution whose tail has no formula here."""


def variation(law: Distribution) -> float:
    """Return the coefficient of variation: standard deviation divided by the mean."""
    match law:
        case Constant():
            return 0.0
        case Exponential():
            return 1.0
        case Lognormal():
            return math.sqrt(math.expm1(law.log_deviation**2))
        case Gamma():
            return law.cv
        case Uniform():
            mean = law.mean_value
            return (law.high - law.low) / math.sqrt(12.0) / mean if mean else 0.0
        case Piecewise():
            mean = law.mean_value
            square = math.fsum(each.share * each.square for each in law.pieces)
            return math.sqrt(max(0.0, square - mean * mean)) / mean if mean else 0.0
    values, weights = _points(law)
    mean = float(np.average(values, weights=weights))
    deviation = math.sqrt(float(np.average((values - mean) ** 2, weights=weights)))
    return deviation / mean if mean else 0.0


def beyond(law: Distribution, limit: float) -> float:
    """Return the share of times longer than `limit` seconds."""
    if limit < 0.0:
        return 1.0
    match law:
        case Constant():
            return float(law.value > limit)
        case Exponential():
            return math.exp(-limit / law.mean)
        case Lognormal() if law.log_deviation > 0.0:
            if limit == 0.0:
                return 1.0
            distance = (math.log(limit) - law.log_mean) / law.log_deviation
            return math.erfc(distance / math.sqrt(2.0)) / 2.0
        case Uniform() if law.high > law.low:
            return min(1.0, max(0.0, (law.high - limit) / (law.high - law.low)))
        case Piecewise():
            return math.fsum(each.share * each.beyond(limit) for each in law.pieces)
    values, weights = _points(law)
    return float(np.average(values > limit, weights=weights))


def quantile(law: Distribution, q: float) -> float:
    """Return the time that a share `q` of all times does not exceed, in seconds."""
    low, high = 0.0, max(law.mean_value, 1e-9)
    while beyond(law, high) > 1.0 - q:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if beyond(law, middle) > 1.0 - q else (low, middle)
    return high


@lru_cache(maxsize=32)
def _points(law: Distribution) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return times that stand for a distribution, and their weights: its own, or many draws."""
    if isinstance(law, Empirical):
        weights = None if law.weights is None else np.asarray(law.weights)
        return np.asarray(law.numbers, dtype=float), weights
    return sampler_of(law)(Generator(Philox(key=0)), DRAWS), None
