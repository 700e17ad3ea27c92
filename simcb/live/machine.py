"""What a machine takes for itself, measured while nothing else happens, and what it allows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np

from simcb.errors import FieldsError
from simcb.trace import Trace

KNOCKS = 60
"""Requests that are sent, one after the other, to see how long an idle one takes."""

NAPS = 30
"""Times that the loop is asked to wait, to see how late it comes."""

NAP = 0.004
"""Seconds of the wall clock that it is asked to wait."""

_BESIDE = 200
"""Open files besides connections: libraries, fonts, the terminal, those about to close."""

_ENDLESS = 2**31


class OpenFilesError(FieldsError):
    """There would be, or are, more connections than the system allows.

    Args:
        connections: how many, each with an open file at both ends.
        allowed: how many open files there may be; 0 if that is unknown.
        late: seconds of the wall clock that the machine is late.
    """

    connections: int
    allowed: int = 0
    late: float = 0.0

    def __str__(self) -> str:
        most = f" of {self.allowed:,} that `ulimit -n` allows" if self.allowed else ""
        why = ""
        if self.late > 1.0:
            why = (
                f"; this machine is {self.late:.0f} s late, so more and more requests are under "
                "way than the scenario has"
            )
        return (
            f"too many open files{most}, with {self.connections:,} connections, which have one at "
            f"each end{why}; lower the scenario's rates or retries, or --scale, or allow more "
            "with `ulimit -n`"
        )


@dataclass(frozen=True)
class Idle:
    """What a machine takes while nothing else happens, in seconds of the wall clock.

    Args:
        journey: there and back over a socket, the median.
        slowest: the 99th percentile of that.
        lag: how late the loop comes to what is due, the median.
        latest: the most of that.
    """

    journey: float
    slowest: float
    lag: float
    latest: float


async def measure_idle(knock: Callable[[], Awaitable[object]], scale: float) -> Idle:
    """Measure what a machine takes for itself.

    Args:
        knock: sends a request to a service that answers at once.
        scale: seconds of the loop in one of the wall clock.
    """
    now = asyncio.get_running_loop().time
    journeys, lags = [], []
    for _ in range(KNOCKS):
        begin = now()
        await knock()
        journeys.append((now() - begin) / scale)
    for _ in range(NAPS):
        due = now() + NAP * scale
        await asyncio.sleep(NAP * scale)
        lags.append(max(0.0, now() - due) / scale)
    half, most = np.percentile(journeys[1:], [50.0, 99.0])
    return Idle(float(half), float(most), float(np.median(lags)), max(lags))


def most_connections(trace: Trace) -> int:
    """Return how many attempts of a run are on their way or being served at the same time."""
    rows = trace.attempts
    rows = rows[~(rows["end"] <= rows["start"])]  # The others were turned away where they began.
    ends = np.nan_to_num(rows["end"], nan=trace.duration)
    moments = np.concatenate((rows["start"], ends))
    steps = np.concatenate((np.ones(len(rows)), -np.ones(len(rows))))
    order = np.lexsort((steps, moments))
    return int(np.cumsum(steps[order]).max(initial=0))


def allowed_files() -> int:
    """Return how many files may be open, after asking for as many as there may be."""
    if sys.platform == "win32":
        return _ENDLESS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):
            return soft
    return hard if hard != resource.RLIM_INFINITY else _ENDLESS


def check_open_files(connections: int) -> None:
    """Check that so many connections can be open at once.

    Raises:
        OpenFilesError: they cannot.
    """
    allowed = allowed_files()
    if 2 * connections + _BESIDE > allowed:
        raise OpenFilesError(connections, allowed)


def connections_allowed() -> int:
    """Return how many connections from this process to itself there may be."""
    return max(1, (allowed_files() - _BESIDE) // 2)
