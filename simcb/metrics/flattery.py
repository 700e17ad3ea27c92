"""Latencies over all requests that requests without an answer make look good.

A request that is turned away at once has waited for nothing. Where many are, the latency over
all finished requests says less about waiting than that of those that ended ok: a median of 0 s
may mean that most were refused.
"""

from __future__ import annotations

from simcb.metrics.asking import Valued
from simcb.metrics.phase import WHOLE
from simcb.metrics.table import METRICS

FEW = 0.01
"""Share of requests that do not end ok from which on they are worth a word."""

LESS = 0.95
"""Part of the latency of ok requests below which that of all requests flatters."""


def is_flattered(values: Valued, name: str, phase: str = WHOLE, of: str = "") -> bool:
    """Return whether a latency over all requests is lower only for those that did not end ok.

    False for anything that is no such latency, and where it is undefined.
    """
    counterpart = f"success_{name}"
    if counterpart not in METRICS:
        return False
    value, ok = values.value(name, phase, of), values.value("success", phase, of)
    if value is None or ok is None or ok > 1.0 - FEW:
        return False
    fair = values.value(counterpart, phase, of)
    return fair is None or value < LESS * fair
