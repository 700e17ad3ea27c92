"""A trace laid out for checking laws: columns, and the rows of each replica in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from simcb.metrics.rows import Booleans, Indexes
from simcb.metrics.spans import Floats
from simcb.metrics.worker_time import leaves_queue, until
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, CallInfo, Flag, ServiceInfo, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE = 1e-9
"""Relative error that sums of floats may have."""


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

    @cached_property
    def start(self) -> Floats:
        """When each attempt was made."""
        return np.ascontiguousarray(self.trace.attempts["start"])

    @cached_property
    def end(self) -> Floats:
        """When its caller's wait ended, nan if it has not."""
        return np.ascontiguousarray(self.trace.attempts["end"])

    @cached_property
    def arrive(self) -> Floats:
        """When it reached its replica, nan if it did not."""
        return np.ascontiguousarray(self.trace.attempts["arrive"])

    @cached_property
    def begin(self) -> Floats:
        """When a worker took it, nan if none did."""
        return np.ascontiguousarray(self.trace.attempts["begin"])

    @cached_property
    def freed(self) -> Floats:
        """When that worker was released; the run's end if it still is held; nan without one."""
        ends = until(self.trace.attempts["freed"], self.trace.duration)
        held: Floats = np.where(np.isnan(self.begin), np.nan, ends)
        return held

    @cached_property
    def queue_left(self) -> Floats:
        """When it stopped waiting for a worker; nan if it never reached a replica."""
        freed, refused = self.trace.attempts["freed"], self.is_outcome(AttemptOutcome.REFUSED)
        return leaves_queue(self.arrive, self.begin, freed, refused, self.trace.duration)

    @cached_property
    def sent(self) -> Booleans:
        """Whether it left its caller."""
        gone: Booleans = self.trace.attempts["replica"] >= 0
        return gone

    @cached_property
    def arrived(self) -> Booleans:
        """Whether it reached its replica."""
        return ~np.isnan(self.arrive)

    @cached_property
    def refused(self) -> Booleans:
        """Whether the replica turned it away, even if its caller never heard of it."""
        at_once = np.isnan(self.begin) & (self.trace.attempts["freed"] == self.arrive)
        at_once &= ~self.flagged(Flag.DROPPED) & ~self.throttled
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
    def service(self) -> Indexes:
        """Index of the service it was for."""
        layout = self.trace.layout
        targets = [layout.service_index(call.service) for call in layout.calls]
        found: Indexes = np.array(targets or [0], dtype=np.int64)[self.trace.attempts["call"]]
        return found

    def is_outcome(self, *outcomes: AttemptOutcome) -> Booleans:
        """Return which attempts ended in one of `outcomes`."""
        codes = [ATTEMPT_CODE[outcome] for outcome in outcomes]
        return np.isin(self.trace.attempts["outcome"], codes)

    def flagged(self, flag: Flag) -> Booleans:
        """Return which attempts carry a flag."""
        found: Booleans = (self.trace.attempts["flags"] & int(flag)) != 0
        return found

    def by_call(self, of: Callable[[CallInfo], float]) -> Floats:
        """Return a number of each attempt's call."""
        numbers = [of(call) for call in self.trace.layout.calls] or [0.0]
        found: Floats = np.array(numbers, dtype=np.float64)[self.trace.attempts["call"]]
        return found

    @cached_property
    def sent_between(self) -> tuple[Floats, Floats]:
        """The first and the last moment at which each attempt can have been sent.

        One that may wait for a place in its caller's bulkhead is sent later than it is made; the
        moment is known from its arrival unless a network lies between.
        """
        first, last = self.start, self.start + self.by_call(lambda call: call.max_wait)
        straight = self.arrived & (self.by_call(lambda call: call.network) == 0)
        first = np.where(straight, self.arrive, first)
        return first, np.where(straight, self.arrive, np.fmin(last, self.arrive))

    def replicas(self) -> Iterator[tuple[int, ServiceInfo, Indexes]]:
        """Yield each replica's index, its service, and the attempts it took in.

        They stand in the order in which they arrived and, where that is equal, left the queue.
        """
        (rows,) = np.nonzero(self.taken)
        replica = self.trace.attempts["replica"][rows]
        order = np.lexsort((self.queue_left[rows], self.arrive[rows], replica))
        rows, replica = rows[order], replica[order]
        for service in self.trace.layout.services:
            for index in range(service.first_replica, service.first_replica + service.replicas):
                low, high = np.searchsorted(replica, (index, index + 1))
                yield index, service, rows[low:high]

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

    def by_breaker(self) -> Iterator[tuple[int, Indexes]]:
        """Yield each breaker's index and the attempts that carry it, in row order."""
        breakers = self.trace.attempts["breaker"]
        rows = np.argsort(breakers, kind="stable")
        breakers = breakers[rows]
        for index in range(len(self.trace.layout.breakers)):
            low, high = np.searchsorted(breakers, (index, index + 1))
            yield index, rows[low:high]


def broken(rows: NDArray[np.bool_], what: str, fine: str) -> Finding:
    """Return a finding about rows that break a law, naming the first of them."""
    (found,) = np.nonzero(rows)
    if not len(found):
        return Finding(True, fine)
    return Finding(False, f"{len(found)} {what}, the first in row {found[0]}")


def agree(pairs: list[tuple[str, float, float]], unit: str = "") -> Finding:
    """Return whether two computations of each named quantity give the same number."""
    for name, left, right in pairs:
        if abs(left - right) > TOLERANCE * max(1.0, abs(left), abs(right)):
            return Finding(False, f"{name}: {left!r} against {right!r}{unit}")
    return Finding(True, ", ".join(f"{name} {left:.9g}{unit}" for name, left, _ in pairs))
