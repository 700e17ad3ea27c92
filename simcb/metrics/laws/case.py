"""A trace laid out for checking laws: its attempts part by part, as plain columns.

A run has too many attempts to hold a column of all of them, so a law looks at one part after the
other and keeps counts. What needs order of time is in `in_time`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from simcb.metrics.rows import AttemptRows, Booleans, Indexes, call_targets
from simcb.metrics.spans import Floats, Integers
from simcb.trace import PIECE, CallInfo, Rows, ServiceInfo, Trace, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-9
"""Relative error that sums of floats may have."""

ROWS_FOR_EACH = 128
"""Attempts of a part for each replica and breaker: fewer are not worth looking at alone."""


@dataclass(frozen=True)
class Finding:
    """What looking at one law has shown: whether it holds, and the numbers."""

    holds: bool
    detail: str


@dataclass(frozen=True)
class LawCheck:
    """One line of the table of laws: its name, as a sentence, and the function that checks it."""

    name: str
    check: Callable[[Case], Finding]


@dataclass(frozen=True, eq=False)
class Case:
    """A trace under audit."""

    trace: Trace

    def requests(self) -> Iterator[tuple[int, Rows]]:
        """Yield the requests part by part, each with its first row's number; at least one part."""
        yield from pieces(self.trace.requests, most=PIECE)
        if not len(self.trace.requests):
            yield 0, self.trace.requests

    def attempts(self) -> Iterator[AttemptRows]:
        """Yield the attempts part by part; at least one part, be it empty."""
        targets = call_targets(self.trace)
        for (first, rows), later in zip(self._pieces(), self._later, strict=True):
            yield AttemptRows(self.trace, rows, targets, first, later)
        if not len(self.trace.attempts):
            yield AttemptRows(self.trace, self.trace.attempts, targets)

    def _pieces(self) -> Iterator[tuple[int, Rows]]:
        """Yield pieces of the attempts that have some for every replica and breaker."""
        layout = self.trace.layout
        replicas = sum(service.replicas for service in layout.services)
        most = max(PIECE, ROWS_FOR_EACH * replicas, ROWS_FOR_EACH * len(layout.breakers))
        return pieces(self.trace.attempts, most=most)

    @cached_property
    def _later(self) -> list[float]:
        """The first of all moments in the parts after each."""
        moments = ("start", "end", "arrive", "begin", "freed")
        first = [
            np.fmin.reduce([np.fmin.reduce(rows[name]) for name in moments])
            for _, rows in self._pieces()
        ]
        later: list[float] = np.minimum.accumulate([np.inf, *first[:0:-1]])[::-1].tolist()
        return later[: len(first)]

    def by_call(self, of: Callable[[CallInfo], float]) -> Floats:
        """Return a number of each call."""
        return np.array([of(call) for call in self.trace.layout.calls], dtype=np.float64)

    @cached_property
    def max_wait(self) -> Floats:
        """Seconds that an attempt of each call may wait for a place before it is sent."""
        return self.by_call(lambda call: call.max_wait)

    @cached_property
    def has_network(self) -> Booleans:
        """Whether attempts of each call take time on their way."""
        return self.by_call(lambda call: call.network) > 0.0

    def sent_between(self, part: AttemptRows) -> tuple[Floats, Floats]:
        """Return the first and the last moment at which each attempt can have been sent.

        One that may wait for a place in its caller's bulkhead is sent later than it is made; the
        moment is known from its arrival unless a network lies between.
        """
        last = part.start + self.max_wait[part.call]
        straight = part.reached & ~self.has_network[part.call]
        first = np.where(straight, part.arrive, part.start)
        return first, np.where(straight, part.arrive, np.fmin(last, part.arrive))

    def replicas(self) -> Iterator[tuple[int, ServiceInfo]]:
        """Yield every replica with its service, in order."""
        for service in self.trace.layout.services:
            for index in range(service.first_replica, service.first_replica + service.replicas):
                yield index, service

    def samples_of(self, replica: int) -> NDArray[np.void]:
        """Return a replica's samples, in order of time."""
        rows, replicas = self._samples
        low, high = np.searchsorted(replicas, (replica, replica + 1))
        found: NDArray[np.void] = self.trace.samples[rows[low:high]]
        return found

    @cached_property
    def _samples(self) -> tuple[Indexes, NDArray[np.int32]]:
        rows = np.argsort(self.trace.samples["replica"], kind="stable")
        return rows, self.trace.samples["replica"][rows]


def groups(column: NDArray[np.integer[Any]], places: Indexes) -> Iterator[tuple[int, Indexes]]:
    """Yield each value of a column at some places, ascending, with the places that have it."""
    values = column[places]
    order = np.argsort(values, kind="stable")
    values, places = values[order], places[order]
    (last,) = np.nonzero(values[1:] != values[:-1])
    for low, high in pairwise((0, *(last + 1).tolist(), len(values))):
        if low < high:
            yield int(values[low]), places[low:high]


def by_service(part: AttemptRows, chosen: Booleans) -> Integers:
    """Return how many of the chosen attempts were for each service."""
    return np.bincount(part.service[chosen], minlength=len(part.trace.layout.services))


def by_replica(part: AttemptRows, chosen: Booleans) -> Iterator[tuple[int, Indexes]]:
    """Yield each replica with which of the chosen attempts were sent there."""
    return groups(part.rows["replica"], np.flatnonzero(chosen & part.sent))


class Broken:
    """The rows that break a law, of rows that come part by part: how many, and the first."""

    def __init__(self) -> None:
        self._rows = 0
        self._first = 0

    def add(self, wrong: Booleans, first: int) -> None:
        """Add which of some rows break it, and the number of the first of those rows."""
        if wrong.any():
            if not self._rows:
                self._first = first + int(np.argmax(wrong))
            self._rows += int(np.count_nonzero(wrong))

    def __bool__(self) -> bool:
        return self._rows > 0

    def finding(self, what: str, fine: str = "") -> Finding:
        """Return what was found: what such rows are, or what there is to say without any."""
        if not self:
            return Finding(True, fine)
        return Finding(False, f"{self._rows} {what}, the first in row {self._first}")


def equation(counts: Mapping[str, int]) -> str:
    """Return counts as a sum in words."""
    return " + ".join(f"{count} {name}" for name, count in counts.items())


def agree(pairs: list[tuple[str, float, float]], unit: str = "") -> Finding:
    """Return whether two computations of each named quantity give the same number."""
    for name, left, right in pairs:
        if abs(left - right) > TOLERANCE * max(1.0, abs(left), abs(right)):
            return Finding(False, f"{name}: {left!r} against {right!r}{unit}")
    return Finding(True, ", ".join(f"{name} {left:.9g}{unit}" for name, left, _ in pairs))
