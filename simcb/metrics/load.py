"""Metrics of load, workers, queues and waiting threads.

What users ask for and what arrives at the services is counted in rows; time of workers and
callers counts in a phase as far as it lies inside its windows, whenever the attempt was made.
"""

from __future__ import annotations

import numpy as np

from simcb.metrics.facts import Scope
from simcb.metrics.spans import SpanSum


def offered_rate(scope: Scope) -> float | None:
    """User requests per second.

    A request is one want of one user: presses of a refresh button do not count again.
    """
    return scope.requests["requests"] / scope.seconds


def attempt_rate(scope: Scope) -> float | None:
    """Attempts made per second, by clients and by services, whether or not they were sent.

    An attempt that waits for its caller's rate limit or for a place in its bulkhead is made when
    it begins to wait.

    Of a service: attempts at it.
    """
    return scope.attempts["attempts"] / scope.seconds


def downstream_rate(scope: Scope) -> float | None:
    """Attempts per second that reach a service: not rejected, shed, or lost by the network.

    Attempts the service refuses or throttles have reached it. They count in the phase in which
    they were made. Of a service: those that reach that one.
    """
    return scope.attempts["reached"] / scope.seconds


def amplification(scope: Scope) -> float | None:
    """Attempts that reach a service for each request that needs it.

    Of a service: attempts that reach it, by whomever, for each request that makes its first
    attempt at it (a rejected or shed one counts) in the phase. Of the run and of a client group:
    clients' attempts that reach a service for each user request. An attempt counts in the phase
    in which it was made, so retries that spill into the recovery raise its amplification, not
    the fault's.
    """
    needing = int(scope.load.needing.sum())
    return int(scope.load.asking.sum()) / needing if needing else None


def amplification_worst(scope: Scope) -> float | None:
    """The highest amplification of any one second of the phase.

    Seconds are those of the run's clock. A second in which attempts arrive but no new request
    does is taken to have one, so that a storm of nothing but retries shows instead of being
    divided by zero.
    """
    asking, needing = scope.load
    if not needing.any():
        return None
    return float(np.max(asking / np.maximum(needing, 1)))


def rejected(scope: Scope) -> float | None:
    """Attempts turned away by a breaker, of all attempts made."""
    return _of_attempts(scope, "rejected")


def shed(scope: Scope) -> float | None:
    """Attempts that their caller held back or gave up before sending them, of all attempts made.

    That is by throttling, by its own rate limit, for want of a place in its bulkhead, or because
    whoever wanted the answer left while the attempt waited. What a breaker turns away is
    `rejected` instead.
    """
    return _of_attempts(scope, "shed")


def throttled(scope: Scope) -> float | None:
    """Attempts that a service's `admit` turned away (a 429, say), of all attempts made.

    One of which the caller no longer hears, because it has left meanwhile, does not count. What
    a full queue or a crashed process turns away is refused instead.
    """
    return _of_attempts(scope, "throttled")


def hedged(scope: Scope) -> float | None:
    """Hedges, made beside an attempt that had not been answered for a while, of all attempts made.

    They are attempts like others wherever those are counted, `amplification` and
    `downstream_rate` included.
    """
    return _of_attempts(scope, "hedged")


def hit_ratio(scope: Scope) -> float | None:
    """Lookups that a cache in front of a call answered by itself, of all lookups, over the run.

    Those that wait for an answer which somebody else has asked for are none of them. Of a service
    they are the lookups in the caches in front of its calls.
    """
    layout = scope.facts.trace.layout
    service = None if scope.service is None else layout.services[scope.service].name
    caches = [each for each in layout.caches if service in (None, layout.calls[each.call].service)]
    lookups = sum(each.hits + each.joined + each.misses for each in caches)
    return sum(each.hits for each in caches) / lookups if lookups else None


def unneeded_rejections(scope: Scope) -> float | None:
    """Rejected attempts that the service, as it then was, would have answered in time.

    Only a simulation knows what would have happened: at each rejection the world looks at the
    service's free workers, queue and faults and judges what an attempt sent at that moment
    would have met. The judgement is about that one attempt; the load that all the rejected ones
    together would have added is not in it. Where attempts queue, the count of those that would
    have been answered is up to 3 % too low, for the wait is an estimate.

    The attempt's own demand and the faults that strike it are known exactly; the wait for a
    worker is estimated. While workers are free there is none. Else every attempt before it in
    the queue holds a worker as long as recent ones did on average, and hung workers serve
    nobody until their hang ends: if all are hung, or the queue holds enough that will be, an
    attempt is answered in time only if that end is near enough. A service whose own calls
    hang is taken to go on at its recent pace, and a paused one to answer nobody.
    """
    return float(scope.attempts["unneeded"])


def _of_attempts(scope: Scope, kind: str) -> float | None:
    made = scope.attempts["attempts"]
    return scope.attempts[kind] / made if made else None


def utilisation(scope: Scope) -> float | None:
    """Share of a service's worker time in which a worker is held.

    The workers are those the scenario gives it, as its changes leave them: a capacity fault lowers
    the utilisation it allows. A worker that waits for a call of its own is held, unless the service
    does not block, and so is one whose replica pauses.
    """
    if scope.service is None:
        return None
    service = scope.facts.trace.layout.services[scope.service]
    busy = scope.facts.worker_time.services[scope.service].busy.seconds_within(scope.cells)
    return busy / sum(service.worker_seconds(*window) for window in scope.phase.windows)


def replicas(scope: Scope) -> float | None:
    """Replicas of a service that take new work, as an average over time.

    Those that an autoscaler has started and that are not there yet are none of them; those that
    are down because they start anew are.
    """
    if scope.service is None:
        return None
    service = scope.facts.trace.layout.services[scope.service]
    total = sum(service.replica_seconds(*window) for window in scope.phase.windows)
    return total / scope.seconds


def restarts(scope: Scope) -> float | None:
    """How often a replica started anew by itself: it was full for too long, or a check went wrong.

    Restarts that are faults of the scenario are not among them.
    """
    falls = scope.facts.trace.layout.crashes_of(scope.service)
    return float(sum(_is_within(each.at, scope) for each in falls))


def down(scope: Scope) -> float | None:
    """Share of the time of replicas that take work in which they are gone and start anew.

    As in `restarts`, those are none that the scenario's faults restart.
    """
    layout = scope.facts.trace.layout
    services = layout.services if scope.service is None else (layout.services[scope.service],)
    gone = there = 0.0
    for start, end in scope.phase.windows:
        there += sum(each.replica_seconds(start, end) for each in services)
        for fall in layout.crashes_of(scope.service):
            gone += max(0.0, min(fall.until, end) - max(fall.at, start))
    return min(1.0, gone / there) if there > 0.0 else None


def _is_within(at: float, scope: Scope) -> bool:
    duration = scope.facts.trace.duration
    return any(start <= at < end or at == end == duration for start, end in scope.phase.windows)


def queue_peak(scope: Scope) -> float | None:
    """The most attempts ever waiting for a worker of a service at once, over all replicas."""
    if scope.service is None:
        return None
    queue = scope.facts.worker_time.services[scope.service].longest_queue
    return float(queue.within(scope.cells))


def mean_queue(scope: Scope) -> float | None:
    """Attempts waiting for a worker of a service, over all replicas, as an average over time."""
    if scope.service is None:
        return None
    queued = scope.facts.worker_time.services[scope.service].queued
    return queued.seconds_within(scope.cells) / scope.seconds


def wasted_work(scope: Scope) -> float | None:
    """Share of all held worker time spent after everybody who wanted the answer had gone.

    The caller has gone once its wait has timed out or it abandoned the attempt, once whoever
    waits for the caller has gone, or once the user's request has ended. What a worker did
    before that moment was done for somebody, and is not counted even if it was in vain: so a
    service that stops when its caller has gone wastes nothing, and work that a restart throws
    away is not wasted either.
    """
    times = scope.facts.worker_time.services
    chosen = times if scope.service is None else (times[scope.service],)
    busy = _together([each.busy for each in chosen], scope)
    wasted = _together([each.wasted for each in chosen], scope)
    return min(1.0, wasted / busy) if busy > 0.0 else None


def worker_seconds_waiting(scope: Scope) -> float | None:
    """Time that callers spend waiting for attempts, in thread-seconds.

    This is what starves a frontend: a thread that waits for a slow dependency serves nobody.
    Of a service: the waits of its own workers for the services it calls, none if it does not
    block. Of the run: those of all services and of the client groups, each press of whose users
    is a thread. A wait for the caller's rate limit or bulkhead is part of it; pauses between
    retries are not waits for an attempt, and not in it.
    """
    times = scope.facts.worker_time
    if scope.service is not None:
        return _together([times.services[scope.service].held], scope)
    return _together([*(each.held for each in times.services), times.held_by_clients], scope)


def _together(spans: list[SpanSum], scope: Scope) -> float:
    total = 0.0
    for each in spans:
        total += each.seconds_within(scope.cells)
    return total
