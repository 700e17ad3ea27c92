"""Quantiles of Student's t distribution, for intervals of the mean of a few runs."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

from simcb.errors import FieldsError

_EXACT_UP_TO = 200
_MOST_STEPS = 100


class QuantileError(FieldsError):
    """No quantile of Student's t is defined there.

    Args:
        confidence: the two-sided confidence asked for.
        freedom: the degrees of freedom asked for.
    """

    confidence: float
    freedom: int

    def __str__(self) -> str:
        return (
            f"no t quantile for confidence {self.confidence!r} and {self.freedom!r} degrees of "
            "freedom; give 0 < confidence < 1 and a whole number of at least 1"
        )


@cache
def two_sided_t(confidence: float, freedom: int) -> float:
    """Return t with P(|T| <= t) = `confidence` for `freedom` degrees of freedom.

    Up to 200 degrees of freedom the finite trigonometric series for that probability is
    inverted by Newton's method (Abramowitz and Stegun, "Handbook of Mathematical Functions",
    26.7.3 and 26.7.4); beyond, the expansion around the normal quantile is used (26.7.5), whose
    error there is below 1e-9 for the usual confidences.

    Raises:
        QuantileError: `confidence` is not between 0 and 1, or `freedom` is below 1.
    """
    if not 0.0 < confidence < 1.0 or freedom < 1:
        raise QuantileError(confidence, freedom)
    normal = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    if freedom > _EXACT_UP_TO:
        return _expansion(normal, freedom)
    # From the left Newton's method climbs a concave curve and never oversteps the root.
    t = normal
    for _ in range(_MOST_STEPS):
        step = (confidence - _inside(t, freedom)) / (2.0 * _density(t, freedom))
        t += step
        if abs(step) <= 1e-13 * t:
            break
    return t


def _inside(t: float, freedom: int) -> float:
    """Return P(|T| <= t): Abramowitz and Stegun 26.7.3 (odd) and 26.7.4 (even)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine_squared = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2 == 1
    term = math.cos(angle) if odd else 1.0
    terms = [term] if freedom > 1 else []
    for k in range(2 if odd else 1, freedom - 2, 2):
        term *= cosine_squared * k / (k + 1)
        terms.append(term)
    series = sine * math.fsum(terms)
    return (angle + series) * 2.0 / math.pi if odd else series


def _density(t: float, freedom: int) -> float:
    log = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    log -= 0.5 * math.log(freedom * math.pi)
    log -= (freedom + 1) / 2 * math.log1p(t * t / freedom)
    return math.exp(log)


def _expansion(x: float, freedom: int) -> float:
    """Return Abramowitz and Stegun 26.7.5: the t quantile from the normal quantile `x`."""
    corrections = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    t = x
    for power, correction in enumerate(corrections, start=1):
        t += correction / freedom**power
    return t
