"""Requests and attempts piece by piece, as plain columns in order of time.

A trace's tables are packed records; arithmetic wants one contiguous array a column. A run has too
many rows to hold every column of them twice, so columns are made for one piece after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from simcb.metrics.spans import Floats
from simcb.trace import (
    ATTEMPT_CODE,
    PIECE,
    REQUEST_CODE,
    AttemptOutcome,
    Flag,
    RequestOutcome,
    Rows,
    Trace,
    ascends,
    pieces,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Booleans: TypeAlias = "NDArray[np.bool_]"
Indexes: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, eq=False)
class RequestRows:
    """User requests by arrival, each column made when it is first asked for."""

    rows: Rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def at(self) -> Floats:
        """When each arrived."""
        return np.ascontiguousarray(self.rows["arrival"])

    @cached_property
    def group(self) -> NDArray[np.int16]:
        """Whose each is."""
        return np.ascontiguousarray(self.rows["group"])

    @cached_property
    def latency(self) -> Floats:
        """End minus arrival, nan while unfinished."""
        latency: Floats = self.rows["end"] - self.at
        return latency

    @cached_property
    def outcome(self) -> NDArray[np.uint8]:
        """The code of what became of each."""
        return np.ascontiguousarray(self.rows["outcome"])

    @cached_property
    def ok(self) -> Booleans:
        """Which ended ok."""
        return self._are(RequestOutcome.OK)

    @cached_property
    def degraded(self) -> Booleans:
        """Which a fallback answered."""
        return self._are(RequestOutcome.DEGRADED)

    @cached_property
    def failed(self) -> Booleans:
        """Which failed."""
        return self._are(RequestOutcome.FAILED)

    @cached_property
    def unfinished(self) -> Booleans:
        """Which have not ended."""
        return self._are(RequestOutcome.UNFINISHED)

    @cached_property
    def finished(self) -> Booleans:
        """Which have ended."""
        return ~self.unfinished

    def _are(self, outcome: RequestOutcome) -> Booleans:
        which: Booleans = self.outcome == REQUEST_CODE[outcome]
        return which


@dataclass(frozen=True, eq=False)
class AttemptRows:
    """Attempts by the moment they were made, each column made when it is first asked for.

    Args:
        trace: the run.
        place: which of its attempts is the first of these.
        rows: these.
        targets: index of the service of each call.
    """

    trace: Trace
    place: int
    rows: Rows
    targets: NDArray[np.int16]
    _columns: dict[str, NDArray[Any]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def at(self) -> Floats:
        """When each was made."""
        return self.column("start")

    @property
    def later(self) -> float:
        """When the attempt after these was made; inf if there is none."""
        after = self.trace.attempts[self.place + len(self) :][:1]
        return float(after["start"][0]) if len(after) else np.inf

    @property
    def request(self) -> NDArray[np.int32]:
        """For whose request."""
        return self.column("request")

    @cached_property
    def group(self) -> NDArray[np.int16]:
        """Whose request that is."""
        if len(self.trace.layout.groups) == 1:
            return np.zeros(len(self), np.int16)
        group: NDArray[np.int16] = self.trace.requests["group"][self.request]
        return group

    @cached_property
    def service(self) -> NDArray[np.int16]:
        """At which service."""
        service: NDArray[np.int16] = self.targets[self.column("call")]
        return service

    @property
    def outcome(self) -> NDArray[np.uint8]:
        """The code of what became of each."""
        return self.column("outcome")

    @property
    def flags(self) -> NDArray[np.uint8]:
        """Bits of `Flag`."""
        return self.column("flags")

    @cached_property
    def from_client(self) -> Booleans:
        """Which no other attempt's work made."""
        without: Booleans = self.column("parent") < 0
        return without

    @cached_property
    def reached(self) -> Booleans:
        """Which came to the service, which may have refused them.

        The others were turned away by their caller, or lost or on their way when the run ended.
        """
        reached: Booleans = ~np.isnan(self.column("arrive"))
        return reached

    @cached_property
    def rejected(self) -> Booleans:
        """Which a breaker turned away."""
        return self.are(AttemptOutcome.REJECTED)

    @cached_property
    def shed(self) -> Booleans:
        """Which their caller held back."""
        return self.are(AttemptOutcome.SHED)

    @cached_property
    def throttled(self) -> Booleans:
        """Which the service's admission turned away."""
        return self.are(AttemptOutcome.THROTTLED)

    @cached_property
    def unneeded(self) -> Booleans:
        """Which were rejected although the service would have answered."""
        return self.rejected & self._flagged(Flag.UNNEEDED)

    @cached_property
    def hedged(self) -> Booleans:
        """Which are hedges."""
        return self._flagged(Flag.HEDGE)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column as it is in the table."""
        if name not in self._columns:
            self._columns[name] = np.ascontiguousarray(self.rows[name])
        return self._columns[name]

    def are(self, outcome: AttemptOutcome) -> Booleans:
        """Return which ended so."""
        which: Booleans = self.outcome == ATTEMPT_CODE[outcome]
        return which

    def _flagged(self, flag: Flag) -> Booleans:
        which: Booleans = (self.flags & int(flag)) != 0
        return which


def in_order(trace: Trace) -> Trace:
    """Return a trace with its rows in order of time, as every run's are; rows at once keep theirs.

    What is measured by phase relies on it. A trace made by hand may have its rows in any order.
    """
    if ascends(trace.requests, "arrival") and ascends(trace.attempts, "start"):
        return trace
    arrived = np.argsort(trace.requests["arrival"], kind="stable")
    made = np.argsort(trace.attempts["start"], kind="stable")
    attempts = trace.attempts[made]
    attempts["request"] = np.argsort(arrived)[attempts["request"]]
    below = attempts["parent"] >= 0
    attempts["parent"][below] = np.argsort(made)[attempts["parent"][below]]
    return replace(trace, requests=trace.requests[arrived], attempts=attempts)


def request_rows(
    trace: Trace, first: int = 0, last: int | None = None, most: int = PIECE
) -> Iterator[RequestRows]:
    """Yield the trace's requests from row `first` up to `last`, at most so many at a time."""
    for _, rows in pieces(trace.requests, first, last, most):
        yield RequestRows(rows)


def attempt_rows(trace: Trace) -> Iterator[AttemptRows]:
    """Yield the trace's attempts piece by piece."""
    layout = trace.layout
    targets = np.array([layout.service_index(call.service) for call in layout.calls], np.int16)
    for place, rows in pieces(trace.attempts):
        yield AttemptRows(trace, place, rows, targets)


class Asked:
    """Which requests have come to which services so far, a bit each."""

    def __init__(self, services: int, requests: int) -> None:
        self._seen = np.zeros(((services + 7) // 8, requests), np.uint8)
        self._services = services

    def first(self, request: NDArray[np.int32], service: NDArray[np.int16]) -> Booleans:
        """Return which of the next attempts are their request's first at the service.

        A rejected one may be: from then on the request needs the service.
        """
        found = np.zeros(len(request), np.bool_)
        for index in range(self._services):
            here = np.flatnonzero(service == index) if self._services > 1 else None
            asking = request if here is None else request[here]
            if not len(asking):
                continue
            places = asking.astype(np.int64) - asking.min()
            earliest = np.empty(int(places.max()) + 1, np.int32)
            order = np.arange(len(places), dtype=np.int32)
            # With repeated indexes the last assignment stays, so writing backwards keeps the first.
            earliest[places[::-1].copy()] = order[::-1]
            (first,) = np.nonzero(earliest[places] == order)
            bits, bit = self._seen[index // 8], np.uint8(1 << index % 8)
            who = asking[first]
            seen = bits.take(who)
            bits[who] = seen | bit
            fresh = first.compress((seen & bit) == 0)
            found[fresh if here is None else here[fresh]] = True
        return found
