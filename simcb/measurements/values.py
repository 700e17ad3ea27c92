"""What a file of measurements says, whatever its format."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.measurements import steadiness

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """One span of a trace; moments in seconds.

    Args:
        trace: its trace's identity.
        identity: its own.
        parent: its parent's; "" for the first of a trace.
        service: who did it.
        client: whether it waits for another's answer.
        sends: whether it hands over a message that nobody waits for.
        peer: whom it asks, if it says so.
        begin: when it began.
        end: when it ended.
        failed: whether it ended in an error.
    """

    trace: str
    identity: str
    parent: str
    service: str
    client: bool
    sends: bool
    peer: str
    begin: float
    end: float
    failed: bool


@dataclass(frozen=True)
class Users:
    """Virtual users of a load test.

    Args:
        most: how many there were at most.
        active: how many were in the midst of what they do on average; None if that is unknown.
        how: how that is known.
    """

    most: int
    active: float | None = None
    how: str = ""


@dataclass(frozen=True)
class Measured:
    """What one file says; what it does not say is None or empty. Times are in seconds.

    Args:
        requests: how many it is about.
        failed: the share of them that failed.
        seconds: how long it was measured.
        rate: requests per second, if it says so itself.
        quantiles: (share of all times, seconds) that are published.
        mean: the mean time.
        buckets: (upper bound, how many lie up to it and beyond the one before).
        times: the time of each request that did not fail.
        moments: when each request began.
        resolution: what the moments were cut to; 0 for not at all.
        rates: requests per second, one after the other.
        every: for how long each of these rates held.
        users: the virtual users who asked.
        spans: those of traces.
        notes: what has to be known about these numbers, in sentences.
        warnings: what makes them say something else than one may think.
    """

    requests: int | None = None
    failed: float | None = None
    seconds: float | None = None
    rate: float | None = None
    quantiles: tuple[tuple[float, float], ...] = ()
    mean: float | None = None
    buckets: tuple[tuple[float, float], ...] = ()
    times: Floats | None = None
    moments: Floats | None = None
    resolution: float = 0.0
    rates: tuple[float, ...] = ()
    every: float = 0.0
    users: Users | None = None
    spans: tuple[Span, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Requests:
    """Requests one by one, as a log has them."""

    def __init__(self) -> None:
        self._begins = array("d")
        self._times = array("d")
        self._failed = array("b")
        self._identities = array("q")

    def add(self, begin: float, seconds: float, failed: bool, identity: int | None = None) -> None:
        """Count a request.

        Args:
            begin: when it began, in seconds of any clock; nan if unknown.
            seconds: how long it took; nan if unknown.
            failed: whether it failed; how long that took says nothing of work.
            identity: a hash of what a request has for itself; further rows of one do not count.
        """
        self._begins.append(begin)
        self._times.append(seconds)
        self._failed.append(failed)
        # One without an identity is itself alone.
        self._identities.append(-len(self._begins) if identity is None else identity)

    def __len__(self) -> int:
        return len(self._begins)

    def measured(self, *, resolution: float = 0.0, notes: tuple[str, ...] = ()) -> Measured:
        """Return what these requests say.

        Args:
            resolution: what their moments were cut to, in seconds.
            notes: what has to be known about them.
        """
        _, first = np.unique(np.array(self._identities), return_index=True)
        again = len(self) - len(first)
        if again:
            notes = (*notes, f"{again:,} further rows of requests that were counted are left out")
        first.sort()
        begins = np.array(self._begins)[first]
        times, failed = np.array(self._times)[first], np.array(self._failed)[first]
        unsteady = steadiness.sentence(begins, times, failed)
        begins = np.sort(begins[np.isfinite(begins)])
        span = float(begins[-1] - begins[0]) if len(begins) > 1 else 0.0
        return Measured(
            requests=len(first),
            failed=float(np.mean(failed)),
            # Between n requests lie n - 1 gaps.
            seconds=span * len(begins) / (len(begins) - 1) if span else None,
            times=times[(failed == 0) & np.isfinite(times)],
            moments=begins if len(begins) else None,
            resolution=resolution,
            notes=notes,
            warnings=(unsteady,) if unsteady else (),
        )
