"""The distribution of measured times, and how good it is.

What has a word in a scenario is given by `quantiles`, with the measured mean; percentiles that have
none, if the fit would miss them, and what was counted in buckets, by a `histogram`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from pydantic import ValidationError

from simcb.measurements.source import MeasurementError
from simcb.measurements.values import Floats, Measured
from simcb.predictions.spread import quantile
from simcb.scenario.distributions import Constant, Distribution, Histogram, Piecewise, Quantiles
from simcb.scenario.pieces import QUANTILES

_NEEDED = {"p90": 20, "p95": 40, "p99": 200, "p999": 5_000, "p9999": 50_000}
"""How many requests a percentile needs at least before it means something."""

_PUBLISHED = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0)
_DIGITS = 5
_ALIKE = 1e-3  # part of the mean by which times differ that are one
_WORDS = {0.0: "min", 1.0: "max"} | {share: word for word, share in QUANTILES.items()}

NEAR = 0.05
"""Part of a published percentile by which a fit may miss it."""


@dataclass(frozen=True)
class Point:
    """A number that was measured, and the same of what was fitted; seconds.

    Args:
        share: which share of all times it is not exceeded by; None for the mean.
        measured: as published, or as the requests have it.
        fitted: as the distribution has it.
    """

    share: float | None
    measured: float
    fitted: float

    @property
    def name(self) -> str:
        """What it is called: `p99`, `mean`."""
        if self.share is None:
            return "mean"
        return {0.0: "min", 1.0: "max"}.get(self.share, f"p{self.share * 100:.6g}")

    @property
    def off(self) -> float:
        """By which part of the measured number the fitted one is greater."""
        return self.fitted / self.measured - 1.0 if self.measured else 0.0


FittedWork: TypeAlias = tuple[Distribution, tuple[Point, ...], tuple[tuple[float, float], ...]]
"""The distribution, how good it is, and (seconds, share that is longer) of times, to be drawn."""


def work_of(measured: Measured, place: str) -> FittedWork:
    """Return the distribution of measured times, how good it is, and what can be drawn of them."""
    if measured.times is not None:
        if not len(measured.times):
            raise MeasurementError(place, "has no request that was answered well", "check --where")
        return work_of_times(measured.times)
    published = measured.quantiles or _of_buckets(measured.buckets)
    _check_rising(published, place)
    if measured.buckets:
        law: Distribution | None = _histogram(measured.buckets, measured.mean)
    else:
        law = _nearest(published, measured.mean)
    if law is None:
        raise MeasurementError(place, "has too few percentiles", "give two, or one and the mean")
    return law, _points(law, published, measured.mean), ()


def _nearest(published: Sequence[tuple[float, float]], mean: float | None) -> Distribution | None:
    """Return the simple fit, or the one by all percentiles where that is nearer to them."""
    if len(published) + (mean is not None) < 2:
        return None
    simple = _quantiles(published, mean)
    if simple is not None and _furthest(simple, published) <= NEAR:
        return simple
    full = _histogram(_as_buckets(published), mean)
    found = [law for law in (simple, full) if law is not None]
    return min(found, key=lambda law: _furthest(law, published), default=None)


def _furthest(law: Distribution, published: Sequence[tuple[float, float]]) -> float:
    return max((abs(point.off) for point in _points(law, published, None)), default=0.0)


def work_of_times(times: Floats) -> FittedWork:
    """Return the same of the times of requests, of which there is at least one."""
    ordered = np.sort(times)
    mean, count = float(np.mean(times)), len(times)
    if ordered[-1] - ordered[0] <= _ALIKE * mean:
        constant = Constant(value=rounded(mean))
        return constant, _points(constant, ((0.5, mean),), mean), ()
    kept = {share for word, share in QUANTILES.items() if count >= _NEEDED.get(word, 4)}
    shares = [share for share in _PUBLISHED if share in kept | {0.0, 1.0}]
    published = tuple((s, float(ordered[min(count - 1, int(s * count))])) for s in shares)
    law = _quantiles(published, mean)
    assert law is not None
    chosen = np.unique(ordered[np.linspace(0, count - 1, 400).astype(int)])
    longer = 1.0 - np.searchsorted(ordered, chosen, side="right") / count
    steps = tuple(zip(chosen.tolist(), longer.tolist(), strict=True))
    return law, _points(law, published, mean), steps


def _points(
    law: Distribution, published: Iterable[tuple[float, float]], mean: float | None
) -> tuple[Point, ...]:
    found = [Point(share, time, _quantile(law, share)) for share, time in published]
    if mean is not None:
        found.append(Point(None, mean, law.mean_value))
    return tuple(found)


def _quantile(law: Distribution, share: float) -> float:
    if isinstance(law, Piecewise) and share in (0.0, 1.0):
        return law.pieces[0].low if share == 0.0 else law.pieces[-1].high
    return quantile(law, min(share, 1.0 - 1e-9))


def _check_rising(published: Sequence[tuple[float, float]], place: str) -> None:
    for (below, low), (above, high) in pairwise(published):
        if high < low:
            what = f"has a p{above * 100:g} of less than its p{below * 100:g}"
            raise MeasurementError(place, what, "give the file as it was written")


def _quantiles(published: Sequence[tuple[float, float]], mean: float | None) -> Quantiles | None:
    """Return the distribution by percentiles that have a word; without the mean if it cannot be."""
    words = {_WORDS[s]: rounded(time) for s, time in published if s in _WORDS}
    words = {word: time for word, time in words.items() if time > 0.0 or word == "min"}
    for given in ({"mean": rounded(mean)} if mean else {}, {}):
        try:
            return Quantiles.model_validate({**words, **given})
        except ValidationError:
            continue
    return None


def _histogram(buckets: Sequence[tuple[float, float]], mean: float | None) -> Histogram | None:
    """Return the distribution by buckets; without the mean if it cannot be."""
    last = max((n for n, (_, count) in enumerate(buckets) if count), default=-1)
    words: list[dict[str, float]] = []
    for number, (bound, count) in enumerate(buckets[: last + 1]):
        bounded = {"to": rounded(bound)} if math.isfinite(bound) else {}
        following = buckets[number + 1][1] if number < last else 0.0
        # What is empty on both sides says no more than its neighbour.
        if bounded and words and bounded["to"] <= words[-1].get("to", 0.0):
            words[-1]["count"] += rounded(count, 9)
        elif count or following or number == last:
            words.append({**bounded, "count": rounded(count, 9)})
    for given in ({"mean": rounded(mean)} if mean else {}, {}):
        try:
            return Histogram.model_validate({"buckets": words, **given})
        except ValidationError:
            continue
    return None


def _of_buckets(buckets: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return the shares that lie up to each bound: all that a histogram publishes."""
    total = math.fsum(count for _, count in buckets)
    known, found = 0.0, []
    for bound, count in buckets:
        known += count
        if math.isfinite(bound) and 0.0 < known < total:
            found.append((known / total, bound))
    by_share = dict(reversed(found))
    return tuple(sorted(by_share.items()))


def _as_buckets(published: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return percentiles as a histogram, in thousandths of a percent.

    Several percentiles of the same time are put a little before each other.
    """
    rising: list[tuple[float, float]] = []
    for share, time in reversed(published):
        rising.append((share, min(time, rising[-1][1] * (1.0 - _ALIKE)) if rising else time))
    known = 0.0
    found: list[tuple[float, float]] = []
    for share, time in reversed(rising):
        if time > 0.0:
            found.append((time, (share - known) * 1e5))
            known = share
    if known < 1.0:
        found.append((math.inf, (1.0 - known) * 1e5))
    return tuple(found)


def rounded(number: float, digits: int = _DIGITS) -> float:
    """Return a number to so many significant digits."""
    return float(f"{number:.{digits}g}")
