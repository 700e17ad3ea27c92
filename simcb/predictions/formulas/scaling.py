"""Autoscalers: at how many replicas they settle, and when."""

from __future__ import annotations

import math

from simcb.scenario.faults import MOST_REPLICAS


def settled_replicas(load: float, workers: int, target: float) -> int:
    """Return the least replicas whose workers are busy for no more than `target` of their time.

    Args:
        load: worker-seconds asked for in a second.
        workers: of each replica.
        target: the busy share of them that is aimed at.
    """
    if not math.isfinite(load):
        return MOST_REPLICAS
    return max(1, math.ceil(load / (workers * target) - 1e-9))


def ramp_up(first: int, wanted: int, target: float, every: float, delay: float) -> float:
    """Return the most seconds that an autoscaler takes to come from few replicas to those needed.

    No worker is more than busy, so of n full replicas it makes ⌈n/target⌉ at most; it goes on when
    these have come and it looks again. Before the first look may lie all of `every`.

    Args:
        first: replicas at first, all of whose workers are busy.
        wanted: those needed; more than `first`.
        target: the busy share that it aims at; below 1.
        every: seconds from look to look.
        delay: seconds until a new replica takes work.
    """
    if target >= 1.0:
        return math.inf
    steps, there = 0, first
    while there < wanted:
        there = math.ceil(there / target - 1e-9)
        steps += 1
    step = every * max(1, math.ceil(delay / every - 1e-9))
    return every + (steps - 1) * step + delay
