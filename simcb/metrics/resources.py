"""Metrics of workers, queues and waiting threads.

They are about time, not about rows: what counts in a phase is the part of a worker's or a
caller's time that lies inside its windows, whenever the attempt was made.
"""

from __future__ import annotations

from simcb.metrics.facts import Scope
from simcb.metrics.spans import Spans


def utilisation(scope: Scope) -> float | None:
    """Share of a service's worker time in which a worker is held.

    The workers are those the scenario gives it: a capacity fault lowers the utilisation it
    allows. A worker that waits for a call of its own is held, unless the service does not block,
    and so is one whose replica pauses.
    """
    if scope.service is None:
        return None
    service = scope.facts.trace.layout.services[scope.service]
    busy = scope.facts.worker_time.busy[scope.service].seconds_within(scope.phase.windows)
    return busy / (service.workers * service.replicas * scope.seconds)


def queue_peak(scope: Scope) -> float | None:
    """The most attempts ever waiting for a worker of a service at once, over all replicas."""
    if scope.service is None:
        return None
    return float(scope.facts.worker_time.queued[scope.service].peak(scope.phase.windows))


def mean_queue(scope: Scope) -> float | None:
    """Attempts waiting for a worker of a service, over all replicas, as an average over time."""
    if scope.service is None:
        return None
    queued = scope.facts.worker_time.queued[scope.service]
    return queued.seconds_within(scope.phase.windows) / scope.seconds


def wasted_work(scope: Scope) -> float | None:
    """Share of all held worker time spent after everybody who wanted the answer had gone.

    The caller has gone once its wait has timed out or it abandoned the attempt, once whoever
    waits for the caller has gone, or once the user's request has ended. What a worker did
    before that moment was done for somebody, and is not counted even if it was in vain: so a
    service that stops when its caller has gone wastes nothing, and work that a restart throws
    away is not wasted either.
    """
    times = scope.facts.worker_time
    chosen = range(len(times.busy)) if scope.service is None else (scope.service,)
    busy = _together([times.busy[each] for each in chosen], scope)
    wasted = _together([times.wasted[each] for each in chosen], scope)
    return min(1.0, wasted / busy) if busy > 0.0 else None


def worker_seconds_waiting(scope: Scope) -> float | None:
    """Time that callers spend waiting for attempts, in thread-seconds.

    This is what starves a frontend: a thread that waits for a slow dependency serves nobody.
    Of a service: the waits of its own workers for the services it calls, none if it does not
    block. Of the run: those of all services and of the client groups, each press of whose users
    is a thread. A wait for a place in the caller's bulkhead is part of it; pauses between
    retries are not waits for an attempt, and not in it.
    """
    times = scope.facts.worker_time
    if scope.service is not None:
        return _together([times.held[scope.service]], scope)
    return _together([*times.held, times.held_by_clients], scope)


def _together(spans: list[Spans], scope: Scope) -> float:
    total = 0.0
    for each in spans:
        total += each.seconds_within(scope.phase.windows)
    return total
