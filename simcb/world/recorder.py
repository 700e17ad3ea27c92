"""What happened, written down as it happens: packed rows, one table each.

A row's place is its identity. It is reserved when the request or attempt begins, so rows
stand in order of time, and filled in when nothing more can change it; whatever is still
open when the run stops is filled in then, as in flight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simcb.errors import FieldsError
from simcb.outcomes import REQUEST_CODE, RequestOutcome
from simcb.trace import ATTEMPTS, COUNTERS, REQUESTS, SAMPLES, TRANSITIONS, Rows, Table
from simcb.world.clock import Clock
from simcb.world.packing import Packer
from simcb.world.tasks import NAN, Attempt, Request

_UNFINISHED = REQUEST_CODE[RequestOutcome.UNFINISHED]


class RowBudgetError(FieldsError):
    """A run has made as many requests and attempts as it may, and is not over.

    Args:
        at: the simulated second it has come to.
        rows: how many requests and attempts it was allowed together.
    """

    at: float
    rows: int

    def __str__(self) -> str:
        return (
            f"stopped at {self.at:g} s of simulated time after {self.rows:,} requests and "
            "attempts; shorten the run, lower its rates or retries, let users think for longer, "
            "or let it go on with --allow-large (in Python allow_large=True)"
        )


class Recorder(Packer):
    """The tables of a run while they grow.

    Args:
        clock: the run's clock.
        most_rows: how many requests and attempts there may be together, about; None for any
            number.
    """

    def __init__(self, clock: Clock, most_rows: int | None = None) -> None:
        self._clock = clock
        self._most_rows = math.inf if most_rows is None else most_rows
        self._requests = bytearray()
        self._attempts = bytearray()
        self._transitions = bytearray()
        self._samples = bytearray()
        self._counters = bytearray()
        self._request_count = self._request_room = 0
        self._attempt_count = self._attempt_room = 0
        self._open_requests: dict[int, Request] = {}
        self._open_attempts: dict[int, Attempt] = {}

    def open_request(self, request: Request) -> int:
        """Reserve the row of a user's request and return its number."""
        row = self._request_count
        self._request_count = row + 1
        if row == self._request_room:
            self._check_room()
            self._requests += _EMPTY * _REQUEST_SIZE
            self._request_room += _ROOM
        self._open_requests[row] = request
        return row

    def close_request(self, request: Request, outcome: int, end: float) -> None:
        """Write down how a request ended, and when."""
        row = request.request_row
        del self._open_requests[row]
        self._pack_request(
            self._requests,
            row * _REQUEST_SIZE,
            request.start,
            end,
            request.group.index,
            request.user_attempts,
            outcome,
            request.cause,
        )

    def open_attempt(self, attempt: Attempt) -> int:
        """Reserve the row of an attempt and return its number."""
        row = self._new_attempt()
        self._open_attempts[row] = attempt
        return row

    def _new_attempt(self) -> int:
        row = self._attempt_count
        self._attempt_count = row + 1
        if row == self._attempt_room:
            self._check_room()
            self._attempts += _EMPTY * _ATTEMPT_SIZE
            self._attempt_room += _ROOM
        return row

    def _check_room(self) -> None:
        if self._request_count + self._attempt_count > self._most_rows:
            raise RowBudgetError(self._clock.now, int(self._most_rows))

    def close_attempt(self, attempt: Attempt) -> None:
        """Write down an attempt that its caller and its worker are done with."""
        row = attempt.attempt_row
        del self._open_attempts[row]
        self._pack_attempt(
            self._attempts,
            row * _ATTEMPT_SIZE,
            attempt.start,
            attempt.end,
            attempt.arrive,
            attempt.begin,
            attempt.freed,
            attempt.request_row,
            attempt.task.attempt_row,
            attempt.site.index,
            attempt.retry if attempt.retry < _MOST else _MOST,
            attempt.replica_index,
            attempt.breaker,
            attempt.outcome,
            attempt.flags,
        )

    def unsent_attempt(
        self,
        now: float,
        request: int,
        parent: int,
        call: int,
        retry: int,
        breaker: int,
        outcome: int,
        flags: int,
    ) -> None:
        """Write down an attempt that was rejected or shed before it was sent."""
        self._pack_attempt(
            self._attempts,
            self._new_attempt() * _ATTEMPT_SIZE,
            now,
            now,
            NAN,
            NAN,
            NAN,
            request,
            parent,
            call,
            retry if retry < _MOST else _MOST,
            -1,
            breaker,
            outcome,
            flags,
        )

    def transition(self, at: float, breaker: int, before: int, after: int) -> None:
        """Write down a breaker's change of state."""
        self._transitions += TRANSITIONS.row.pack(at, breaker, before, after)

    def sample(self, at: float, replica: int, queued: int, busy: int, capacity: int) -> None:
        """Write down the state of a replica."""
        self._samples += SAMPLES.row.pack(at, replica, queued, busy, capacity)

    def counter(self, breaker: int, *counts: int) -> None:
        """Write down a breaker's own counts at the end of the run."""
        self._counters += COUNTERS.row.pack(breaker, *counts)

    def freeze(self, breakers: Sequence[int]) -> dict[str, Rows]:
        """Return the tables by name; what is open is written as in flight.

        Args:
            breakers: the indexes of the breakers that were made, ascending; in the tables the
                first is number 0, the second number 1, and so on.
        """
        for request in list(self._open_requests.values()):
            self.close_request(request, _UNFINISHED, NAN)
        for attempt in list(self._open_attempts.values()):
            self.close_attempt(attempt)
        del self._requests[self._request_count * _REQUEST_SIZE :]
        del self._attempts[self._attempt_count * _ATTEMPT_SIZE :]
        return {
            "requests": _rows(REQUESTS, self._requests),
            "attempts": _rows(ATTEMPTS, self._attempts, breakers),
            "transitions": _rows(TRANSITIONS, self._transitions, breakers),
            "samples": _rows(SAMPLES, self._samples),
            "counters": _rows(COUNTERS, self._counters, breakers),
        }


_REQUEST_SIZE = REQUESTS.row.size
_ATTEMPT_SIZE = ATTEMPTS.row.size
_MOST = 32767
"""The greatest number of a retry that a row has room for; it stands for all later ones, too."""
_ROOM = 1024
"""Rows by which a table is made longer."""
_EMPTY = bytes(_ROOM)


def _rows(table: Table, packed: bytearray, breakers: Sequence[int] = ()) -> Rows:
    rows = np.frombuffer(packed, dtype=table.dtype)
    if breakers and breakers[-1] >= len(breakers):
        made = rows["breaker"] >= 0
        rows["breaker"][made] = np.searchsorted(breakers, rows["breaker"][made])
    rows.flags.writeable = False
    return rows
