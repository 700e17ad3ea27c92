"""Spans of time: how many are open at a moment, how long in a window; and where workers' time goes.

Every span of a worker or a caller is made from an attempt's moments, cut off at the end of the
run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from simcb.metrics.phase import Window
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Integers: TypeAlias = "NDArray[np.int64]"


@dataclass(frozen=True, eq=False)
class Spans:
    """Many spans `[begin, end)`, answered for as a crowd in logarithmic time a question.

    The span-seconds before a moment t are the sum of t − begin over spans begun minus the sum
    of t − end over spans ended, so two sorted columns with running sums are all that is kept.

    Args:
        begins: seconds, in any order.
        ends: seconds, in any order; every end is at or after its begin.
    """

    begins: Floats
    ends: Floats
    total: float = field(init=False)
    """Span-seconds of all spans together, summed span by span."""
    _begin_sums: Floats = field(init=False)
    _end_sums: Floats = field(init=False)

    def __post_init__(self) -> None:
        total = float(np.sum(self.ends - self.begins))
        begins = np.sort(self.begins, kind="stable")
        ends = np.sort(self.ends, kind="stable")
        for name, value in (
            ("total", total),
            ("begins", begins),
            ("ends", ends),
            ("_begin_sums", np.concatenate(([0.0], np.cumsum(begins)))),
            ("_end_sums", np.concatenate(([0.0], np.cumsum(ends)))),
        ):
            object.__setattr__(self, name, value)

    def seconds_until(self, moments: Floats) -> Floats:
        """Return the span-seconds before each of `moments`."""
        begun = self.begins.searchsorted(moments)
        ended = self.ends.searchsorted(moments)
        level = (begun - ended).astype(np.float64)
        sums: Floats = moments * level - (self._begin_sums[begun] - self._end_sums[ended])
        return sums

    def seconds_within(self, windows: tuple[Window, ...]) -> float:
        """Return the span-seconds inside `windows`."""
        starts, ends = np.array(windows, dtype=np.float64).T
        return max(0.0, float((self.seconds_until(ends) - self.seconds_until(starts)).sum()))

    def open_at(self, moments: Floats) -> Integers:
        """Return how many spans are open just after each of `moments`."""
        begun = np.searchsorted(self.begins, moments, side="right")
        ended = np.searchsorted(self.ends, moments, side="right")
        level: Integers = begun - ended
        return level

    def peak(self, windows: tuple[Window, ...]) -> int:
        """Return the most spans open at any one moment inside `windows`.

        Spans of no length are never open. The number can only rise at a begin, so the first
        moment of each window and the begins inside it are all there is to look at.
        """
        highest = 0
        for start, end in windows:
            first, last = np.searchsorted(self.begins, (start, end))
            moments = np.concatenate(([start], self.begins[first:last]))
            highest = max(highest, int(self.open_at(moments).max()))
        return highest


_LEFT = (
    ATTEMPT_CODE[AttemptOutcome.TIMEOUT],
    ATTEMPT_CODE[AttemptOutcome.ABANDONED],
)


@dataclass(frozen=True, eq=False)
class WorkerTime:
    """Spans of worker and caller time, one `Spans` a service, in the layout's order.

    Args:
        busy: workers of the service held, from begin to freed.
        queued: attempts waiting for one of its workers.
        wasted: the part of `busy` after everybody who wanted the answer had gone.
        held: callers' waits, by the service whose workers wait; none if it does not block.
        held_by_clients: callers' waits of the client groups.
    """

    busy: tuple[Spans, ...]
    queued: tuple[Spans, ...]
    wasted: tuple[Spans, ...]
    held: tuple[Spans, ...]
    held_by_clients: Spans


def worker_time(trace: Trace) -> WorkerTime:
    """Return the spans of a run."""
    rows, layout = trace.attempts, trace.layout
    call = rows["call"]
    start, end = np.ascontiguousarray(rows["start"]), until(rows["end"], trace.duration)
    arrive = np.ascontiguousarray(rows["arrive"])
    begin, freed = rows["begin"], until(rows["freed"], trace.duration)
    begun = ~np.isnan(begin)
    queue_left = leaves_queue(trace)
    unwanted = np.maximum(begin, unwanted_from(trace))
    busy, queued, wasted, held = [], [], [], []
    for service in layout.services:
        here = np.isin(call, layout.calls_to(service.name))
        served = here & begun
        busy.append(Spans(begin[served], freed[served]))
        waited = here & (queue_left > arrive)
        queued.append(Spans(arrive[waited], queue_left[waited]))
        in_vain = served & (unwanted < freed)
        wasted.append(Spans(unwanted[in_vain], freed[in_vain]))
        callers = [i for i, each in enumerate(layout.calls) if each.caller == service.name]
        held_by = [i for i in callers if service.blocking and not layout.calls[i].from_client]
        waiting = np.isin(call, held_by) & (end > start)
        held.append(Spans(start[waiting], end[waiting]))
    clients = [i for i, each in enumerate(layout.calls) if each.from_client]
    waiting = np.isin(call, clients) & (end > start)
    return WorkerTime(
        busy=tuple(busy),
        queued=tuple(queued),
        wasted=tuple(wasted),
        held=tuple(held),
        held_by_clients=Spans(start[waiting], end[waiting]),
    )


def until(moments: NDArray[np.float64], duration: float) -> Floats:
    """Return `moments` with those that never came, or came too late, put at the run's end."""
    cut: Floats = np.minimum(np.where(np.isnan(moments), duration, moments), duration)
    return cut


def leaves_queue(trace: Trace) -> Floats:
    """Return when each attempt stops waiting for a worker; nan if it never reached a service.

    That is when a worker takes it; when it is taken out of the queue, if its row has `freed`
    without `begin`; at once if it was refused; else not in this run.
    """
    rows = trace.attempts
    arrive, begin = rows["arrive"], rows["begin"]
    never = np.isnan(begin)
    left = until(np.where(never, rows["freed"], begin), trace.duration)
    refused = rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.REFUSED]
    moments: Floats = np.where((refused & never) | np.isnan(arrive), arrive, left)
    return moments


def unwanted_from(trace: Trace) -> Floats:
    """Return the moment from which nobody waits for an attempt's answer any more; else inf.

    An attempt is unwanted once its caller has timed out or abandoned it, once the attempt whose
    work made it is unwanted, or once the user's request has ended.
    """
    rows, requests = trace.attempts, trace.requests
    gone = np.isin(rows["outcome"], _LEFT)
    moments: Floats = np.where(gone, rows["end"], np.inf)
    if not len(rows):
        return moments
    ended = requests["end"][rows["request"]]
    moments = np.fmin(moments, ended)
    parent = rows["parent"]
    (children,) = np.nonzero(parent >= 0)
    while len(children):
        inherited = np.minimum(moments[children], moments[parent[children]])
        changed = inherited < moments[children]
        if not changed.any():
            break
        moments[children] = inherited
    return moments
