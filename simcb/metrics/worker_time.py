"""Where the time of workers and callers goes.

Every span of a worker or a caller is made from an attempt's moments, cut off at the end of the
run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simcb.metrics.hedges import hedges
from simcb.metrics.spans import Floats, Peaks, SpanSum
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Rows, Trace, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ServiceTime:
    """Time of the workers of one service, and of those who wait for them.

    Args:
        busy: workers held, from begin to freed.
        queued: attempts waiting for one of them.
        longest_queue: likewise, the most of them at once.
        wasted: the part of `busy` after everybody who wanted the answer had gone.
        held: its workers' waits as callers; none if it does not block.
    """

    busy: SpanSum
    queued: SpanSum
    longest_queue: Peaks
    wasted: SpanSum
    held: SpanSum


@dataclass(frozen=True, eq=False)
class WorkerTime:
    """Time of all workers and callers.

    Args:
        services: of each service, in the layout's order.
        held_by_clients: callers' waits of the client groups.
    """

    services: tuple[ServiceTime, ...]
    held_by_clients: SpanSum


def worker_time(trace: Trace, edges: Floats) -> WorkerTime:
    """Return where the time of a run went, in the cells between some edges."""
    layout, whole = trace.layout, len(trace.attempts)
    found = WorkerTime(
        tuple(
            ServiceTime(
                busy=SpanSum(edges),
                queued=SpanSum(edges),
                longest_queue=Peaks(edges),
                wasted=SpanSum(edges),
                held=SpanSum(edges),
            )
            for _ in layout.services
        ),
        SpanSum(edges),
    )
    calls = layout.calls
    to = np.array([layout.service_index(call.service) for call in calls], np.int16)
    names = [each.name for each in layout.services]
    # Of each call the service whose workers wait for it; those of nobody and of clients are beyond.
    nobody, clients = len(names), len(names) + 1
    held_by = np.full(len(calls), clients, np.int16)
    for index, call in enumerate(calls):
        if not call.from_client:
            caller = names.index(call.caller)
            held_by[index] = caller if layout.services[caller].blocking else nobody
    since = _alone_from(trace)
    for place, rows in pieces(trace.attempts):
        following = place + len(rows)
        later = float(trace.attempts["start"][following]) if following < whole else np.inf
        own = since[place:following] if len(since) else rows["start"]
        _add(found, trace, rows, own, to[rows["call"]], held_by[rows["call"]], later)
    return found


def _add(
    found: WorkerTime,
    trace: Trace,
    rows: Rows,
    since: Floats,
    to: NDArray[np.int16],
    held_by: NDArray[np.int16],
    later: float,
) -> None:
    start, end = np.ascontiguousarray(since), until(rows["end"], trace.duration)
    arrive = np.ascontiguousarray(rows["arrive"])
    begin, freed = rows["begin"], until(rows["freed"], trace.duration)
    begun = ~np.isnan(begin)
    queue_left = leaves_queue(rows, trace.duration)
    unwanted = np.maximum(begin, unwanted_from(trace, rows))
    waited, in_vain, waiting = queue_left > arrive, begun & (unwanted < freed), end > start
    for index, service in enumerate(found.services):
        here = to == index
        served = here & begun
        service.busy.add(begin[served], freed[served])
        queued = here & waited
        arrived, left = arrive[queued], queue_left[queued]
        service.queued.add(arrived, left)
        service.longest_queue.add(arrived, left, later)
        wasted = here & in_vain
        service.wasted.add(unwanted[wasted], freed[wasted])
        held = (held_by == index) & waiting
        service.held.add(start[held], end[held])
    held = (held_by == len(found.services) + 1) & waiting
    found.held_by_clients.add(start[held], end[held])


def _alone_from(trace: Trace) -> Floats:
    """Return from when each attempt is what its caller waits for; empty if that is its start.

    Who hedges waits only once: a hedge counts from the end of those before it on.
    """
    found, before = hedges(trace)
    if not len(found):
        return np.empty(0)
    since = np.ascontiguousarray(trace.attempts["start"])
    reached = until(trace.attempts["end"], trace.duration)
    # In row order: what a hedge was made beside stands before it.
    for hedge, first in zip(found.tolist(), before.tolist(), strict=True):
        since[hedge] = max(since[hedge], reached[first])
        reached[hedge] = max(reached[hedge], reached[first])
    return since


_TIMED_OUT = ATTEMPT_CODE[AttemptOutcome.TIMEOUT]
_ABANDONED = ATTEMPT_CODE[AttemptOutcome.ABANDONED]


def until(moments: NDArray[np.float64], duration: float) -> Floats:
    """Return `moments` with those that never came, or came too late, put at the run's end."""
    cut: Floats = np.fmin(moments, duration)
    return cut


def leaves_queue(rows: Rows, duration: float) -> Floats:
    """Return when each attempt stops waiting for a worker; nan if it never reached a service.

    That is when a worker takes it; when it is taken out of the queue, if its row has `freed`
    without `begin`; at once if it was refused; else not in this run.
    """
    arrive, begin = rows["arrive"], rows["begin"]
    never = np.isnan(begin)
    left = until(np.where(never, rows["freed"], begin), duration)
    refused = rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.REFUSED]
    moments: Floats = np.where((refused & never) | np.isnan(arrive), arrive, left)
    return moments


def unwanted_from(trace: Trace, rows: Rows) -> Floats:
    """Return the moment from which nobody waits for the answer of some attempts; else inf.

    An attempt is unwanted once its caller has timed out or abandoned it, once the attempt whose
    work made it is unwanted, or once the user's request has ended.
    """
    moments: Floats = np.fmin(_left(rows), trace.requests["end"][rows["request"]])
    parent = rows["parent"]
    children = np.flatnonzero(parent >= 0)
    above = parent[children]
    while len(children):
        ancestors = trace.attempts[above]
        moments[children] = np.minimum(moments[children], _left(ancestors))
        above = ancestors["parent"]
        further = above >= 0
        children, above = children[further], above[further]
    return moments


def _left(rows: Rows) -> Floats:
    """Return when the caller of each attempt went away; inf if it did not."""
    outcome = rows["outcome"]
    gone = (outcome == _TIMED_OUT) | (outcome == _ABANDONED)
    left: Floats = np.where(gone, rows["end"], np.inf)
    return left
