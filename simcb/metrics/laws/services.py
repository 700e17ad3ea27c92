"""Laws of services: queues, full use of workers, samples that agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simcb.metrics.laws.case import Case, Finding, LawCheck, agree
from simcb.metrics.phase import Window, merged
from simcb.metrics.rows import Booleans, Indexes
from simcb.metrics.spans import Floats, Integers
from simcb.trace import FaultInfo, Flag, ServiceInfo

SLOWING_KINDS = frozenset({"capacity", "pause", "restart"})
"""Kinds of faults that take workers away."""


def _little(case: Case) -> Finding:
    pairs = []
    for index, service in enumerate(case.trace.layout.services):
        inside = case.taken & (case.service == index)
        arrive = case.arrive[inside]
        left = np.where(np.isnan(case.begin), case.queue_left, case.freed)[inside]
        pairs.append((service.name, _swept(arrive, left), float(np.sum(left - arrive))))
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
    starts, ends = _edges(_slowing(case, service))
    samples = case.samples_of(replica)
    at, capacity = np.ascontiguousarray(samples["at"]), samples["capacity"]
    if not len(starts) or len(at) < 2:
        return ""
    before, after = at[:-1], at[1:]
    begun = np.searchsorted(starts, before, side="right")
    over = np.searchsorted(ends, before, side="right")
    inside = (begun - over == 1) & (capacity[:-1] == capacity[1:])
    inside &= begun == np.searchsorted(starts, after, side="right")
    inside &= over == np.searchsorted(ends, after, side="right")
    limit = np.zeros(len(begins), dtype=np.int64)
    place = np.searchsorted(at, begins) - 1
    known = (place >= 0) & (place < len(inside))
    known[known] = inside[place[known]]
    limit[known] = capacity[place[known]]
    wrong = known & (busy > limit)
    if not wrong.any():
        return ""
    near = float(begins[int(np.argmax(wrong))])
    return f"replica {replica} starts work beyond its capacity near {near!r} s"


def _edges(faults: list[FaultInfo]) -> tuple[Floats, Floats]:
    """Return the sorted begins and the sorted ends of faults, in seconds."""
    starts = np.array(sorted(fault.start for fault in faults), dtype=np.float64)
    return starts, np.array(sorted(fault.end for fault in faults), dtype=np.float64)


def _no_idle_worker(case: Case) -> Finding:
    waiting = 0.0
    for replica, service, rows in case.replicas():
        fewer = _with_fewer_workers(service, case.trace.duration)
        slow = ((fault.start, fault.end) for fault in _slowing(case, service))
        windows = merged((*slow, *fewer))
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
    arrive, left = case.arrive[rows], case.queue_left[rows]
    waited = left > arrive
    served = ~np.isnan(case.begin[rows])
    begin, freed = case.begin[rows][served], case.freed[rows][served]
    edges = np.array([edge for window in windows for edge in window], dtype=np.float64)
    moments = np.concatenate((arrive[waited], left[waited], begin, freed, edges))
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


def _turns_are_kept(case: Case) -> Finding:
    """Check who is next: the first that came, or where a queue is a stack the last.

    What is dropped leaves when its caller does, or in a restart, and what is throttled when the
    service says so, whosever turn it is. Of
    attempts that arrived at the same moment any may be next. By priority each client group has
    turns of its own.
    """
    checked = 0
    dropped = np.isnan(case.begin) & (case.flagged(Flag.DROPPED) | case.throttled)
    for replica, service, everybody in case.replicas():
        rows = everybody[~dropped[everybody]]
        left = np.where(case.queue_left[rows] >= case.trace.duration, np.inf, case.queue_left[rows])
        overtakes = _crosses if service.discipline == "lifo" else _overtakes
        for alike in _alike(case, service, rows):
            place = overtakes(case.arrive[rows][alike], left[alike])
            if place is not None:
                what = f"attempt {rows[alike][place]} is served out of turn at replica {replica}"
                return Finding(False, f"{service.name}: {what}")
        checked += len(rows)
    return Finding(True, f"{checked} attempts left their queue at their turn")


def _alike(case: Case, service: ServiceInfo, rows: Indexes) -> Iterator[Booleans]:
    """Yield which attempts have turns among each other: all, or by priority each group's."""
    if service.discipline != "priority":
        yield np.ones(len(rows), dtype=np.bool_)
        return
    group = case.trace.requests["group"][case.trace.attempts["request"][rows]]
    for each in np.unique(group):
        yield group == each


def _overtakes(arrive: Floats, left: Floats) -> int | None:
    """Return the place of an attempt that leaves before one which came earlier, if any does.

    Both are ordered by arrival and, where that is equal, by leaving.
    """
    # inf - inf would be nan, so they are compared: two that never leave are in order.
    early = left[1:] < left[:-1]
    return int(np.argmax(early)) + 1 if early.any() else None


def _crosses(arrive: Floats, left: Floats) -> int | None:
    """Return the place of an attempt that outwaits an older one it waited with, if any does.

    In a stack waits are nested: one that came later has left before, or came after.
    """
    (waited,) = np.nonzero(left > arrive)
    # Of waits that begin together the longest is taken for the first: any order is fair.
    waited = waited[np.lexsort((-left[waited], arrive[waited]))]
    waiting: list[float] = []
    for place, came, went in zip(
        waited.tolist(), arrive[waited].tolist(), left[waited].tolist(), strict=True
    ):
        while waiting and waiting[-1] <= came:
            waiting.pop()
        if waiting and waiting[-1] < went:
            return int(place)
        waiting.append(went)
    return None


def _samples_agree(case: Case) -> Finding:
    samples = case.trace.samples
    for replica, service, rows in case.replicas():
        mine = case.samples_of(replica)
        at = np.ascontiguousarray(mine["at"])
        served = rows[~np.isnan(case.begin[rows])]
        counts = {
            "queued": _open_at(at, case.arrive[rows], case.queue_left[rows], case),
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


def _with_fewer_workers(service: ServiceInfo, until: float) -> list[Window]:
    """Return when each of its replicas has fewer workers than at other times."""
    ends = [at for at, _, _ in service.scaled[1:]] + [until]
    return [
        (at, end)
        for (at, _, workers), end in zip(service.scaled, ends, strict=False)
        if workers < service.workers
    ]


CHECKS = (
    LawCheck("Little: the number inside, over time, is the sojourns together", _little),
    LawCheck("busy time = work rendered", _work_is_conserved),
    LawCheck("0 <= busy <= workers", _workers_suffice),
    LawCheck("no idle worker beside a queue", _no_idle_worker),
    LawCheck("first come, first served; in a stack, the last", _turns_are_kept),
    LawCheck("samples = what the attempts say", _samples_agree),
)
