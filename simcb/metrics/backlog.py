"""The lag of consumers that pull from a queue: how many messages are produced and not over yet.

Those in work are among them, as in what Kafka calls the lag of a consumer group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simcb.metrics.rows import Booleans
from simcb.metrics.spans import Floats
from simcb.trace import Trace, column


@dataclass(frozen=True, eq=False)
class Lag:
    """Messages that are there, over time.

    Args:
        produced: when messages came, ascending.
        over: when they were done or given up, ascending; the rest never is.
    """

    produced: Floats
    over: Floats

    def at(self, moments: Floats) -> Floats:
        """Return how many there are right after each moment."""
        came = np.searchsorted(self.produced, moments, side="right")
        went = np.searchsorted(self.over, moments, side="right")
        found: Floats = (came - went).astype(np.float64)
        return found

    def peak(self, windows: Sequence[tuple[float, float]]) -> float:
        """Return the most there are within windows."""
        most = 0.0
        for start, end in windows:
            low, high = np.searchsorted(self.produced, (start, end))
            # It only grows where a message comes, so it is greatest there, or where it begins.
            moments = np.append(self.produced[low:high], start)
            most = max(most, float(self.at(moments).max()))
        return most

    def falls_to(self, least: float, since: float) -> float:
        """Return the first moment from `since` on at which there are `least` or fewer; or inf."""
        moments = np.append(since, self.over[np.searchsorted(self.over, since) :])
        low = np.flatnonzero(self.at(moments) <= least)
        return float(moments[low[0]]) if len(low) else math.inf


def consumers_of(trace: Trace, group: int | None = None) -> int:
    """Return how many consumers pull from queues in a run, or in one client group."""
    counts = trace.layout.consumers
    chosen = counts if group is None else counts[group : group + 1]
    return sum(each or 0 for each in chosen)


def lag_of(trace: Trace, group: int | None = None) -> Lag:
    """Return the lag of all consumers of a run, or of those of one client group."""
    rows = trace.requests
    pulled = np.array([each is not None for each in trace.layout.consumers], np.bool_)
    mine: Booleans = pulled[rows["group"]] if group is None else rows["group"] == group
    ends = column(rows, "end")[mine]
    return Lag(column(rows, "arrival")[mine], np.sort(ends[~np.isnan(ends)]))
