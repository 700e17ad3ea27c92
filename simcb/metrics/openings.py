"""Breaker states as intervals of time, and openings, each put down to the faults then felt.

An opening is a step from closed to open. A failed probe that sends a half-open breaker back
to open continues the same outage and is not counted again: otherwise a breaker that probes
diligently through a long fault would look like one that flaps.

A breaker notices a fault when an attempt fails because of it, and an attempt made at the last
moment of a fault fails up to one timeout later, or its wait for a place in the caller's bulkhead
and then one timeout. So a fault is felt by a breaker from its begin until its end plus that time
of the call that the breaker guards (plus nothing if the call has no timeout), but not longer
than until the fault comes again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simcb.trace import STATE_CODE, STATE_NAMES, FaultInfo, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


class StateInterval(NamedTuple):
    """A stretch of time a breaker spends in one state: `closed`, `open` or `half_open`."""

    start: float
    end: float
    state: str


def state_intervals(trace: Trace) -> tuple[tuple[StateInterval, ...], ...]:
    """Return, for each breaker of the layout, its states from 0 to the end of the run.

    Neighbouring intervals share their border and intervals of no length are left out, so the
    lengths add up to the run. A breaker starts closed.
    """
    moves: list[list[tuple[float, int]]] = [[] for _ in trace.layout.breakers]
    rows = trace.transitions
    for at, breaker, after in zip(
        rows["at"].tolist(), rows["breaker"].tolist(), rows["after"].tolist(), strict=True
    ):
        moves[breaker].append((at, after))
    return tuple(_intervals(each, trace.duration) for each in moves)


def _intervals(moves: list[tuple[float, int]], duration: float) -> tuple[StateInterval, ...]:
    found: list[StateInterval] = []
    since, state = 0.0, STATE_CODE["closed"]
    for at, after in moves:
        if at > since:
            found.append(StateInterval(since, at, STATE_NAMES[state]))
        since, state = at, after
    if duration > since or not found:
        found.append(StateInterval(since, duration, STATE_NAMES[state]))
    return tuple(found)


def time_in(
    intervals: tuple[tuple[StateInterval, ...], ...], state: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return begins and ends of every interval any breaker spends in `state`."""
    chosen = [each for breaker in intervals for each in breaker if each.state == state]
    begins = np.array([each.start for each in chosen], dtype=np.float64)
    ends = np.array([each.end for each in chosen], dtype=np.float64)
    return begins, ends


@dataclass(frozen=True)
class Opening:
    """A step of a breaker from closed to open.

    Args:
        at: when, in seconds.
        breaker: index of the breaker.
    """

    at: float
    breaker: int


@dataclass(frozen=True)
class Openings:
    """The openings of a run.

    Args:
        by_fault: for each effective fault, in order, those that happened while it was felt.
        awaited: for each of those faults, whether it found some breaker open, or half-open,
            when it began: kept from the fault before it, say.
        unprovoked: those that happened while no fault was felt.
    """

    by_fault: tuple[tuple[Opening, ...], ...]
    awaited: tuple[bool, ...]
    unprovoked: tuple[Opening, ...]


def openings(trace: Trace, faults: tuple[FaultInfo, ...]) -> Openings:
    """Return the openings of a run, put down to `faults`."""
    rows = trace.transitions
    tripped = (rows["before"] == STATE_CODE["closed"]) & (rows["after"] == STATE_CODE["open"])
    rows = rows[tripped]
    rows = rows[np.argsort(rows["at"], kind="stable")]
    at, breaker = rows["at"].tolist(), rows["breaker"].tolist()
    every = [Opening(*pair) for pair in zip(at, breaker, strict=True)]
    echoes = _echo(trace)
    echo = [echoes[each] for each in breaker]
    longest = max(echo, default=0.0)
    provoked = set()
    by_fault = []
    for fault, again in zip(faults, _comes_again(faults), strict=True):
        # The last attempt under a fault may fail at exactly its timeout after the fault's end,
        # and that sum may have been rounded upwards.
        first, last = bisect_left(at, fault.start), bisect_right(at, _just(fault.end + longest))
        felt = [
            place
            for place in range(first, min(last, bisect_left(at, again)))
            if at[place] < fault.end
            or (echo[place] and at[place] <= _just(fault.end + echo[place]))
        ]
        provoked.update(felt)
        by_fault.append(tuple(every[place] for place in felt))
    unprovoked = tuple(each for place, each in enumerate(every) if place not in provoked)
    return Openings(tuple(by_fault), _awaited(trace, faults), unprovoked)


def _just(moment: float) -> float:
    """Return the next moment that can be told from one."""
    return math.nextafter(moment, math.inf)


def _comes_again(faults: tuple[FaultInfo, ...]) -> list[float]:
    """Return when the next window of each window's fault begins; inf if it is the last.

    The windows of one fault stand together and in order.
    """
    again = [
        after.start if after.name == fault.name else np.inf for fault, after in pairwise(faults)
    ]
    return [*again, np.inf] if faults else []


def _awaited(trace: Trace, faults: tuple[FaultInfo, ...]) -> tuple[bool, ...]:
    """Return, for each fault, whether a breaker was other than closed when it began."""
    lives = state_intervals(trace)
    opened, opened_until = time_in(lives, "open")
    probing, probing_until = time_in(lives, "half_open")
    begins = np.sort(np.concatenate((opened, probing)))
    ends = np.sort(np.concatenate((opened_until, probing_until)))
    starts = np.array([each.start for each in faults])
    begun, over = np.searchsorted(begins, starts), np.searchsorted(ends, starts, side="right")
    return tuple((begun > over).tolist())


def _echo(trace: Trace) -> list[float]:
    """Return, for each breaker, how long after a fault's end it may still feel it, in seconds."""
    calls = trace.layout.calls
    echo = [0.0 if each.timeout is None else each.max_wait + each.timeout for each in calls]
    return [max(echo[call] for call in each.calls) for each in trace.layout.breakers]
