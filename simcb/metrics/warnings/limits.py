"""Limits that a run never reaches, or that can only go one way."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.metrics.warnings.links import Asked, Keys, Link, NoEffect
from simcb.scenario.adapting import Aimd, Limit
from simcb.scenario.admission import AdaptiveLimit, Codel, ConcurrencyLimit, Delay
from simcb.scenario.faults import Hang, Refuse, Restart
from simcb.scenario.model import OnAbandon
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration


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
