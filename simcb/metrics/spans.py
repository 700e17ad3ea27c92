"""Spans of time laid over each other: how many are open at a moment, how long in a window.

Pure arithmetic on two arrays; what a span stands for (a worker held, a caller waiting, a
breaker open) is for whoever builds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simcb.metrics.phase import Window

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spans:
    """Many spans `[begin, end)`, answered for as a crowd in logarithmic time a question.

    The span-seconds before a moment t are the sum of t − begin over spans begun minus the sum
    of t − end over spans ended, so two sorted columns with running sums are all that is kept.

    Args:
        begins: seconds, in any order.
        ends: seconds, in any order; every end is at or after its begin.
    """

    begins: Floats
    ends: Floats
    total: float = field(init=False)
    """Span-seconds of all spans together, summed span by span."""
    _begin_sums: Floats = field(init=False)
    _end_sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        total = float(np.sum(self.ends - self.begins))
        begins = np.sort(self.begins, kind="stable")
        ends = np.sort(self.ends, kind="stable")
        for name, value in (
            ("total", total),
            ("begins", begins),
            ("ends", ends),
            ("_begin_sums", np.concatenate(([0.0], np.cumsum(begins)))),
            ("_end_sums", np.concatenate(([0.0], np.cumsum(ends)))),
        ):
            object.__setattr__(self, name, value)

    def seconds_until(self, moments: Floats) -> Floats:
        """Return the span-seconds before each of `moments`."""
        begun = self.begins.searchsorted(moments)
        ended = self.ends.searchsorted(moments)
        level = (begun - ended).astype(np.float64)
        sums: Floats = moments * level - (self._begin_sums[begun] - self._end_sums[ended])
        return sums

    def seconds_within(self, windows: tuple[Window, ...]) -> float:
        """Return the span-seconds inside `windows`."""
        starts, ends = np.array(windows, dtype=np.float64).T
        return max(0.0, float((self.seconds_until(ends) - self.seconds_until(starts)).sum()))

    def open_at(self, moments: Floats) -> Integers:
        """Return how many spans are open just after each of `moments`."""
        begun = np.searchsorted(self.begins, moments, side="right")
        ended = np.searchsorted(self.ends, moments, side="right")
        level: Integers = begun - ended
        return level

    def peak(self, windows: tuple[Window, ...]) -> int:
        """Return the most spans open at any one moment inside `windows`.

        Spans of no length are never open. The number can only rise at a begin, so the first
        moment of each window and the begins inside it are all there is to look at.
        """
        highest = 0
        for start, end in windows:
            first, last = np.searchsorted(self.begins, (start, end))
            moments = np.concatenate(([start], self.begins[first:last]))
            highest = max(highest, int(self.open_at(moments).max()))
        return highest
