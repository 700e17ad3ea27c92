"""How long users wait before an answer is worth nothing, told by how long they used to wait.

The patience of a client group is ten times the 99th percentile of its ok latency before the
first fault, and at least one second, below which people do not lose their train of thought
(Nielsen, "Usability Engineering", 1993, chapter 5). Without it a frozen frontend whose users are
all answered a minute late would count as unharmed. Each group has its own, for what is usual in
a slow one would excuse any delay of a fast one. A group without an ok answer before the first
fault has nothing to compare with, and no limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcb.metrics.rows import Booleans, RequestRows
from simcb.metrics.spans import Floats

PATIENCE_FACTOR = 10.0
PATIENCE_FLOOR = 1.0
PATIENCE_UNKNOWN = 60.0


@dataclass(frozen=True, eq=False)
class Patience:
    """The patience of every client group.

    Args:
        limits: seconds within which an ok answer is good, for each group in the layout's order;
            infinite where there is nothing to compare with.
    """

    limits: Floats

    def kept(self, rows: RequestRows) -> Booleans:
        """Return which requests end within their group's patience; unfinished ones do not."""
        # A comparison with nan is false.
        within: Booleans = rows.latency <= self.limits[rows.group]
        return within

    def longest(self, rows: RequestRows) -> Floats:
        """Return how long each request may stay unfinished before it is overdue, in seconds.

        That is its group's patience, or a minute where that is unlimited.
        """
        known = np.where(np.isinf(self.limits), PATIENCE_UNKNOWN, self.limits)
        limits: Floats = known[rows.group]
        return limits

    def lost(self, rows: RequestRows, now: float) -> Booleans:
        """Return which requests are overdue if they are still unfinished at `now`."""
        older: Booleans = now - rows.at > self.longest(rows)
        return older

    def decided(self, rows: RequestRows, end: float) -> Booleans:
        """Return of which requests it is known at the end of the run how they fare.

        The others are unfinished and not overdue: they may still end well.
        """
        known: Booleans = ~rows.unfinished | self.lost(rows, end)
        return known


def patience_of(healthy: RequestRows, groups: int) -> Patience:
    """Return the patience of so many groups from the requests that ended before any fault."""
    ok = healthy.where(healthy.ok)
    return Patience(np.array([_limit(ok.latency[ok.group == each]) for each in range(groups)]))


def _limit(healthy_latencies: Floats) -> float:
    if not len(healthy_latencies):
        return math.inf
    usual = float(np.quantile(healthy_latencies, 0.99))
    return max(PATIENCE_FLOOR, PATIENCE_FACTOR * usual)
