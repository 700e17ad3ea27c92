"""The columns of a trace: one row type for each thing that happens in a run.

A table's layout is said once, here; its numpy dtype and the packed struct the recorder
writes rows with are both derived from it. Times are seconds since the start of the run,
`nan` where the moment never came. Indexes point into the `Layout`; -1 means none.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np

from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome

_NUMPY_CODE = {"d": "<f8", "i": "<i4", "h": "<i2", "B": "u1", "q": "<i8"}

IN_FLIGHT_CODE = ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]


class Flag(IntFlag):
    """Facts about an attempt, one bit each, in its `flags` column."""

    DEGRADED = 1
    """The answer came from a fallback somewhere below."""
    UNNEEDED = 2
    """Rejected, although the service as it was would have answered in time."""
    HUNG = 4
    """A hang held its worker; no answer was ever sent."""
    DROPPED = 8
    """The service let it go unanswered or unfinished: its caller had gone, or a restart came."""
    LOST = 16
    """The network lost it on its way to the service."""


@dataclass(frozen=True)
class Table:
    """The row layout of one table: column names with their struct codes and meanings."""

    name: str
    columns: tuple[tuple[str, str, str], ...]
    dtype: np.dtype[np.void] = field(init=False)
    row: struct.Struct = field(init=False)

    def __post_init__(self) -> None:
        codes = [(name, _NUMPY_CODE[code]) for name, code, _ in self.columns]
        object.__setattr__(self, "dtype", np.dtype(codes))
        row = struct.Struct("<" + "".join(code for _, code, _ in self.columns))
        object.__setattr__(self, "row", row)


REQUESTS = Table(
    "requests",
    (
        ("arrival", "d", "when the user first asked (the intended start)"),
        ("end", "d", "when the user had an answer or gave up; nan if unfinished"),
        ("group", "h", "client group"),
        ("presses", "h", "times the user asked: 1 plus refreshes"),
        ("outcome", "B", "code of a RequestOutcome"),
        ("cause", "B", "code of the AttemptOutcome of the last settled attempt"),
    ),
)

ATTEMPTS = Table(
    "attempts",
    (
        ("start", "d", "when the caller made it"),
        ("end", "d", "when the caller's wait ended; nan if in flight"),
        ("arrive", "d", "when it reached the replica; nan if it did not"),
        ("begin", "d", "when a worker took it; nan if none did"),
        ("freed", "d", "when its worker was released or, without one, it was sent away; or nan"),
        ("request", "i", "row of the user's request"),
        ("parent", "i", "row of the attempt whose work made this one; -1 if a client did"),
        ("call", "h", "call (caller and service)"),
        ("retry", "h", "0 for the first attempt of a call, 1 for its first retry, …"),
        ("replica", "i", "replica it was sent to; -1 if it was not sent"),
        ("breaker", "i", "breaker that admitted or rejected it; -1 if none guards the call"),
        ("outcome", "B", "code of an AttemptOutcome"),
        ("flags", "B", "bits of Flag"),
    ),
)

TRANSITIONS = Table(
    "transitions",
    (
        ("at", "d", "when the breaker changed state"),
        ("breaker", "i", "breaker"),
        ("before", "B", "state left: 0 closed, 1 open, 2 half-open"),
        ("after", "B", "state entered, likewise"),
    ),
)

SAMPLES = Table(
    "samples",
    (
        ("at", "d", "when the sample was taken"),
        ("replica", "i", "replica"),
        ("queued", "i", "attempts waiting for a worker"),
        ("busy", "i", "workers held"),
        ("capacity", "i", "workers the replica may use at that moment"),
    ),
)

COUNTERS = Table(
    "counters",
    (
        ("breaker", "i", "breaker"),
        ("admitted", "q", "permits it granted, by its own count"),
        ("rejected", "q", "callers it turned away"),
        ("successes", "q", "permits settled as success in their own generation"),
        ("failures", "q", "permits settled as failure in their own generation"),
        ("ignored", "q", "permits settled as neither in their own generation"),
        ("stale", "q", "results that came after their generation had ended"),
    ),
)

TABLES = (REQUESTS, ATTEMPTS, TRANSITIONS, SAMPLES, COUNTERS)

STATE_NAMES = ("closed", "open", "half_open")
STATE_CODE = {name: code for code, name in enumerate(STATE_NAMES)}
