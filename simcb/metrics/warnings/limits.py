"""Limits that a run never reaches, or that can only go one way."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.metrics.warnings.bounds import at_once, highest_rate, lowest_rate, tries
from simcb.metrics.warnings.links import Asked, Keys, Link, NoEffect, links
from simcb.scenario.adapting import Aimd, Limit
from simcb.scenario.admission import AdaptiveLimit, Codel, ConcurrencyLimit, Delay
from simcb.scenario.faults import Hang, Refuse, Restart
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import OnAbandon
from simcb.scenario.refusal import quoted
from simcb.scenario.retries import Server
from simcb.scenario.units import format_duration, format_rate


def unreached(asked: Asked) -> Iterator[NoEffect]:
    """Yield a service whose queue is full before its admission turns anybody away."""
    service = asked.service
    admit, queue = service.admit, service.queue.limit
    if queue is None or not isinstance(admit, ConcurrencyLimit | AdaptiveLimit):
        return
    least = admit.limit if isinstance(admit, ConcurrencyLimit) else admit.limit.least
    room = service.workers + queue
    # Without blocking there are also those who wait for calls of the service's own.
    if least > room and (service.blocking or not service.calls):
        yield asked.told(
            f"{quoted(asked.name)} never throttles: its admission has {least} places, and its "
            f"workers and queue are full at {room}; write a limit of {room} or less",
            *("admit", "limit"),
        )


def nobody_waits(asked: Asked) -> Iterator[NoEffect]:
    """Yield a service whose queue is too short for its limit on the wait to look at."""
    admit, queue = asked.service.admit, asked.service.queue.limit
    least = 3 if isinstance(admit, Codel) else 1
    if isinstance(admit, Delay) and queue is not None and queue < least:
        yield asked.told(
            f"{quoted(asked.name)} never throttles: `{admit.kind}` throws out of its queue only "
            f"if {least} can wait there, and it holds {queue}; write a `queue.limit` of {least} "
            "or more",
            *("queue", "limit"),
        )


def one_way_admissions(asked: Asked) -> Iterator[NoEffect]:
    """Yield an admission whose limit always grows, or always shrinks."""
    service = asked.service
    if isinstance(service.admit, AdaptiveLimit):
        dropping = _loses(asked) or service.on_abandon is not OnAbandon.FINISH
        keys = ("services", asked.name, "admit", "limit")
        yield from _one_way(asked, service.admit.limit, keys, dropping)


def one_way_bulkheads(link: Link) -> Iterator[NoEffect]:
    """Yield a bulkhead whose limit always grows, or always shrinks."""
    bulkhead = link.call.bulkhead
    if bulkhead is not None and bulkhead.limit is not None:
        dropping = link.call.timeout is not None or link.service.admit is not None
        asked = Asked(link.scenario, link.to, link.service)
        keys = (*link.keys, "bulkhead", "limit")
        yield from _one_way(asked, bulkhead.limit, keys, dropping or _loses(asked))


def one_replica(link: Link) -> Iterator[NoEffect]:
    """Yield a bulkhead for each replica of a service with one."""
    if link.call.bulkhead is not None and link.call.bulkhead.per_replica:
        yield from link.one_replica("bulkhead")


def _one_way(asked: Asked, limit: Limit, keys: Keys, dropping: bool) -> Iterator[NoEffect]:
    """Yield a limit by additive increase that always grows, or always shrinks."""
    if not isinstance(limit, Aimd):
        return
    takes = asked.service.work.mean_value
    if limit.target is None and not dropping:
        yield NoEffect(
            f"the limit before {quoted(asked.name)} only grows, as nothing is dropped and no "
            "answer is late; give it a `target` like `target: 500ms`",
            keys,
        )
    elif limit.target is not None and limit.target < takes:
        yield NoEffect(
            f"the limit before {quoted(asked.name)} always shrinks to its `least`: an answer takes "
            f"{format_duration(takes)} on average even when nobody waits, and its `target` is "
            f"{format_duration(limit.target)}; write a target well above",
            (*keys, "target"),
        )


def _loses(asked: Asked) -> bool:
    """Tell whether a service may refuse an attempt, or never answer it."""
    return asked.service.queue.limit is not None or any(
        isinstance(fault, Hang | Refuse | Restart) and fault.service == asked.name
        for fault in asked.scenario.faults
    )


def never_full(link: Link) -> Iterator[NoEffect]:
    """Yield a bulkhead with a place for every request that a process can have at once."""
    bulkhead, hedge = link.call.bulkhead, link.call.hedge
    if bulkhead is None or bulkhead.max_concurrent is None:
        return
    many = at_once(link) * (1 if hedge is None else 1 + hedge.times)
    if bulkhead.max_concurrent >= many:
        yield link.told(
            f"the bulkhead of {link.name} is never full: a process makes {many:g} calls at once "
            f"at most, and `max_concurrent` is {bulkhead.max_concurrent}; write less than "
            f"{many:g}, or leave it out",
            *("bulkhead", "max_concurrent"),
        )
    elif bulkhead.queue == 0 and bulkhead.max_wait:
        yield link.told(
            f"`max_wait` changes nothing in the bulkhead of {link.name}: `queue: 0` lets nobody "
            "wait; leave one of the two out",
            *("bulkhead", "max_wait"),
        )


def fixed_limits(link: Link) -> Iterator[NoEffect]:
    """Yield a bulkhead's limit that cannot move."""
    limit = None if link.call.bulkhead is None else link.call.bulkhead.limit
    if limit is not None and limit.least == limit.most:
        yield link.told(
            f"the limit of the bulkhead of {link.name} never moves: it is {limit.most} at least "
            "and at most; move `most`, or write `max_concurrent`",
            *("bulkhead", "limit", "most"),
        )


def fixed_admissions(asked: Asked) -> Iterator[NoEffect]:
    """Yield an admission's limit that cannot move."""
    admit = asked.service.admit
    if isinstance(admit, AdaptiveLimit) and admit.limit.least == admit.limit.most:
        yield asked.told(
            f"the limit of {quoted(asked.name)} never moves: it is {admit.limit.most} at least and "
            "at most; move `most`, or write `{kind: concurrency}`",
            *("admit", "limit", "most"),
        )


def nobody_heeds(asked: Asked) -> Iterator[NoEffect]:
    """Yield a Retry-After that no caller's backoff or breaker looks at."""
    admit = asked.service.admit
    if admit is None or admit.retry_after is None:
        return
    for link in links(asked.scenario):
        retry, breaker = link.call.retry, link.call.breaker
        hint = breaker is not None and breaker.recovery is not None and breaker.recovery.hint
        if link.to == asked.name and (
            hint or (retry is not None and isinstance(retry.backoff, Server))
        ):
            return
    yield asked.told(
        f"nobody heeds the `retry_after` of {quoted(asked.name)}; let a caller do so by `backoff: "
        "{kind: server}` with `on: [throttled]`, or a breaker by `recovery: {hint: true}`",
        *("admit", "retry_after"),
    )


def idle_rate_limit(link: Link) -> Iterator[NoEffect]:
    """Yield a rate limit that holds nobody back, or whose `max_wait` everybody waits in vain.

    The first only for the first call of an open group without retries and hedges, whose attempts
    come as its requests do. Of Poisson arrivals at a rate λ, r > λ tokens a second and b of them
    saved, a busy time uses them up with probability of at most exp(-θb), where λ(exp θ - 1) = θr
    (Kingman); here with θ = ln(r/λ), which is less. The second for a first call that neither a
    cache, a breaker nor a throttle keeps away.
    """
    limit, call, caller = link.call.rate_limit, link.call, link.caller
    if limit is None or not isinstance(caller, ClientGroup):
        return
    if next(iter(caller.calls)) != link.keys[3]:
        return
    duration, asks = link.scenario.duration, highest_rate(link) * call.share
    once = tries(link) == 1.0 and call.hedge is None and caller.refresh is None
    if once and 0.0 < asks < limit.rate:
        rare = math.log(limit.rate / asks) * (limit.tokens - 1.0)
        if rare > math.log(1e12 * max(1.0, asks * duration)):
            yield link.told(
                f"the rate limit of {link.name} holds nobody back: {quoted(link.keys[1])} asks for "
                f"{format_rate(asks)} at most, and it lets {format_rate(limit.rate)} through and "
                f"{limit.tokens:g} at once; write a lower `rate`, or leave it out",
                *("rate_limit", "rate"),
            )
    asks = lowest_rate(link) * call.share / caller.instances
    if call.cache or call.throttle or call.breaker or not limit.max_wait:
        return
    longest = limit.rate * limit.max_wait + limit.tokens
    if 0.9 * asks > limit.rate and (asks - limit.rate) * duration > 10.0 * longest + 100.0:
        yield link.told(
            f"`max_wait` of the rate limit of {link.name} makes nearly every call wait: a process "
            f"asks for {format_rate(asks)} or more, and {format_rate(limit.rate)} are sent, so the "
            "rest is shed all the same; raise `rate`, or leave `max_wait` out",
            *("rate_limit", "max_wait"),
        )
