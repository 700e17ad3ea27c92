"""A trace laid out for checking laws: columns, and the rows of each replica in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simcb.metrics.rows import Booleans, Indexes
from simcb.metrics.spans import Floats
from simcb.metrics.worker_time import leaves_queue, until
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, ServiceInfo, Trace

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
        """When it stopped waiting for a worker."""
        return leaves_queue(self.trace)

    @cached_property
    def sent(self) -> Booleans:
        """Whether it reached a service."""
        reached: Booleans = self.trace.attempts["replica"] >= 0
        return reached

    @cached_property
    def taken(self) -> Booleans:
        """Whether the service took it in, to work or to wait."""
        return self.sent & ~self.is_outcome(AttemptOutcome.REFUSED)

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

    def replicas(self) -> Iterator[tuple[int, ServiceInfo, Indexes]]:
        """Yield each replica's index, its service, and the attempts it took in, oldest first."""
        (rows,) = np.nonzero(self.taken)
        replica = self.trace.attempts["replica"][rows]
        rows = rows[np.lexsort((self.start[rows], replica))]
        replica = self.trace.attempts["replica"][rows]
        for service in self.trace.layout.services:
            for index in range(service.first_replica, service.first_replica + service.replicas):
                low = np.searchsorted(replica, index)
                high = np.searchsorted(replica, index, side="right")
                yield index, service, rows[low:high]


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
