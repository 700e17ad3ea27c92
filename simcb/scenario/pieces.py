"""Times known at a few points: how those between the points are spread, and the mean they have.

Between two neighbouring points lies a piece: a share u of its times is below low + (high - low)
u^c, with the exponent c that gives the piece its mean. In the last one what exceeds its lower end
is exponential, cut at its upper end if it has one. So quantiles, mean and variance have closed
forms, the points are met exactly, and a mean is met by moving times within the pieces, never across
a point.

Where nothing else is known, a piece has the mean that a lognormal through its ends has there.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist
from typing import TypeAlias

Points: TypeAlias = tuple[tuple[float, float], ...]
"""(share of all times, seconds that this share does not exceed), rising in both."""

QUANTILES = {
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
    "p9999": 0.9999,
}
"""The words for percentiles, and which share of all times does not exceed each."""

STANDARD_NORMAL = {
    "p25": -0.6744897501960817,
    "p50": 0.0,
    "p75": 0.6744897501960817,
    "p90": 1.2815515655446008,
    "p95": 1.6448536269514715,
    "p99": 2.3263478740408408,
    "p999": 3.090232306167813,
    "p9999": 3.7190164854557084,
}
"""The same percentiles of the standard normal distribution."""

_NORMAL = NormalDist()
_USUAL_SPREAD = 1.0  # the deviation of the logarithm where a single point says nothing of it
_GREATEST_SPREAD = 3.0  # beyond it a lognormal's mean is far beyond all that was measured
_NEAREST = 1e-3  # how near to an end of a piece its usual mean may be, as part of its width
_FLATTEST = 1.0 / 500.0  # a mean, as part of its width, that no cut at the end changes any more
_SMALL = 1e-4  # a rate below which an exponential is even
_FAR = 3.0  # by what factor the times above the median give way before the others do, too


@dataclass(frozen=True)
class Piece:
    """A share of all times, between two points; the last is the tail.

    Args:
        begin: the share of all times below it.
        share: its own share, above 0.
        low: its least time, seconds.
        high: its greatest, seconds; infinite if it has none.
        mean: the mean of its times, seconds.
    """

    begin: float
    share: float
    low: float
    high: float
    mean: float

    @property
    def is_tail(self) -> bool:
        """Whether it holds the longest of all times."""
        return self.begin + self.share > 1.0 - 1e-12

    @property
    def width(self) -> float:
        """The seconds that `power` and `rate` are about: its own, or an endless tail's mean."""
        return self.high - self.low if math.isfinite(self.high) else self.mean - self.low

    @property
    def power(self) -> float:
        """The exponent c = (high - mean) / (mean - low), of all but the tail."""
        return (self.high - self.mean) / (self.mean - self.low) if self.mean > self.low else 1.0

    @property
    def rate(self) -> float:
        """The tail's r: its density falls as exp(-r x), x in parts of its width; see `_rate`."""
        if math.isinf(self.high):
            return math.inf
        return _rate((self.mean - self.low) / self.width) if self.width else 0.0

    @property
    def square(self) -> float:
        """The mean of its times' squares."""
        part = self.mean - self.low
        if not self.is_tail:
            part_square = self.width**2 / (2.0 * self.power + 1.0)
        elif math.isinf(self.high):
            part_square = 2.0 * part * part
        else:
            r = self.rate
            small = abs(r) < _SMALL
            end = 0.0 if small or r > 700.0 else (1.0 + 2.0 / r) / math.expm1(r)
            of_width = 1.0 / 3.0 if small else 2.0 / r**2 - end
            part_square = self.width**2 * of_width
        return self.low * (self.low + 2.0 * part) + part_square

    def beyond(self, limit: float) -> float:
        """Return the part of its times that are longer than `limit` seconds."""
        if limit < self.low or not self.width or self.mean <= self.low:
            return float(limit < self.low)
        if limit >= self.high:
            return 0.0
        part = (limit - self.low) / self.width
        if not self.is_tail:
            return float(1.0 - part ** (1.0 / self.power)) if self.power > 0.0 else 1.0
        r = self.rate
        if math.isinf(r):
            return math.exp(-part)
        if abs(r) < _SMALL:
            return 1.0 - part
        if r < 0.0:
            return math.expm1(r * (1.0 - part)) / math.expm1(r)
        return 1.0 - math.expm1(-r * part) / math.expm1(-r)


@lru_cache(maxsize=256)
def pieces_between(points: Points, mean: float | None = None) -> tuple[Piece, ...]:
    """Return the pieces between points, from 0 where none has the share 0.

    Args:
        points: at least one.
        mean: the mean that all times have; that of lognormals between the points if None.

    Raises:
        ValueError: no times between these points have that mean; see `reachable`.
    """
    usual = tuple(_usual(points))
    if mean is None:
        return usual
    low, high = _bounds(usual)
    if not low <= mean <= high:
        raise ValueError("no times between the points have that mean")
    upper = [each for each in usual if each.begin >= 0.5] or [usual[-1]]
    lower = usual[: len(usual) - len(upper)]
    rest = mean - math.fsum(each.share * each.mean for each in lower)
    factor = _factor(upper, rest)
    if 1.0 / _FAR <= factor <= _FAR:
        return (*lower, *(_shifted(each, factor) for each in upper))
    factor = _factor(usual, mean)
    return tuple(_shifted(each, factor) for each in usual)


def reachable(points: Points) -> tuple[float, float]:
    """Return between which means, in seconds, times with these points can have theirs."""
    return _bounds(tuple(_usual(points)))


def _bounds(pieces: Sequence[Piece]) -> tuple[float, float]:
    return (
        math.fsum(each.share * each.low for each in pieces),
        math.fsum(each.share * each.high for each in pieces),
    )


def _factor(pieces: Sequence[Piece], total: float) -> float:
    """Return the factor of `_shifted` that makes the pieces' means come to a total."""
    low, high = -60.0, 60.0
    for _ in range(100):
        middle = (low + high) / 2.0
        shifted = (_shifted(each, math.exp(middle)) for each in pieces)
        enough = math.fsum(each.share * each.mean for each in shifted) >= total
        low, high = (low, middle) if enough else (middle, high)
    return math.exp((low + high) / 2.0)


def _shifted(piece: Piece, factor: float) -> Piece:
    """Return a piece with its mean moved: its distances from both ends have another ratio."""
    above = piece.mean - piece.low
    if math.isinf(piece.high):
        return replace(piece, mean=piece.low + factor * above)
    below = piece.high - piece.mean
    whole = factor * above + below
    return (
        replace(piece, mean=piece.low + (above + below) * factor * above / whole)
        if whole
        else piece
    )


def _usual(points: Points) -> list[Piece]:
    """Return the pieces with the means they have if nothing but the points is known."""
    inner = [(share, time) for share, time in points if 0.0 < share < 1.0 and time > 0.0]
    inner = [each for n, each in enumerate(inner) if not n or each[0] > inner[n - 1][0]]
    ends = points if points[0][0] == 0.0 else ((0.0, 0.0), *points)
    ends = ends if ends[-1][0] == 1.0 else (*ends, (1.0, math.inf))
    found = []
    for (begin, low), (end, high) in pairwise(ends):
        if end > begin:
            mean = low if high == low else _usual_mean(begin, end, low, high, inner)
            found.append(Piece(begin, end - begin, low, high, mean))
    return found


def _usual_mean(
    begin: float, end: float, low: float, high: float, inner: list[tuple[float, float]]
) -> float:
    """Return a lognormal's mean between two points, kept off the ends; their middle without one."""
    if not inner:
        mean = max(2.0 * low, _NEAREST) if math.isinf(high) else (low + high) / 2.0
    elif begin > 0.0 and end < 1.0 and low > 0.0:
        mean = _lognormal_mean((begin, low), _spread((begin, low), (end, high)), begin, end)
    elif end < 1.0:
        spread = _spread(inner[0], inner[min(1, len(inner) - 1)])
        mean = _lognormal_mean(inner[0], spread, _share_upto(low, inner[0], spread), end)
    else:
        spread = _spread(inner[0], inner[-1])
        mean = _lognormal_mean(inner[-1], spread, begin, _share_upto(high, inner[-1], spread))
    if math.isinf(high):
        return max(mean, low * (1.0 + _NEAREST))
    width = high - low
    return min(max(mean, low + _NEAREST * width), high - _NEAREST * width)


def _spread(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the deviation of the logarithm of a lognormal through two points."""
    if other[0] <= one[0]:
        return _USUAL_SPREAD
    steep = math.log(other[1]) - math.log(one[1])
    return min(steep / (_NORMAL.inv_cdf(other[0]) - _NORMAL.inv_cdf(one[0])), _GREATEST_SPREAD)


def _share_upto(time: float, point: tuple[float, float], spread: float) -> float:
    """Return the share of a lognormal's times up to one, the lognormal going through a point."""
    if not spread or time in (0.0, math.inf):
        return float(time >= point[1])
    z = _NORMAL.inv_cdf(point[0]) + (math.log(time) - math.log(point[1])) / spread
    return _NORMAL.cdf(z)


def _lognormal_mean(point: tuple[float, float], spread: float, begin: float, end: float) -> float:
    """Return the mean of a lognormal through a point, of its times between two shares.

    E[T; z1 < Z < z2] = exp(μ + σ²/2) (Φ(z2 - σ) - Φ(z1 - σ)).
    """
    if end - begin < 1e-12:
        return point[1]
    mu = math.log(point[1]) - spread * _NORMAL.inv_cdf(point[0])
    below = 0.0 if begin == 0.0 else _NORMAL.cdf(_NORMAL.inv_cdf(begin) - spread)
    upto = 1.0 if end == 1.0 else _NORMAL.cdf(_NORMAL.inv_cdf(end) - spread)
    return math.exp(mu + spread * spread / 2.0) * (upto - below) / (end - begin)


def _rate(mean: float) -> float:
    """Return the r for which exponential times of rate r, cut at 1, have a mean between 0 and 1.

    The mean is 1/r - 1/(exp(r) - 1), which falls with r; of a negative r they grow towards 1.
    """
    if not _FLATTEST < mean < 1.0 - _FLATTEST:
        rest = max(min(mean, 1.0 - mean), sys.float_info.epsilon)
        return 1.0 / rest if mean < 0.5 else -1.0 / rest
    low, high = -1.0 / _FLATTEST, 1.0 / _FLATTEST
    for _ in range(60):
        r = (low + high) / 2.0
        found = 0.5 - r / 12.0 if abs(r) < _SMALL else 1.0 / r - 1.0 / math.expm1(r)
        low, high = (r, high) if found > mean else (low, r)
    return (low + high) / 2.0
