"""Laws of services: queues, full use of workers, samples that agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from simcb.metrics.laws.case import Case, Finding, LawCheck, agree, by_replica, groups
from simcb.metrics.laws.in_time import Columns, Span, Stretches, settled, stretches
from simcb.metrics.phase import Window, merged
from simcb.metrics.rows import AttemptRows, Booleans
from simcb.metrics.spans import Floats, Integers
from simcb.trace import FaultInfo, Flag, ServiceInfo

SLOWING_KINDS = frozenset({"capacity", "pause", "restart"})
"""Kinds of faults that take workers away."""


def _little(case: Case) -> Finding:
    def inside(part: AttemptRows) -> tuple[Booleans, Span]:
        left = np.where(part.begun, part.held_until, part.queue_left)
        return part.taken, (part.arrive, left)

    return _counted_twice(case, inside, " attempt-s")


def _work_is_conserved(case: Case) -> Finding:
    def served(part: AttemptRows) -> tuple[Booleans, Span]:
        return part.taken & part.begun, (part.begin, part.held_until)

    return _counted_twice(case, served, " worker-s")


def _counted_twice(
    case: Case, spans: Callable[[AttemptRows], tuple[Booleans, Span]], unit: str
) -> Finding:
    """Compare the seconds of spans at each service, moment by moment, with those span by span.

    `spans` returns which attempts of a part have one, and the spans of all.
    """
    names = [service.name for service in case.trace.layout.services]
    over_time, together = np.zeros(len(names)), np.zeros(len(names))

    def of(part: AttemptRows) -> Iterator[tuple[int, tuple[Span]]]:
        chosen, (begins, ends) = spans(part)
        for index, rows in groups(part.service, np.flatnonzero(chosen)):
            begin, end = begins[rows], ends[rows]
            together[index] += np.sum(end - begin)
            yield index, ((begin, end),)

    for index, each in stretches(case, of):
        over_time[index] += np.sum(each.open[0] * (each.end - each.begin))
    return agree(list(zip(names, over_time.tolist(), together.tolist(), strict=True)), unit)


def _workers_suffice(case: Case) -> Finding:
    replicas = dict(case.replicas())
    limits = {replica: _limits(case, replica, service) for replica, service in replicas.items()}
    most = dict.fromkeys(replicas, (0, 0.0))
    beyond: dict[int, float] = {}
    for replica, each in stretches(case, _work):
        busy = each.open[0]
        peak = int(busy.max(initial=0))
        if peak > most[replica][0]:
            most[replica] = peak, float(each.begin[busy.argmax()])
        at = _beyond_capacity(limits[replica], each)
        if at is not None:
            beyond.setdefault(replica, at)
    highest = []
    for replica, service in replicas.items():
        peak, at = most[replica]
        if peak > service.workers:
            what = f"{peak} of {service.workers} workers of replica {replica} held at {at!r} s"
            return Finding(False, f"{service.name}: {what}")
        if replica in beyond:
            near = f"near {beyond[replica]!r} s"
            what = f"replica {replica} starts work beyond its capacity {near}"
            return Finding(False, f"{service.name}: {what}")
        highest.append(f"{service.name}[{replica}] {peak}/{service.workers}")
    return Finding(True, "at most " + ", ".join(highest))


def _work(part: AttemptRows) -> Iterator[tuple[int, tuple[Span]]]:
    """Yield the spans in which workers of each replica are held."""
    for replica, rows in by_replica(part, part.taken & part.begun):
        yield replica, ((part.begin[rows], part.held_until[rows]),)


def _limits(case: Case, replica: int, service: ServiceInfo) -> tuple[Floats, Integers]:
    """Return the moments of a replica's samples, and what no work after each may begin above.

    Between two samples of one capacity, with one such fault active and none beginning or
    ending, capacity can only have been that or lower. Elsewhere there is no limit.
    """
    starts, ends = _edges(_slowing(case, service))
    samples = case.samples_of(replica)
    if not len(starts) or len(samples) < 2:
        return np.empty(0), np.empty(0, np.int64)
    at, capacity = np.ascontiguousarray(samples["at"]), samples["capacity"]
    before, after = at[:-1], at[1:]
    begun = np.searchsorted(starts, before, side="right")
    over = np.searchsorted(ends, before, side="right")
    known = (begun - over == 1) & (capacity[:-1] == capacity[1:])
    known &= begun == np.searchsorted(starts, after, side="right")
    known &= over == np.searchsorted(ends, after, side="right")
    limit = np.full(len(at), np.iinfo(np.int64).max)
    limit[:-1][known] = capacity[:-1][known]
    return at, limit


def _beyond_capacity(limits: tuple[Floats, Integers], each: Stretches) -> float | None:
    """Return a moment at which work begins above the limit then, if there is one.

    Workers that were held already when the capacity shrank are no breach.
    """
    at, limit = limits
    if not len(at):
        return None
    place = np.searchsorted(at, each.begin) - 1
    wrong = each.begun & (place >= 0) & (each.open[0] > limit[place])
    return float(each.begin[np.argmax(wrong)]) if wrong.any() else None


def _edges(faults: list[FaultInfo]) -> tuple[Floats, Floats]:
    """Return the sorted begins and the sorted ends of faults, in seconds."""
    starts = np.array(sorted(fault.start for fault in faults), dtype=np.float64)
    return starts, np.array(sorted(fault.end for fault in faults), dtype=np.float64)


def _no_idle_worker(case: Case) -> Finding:
    replicas = dict(case.replicas())
    windows = {service.name: _slowed(case, service) for service in case.trace.layout.services}
    waiting = 0.0
    idle_at: dict[int, float] = {}
    for replica, each in stretches(case, _waits_and_work):
        service = replicas[replica]
        queue, busy = each.open
        queued = queue > 0
        waiting += float(np.sum((each.end - each.begin)[queued]))
        idle = queued & (busy < service.workers)
        if idle.any():
            # Only what is left of a stretch when workers are there again.
            begin = _outside(each.begin[idle], windows[service.name])
            left = begin[begin < each.end[idle]]
            if len(left):
                idle_at.setdefault(replica, float(left[0]))
    for replica, at in sorted(idle_at.items()):
        what = f"replica {replica} has an idle worker beside a queue at {at!r} s"
        return Finding(False, f"{replicas[replica].name}: {what}")
    samples = case.trace.samples
    idle = (samples["queued"] > 0) & (samples["busy"] < samples["capacity"])
    if idle.any():
        at = float(samples["at"][np.argmax(idle)])
        return Finding(False, f"a sample at {at!r} s shows an idle worker beside a queue")
    return Finding(True, f"{waiting:.6g} s with a queue, every worker held")


def _waits_and_work(part: AttemptRows) -> Iterator[tuple[int, tuple[Span, Span]]]:
    """Yield the waits in the queue of each replica, and the spans in which its workers are held."""
    waited = part.queue_left > part.arrive
    for replica, rows in by_replica(part, part.taken):
        waits, works = rows[waited[rows]], rows[part.begun[rows]]
        yield (
            replica,
            (
                (part.arrive[waits], part.queue_left[waits]),
                (part.begin[works], part.held_until[works]),
            ),
        )


def _slowed(case: Case, service: ServiceInfo) -> tuple[Window, ...]:
    """Return when workers of a service were taken away."""
    slow = ((fault.start, fault.end) for fault in _slowing(case, service))
    return merged((*slow, *_with_fewer_workers(service, case.trace.duration)))


def _outside(moments: Floats, windows: tuple[Window, ...]) -> Floats:
    """Return moments with those in a window put at its end."""
    if not windows:
        return moments
    starts, ends = np.array(windows, dtype=np.float64).T
    place = np.searchsorted(starts, moments, side="right") - 1
    inside = (place >= 0) & (moments < ends[place])
    outside: Floats = np.where(inside, ends[place], moments)
    return outside


def _turns_are_kept(case: Case) -> Finding:
    """Check who is next: the first that came, or where a queue is a stack the last.

    What is dropped leaves when its caller does, or in a restart, and what is throttled when the
    service says so, whosever turn it is. Of attempts that arrived at the same moment any may be
    next. By priority each client group has turns of its own.
    """
    replicas, checked = dict(case.replicas()), 0
    waiting: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    wrong: dict[tuple[int, int], int] = {}
    for alike, (arrive, left, row) in settled(case, lambda part: _turns(case, part)):
        checked += len(row)
        overtakes = _crosses if replicas[alike[0]].discipline == "lifo" else _overtakes
        if alike not in wrong:
            place = overtakes(waiting[alike], arrive, left)
            if place is not None:
                wrong[alike] = int(row[place])
    for (replica, _), first in sorted(wrong.items()):
        what = f"attempt {first} is served out of turn at replica {replica}"
        return Finding(False, f"{replicas[replica].name}: {what}")
    return Finding(True, f"{checked} attempts left their queue at their turn")


def _turns(case: Case, part: AttemptRows) -> Iterator[tuple[tuple[int, int], Columns]]:
    """Yield who has turns with whom, by replica and client group: arrivals, leavings and rows.

    The groups are told apart by priority alone. What is still in the queue leaves never.
    """
    by_priority = {
        replica for replica, service in case.replicas() if service.discipline == "priority"
    }
    dropped = ~part.begun & part.flagged(Flag.DROPPED | Flag.THROTTLED)
    left = np.where(part.queue_left >= case.trace.duration, np.inf, part.queue_left)
    for replica, rows in by_replica(part, part.taken & ~dropped):
        alike = groups(part.group, rows) if replica in by_priority else ((0, rows),)
        for group, chosen in alike:
            columns = part.arrive[chosen], left[chosen], part.first + chosen
            yield (replica, group), columns


def _overtakes(before: list[float], arrive: Floats, left: Floats) -> int | None:
    """Return the place of an attempt that leaves before one which came earlier, if any does.

    `before` has when the last that came before these left, if one did, and then the last of these.
    """
    # Of attempts that came together the first to leave is taken for the first: any order is fair.
    order = np.lexsort((left, arrive))
    in_turn = np.concatenate((before, left[order]))
    # inf - inf would be nan, so they are compared: two that never leave are in order.
    early = in_turn[1:] < in_turn[:-1]
    found = int(order[np.argmax(early) + 1 - len(before)]) if early.any() else None
    before[:] = in_turn[-1:].tolist()
    return found


def _crosses(waiting: list[float], arrive: Floats, left: Floats) -> int | None:
    """Return the place of an attempt that outwaits an older one it waited with, if any does.

    In a stack waits are nested: one that came later has left before, or came after. `waiting` has
    when those leave that came before these and may still wait, the next to leave at its end.
    """
    (waited,) = np.nonzero(left > arrive)
    # Of waits that begin together the longest is taken for the first: any order is fair.
    waited = waited[np.lexsort((-left[waited], arrive[waited]))]
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
    replicas = dict(case.replicas())
    samples = {replica: case.samples_of(replica) for replica in replicas}
    levels = {
        replica: (_Levels(each["at"]), _Levels(each["at"])) for replica, each in samples.items()
    }
    duration = case.trace.duration
    for part in case.attempts():
        for replica, rows in by_replica(part, part.taken):
            works = rows[part.begun[rows]]
            queued, busy = levels[replica]
            queued.add(part.arrive[rows], part.queue_left[rows], duration)
            busy.add(part.begin[works], part.held_until[works], duration)
    for replica, service in replicas.items():
        mine = samples[replica]
        for name, level in zip(("queued", "busy"), levels[replica], strict=True):
            counted = level.counted
            wrong = counted != mine[name]
            if wrong.any():
                i = int(np.argmax(wrong))
                what = f"{name} is {mine[name][i]} in the sample at {float(mine['at'][i])!r} s"
                return Finding(False, f"{service.name}: {what}, {counted[i]} by its attempts")
    return Finding(True, f"{len(case.trace.samples)} samples agree with the attempts")


class _Levels:
    """How many spans are open after all that happens at some moments.

    Args:
        at: the moments.
    """

    def __init__(self, at: Floats) -> None:
        self._order = np.argsort(at, kind="stable")
        self._at = at[self._order]
        self._steps = np.zeros(len(at) + 1, np.int64)

    def add(self, begins: Floats, ends: Floats, duration: float) -> None:
        """Add spans; one cut off by the end of the run is still open there."""
        np.add.at(self._steps, np.searchsorted(self._at, begins), 1)
        np.add.at(self._steps, np.searchsorted(self._at, ends[ends < duration]), -1)

    @property
    def counted(self) -> Integers:
        """How many are open, once all spans are added."""
        levels = np.empty(len(self._at), np.int64)
        levels[self._order] = np.cumsum(self._steps[:-1])
        return levels


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
