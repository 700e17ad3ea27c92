"""Autoscalers and crashes that never do what they are for, or do it all the time."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.scenario.arrivals import OpenArrivals
from simcb.scenario.model import Scenario, Service
from simcb.scenario.refusal import quoted
from simcb.scenario.scaling import Scale
from simcb.scenario.units import format_duration

Found = tuple[str, tuple[str | int, ...]]
"""A sentence, and what leads to the place in the file."""


def vain_processes(scenario: Scenario) -> Iterator[Found]:
    """Yield what of a service's replicas never begins, or comes too late."""
    for name, service in scenario.services.items():
        if service.scale is not None:
            keys = ("services", name, "scale")
            for words, word in _vain_scale(scenario, name, service, service.scale):
                yield f"the autoscaler of {quoted(name)} {words}", (*keys, word)
    yield from _new_breakers(scenario)


def _vain_scale(
    scenario: Scenario, name: str, service: Service, scale: Scale
) -> Iterator[tuple[str, str]]:
    if scale.least == scale.most:
        yield f"never scales: there are {scale.most} replicas at least and at most", "most"
        return
    if scale.target * (1.0 + scale.tolerance) >= 1.0:
        yield (
            "never adds a replica: all its workers busy are within the tolerance of its target; "
            "lower one of the two",
            "target",
        )
    if scale.every + scale.delay > scenario.duration:
        yield (
            f"adds none in time: the first replica it starts takes work after "
            f"{format_duration(scale.every + scale.delay)}, and the run lasts "
            f"{format_duration(scenario.duration)}; lower its `delay`, or run for longer",
            "delay",
        )
        return
    faults = [fault for fault in scenario.faults if fault.on == name]
    slowest = max((fault.lasts.mean_value for fault in faults), default=0.0)
    if 0.0 < slowest < scale.delay:
        yield (
            f"comes too late for the fault of {format_duration(slowest)}: a replica that it "
            f"starts takes work after {format_duration(scale.delay)}; lower its `delay`, or keep "
            "more replicas with `least`",
            "delay",
        )
    needed = _needed(scenario, name, service, scale)
    if needed > scale.most:
        yield (
            f"never makes enough: the highest rate of its clients takes {needed} replicas at its "
            f"target, and it may make {scale.most}; raise `most` to {needed}",
            "most",
        )


def _needed(scenario: Scenario, name: str, service: Service, scale: Scale) -> int:
    """Return the replicas that a service needs for what its open clients themselves ask at most."""
    load = 0.0
    for group in scenario.clients.values():
        law = group.arrivals
        points = law.rate if isinstance(law, OpenArrivals) else ()
        highest = max((each.rate for each in points), default=0.0)
        shares = (call.share for to, call in group.calls.items() if call.target(to) == name)
        load += highest * sum(shares) * service.work.mean_value
    return math.ceil(load / (service.workers * scale.target * (1.0 + scale.tolerance)) - 1e-9)


def _new_breakers(scenario: Scenario) -> Iterator[Found]:
    """Yield the breakers for each replica of a service whose replicas come and go."""
    for part, callers in (("clients", scenario.clients), ("services", scenario.services)):
        for caller, each in callers.items():
            for called, call in each.calls.items():
                to, breaker = call.target(called), call.breaker
                if breaker is None or not (breaker.enabled and breaker.per_replica):
                    continue
                if scenario.services[to].scale is not None:
                    yield (
                        f"the breakers of `{caller}->{called}` know nothing of a replica that "
                        f"the autoscaler of {quoted(to)} starts: each is closed at first, and "
                        "trips anew; leave `per_replica` out for one that knows the service",
                        (part, caller, "calls", called, "breaker", "per_replica"),
                    )
