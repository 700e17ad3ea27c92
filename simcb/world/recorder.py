"""What happened, written down as it happens: packed rows, one table each.

A row's place is its identity. It is reserved when the request or attempt begins, so rows
stand in order of time, and filled in when nothing more can change it; whatever is still
open when the run stops is filled in then, as in flight. Where there are very many, the oldest
leave for a file, and one that is filled in later is put right there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simcb.errors import FieldsError
from simcb.outcomes import REQUEST_CODE, RequestOutcome
from simcb.trace import (
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    TRANSITIONS,
    Rows,
    RowsFile,
    Table,
    pieces,
    rows_file,
)
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
        # In no order: one that is closed leaves its place to the last of them.
        self._open_requests: list[Request] = []
        self._open_attempts: list[Attempt] = []
        self._held = rows_file.ROWS_HELD
        # How many rows have left for a file; those in memory follow them.
        self._requests_gone = self._attempts_gone = 0
        self._requests_file, self._attempts_file = RowsFile(REQUESTS), RowsFile(ATTEMPTS)

    def open_request(self, request: Request) -> int:
        """Reserve the row of a user's request and return its number."""
        row = self._request_count
        self._request_count = row + 1
        if row == self._request_room:
            self._check_room()
            if row - self._requests_gone >= self._held:
                self._requests_gone += _leave(self._requests, self._requests_file, self._held // 2)
            self._make_room(self._requests, (row - self._requests_gone + _ROOM) * _REQUEST_SIZE)
            self._request_room += _ROOM
        request.open_place = len(self._open_requests)
        self._open_requests.append(request)
        return row

    def close_request(self, request: Request, outcome: int, end: float) -> None:
        """Write down how a request ended, and when."""
        row = request.request_row
        last = self._open_requests.pop()
        if last is not request:
            self._open_requests[request.open_place] = last
            last.open_place = request.open_place
        table, place = self._requests, row - self._requests_gone
        if place < 0:
            table, place = self._requests_file.late(row)
        self._pack_request(
            table,
            place * _REQUEST_SIZE,
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
        attempt.open_place = len(self._open_attempts)
        self._open_attempts.append(attempt)
        return row

    def _new_attempt(self) -> int:
        row = self._attempt_count
        self._attempt_count = row + 1
        if row == self._attempt_room:
            self._check_room()
            if row - self._attempts_gone >= self._held:
                self._attempts_gone += _leave(self._attempts, self._attempts_file, self._held // 2)
            self._make_room(self._attempts, (row - self._attempts_gone + _ROOM) * _ATTEMPT_SIZE)
            self._attempt_room += _ROOM
        return row

    def _make_room(self, table: bytearray, size: int) -> None:
        if len(table) < size:
            self._lengthen(table, max(size - len(table), len(table) // 2))

    def _check_room(self) -> None:
        if self._request_count + self._attempt_count > self._most_rows:
            raise RowBudgetError(self._clock.now, int(self._most_rows))

    def close_attempt(self, attempt: Attempt) -> None:
        """Write down an attempt that its caller and its worker are done with."""
        row = attempt.attempt_row
        last = self._open_attempts.pop()
        if last is not attempt:
            self._open_attempts[attempt.open_place] = last
            last.open_place = attempt.open_place
        table, place = self._attempts, row - self._attempts_gone
        if place < 0:
            table, place = self._attempts_file.late(row)
        self._pack_attempt(
            table,
            place * _ATTEMPT_SIZE,
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
        row = self._new_attempt()
        self._pack_attempt(
            self._attempts,
            (row - self._attempts_gone) * _ATTEMPT_SIZE,
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
        self._samples += _packed_sample(at, replica, queued, busy, capacity)

    def counter(self, breaker: int, *counts: int) -> None:
        """Write down a breaker's own counts at the end of the run."""
        self._counters += COUNTERS.row.pack(breaker, *counts)

    def freeze(self, breakers: Sequence[int]) -> dict[str, Rows]:
        """Return the tables by name; what is open is written as in flight.

        Args:
            breakers: the indexes of the breakers that were made, ascending; in the tables the
                first is number 0, the second number 1, and so on.
        """
        # Those who wait and what they wait for point to each other, which would leave them to the
        # collector of garbage.
        while self._open_requests:
            request = self._open_requests[-1]
            self.close_request(request, _UNFINISHED, NAN)
            request.alive = []
        while self._open_attempts:
            attempt = self._open_attempts[-1]
            self.close_attempt(attempt)
            attempt.task.current = None
        requests = self._request_count - self._requests_gone
        attempts = self._attempt_count - self._attempts_gone
        del self._requests[requests * _REQUEST_SIZE :]
        del self._attempts[attempts * _ATTEMPT_SIZE :]
        if self._requests_gone:
            _leave(self._requests, self._requests_file, requests)
        if self._attempts_gone:
            _leave(self._attempts, self._attempts_file, attempts)
        requests_file = self._requests_file if self._requests_gone else None
        attempts_file = self._attempts_file if self._attempts_gone else None
        return {
            "requests": _rows(REQUESTS, self._requests, file=requests_file),
            "attempts": _rows(ATTEMPTS, self._attempts, breakers, attempts_file),
            "transitions": _rows(TRANSITIONS, self._transitions, breakers),
            "samples": _rows(SAMPLES, self._samples),
            "counters": _rows(COUNTERS, self._counters, breakers),
        }


_packed_sample = SAMPLES.row.pack
_REQUEST_SIZE = REQUESTS.row.size
_ATTEMPT_SIZE = ATTEMPTS.row.size
_MOST = 32767
"""The greatest number of a retry that a row has room for; it stands for all later ones, too."""
_ROOM = 1024
"""Rows for which there is room before it is looked for again."""


def _leave(packed: bytearray, file: RowsFile, rows: int) -> int:
    """Move the first rows of a table from memory to its file and return how many they are."""
    file.take(packed, rows)
    del packed[: rows * file.row_size]
    return rows


def _rows(
    table: Table, packed: bytearray, breakers: Sequence[int] = (), file: RowsFile | None = None
) -> Rows:
    rows = np.frombuffer(packed, dtype=table.dtype) if file is None else file.rows()
    if breakers and breakers[-1] >= len(breakers):
        for _, piece in pieces(rows):
            made = piece["breaker"] >= 0
            piece["breaker"][made] = np.searchsorted(breakers, piece["breaker"][made])
    rows.flags.writeable = False
    return rows
