"""Requests and attempts as plain columns in order of time, cut by phase without a copy.

A trace's tables are packed records; arithmetic wants one contiguous array a column. Rows are
sorted once by the moment that decides their phase, so a phase's rows are slices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from simcb.metrics.phase import Phase
from simcb.metrics.spans import Floats
from simcb.trace import (
    ATTEMPT_CODE,
    REQUEST_CODE,
    AttemptOutcome,
    Flag,
    RequestOutcome,
    Trace,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Booleans: TypeAlias = "NDArray[np.bool_]"
Indexes: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, eq=False)
class TimedRows:
    """Columns of equal length, ordered by `at`: the moment that decides a row's phase."""

    at: Floats

    def __len__(self) -> int:
        return len(self.at)

    def where(self, chosen: Booleans | slice) -> Self:
        """Return the rows of a mask or a slice, in the same order."""
        if not isinstance(chosen, slice) and chosen.all():
            return self
        columns = {each.name: getattr(self, each.name)[chosen] for each in fields(self)}
        return type(self)(**columns)

    def in_order(self) -> Self:
        """Return the same rows ordered by `at`; rows of the same moment keep their order."""
        if bool(np.all(self.at[:-1] <= self.at[1:])):
            return self
        order = np.argsort(self.at, kind="stable")
        columns = {each.name: getattr(self, each.name)[order] for each in fields(self)}
        return type(self)(**columns)

    def within(self, phase: Phase, duration: float) -> Self:
        """Return the rows that belong to `phase` of a run of `duration` seconds."""
        cuts = []
        for start, end in phase.windows:
            first = int(np.searchsorted(self.at, start))
            last = len(self) if end >= duration else int(np.searchsorted(self.at, end))
            cuts.append(slice(first, last))
        if len(cuts) == 1:
            return self.where(cuts[0])
        columns = {
            each.name: np.concatenate([getattr(self, each.name)[cut] for cut in cuts])
            for each in fields(self)
        }
        return type(self)(**columns)


@dataclass(frozen=True, eq=False)
class RequestRows(TimedRows):
    """User requests by arrival. `latency` is end minus arrival, nan while unfinished."""

    group: Indexes
    latency: Floats
    ok: Booleans
    degraded: Booleans
    failed: Booleans
    unfinished: Booleans


@dataclass(frozen=True, eq=False)
class AttemptRows(TimedRows):
    """Attempts by the moment they were made.

    `reached` marks those that came to the service, which may have refused them: neither turned
    away by their caller nor lost or still on their way when the run ended. `first` marks the
    first attempt a request makes at a service, rejected ones included: the moment from which
    that request needs that service.
    """

    request: Indexes
    service: Indexes
    reached: Booleans
    rejected: Booleans
    shed: Booleans
    throttled: Booleans
    from_client: Booleans
    unneeded: Booleans
    first: Booleans


def request_rows(trace: Trace) -> RequestRows:
    """Return the trace's requests ordered by arrival."""
    rows = trace.requests
    arrival = np.ascontiguousarray(rows["arrival"])
    outcome = np.ascontiguousarray(rows["outcome"])
    unsorted = RequestRows(
        at=arrival,
        group=rows["group"].astype(np.int64),
        latency=rows["end"] - arrival,
        ok=outcome == REQUEST_CODE[RequestOutcome.OK],
        degraded=outcome == REQUEST_CODE[RequestOutcome.DEGRADED],
        failed=outcome == REQUEST_CODE[RequestOutcome.FAILED],
        unfinished=outcome == REQUEST_CODE[RequestOutcome.UNFINISHED],
    )
    return unsorted.in_order()


def attempt_rows(trace: Trace) -> AttemptRows:
    """Return the trace's attempts ordered by start, in row order where starts are equal."""
    rows = trace.attempts
    targets = [trace.layout.service_index(call.service) for call in trace.layout.calls]
    call = rows["call"].astype(np.int64)
    request = rows["request"].astype(np.int64)
    service = np.array(targets, dtype=np.int64)[call] if len(rows) else call
    unsorted = AttemptRows(
        at=np.ascontiguousarray(rows["start"]),
        request=request,
        service=service,
        reached=~np.isnan(rows["arrive"]),
        rejected=rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.REJECTED],
        shed=rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.SHED],
        throttled=rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.THROTTLED],
        from_client=rows["parent"] < 0,
        unneeded=(rows["flags"] & int(Flag.UNNEEDED)) != 0,
        first=np.zeros(len(rows), dtype=np.bool_),
    )
    ordered = unsorted.in_order()
    scratch = np.empty(len(trace.requests), dtype=np.int64)
    for index in range(len(trace.layout.services)):
        (places,) = np.nonzero(ordered.service == index)
        asking = ordered.request[places]
        # With repeated indexes the last assignment stays, so writing backwards keeps the first.
        scratch[asking[::-1]] = places[::-1]
        ordered.first[places] = scratch[asking] == places
    return ordered
