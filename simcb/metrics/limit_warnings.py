"""Limits that a run never reaches, or that can only go one way."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.scenario.adapting import Aimd, Limit
from simcb.scenario.admission import AdaptiveLimit, Codel, ConcurrencyLimit, Delay
from simcb.scenario.faults import Hang, Refuse, Restart
from simcb.scenario.model import OnAbandon, Scenario, Service
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration

Found = tuple[str, tuple[str | int, ...]]
"""A sentence, and what leads to the place in the file."""


def vain_limits(scenario: Scenario) -> Iterator[Found]:
    """Yield the limits of services and callers that never do what they are for."""
    for name, service in scenario.services.items():
        keys = ("services", name, "admit", "limit")
        yield from _unreached(name, service, keys)
        yield from _nobody_waits(name, service)
        admit = service.admit
        if isinstance(admit, AdaptiveLimit):
            dropping = _loses(scenario, name, service) or _lets_go(service)
            yield from _one_way(admit.limit, name, service, (keys, dropping))
    for part, callers in (("clients", scenario.clients), ("services", scenario.services)):
        for caller, each in callers.items():
            for called, call in each.calls.items():
                limit = None if call.bulkhead is None else call.bulkhead.limit
                if limit is not None:
                    to = call.target(called)
                    service = scenario.services[to]
                    dropping = call.timeout is not None or service.admit is not None
                    dropping |= _loses(scenario, to, service)
                    place = (part, caller, "calls", called, "bulkhead", "limit")
                    yield from _one_way(limit, to, service, (place, dropping))


def _unreached(name: str, service: Service, keys: tuple[str, ...]) -> Iterator[Found]:
    """Yield a service whose queue is full before its admission turns anybody away."""
    admit, queue = service.admit, service.queue.limit
    if queue is None or not isinstance(admit, ConcurrencyLimit | AdaptiveLimit):
        return
    least = admit.limit if isinstance(admit, ConcurrencyLimit) else admit.limit.least
    room = service.workers + queue
    # Without blocking there are also those who wait for calls of the service's own.
    if least > room and (service.blocking or not service.calls):
        yield (
            f"{quoted(name)} never throttles: its admission has {least} places, and its "
            f"workers and queue are full at {room}; write a limit of {room} or less",
            keys,
        )


def _nobody_waits(name: str, service: Service) -> Iterator[Found]:
    """Yield a service whose queue is too short for its limit on the wait to look at."""
    admit, queue = service.admit, service.queue.limit
    least = 3 if isinstance(admit, Codel) else 1
    if isinstance(admit, Delay) and queue is not None and queue < least:
        yield (
            f"{quoted(name)} never throttles: `{admit.kind}` throws out of its queue only if "
            f"{least} can wait there, and it holds {queue}; write a `queue.limit` of {least} or "
            "more",
            ("services", name, "queue", "limit"),
        )


def _one_way(
    limit: Limit, name: str, service: Service, place: tuple[tuple[str, ...], bool]
) -> Iterator[Found]:
    """Yield a limit by additive increase that always grows, or always shrinks."""
    keys, dropping = place
    if not isinstance(limit, Aimd):
        return
    if limit.target is None and not dropping:
        yield (
            f"the limit before {quoted(name)} only grows, as nothing is dropped and no answer is "
            "late; give it a `target` like `target: 500ms`",
            keys,
        )
    elif limit.target is not None and limit.target < service.work.mean_value:
        yield (
            f"the limit before {quoted(name)} always shrinks to its `least`: an answer takes "
            f"{format_duration(service.work.mean_value)} on average even when nobody waits, and "
            f"its `target` is {format_duration(limit.target)}; write a target well above",
            (*keys, "target"),
        )


def _loses(scenario: Scenario, name: str, service: Service) -> bool:
    """Tell whether a service may refuse an attempt, or never answer it."""
    on = (name, *(f"{each}->{name}" for each in (*scenario.clients, *scenario.services)))
    lost = any(
        isinstance(fault, Hang | Refuse | Restart) and fault.on in on for fault in scenario.faults
    )
    return lost or service.queue.limit is not None


def _lets_go(service: Service) -> bool:
    """Tell whether a service lets go of what it has let in."""
    return service.on_abandon is not OnAbandon.FINISH
