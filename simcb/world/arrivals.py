"""When requests arrive: a unit-rate process stretched onto the group's rate curve.

The process counts in expected arrivals, not in seconds; the curve turns a count into the
moment at which that many arrivals were expected. So a surge or another rate moves the
moments and never the streams.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from simcb.errors import FieldsError
from simcb.scenario.arrivals import Arrivals, Constant, OpenArrivals, RatePoint, Replay
from simcb.world.conditions import Calendar, FaultWindow
from simcb.world.samplers import unit_exponential
from simcb.world.streams import BLOCK, Column, Streams

Floats = NDArray[np.float64]

_PIECES = 64
"""Linear pieces of a stretch on which both the rate and a surge are ramping."""

_AT_ONCE = 16
"""Most blocks whose moments are worked out together."""

_ROUNDING = 1e-9
"""Part of a count by which sums of products may miss the whole number they stand for."""


@dataclass(frozen=True)
class RateCurve:
    """A piecewise linear rate over time and its integral.

    Args:
        times: where the pieces begin, shape (n,), seconds.
        rates: rate at the beginning of each piece, per second.
        slopes: change of the rate within each piece, per second squared.
        counts: expected arrivals before each piece.
    """

    times: Floats
    rates: Floats
    slopes: Floats
    counts: Floats

    def moment(self, count: Floats) -> Floats:
        """Return when `count` arrivals, ascending, are expected; inf if they never are.

        One that is due where a piece ends belongs to the next piece on which the rate is not 0:
        after a step to 0 it comes when the rate rises again, or never.

        On a piece the count grows as `r x + slope x²/2`; its root is taken in the form
        `2 c / (r + sqrt(r² + 2 slope c))`, which is exact for a slope of 0.
        """
        first, last = np.searchsorted(self.counts, count[[0, -1]], side="right") - 1
        within = first == last  # as it mostly is: one piece for all of them
        piece = first if within else np.searchsorted(self.counts, count, side="right") - 1
        rest = count - self.counts[piece]
        rate, slope = self.rates[piece], self.slopes[piece]
        root = np.sqrt(np.maximum(rate * rate + 2.0 * slope * rest, 0.0))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = np.where(rest > 0, 2.0 * rest / (rate + root), 0.0)
        over = (rate == 0.0) & (slope == 0.0)
        return np.where(over, np.inf, self.times[piece] + step)

    def expected(self, until: float) -> float:
        """Return how many arrivals are expected before `until` seconds."""
        piece = int(np.searchsorted(self.times, until, side="right")) - 1
        x = until - self.times[piece]
        return float(
            _whole(self.counts[piece] + self.rates[piece] * x + self.slopes[piece] * x * x / 2)
        )


def _whole(counts: Floats) -> Floats:
    """Return counts with those made whole that only rounding keeps from it."""
    nearest = np.round(counts)
    return np.where(np.abs(counts - nearest) <= _ROUNDING * nearest, nearest, counts)


Later = Sequence[tuple[float, Sequence[RatePoint]]]
"""Scripts that hold from some moments on, ascending, in place of those before."""


class _Script:
    """A group's scripted rate; recorded ones may have very many points."""

    def __init__(self, points: Sequence[RatePoint]) -> None:
        self._points = points
        self._starts = [point.at for point in points]

    def rate(self, t: float) -> float:
        """Return the rate just after `t`, per second."""
        place = bisect_right(self._starts, t) - 1
        if place < 0:
            return 0.0
        point = self._points[place]
        if t < point.at + point.ramp:
            before = self._points[place - 1].rate if place else 0.0
            return before + (point.rate - before) * (t - point.at) / point.ramp
        return point.rate

    def is_ramping(self, t: float) -> bool:
        """Tell whether the rate is changing at `t`."""
        place = bisect_right(self._starts, t) - 1
        return place >= 0 and t < self._points[place].at + self._points[place].ramp


class _Scripts:
    """A group's scripts, one after the other."""

    def __init__(self, points: Sequence[RatePoint], later: Later) -> None:
        self._begins = [at for at, _ in later]
        self._scripts = [_Script(points), *(_Script(each) for _, each in later)]

    def at(self, t: float) -> _Script:
        """Return the script that holds at `t`."""
        return self._scripts[bisect_right(self._begins, t)]


def rate_curve(
    points: Sequence[RatePoint], surges: Sequence[FaultWindow], later: Later = ()
) -> RateCurve:
    """Return the rate of a group whose script is `points`, under its surges.

    Args:
        points: the script.
        surges: the windows of its surges.
        later: the scripts that take its place.
    """
    surges = [
        window for window in surges if window.end > window.start and window.fault_factor != 1.0
    ]
    marks = {0.0, *(at for at, _ in later)}
    for point in chain(points, *(script for _, script in later)):
        marks |= {point.at, point.at + point.ramp}
    for window in surges:
        marks |= set(window.corners)
    bounds = sorted(marks)
    scripts, calendar = _Scripts(points, later), Calendar(surges)
    for left, right in pairwise(bounds):
        middle = (left + right) / 2
        active = calendar.active(middle)
        together = len(active) > 1 or scripts.at(middle).is_ramping(middle)
        if together and any(window.is_ramping(middle) for window in active):
            marks |= set(np.linspace(left, right, _PIECES + 1).tolist())
    bounds = sorted(marks)

    def rate_at(t: float, inside: float) -> float:
        # A step belongs to the piece that is asked about, named by a moment inside it.
        rate = scripts.at(inside).rate(t if t <= inside else math.nextafter(t, inside))
        for window in calendar.active(inside):
            rate *= window.factor_at(min(max(t, window.start), window.end), inside)
        return rate

    pieces: list[tuple[float, float, float]] = []
    for i, left in enumerate(bounds):
        if i + 1 == len(bounds):
            piece = (left, rate_at(left, left + 1.0), 0.0)
        else:
            right, middle = bounds[i + 1], (left + bounds[i + 1]) / 2
            first, last = rate_at(left, middle), rate_at(right, middle)
            slope = (last - first) / (right - left)
            steady = abs(last - first) <= 1e-12 * max(first, last)
            piece = (left, first, 0.0 if steady else slope)
        if pieces and pieces[-1][1:] == piece[1:] and piece[2] == 0.0:
            continue
        pieces.append(piece)
    times, rates, slopes = (np.array(column, dtype=float) for column in zip(*pieces, strict=True))
    spans = np.diff(times)
    grown = rates[:-1] * spans + slopes[:-1] * spans * spans / 2
    counts = np.concatenate(([0.0], np.cumsum(grown)))
    return RateCurve(times, rates, slopes, _whole(counts))


def _counts(law: Arrivals, streams: Streams, path: str) -> Iterator[Floats]:
    """Yield blocks of the process in expected arrivals, increasing without end."""
    if isinstance(law, Constant):
        first = 0
        while True:
            yield np.arange(first, first + BLOCK, dtype=float)
            first += BLOCK
    gaps: Column = streams.column(path, "arrivals", unit_exponential)
    block, done = 0, 0.0
    while True:
        sums = done + np.cumsum(gaps.block(block))
        done = float(sums[-1])
        yield sums
        block += 1


def _recorded(law: Replay) -> Iterator[Floats]:
    """Yield recorded arrivals, in seconds, as counts of a process of rate 1.

    The k-th of n whose moments are known to be in the same `resolution` is put into the middle
    of the k-th of its n equal parts.
    """
    moments = np.array(law.moments)
    if law.resolution is not None:
        # Moments that stand for a whole multiple may be a little less than that.
        cells = np.floor(moments / law.resolution * (1.0 + 1e-12) + 1e-9)
        _, firsts, counts = np.unique(cells, return_index=True, return_counts=True)
        places = np.arange(len(moments)) - np.repeat(firsts, counts)
        moments = (cells + (places + 0.5) / np.repeat(counts, counts)) * law.resolution
    for first in range(0, len(moments), BLOCK):
        yield moments[first : first + BLOCK]


def _script(law: Arrivals) -> Sequence[RatePoint]:
    """Return the rate points of open arrivals."""
    if isinstance(law, OpenArrivals):
        return law.rate
    assert isinstance(law, Replay)
    return law.points


class NothingToReplayError(FieldsError):
    """A scenario was read without the data file that a client group replays.

    Args:
        group: the client group.
        file: its data file.
    """

    group: str
    file: str

    def __str__(self) -> str:
        return (
            f"clients.{self.group}: the arrivals recorded in {self.file!r} were not read; "
            "read the scenario from its file, beside which they lie"
        )


def arrival_times(
    law: Arrivals,
    surges: Sequence[FaultWindow],
    streams: Streams,
    group: str,
    until: float,
    later: Sequence[tuple[float, Arrivals]] = (),
) -> Iterator[list[float]]:
    """Yield in blocks the moments before `until` at which an open group's requests arrive.

    Recorded moments are replayed as they are, unless a surge stretches or squeezes time;
    recorded rates are the script of a Poisson process.

    Args:
        law: how they arrive.
        surges: the windows of the group's surges.
        streams: where the process comes from.
        group: the group's name.
        until: seconds.
        later: how they arrive from some moments on, ascending.

    Raises:
        NothingToReplayError: what is to be replayed was not read.
    """
    if isinstance(law, Replay) and not (law.moments or law.rates):
        raise NothingToReplayError(group, law.file)
    if isinstance(law, Replay) and law.moments:
        curve = rate_curve((RatePoint(at=0.0, rate=1.0),), surges)
        blocks: Iterator[Floats] = _recorded(law)
    else:
        curve = rate_curve(_script(law), surges, [(at, _script(each)) for at, each in later])
        blocks = _counts(law, streams, f"clients/{group}")
    most = curve.expected(until)
    at_once = min(_AT_ONCE, 1 + int(most) // BLOCK)
    while part := [*islice(blocks, at_once)]:
        counts = np.concatenate(part)
        moments = curve.moment(counts)
        # By the count, too: rounding may put what is due at the very end a little before it.
        before = moments[(moments < until) & (counts < most)]
        yield before.tolist()
        if len(before) < len(moments):
            return
