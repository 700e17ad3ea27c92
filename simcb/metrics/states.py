"""Breaker states as intervals of time, made from the moments at which they changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simcb.trace import STATE_CODE, STATE_NAMES, Trace


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
