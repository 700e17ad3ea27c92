"""Requests and attempts piece by piece, as plain columns in order of time.

A trace's tables are packed records; arithmetic wants one contiguous array a column. A run has too
many rows to hold every column of them twice, so columns are made for one piece after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

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
    """Attempts by the moment they were made.

    `reached` marks those that came to the service, which may have refused them: neither turned
    away by their caller nor lost or still on their way when the run ended. `unneeded` marks those
    rejected although the service would have answered. `first` marks the first attempt a request
    makes at a service, rejected ones included: the moment from which that request needs that
    service.
    """

    at: Floats
    group: NDArray[np.int16]
    service: NDArray[np.int16]
    reached: Booleans
    rejected: Booleans
    shed: Booleans
    throttled: Booleans
    from_client: Booleans
    unneeded: Booleans
    hedged: Booleans
    first: Booleans

    def __len__(self) -> int:
        return len(self.at)


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
    one_group = len(layout.groups) == 1
    asked = _Asked(len(layout.services), len(trace.requests))
    for _, rows in pieces(trace.attempts):
        request, outcome = rows["request"], np.ascontiguousarray(rows["outcome"])
        service = targets[rows["call"]]
        rejected = outcome == ATTEMPT_CODE[AttemptOutcome.REJECTED]
        yield AttemptRows(
            at=np.ascontiguousarray(rows["start"]),
            group=np.zeros(len(rows), np.int16) if one_group else trace.requests["group"][request],
            service=service,
            reached=~np.isnan(rows["arrive"]),
            rejected=rejected,
            shed=outcome == ATTEMPT_CODE[AttemptOutcome.SHED],
            throttled=outcome == ATTEMPT_CODE[AttemptOutcome.THROTTLED],
            from_client=rows["parent"] < 0,
            unneeded=rejected & ((rows["flags"] & int(Flag.UNNEEDED)) != 0),
            hedged=(rows["flags"] & int(Flag.HEDGE)) != 0,
            first=asked.first(request, service),
        )


class _Asked:
    """Which requests have come to which services so far, a bit each."""

    def __init__(self, services: int, requests: int) -> None:
        self._seen = np.zeros(((services + 7) // 8, requests), np.uint8)
        self._services = services

    def first(self, request: NDArray[np.int32], service: NDArray[np.int16]) -> Booleans:
        """Return which of the next attempts are their request's first at the service."""
        found = np.zeros(len(request), np.bool_)
        for index in range(self._services):
            here = np.flatnonzero(service == index) if self._services > 1 else slice(None)
            asking = request[here]
            seen, bit = self._seen[index // 8], np.uint8(1 << index % 8)
            fresh = (seen[asking] & bit) == 0
            asking = asking[fresh]
            if not len(asking):
                continue
            least = asking.min()
            order = np.arange(len(asking), dtype=np.int32)
            earliest = np.empty(int(asking.max() - least) + 1, np.int32)
            # With repeated indexes the last assignment stays, so writing backwards keeps the first.
            earliest[(asking - least)[::-1]] = order[::-1]
            fresh[fresh] = earliest[asking - least] == order
            found[here] = fresh
            seen[asking] |= bit
        return found
