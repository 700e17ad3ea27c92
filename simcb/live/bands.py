"""Bands: what further runs would give in all numbers together, and one run laid over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import METRICS, Measures, Unit
from simcb.metrics.intervals import bounds_of
from simcb.metrics.phase import WHOLE, Phase

_ROUNDING = 1e-9

INSIDE = 0.9
"""Part of runs that lie inside the band with all their numbers, where the prediction is right."""

LEAST_REPLICATES = 9
"""Of fewer runs, the one that is farthest out still says nothing of nine in ten."""

_PHASED = ("success", "p50", "p99", "rejected", "amplification")
_WHOLE = ("time_to_recover", "open_fraction")
_LATE = 99.0
"""Percentile of the ways by which a time may be longer that is no median."""


@dataclass(frozen=True)
class Laid:
    """A number that was measured, laid over what was predicted.

    Args:
        name: the metric.
        unit: what it counts.
        phase: of which phase it is.
        measured: what it was; None if it is undefined.
        mean: the predicted mean.
        low: where the band begins.
        high: where it ends.
    """

    name: str
    unit: Unit
    phase: str
    measured: float | None
    mean: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether what was measured lies in the band."""
        return self.measured is not None and self.low <= self.measured <= self.high


class Journeys:
    """How long attempts and answers were on their ways, by the phases of a run.

    Args:
        ways: (moment, seconds) of each single way.
        phases: the run's.
    """

    def __init__(self, ways: Sequence[tuple[float, float]], phases: Sequence[Phase]) -> None:
        moments, seconds = np.array(ways, float).reshape(-1, 2).T
        self._seconds: dict[str, NDArray[np.float64]] = {}
        for phase in phases:
            among = np.zeros(len(moments), bool)
            for start, end in phase.windows:
                among |= (start <= moments) & (moments <= end)
            self._seconds[phase.name] = 2.0 * seconds[among]

    def slack(self, name: str, phase: str) -> float:
        """Return by how much a time may differ: a journey in its phase, there and back.

        That is the median of the journeys for a median, and the 99th percentile for all else.
        """
        found = self._seconds.get(phase)
        if found is None or not len(found):
            return 0.0
        return float(np.percentile(found, 50.0 if name == "p50" else _LATE))


NO_JOURNEYS = Journeys((), ())
"""Those of a network that takes no time."""


def laid(
    one: Measures, replicates: Sequence[Measures], journeys: Journeys = NO_JOURNEYS
) -> tuple[Laid, ...]:
    """Lay the numbers of one run over those of replicates.

    Only those are laid that are defined and finite in all replicates. The band is a prediction
    band for one more run, for all numbers at once: it reaches as many standard deviations around
    each mean as nine in ten replicates need, of mean and deviation of the others, to lie in it
    with all their numbers. That is the jackknife of conformal prediction (Barber, Candès, Ramdas
    and Tibshirani, "Predictive inference with the jackknife+", 2021), with the greatest of the
    standardised residuals as score; nothing is assumed of how numbers are spread, or together.
    Times may differ by a journey besides: that ways are long at the same time is in no scenario.

    Args:
        one: what was measured.
        replicates: what was predicted, nine or more.
        journeys: over the network.
    """
    parts = [phase for phase in one.phases if phase != WHOLE] or [WHOLE]
    wanted = [(name, phase) for phase in parts for name in _PHASED]
    wanted += [(name, WHOLE) for name in _WHOLE]
    found = []
    for name, phase in wanted:
        values = [each.value(name, phase) for each in replicates]
        defined = [each for each in values if each is not None and math.isfinite(each)]
        if len(defined) == len(values):
            found.append((name, phase, defined))
    if not found:
        return ()
    values_of = np.array([values for *_, values in found]).T
    means, spreads = values_of.mean(axis=0), values_of.std(axis=0, ddof=1)
    least = _ROUNDING * np.maximum(np.abs(means), 1e-3)
    halves = _reach(values_of, least) * spreads + least
    return tuple(
        _laid(one, name, phase, float(mean), float(half), journeys)
        for (name, phase, _), mean, half in zip(found, means, halves, strict=True)
    )


def _reach(values: NDArray[np.float64], least: NDArray[np.float64]) -> float:
    """Return how many standard deviations the band of all numbers reaches.

    Args:
        values: runs × numbers.
        least: a deviation below which there is none, for each number.
    """
    runs = len(values)
    scores = []
    for place in range(runs):
        others = np.delete(values, place, axis=0)
        spread = np.maximum(others.std(axis=0, ddof=1), least)
        scores.append(float((np.abs(values[place] - others.mean(axis=0)) / spread).max()))
    rank = min(runs, math.ceil((runs + 1) * INSIDE))
    return sorted(scores)[rank - 1]


def _laid(
    one: Measures, name: str, phase: str, mean: float, half: float, journeys: Journeys
) -> Laid:
    unit = METRICS[name].unit
    if unit is Unit.SECONDS:
        half += journeys.slack(name, phase)
    least, most = bounds_of(unit)
    low, high = max(least, 0.0, mean - half), min(most, mean + half)
    return Laid(name, unit, phase, one.value(name, phase), mean, low, high)
