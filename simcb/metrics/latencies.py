"""How long requests take: the mean, the longest, and percentiles.

The requests of each cell are sorted once, those that ended ok apart from the others, and what is
asked of a phase is merged from them: that takes a fraction of the time of sorting it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from simcb.metrics.rows import request_rows
from simcb.metrics.spans import Cells, Floats, Integers
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


@dataclass(frozen=True)
class PhaseLatencies:
    """The latencies of the requests of a phase: of those that have finished, and that ended ok."""

    finished: Latencies
    ok: Latencies


def latencies_of(
    trace: Trace,
    phases: Mapping[str, Cells],
    finished: Integers,
    ok: Integers,
    group: int | None = None,
) -> dict[str, PhaseLatencies]:
    """Return the latencies of every phase.

    Args:
        trace: the run.
        phases: the cells of each phase, by its name; the first is the whole run.
        finished: how many requests of each cell have finished.
        ok: how many of them have ended ok.
        group: the client group; None for all.
    """
    every = np.empty(int(finished.sum()))
    ended_ok = every[: int(ok.sum())]
    _fill(ended_ok, every[len(ended_ok) :], trace, group)
    cells = np.split(every, np.cumsum(np.concatenate((ok, finished - ok)))[:-1])
    for each in cells:
        each.sort()
    found = {}
    whole, *parts = phases
    for name in parts:
        chosen = np.arange(len(ok))[phases[name]].tolist()
        well, otherwise = ([cells[first + cell] for cell in chosen] for first in (0, len(ok)))
        of_ok = _of(_merged(well))
        worse = any(map(len, otherwise))
        found[name] = PhaseLatencies(_of(_merged(well + otherwise)) if worse else of_ok, of_ok)
    # Of a long run there is no room for a copy: what is merged last is merged in its place.
    ended_ok.sort(kind="stable")
    of_ok = _of(ended_ok)
    every.sort(kind="stable")
    found[whole] = PhaseLatencies(of_ok if len(every) == of_ok.count else _of(every), of_ok)
    return found


def _fill(well: Floats, otherwise: Floats, trace: Trace, group: int | None) -> None:
    """Put in the latencies of requests that ended ok, and otherwise, as they arrived."""
    for rows in request_rows(trace):
        mine = rows.finished if group is None else rows.finished & (rows.group == group)
        good = rows.latency.compress(mine & rows.ok)
        well[: len(good)], well = good, well[len(good) :]
        if len(otherwise):
            bad = rows.latency.compress(mine & ~rows.ok)
            otherwise[: len(bad)], otherwise = bad, otherwise[len(bad) :]


def _merged(runs: Iterable[Floats]) -> Floats:
    """Return numbers that come in ascending runs as one."""
    filled = [run for run in runs if len(run)]
    if len(filled) == 1:
        return filled[0]
    merged = np.concatenate(filled) if filled else np.empty(0)
    merged.sort(kind="stable")  # which makes use of runs
    return merged


def _of(ascending: Floats) -> Latencies:
    if not len(ascending):
        return Latencies(0, None, None, {})
    return Latencies(
        count=len(ascending),
        mean=float(np.add.reduce(ascending)) / len(ascending),
        longest=float(ascending[-1]),
        quantiles={q: _quantile(ascending, q) for q in QUANTILES},
    )


def _quantile(ascending: Floats, q: float) -> float:
    place = q * (len(ascending) - 1)
    below = int(place)
    low = float(ascending[below])
    high = float(ascending[min(below + 1, len(ascending) - 1)])
    return low + (place - below) * (high - low)
