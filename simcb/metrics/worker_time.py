"""Where the time of workers and callers goes.

Every span of a worker or a caller is made from an attempt's moments, cut off at the end of the
run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simcb.metrics.hedges import hedges
from simcb.metrics.rows import AttemptRows, Booleans, until
from simcb.metrics.spans import Floats, Integers, Peaks, SpanSum
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Trace

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


class WorkerTime:
    """Time of all workers and callers, of attempts that come piece by piece.

    Args:
        trace: the run.
        edges: of the cells in which it is told.
    """

    def __init__(self, trace: Trace, edges: Floats) -> None:
        layout = trace.layout
        self.services = tuple(
            ServiceTime(
                busy=SpanSum(edges),
                queued=SpanSum(edges),
                longest_queue=Peaks(edges),
                wasted=SpanSum(edges),
                held=SpanSum(edges),
            )
            for _ in layout.services
        )
        """Of each service, in the layout's order."""
        self.held_by_clients = SpanSum(edges)
        """Callers' waits of the client groups."""
        names = [each.name for each in layout.services]
        # Of each call the service whose workers wait for it; nobody and clients are beyond.
        nobody, clients = len(names), len(names) + 1
        self._held_by = np.full(len(layout.calls), clients, np.int16)
        for index, call in enumerate(layout.calls):
            if not call.from_client:
                caller = names.index(call.caller)
                self._held_by[index] = caller if layout.services[caller].blocking else nobody

    def add(self, rows: AttemptRows, since: Floats) -> None:
        """Add the next piece of attempts, and from when on each is what its caller waits for."""
        self._add_work(rows)
        self._add_waits(rows, since)

    def _add_work(self, rows: AttemptRows) -> None:
        """Add what workers do for attempts, and the time that these wait for one."""
        service, queued = rows.service, rows.queue_left > rows.arrive
        arrive, left, queued_at = _only(queued, rows.arrive, rows.queue_left, service)
        freed = until(rows.freed, rows.trace.duration)
        begin, freed, served_by = _only(rows.begun, rows.begin, freed, service)
        unwanted = np.maximum(begin, unwanted_from(rows, rows.begun))
        unwanted, in_vain_until, wasted_by = _only(unwanted < freed, unwanted, freed, served_by)
        for index, each in enumerate(self.services):
            each.busy.add(*_only(served_by == index, begin, freed))
            came, went = _only(queued_at == index, arrive, left)
            each.queued.add(came, went)
            each.longest_queue.add(came, went, rows.later)
            each.wasted.add(*_only(wasted_by == index, unwanted, in_vain_until))

    def _add_waits(self, rows: AttemptRows, since: Floats) -> None:
        """Add the time that callers wait for attempts."""
        end = until(rows.end, rows.trace.duration)
        whose = self._held_by[rows.call]
        waiting, waited, whose = _only(end > since, since, end, whose)
        for index, service in enumerate(self.services):
            if index in self._held_by:
                service.held.add(*_only(whose == index, waiting, waited))
        self.held_by_clients.add(*_only(whose == len(self.services) + 1, waiting, waited))


def _only(chosen: Booleans, *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rows of columns that are chosen."""
    return columns if chosen.all() else tuple(each.compress(chosen) for each in columns)


def alone_from(trace: Trace) -> Floats:
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


def unwanted_from(rows: AttemptRows, chosen: Booleans) -> Floats:
    """Return the moment from which nobody waits for the answer of some attempts; else inf.

    An attempt is unwanted once its caller has timed out or abandoned it, once the attempt whose
    work made it is unwanted, or once the user's request has ended.
    """
    attempts, requests = rows.trace.attempts, rows.trace.requests
    own = (rows.outcome, rows.end, rows.parent, rows.request)
    outcome, end, above, request = _only(chosen, *own)
    moments: Floats = np.fmin(requests["end"][request], np.inf)
    gone = _gone(outcome)
    moments[gone] = np.minimum(moments[gone], end[gone])
    outcomes, ends, parents = (attempts[name] for name in ("outcome", "end", "parent"))
    which = np.arange(len(moments))
    while True:
        (further,) = np.nonzero(above >= 0)
        if not len(further):
            return moments
        which, above = which[further], above[further]
        gone = _gone(outcomes[above])
        moments[which[gone]] = np.minimum(moments[which[gone]], ends[above[gone]])
        above = parents[above]


def _gone(outcome: NDArray[np.uint8]) -> Integers:
    """Return the places of the attempts whose caller went away, by their outcomes."""
    return np.flatnonzero((outcome == _TIMED_OUT) | (outcome == _ABANDONED))
