"""Requests and attempts piece by piece, as plain columns in order of time.

A trace's tables are packed records; arithmetic wants one contiguous array a column. A run has too
many rows to hold every column of them twice, so columns are made for one piece after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
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
    """Attempts by the moment they were made, each column made when it is first asked for.

    Args:
        trace: the run.
        rows: these of its attempts.
        targets: index of the service of each call.
        first: the row of the first of them.
        later: no attempt after them has any moment before this one; inf if there is none.
    """

    trace: Trace
    rows: Rows
    targets: NDArray[np.int16]
    first: int = 0
    later: float = inf

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def start(self) -> Floats:
        """When each was made."""
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
        held: Floats = np.where(self.begun, until(self.freed, self.trace.duration), np.nan)
        return held

    @cached_property
    def waited_until(self) -> Floats:
        """When its caller's wait ended; the run's end if it has not."""
        found: Floats = np.where(np.isnan(self.end), self.trace.duration, self.end)
        return found

    @cached_property
    def queue_left(self) -> Floats:
        """When it stopped waiting for a worker; nan if it never reached a service.

        That is when a worker takes it; when it is taken out of the queue, if its row has `freed`
        without `begin`; at once if it was refused; else not in this run.
        """
        left = until(np.where(self.begun, self.begin, self.freed), self.trace.duration)
        at_once = self.are(AttemptOutcome.REFUSED) & ~self.begun
        moments: Floats = np.where(at_once | ~self.reached, self.arrive, left)
        return moments

    @cached_property
    def request(self) -> NDArray[np.int32]:
        """For whose request."""
        return np.ascontiguousarray(self.rows["request"])

    @cached_property
    def group(self) -> NDArray[np.int16]:
        """Whose request that is."""
        if len(self.trace.layout.groups) == 1:
            return np.zeros(len(self), np.int16)
        group: NDArray[np.int16] = self.trace.requests["group"][self.request]
        return group

    @cached_property
    def parent(self) -> NDArray[np.int32]:
        """The row of the attempt whose work made it, -1 if none did."""
        return np.ascontiguousarray(self.rows["parent"])

    @cached_property
    def call(self) -> NDArray[np.int16]:
        """Index of its call."""
        return np.ascontiguousarray(self.rows["call"])

    @cached_property
    def service(self) -> NDArray[np.int16]:
        """At which service."""
        service: NDArray[np.int16] = self.targets[self.call]
        return service

    @cached_property
    def breaker(self) -> NDArray[np.int32]:
        """Index of the breaker that admitted or rejected it, -1 if none guards its call."""
        return np.ascontiguousarray(self.rows["breaker"])

    @cached_property
    def outcome(self) -> NDArray[np.uint8]:
        """The code of what became of each."""
        return np.ascontiguousarray(self.rows["outcome"])

    @cached_property
    def flags(self) -> NDArray[np.uint8]:
        """Bits of `Flag`."""
        return np.ascontiguousarray(self.rows["flags"])

    @cached_property
    def from_client(self) -> Booleans:
        """Which no other attempt's work made."""
        without: Booleans = self.parent < 0
        return without

    @cached_property
    def sent(self) -> Booleans:
        """Which left their caller."""
        gone: Booleans = self.rows["replica"] >= 0
        return gone

    @cached_property
    def reached(self) -> Booleans:
        """Which came to the service, which may have refused them.

        The others were turned away by their caller, or lost or on their way when the run ended.
        """
        return ~np.isnan(self.arrive)

    @cached_property
    def refused(self) -> Booleans:
        """Which the replica turned away, even if their caller never heard of it."""
        at_once = ~self.begun & (self.freed == self.arrive)
        at_once &= ~self.flagged(Flag.DROPPED | Flag.THROTTLED)
        turned_away: Booleans = self.are(AttemptOutcome.REFUSED) | at_once
        return turned_away

    @cached_property
    def taken(self) -> Booleans:
        """Which the service took in, to work or to wait, if only to throttle them."""
        return self.reached & ~self.refused

    @cached_property
    def begun(self) -> Booleans:
        """Which a worker took."""
        return ~np.isnan(self.begin)

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
        """Which the service's admission turned away, as their caller heard."""
        return self.are(AttemptOutcome.THROTTLED)

    @cached_property
    def unneeded(self) -> Booleans:
        """Which were rejected although the service would have answered."""
        return self.rejected & self.flagged(Flag.UNNEEDED)

    @cached_property
    def hedged(self) -> Booleans:
        """Which are hedges."""
        return self.flagged(Flag.HEDGE)

    def are(self, *outcomes: AttemptOutcome) -> Booleans:
        """Return which ended in one of some ways."""
        which: Booleans = self.outcome == ATTEMPT_CODE[outcomes[0]]
        for outcome in outcomes[1:]:
            which |= self.outcome == ATTEMPT_CODE[outcome]
        return which

    def flagged(self, flags: Flag) -> Booleans:
        """Return which carry any of some flags."""
        which: Booleans = (self.flags & int(flags)) != 0
        return which

    @cached_property
    def children(self) -> Indexes:
        """Which of them a service made, by their places in these."""
        return np.flatnonzero(~self.from_client)

    @cached_property
    def parents(self) -> AttemptRows:
        """The attempts whose work made the children, in the same order."""
        rows = self.trace.attempts[self.parent[self.children]]
        return AttemptRows(self.trace, rows, self.targets)


def until(moments: NDArray[np.float64], duration: float) -> Floats:
    """Return `moments` with those that never came, or came too late, put at the run's end."""
    cut: Floats = np.fmin(moments, duration)
    return cut


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
    """Yield the trace's attempts piece by piece; they are in order of time."""
    attempts, targets = trace.attempts, call_targets(trace)
    for first, rows in pieces(attempts):
        after = attempts["start"][first + len(rows) :][:1]
        yield AttemptRows(trace, rows, targets, first, float(after[0]) if len(after) else inf)


def call_targets(trace: Trace) -> NDArray[np.int16]:
    """Return the index of the service that each call goes to."""
    layout = trace.layout
    return np.array([layout.service_index(call.service) for call in layout.calls], np.int16)


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
