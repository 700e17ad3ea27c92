"""Percentiles that hide a stall: of users who, while they wait, do not ask.

A run has its numbers, but whoever reads them sees something that is not what it seems.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simcb.metrics.facts import Facts
from simcb.metrics.health import Waiting
from simcb.metrics.rows import request_rows
from simcb.metrics.spans import Floats
from simcb.scenario.refusal import quoted
from simcb.trace import Trace

LEAST_TIMES = 2.0
"""How many times a percentile has to grow by the requests not made to be worth a word."""

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
_HALVINGS = 60


@dataclass(frozen=True)
class _Flattered:
    """A percentile of a group, and what it would be with the requests that were not made."""

    name: str
    measured: float
    whole: float

    @property
    def times(self) -> float:
        return self.whole / self.measured if self.measured else math.inf


def hidden_stalls(trace: Trace) -> tuple[str, ...]:
    """Return each closed group whose percentiles hide a stall, as a sentence with its remedy.

    That is one of which a percentile would be at least twice as high, and longer than it usually
    is from one request of a user to the next, if users who wait went on asking at the pace they
    have before the first fault (on average, in a run without one).
    """
    if not any(trace.layout.users):
        return ()
    facts = Facts(trace)
    return tuple(sentence for waiting in facts.health.waiting for sentence in _told(facts, waiting))


def _told(facts: Facts, waiting: Waiting) -> Iterator[str]:
    finished, waits = _waits(facts, waiting.group)
    if not len(finished) or not waiting.pace:
        return
    cycle = 1.0 / waiting.pace
    total = len(waits) + float(np.sum(np.maximum(np.ceil(waits / cycle) - 1.0, 0.0)))
    unseen = total - len(finished)
    found = [
        _Flattered(
            name, float(np.quantile(finished, q)), _corrected(waits, cycle, (1.0 - q) * total)
        )
        for name, q in _QUANTILES.items()
        # A step between two latencies is crossed by any few requests.
        if unseen >= (1.0 - q) / 2.0 * len(finished)
    ]
    worst = max(found, key=lambda each: each.times, default=None)
    if worst is not None and worst.times >= LEAST_TIMES and worst.whole > cycle:
        layout = facts.trace.layout
        rate = waiting.pace * (layout.users[waiting.group] or 0)
        yield (
            f"{quoted(layout.groups[waiting.group])} asks for nothing while it waits, up to "
            f"{waits.max():.4g} s, and that hides a stall: its {worst.name} is "
            f"{worst.measured:.3g} s, and {worst.whole:.4g} s with the requests it would have "
            f"made; look at goodput, or let it arrive like `{{kind: poisson, rate: {rate:.3g}/s}}`"
        )


def _waits(facts: Facts, group: int) -> tuple[Floats, Floats]:
    """Return how long a group's requests took that finished, and that and what was too long."""
    duration = facts.trace.duration
    finished, overdue = [np.empty(0)], [np.empty(0)]
    for rows in request_rows(facts.trace):
        mine = rows.group == group
        finished.append(rows.latency[mine & rows.finished])
        late = mine & rows.unfinished & facts.latency_limits.decided(rows, duration)
        overdue.append(duration - rows.at[late])
    return np.concatenate(finished), np.concatenate((*finished, *overdue))


def _corrected(waits: Floats, cycle: float, allowed: float) -> float:
    """Return the wait that no more than `allowed` waits exceed, those not made included."""
    low, high = 0.0, float(waits.max())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        longer = float(np.sum(np.ceil(np.maximum(waits - middle, 0.0) / cycle)))
        low, high = (middle, high) if longer > allowed else (low, middle)
    return high
