"""Laws of queues: Little's, conservation of work, full use of workers, first come first served."""

from __future__ import annotations

import numpy as np

from simcb.metrics.laws.case import Case, Finding, LawCheck, agree
from simcb.metrics.phase import Window, merged
from simcb.metrics.rows import Booleans, Indexes
from simcb.metrics.spans import Floats, Integers
from simcb.trace import FaultInfo, ServiceInfo

SLOWING_KINDS = frozenset({"capacity", "pause", "restart"})
"""Kinds of faults that take workers away."""


def _little(case: Case) -> Finding:
    pairs = []
    for index, service in enumerate(case.trace.layout.services):
        inside = case.taken & (case.service == index)
        start = case.start[inside]
        left = np.where(np.isnan(case.begin), case.queue_left, case.freed)[inside]
        pairs.append((service.name, _swept(start, left), float(np.sum(left - start))))
    return agree(pairs, " attempt-s")


def _work_is_conserved(case: Case) -> Finding:
    pairs = []
    for index, service in enumerate(case.trace.layout.services):
        served = case.taken & (case.service == index) & ~np.isnan(case.begin)
        begin, freed = case.begin[served], case.freed[served]
        pairs.append((service.name, _swept(begin, freed), float(np.sum(freed - begin))))
    return agree(pairs, " worker-s")


def _swept(begins: Floats, ends: Floats) -> float:
    """Return the integral over time of the number of spans open, moment by moment."""
    moments = np.concatenate((begins, ends))
    steps = np.concatenate((np.ones(len(begins)), -np.ones(len(ends))))
    order = np.argsort(moments, kind="stable")
    level = np.cumsum(steps[order])
    return float(np.sum(level[:-1] * np.diff(moments[order])))


def _workers_suffice(case: Case) -> Finding:
    highest = []
    for replica, service, rows in case.replicas():
        served = rows[~np.isnan(case.begin[rows])]
        begins, busy = _busy_at_begins(case, served)
        peak = int(busy.max()) if len(busy) else 0
        if peak > service.workers:
            at = float(begins[int(busy.argmax())])
            what = f"{peak} of {service.workers} workers of replica {replica} held at {at!r} s"
            return Finding(False, f"{service.name}: {what}")
        if over := _beyond_capacity(case, replica, service, begins, busy):
            return Finding(False, f"{service.name}: {over}")
        highest.append(f"{service.name}[{replica}] {peak}/{service.workers}")
    return Finding(True, "at most " + ", ".join(highest))


def _busy_at_begins(case: Case, served: Indexes) -> tuple[Floats, Integers]:
    """Return the begins in order, and how many workers are held just after each."""
    begins, freed = np.sort(case.begin[served]), np.sort(case.freed[served])
    busy = np.searchsorted(begins, begins, side="right")
    busy -= np.searchsorted(freed, begins, side="right")
    return begins, busy


def _beyond_capacity(
    case: Case, replica: int, service: ServiceInfo, begins: Floats, busy: Integers
) -> str:
    """Return what is wrong with begins while a fault holds the capacity down; else "".

    Between two samples of one capacity, with one such fault active and none beginning or
    ending, capacity can only have been that or lower, so nothing may begin above it. Workers
    that were held already when the capacity shrank are no breach.
    """
    faults = _slowing(case, service)
    samples = case.trace.samples[case.trace.samples["replica"] == replica]
    at, capacity = np.ascontiguousarray(samples["at"]), samples["capacity"]
    for fault in faults:
        inside = (at[:-1] >= fault.start) & (at[1:] < fault.end) & (capacity[:-1] == capacity[1:])
        for other in faults:
            if other is not fault:
                inside &= (other.end < at[:-1]) | (other.start > at[1:])
        for i in np.flatnonzero(inside):
            low, high = np.searchsorted(begins, (at[i], at[i + 1]), side="right")
            if (busy[low:high] > capacity[i]).any():
                return f"replica {replica} starts work beyond its capacity near {at[i]!r} s"
    return ""


def _no_idle_worker(case: Case) -> Finding:
    waiting = 0.0
    for replica, service, rows in case.replicas():
        windows = merged((fault.start, fault.end) for fault in _slowing(case, service))
        idle_at, queued = _idle_beside_queue(case, service, rows, windows)
        waiting += queued
        if idle_at is not None:
            what = f"replica {replica} has an idle worker beside a queue at {idle_at!r} s"
            return Finding(False, f"{service.name}: {what}")
    samples = case.trace.samples
    idle = (samples["queued"] > 0) & (samples["busy"] < samples["capacity"])
    if idle.any():
        at = float(samples["at"][np.argmax(idle)])
        return Finding(False, f"a sample at {at!r} s shows an idle worker beside a queue")
    return Finding(True, f"{waiting:.6g} s with a queue, every worker held")


def _idle_beside_queue(
    case: Case, service: ServiceInfo, rows: Indexes, windows: tuple[Window, ...]
) -> tuple[float | None, float]:
    """Return a moment at which a worker idles beside a queue, and the seconds with a queue.

    Stretches inside `windows`, where workers were taken away, are passed over.
    """
    start, left = case.start[rows], case.queue_left[rows]
    waited = left > start
    served = ~np.isnan(case.begin[rows])
    begin, freed = case.begin[rows][served], case.freed[rows][served]
    edges = np.array([edge for window in windows for edge in window], dtype=np.float64)
    moments = np.concatenate((start[waited], left[waited], begin, freed, edges))
    queue, busy = np.zeros(len(moments), np.int64), np.zeros(len(moments), np.int64)
    waits, works = int(np.sum(waited)), len(begin)
    queue[:waits], queue[waits : 2 * waits] = 1, -1
    busy[2 * waits : 2 * waits + works] = 1
    busy[2 * waits + works : 2 * (waits + works)] = -1
    order = np.argsort(moments, kind="stable")
    moments = moments[order]
    lasts = np.diff(moments)
    queued = (np.cumsum(queue[order])[:-1] > 0) & (lasts > 0.0)
    idle = queued & (np.cumsum(busy[order])[:-1] < service.workers)
    idle &= ~_inside(moments[:-1], windows)
    found = float(moments[int(np.argmax(idle))]) if idle.any() else None
    return found, float(np.sum(lasts[queued]))


def _inside(moments: Floats, windows: tuple[Window, ...]) -> Booleans:
    if not windows:
        return np.zeros(len(moments), dtype=np.bool_)
    starts = np.array([start for start, _ in windows])
    ends = np.array([end for _, end in windows])
    place = np.searchsorted(starts, moments, side="right") - 1
    inside: Booleans = (place >= 0) & (moments < ends[np.maximum(place, 0)])
    return inside


def _first_come_first_served(case: Case) -> Finding:
    checked = 0
    for replica, service, rows in case.replicas():
        dropped = np.isnan(case.begin[rows]) & ~np.isnan(case.trace.attempts["freed"][rows])
        kept = rows[~dropped]
        begin = np.nan_to_num(case.begin[kept], nan=np.inf)
        # inf - inf is nan, which is not below zero: two that never begin are in order.
        overtaken = begin[1:] < begin[:-1]
        if overtaken.any():
            row = int(kept[1:][int(np.argmax(overtaken))])
            what = f"attempt {row} overtakes an older one at replica {replica}"
            return Finding(False, f"{service.name}: {what}")
        checked += len(kept)
    return Finding(True, f"{checked} attempts begun in the order they came")


def _samples_agree(case: Case) -> Finding:
    samples = case.trace.samples
    for replica, service, rows in case.replicas():
        mine = samples[samples["replica"] == replica]
        at = np.ascontiguousarray(mine["at"])
        served = rows[~np.isnan(case.begin[rows])]
        counts = {
            "queued": _open_at(at, case.start[rows], case.queue_left[rows], case),
            "busy": _open_at(at, case.begin[served], case.freed[served], case),
        }
        for name, counted in counts.items():
            wrong = counted != mine[name]
            if wrong.any():
                i = int(np.argmax(wrong))
                what = f"{name} is {mine[name][i]} in the sample at {float(at[i])!r} s"
                return Finding(False, f"{service.name}: {what}, {counted[i]} by its attempts")
    return Finding(True, f"{len(samples)} samples agree with the attempts")


def _open_at(at: Floats, begins: Floats, ends: Floats, case: Case) -> Integers:
    """Return how many spans are open after all that happens at each moment `at`.

    A span cut off by the end of the run is still open there.
    """
    over = ends[ends < case.trace.duration]
    begun = np.searchsorted(np.sort(begins), at, side="right")
    level: Integers = begun - np.searchsorted(np.sort(over), at, side="right")
    return level


def _slowing(case: Case, service: ServiceInfo) -> list[FaultInfo]:
    return [
        fault
        for fault in case.trace.layout.faults
        if fault.kind in SLOWING_KINDS and fault.on == service.name
    ]


CHECKS = (
    LawCheck("Little: the number inside, over time, is the sojourns together", _little),
    LawCheck("busy time = work rendered", _work_is_conserved),
    LawCheck("0 <= busy <= workers", _workers_suffice),
    LawCheck("no idle worker beside a queue", _no_idle_worker),
    LawCheck("first come, first served", _first_come_first_served),
    LawCheck("samples = what the attempts say", _samples_agree),
)
