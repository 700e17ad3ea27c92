"""Spans of time: how many are open at a moment, how long in a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from simcb.metrics.phase import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"
Cells: TypeAlias = "Integers | slice"
"""Some cells of a run, as an array with a number for each is indexed by them."""


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
    _begin_sums: Floats = field(init=False)
    _end_sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        begins = np.sort(self.begins, kind="stable")
        ends = np.sort(self.ends, kind="stable")
        for name, value in (
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
        before = self.seconds_until(np.array(windows, dtype=np.float64))
        return max(0.0, float((before[:, 1] - before[:, 0]).sum()))

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


class SpanSum:
    """The seconds that spans lie in each cell of a run, of spans that come piece by piece.

    Args:
        edges: where the cells begin, ascending, and where the last ends.
    """

    def __init__(self, edges: Floats) -> None:
        self._edges = edges
        self._nexts = np.concatenate((edges[1:], edges[-1:]))
        self._inside = np.zeros(len(edges) - 1)
        self._steps = np.zeros(len(edges), np.int64)

    def add(self, begins: Floats, ends: Floats) -> None:
        """Add spans; each begins within the cells, and ends there or after them."""
        if not len(begins):
            return
        edges, many = self._edges, len(self._edges)
        first = int(edges.searchsorted(begins.min(), side="right")) - 1
        if first + 1 < len(edges) and ends.max() <= edges[first + 1]:  # all lie in one cell
            self._inside[first] += float((ends - begins).sum())
            return
        # Each begin adds what is left of its cell and a level to those after it; an end takes both.
        for sign, moments in ((1, begins), (-1, ends)):
            cell = edges[1:].searchsorted(moments, side="right")
            left = self._nexts.take(cell) - moments
            self._inside += sign * np.bincount(cell, weights=left, minlength=many)[: many - 1]
            self._steps += sign * np.bincount(cell, minlength=many)

    @cached_property
    def _seconds(self) -> Floats:
        through = np.cumsum(self._steps[:-1]) - self._steps[:-1]
        seconds: Floats = self._inside + through * np.diff(self._edges)
        return seconds

    def seconds_within(self, cells: Cells) -> float:
        """Return the span-seconds inside some cells, once all spans are added."""
        return max(0.0, float(self._seconds[cells].sum()))


class Peaks:
    """The most spans open at once in each cell of a run, of spans that come piece by piece.

    What begins or ends before a moment, from which on all later spans begin, is settled then, and
    only what is later is kept. Spans of no length are never open.

    Args:
        edges: where the cells begin, ascending, and where the last ends.
    """

    def __init__(self, edges: Floats) -> None:
        self._edges = edges
        self._most = np.zeros(len(edges) - 1, np.int64)
        self._begins = self._ends = np.empty(0)
        self._open = 0
        self._settled = -np.inf

    def add(self, begins: Floats, ends: Floats, until: float) -> None:
        """Add spans, none of which may begin before the last `until`; later ones not before it."""
        if len(self._begins) or len(self._ends):
            begins = np.concatenate((self._begins, begins))
            ends = np.concatenate((self._ends, ends))
        (begins, self._begins), (ends, self._ends) = _parted(begins, until), _parted(ends, until)
        edges = self._edges[:-1]
        cells = edges.searchsorted(begins, side="right") - 1
        levels = np.arange(self._open + 1, self._open + 1 + len(begins))
        levels -= ends.searchsorted(begins, side="right")
        np.maximum.at(self._most, cells, levels)
        # A cell begins with what is open then.
        first, last = edges.searchsorted((self._settled, until))
        starts = edges[first:last]
        begun = begins.searchsorted(starts, side="right")
        opened = self._open + begun - ends.searchsorted(starts, side="right")
        self._most[first:last] = np.maximum(self._most[first:last], opened)
        self._open += len(begins) - len(ends)
        self._settled = until

    def within(self, cells: Cells) -> int:
        """Return the most spans open at any one moment inside some cells."""
        return int(self._most[cells].max())


def _parted(moments: Floats, until: float) -> tuple[Floats, Floats]:
    """Return the moments before one, ascending, and the others."""
    before = moments < until
    settled = moments[before]
    settled.sort(kind="stable")  # they come almost in order
    return settled, moments[~before]
