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

from simcb.metrics.rows import Booleans, Indexes
from simcb.metrics.spans import Floats, Integers
from simcb.metrics.worker_time import leaves_queue, until
from simcb.trace import (
    ATTEMPT_CODE,
    PIECE,
    AttemptOutcome,
    CallInfo,
    Flag,
    Rows,
    ServiceInfo,
    Trace,
    pieces,
)

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

    def attempts(self) -> Iterator[Part]:
        """Yield the attempts part by part; at least one part, be it empty."""
        for (first, rows), later in zip(self._pieces(), self._later, strict=True):
            yield Part(self, rows, first, later)
        if not len(self.trace.attempts):
            yield Part(self, self.trace.attempts)

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
    def to(self) -> Indexes:
        """Index of the service that each call goes to."""
        layout = self.trace.layout
        targets = [layout.service_index(call.service) for call in layout.calls]
        return np.array(targets, dtype=np.int64)

    @cached_property
    def max_wait(self) -> Floats:
        """Seconds that an attempt of each call may wait for a place before it is sent."""
        return self.by_call(lambda call: call.max_wait)

    @cached_property
    def has_network(self) -> Booleans:
        """Whether attempts of each call take time on their way."""
        return self.by_call(lambda call: call.network) > 0.0

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


@dataclass(frozen=True, eq=False)
class Part:
    """Some attempts of a trace under audit, as columns.

    Args:
        first: the row of the first of them.
        later: no attempt after them has any moment before this one.
    """

    case: Case
    rows: Rows
    first: int = 0
    later: float = np.inf

    @cached_property
    def start(self) -> Floats:
        """When each attempt was made."""
        return np.ascontiguousarray(self.rows["start"])

    @cached_property
    def end(self) -> Floats:
        """When its caller's wait ended, nan if it has not."""
        return np.ascontiguousarray(self.rows["end"])

    @cached_property
    def arrive(self) -> Floats:
        """When it reached its replica, nan if it did not."""
        return np.ascontiguousarray(self.rows["arrive"])

    @cached_property
    def begin(self) -> Floats:
        """When a worker took it, nan if none did."""
        return np.ascontiguousarray(self.rows["begin"])

    @cached_property
    def freed(self) -> Floats:
        """When its worker was released or, without one, it was sent away; nan if neither was."""
        return np.ascontiguousarray(self.rows["freed"])

    @cached_property
    def held_until(self) -> Floats:
        """When its worker was released; the run's end if it still is held; nan without one."""
        ends = until(self.freed, self.case.trace.duration)
        held: Floats = np.where(self.begun, ends, np.nan)
        return held

    @cached_property
    def waited_until(self) -> Floats:
        """When its caller's wait ended; the run's end if it has not."""
        found: Floats = np.where(np.isnan(self.end), self.case.trace.duration, self.end)
        return found

    @cached_property
    def queue_left(self) -> Floats:
        """When it stopped waiting for a worker; nan if it never reached a replica."""
        freed, refused = self.freed, self.is_outcome(AttemptOutcome.REFUSED)
        return leaves_queue(self.arrive, self.begin, freed, refused, self.case.trace.duration)

    @cached_property
    def call(self) -> NDArray[np.int16]:
        """Index of its call."""
        return np.ascontiguousarray(self.rows["call"])

    @cached_property
    def service(self) -> Indexes:
        """Index of the service it was for."""
        found: Indexes = self.case.to[self.call]
        return found

    @cached_property
    def group(self) -> NDArray[np.int16]:
        """Client group of the user's request."""
        found: NDArray[np.int16] = self.case.trace.requests["group"][self.rows["request"]]
        return found

    @cached_property
    def breaker(self) -> NDArray[np.int32]:
        """Index of the breaker that admitted or rejected it, -1 if none guards its call."""
        return np.ascontiguousarray(self.rows["breaker"])

    @cached_property
    def sent(self) -> Booleans:
        """Whether it left its caller."""
        gone: Booleans = self.rows["replica"] >= 0
        return gone

    @cached_property
    def arrived(self) -> Booleans:
        """Whether it reached its replica."""
        return ~np.isnan(self.arrive)

    @cached_property
    def begun(self) -> Booleans:
        """Whether a worker took it."""
        return ~np.isnan(self.begin)

    @cached_property
    def refused(self) -> Booleans:
        """Whether the replica turned it away, even if its caller never heard of it."""
        at_once = ~self.begun & (self.freed == self.arrive)
        at_once &= ~self.flagged(Flag.DROPPED | Flag.THROTTLED)
        turned_away: Booleans = self.is_outcome(AttemptOutcome.REFUSED) | at_once
        return turned_away

    @cached_property
    def throttled(self) -> Booleans:
        """Whether the service's admission turned it away, even if its caller never heard of it."""
        return self.flagged(Flag.THROTTLED)

    @cached_property
    def taken(self) -> Booleans:
        """Whether the service took it in, to work or to wait, if only to throttle it."""
        return self.arrived & ~self.refused

    @cached_property
    def _outcome(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self.rows["outcome"])

    def is_outcome(self, *outcomes: AttemptOutcome) -> Booleans:
        """Return which attempts ended in one of `outcomes`."""
        found = np.zeros(len(self.rows), np.bool_)
        for outcome in outcomes:
            found |= self._outcome == ATTEMPT_CODE[outcome]
        return found

    @cached_property
    def _flags(self) -> NDArray[np.uint8]:
        return np.ascontiguousarray(self.rows["flags"])

    def flagged(self, flags: Flag) -> Booleans:
        """Return which attempts carry any of some flags."""
        found: Booleans = (self._flags & int(flags)) != 0
        return found

    @cached_property
    def sent_between(self) -> tuple[Floats, Floats]:
        """The first and the last moment at which each attempt can have been sent.

        One that may wait for a place in its caller's bulkhead is sent later than it is made; the
        moment is known from its arrival unless a network lies between.
        """
        last = self.start + self.case.max_wait[self.call]
        straight = self.arrived & ~self.case.has_network[self.call]
        first = np.where(straight, self.arrive, self.start)
        return first, np.where(straight, self.arrive, np.fmin(last, self.arrive))

    @cached_property
    def children(self) -> Indexes:
        """Which of them a service made, by their places in this part."""
        return np.flatnonzero(self.rows["parent"] >= 0)

    @cached_property
    def parents(self) -> Part:
        """The attempts whose work made the children, in the same order."""
        return Part(self.case, self.case.trace.attempts[self.rows["parent"][self.children]])

    def by_service(self, chosen: Booleans) -> Integers:
        """Return how many of the chosen attempts were for each service."""
        many = len(self.case.trace.layout.services)
        return np.bincount(self.service[chosen], minlength=many)

    def by_replica(self, chosen: Booleans) -> Iterator[tuple[int, Indexes]]:
        """Yield each replica with which of the chosen attempts were sent there."""
        yield from groups(self.rows["replica"], np.flatnonzero(chosen & self.sent))


def groups(column: NDArray[np.integer[Any]], places: Indexes) -> Iterator[tuple[int, Indexes]]:
    """Yield each value of a column at some places, ascending, with the places that have it."""
    values = column[places]
    order = np.argsort(values, kind="stable")
    values, places = values[order], places[order]
    (last,) = np.nonzero(values[1:] != values[:-1])
    for low, high in pairwise((0, *(last + 1).tolist(), len(values))):
        if low < high:
            yield int(values[low]), places[low:high]


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
