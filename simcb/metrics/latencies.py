"""How long requests take: the mean, the longest, and percentiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from simcb.metrics.rows import request_rows
from simcb.metrics.spans import Floats
from simcb.trace import Trace

QUANTILES = (0.50, 0.90, 0.95, 0.99, 0.999, 0.9999)


@dataclass(frozen=True)
class Latencies:
    """What is told of many latencies, in seconds.

    Args:
        count: how many there are.
        mean: None if there is none, like the others.
        longest: the longest.
        quantiles: those of `QUANTILES`.
    """

    count: int
    mean: float | None
    longest: float | None
    quantiles: dict[float, float]


def latencies_of(
    trace: Trace,
    places: Iterable[tuple[int, int]],
    kind: Literal["finished", "ok"],
    many: int,
    group: int | None = None,
) -> Latencies:
    """Return the latencies of requests that have finished, or have ended ok.

    Args:
        trace: the run.
        places: first row, and that after the last, of each stretch of requests.
        kind: which of them.
        many: how many of those there are.
        group: the client group; None for all.
    """
    if not many:
        return Latencies(0, None, None, {})
    latencies, filled = np.empty(many), 0
    for first, last in places:
        for rows in request_rows(trace, first, last):
            chosen = getattr(rows, kind)
            if group is not None:
                chosen = chosen & (rows.group == group)
            found = rows.latency[chosen]
            latencies[filled : filled + len(found)] = found
            filled += len(found)
    latencies.sort()
    return Latencies(
        count=many,
        mean=float(latencies.mean()),
        longest=float(latencies[-1]),
        quantiles={q: _quantile(latencies, q) for q in QUANTILES},
    )


def _quantile(ascending: Floats, q: float) -> float:
    place = q * (len(ascending) - 1)
    below = int(place)
    low = float(ascending[below])
    high = float(ascending[min(below + 1, len(ascending) - 1)])
    return low + (place - below) * (high - low)
