"""Autoscalers and crashes that never do what they are for, or do it all the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from simcb.scenario.admission import ConcurrencyLimit
from simcb.scenario.arrivals import OpenArrivals
from simcb.scenario.crashing import Crash
from simcb.scenario.distributions import Constant
from simcb.scenario.liveness import Liveness
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
        if service.liveness is not None:
            keys = ("services", name, "liveness")
            for words, word in _dear_checks(scenario, name, service.liveness):
                yield words, (*keys, word)
        if service.crash is not None:
            yield from _vain_crash(scenario, name, service, service.crash)
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


def _dear_checks(scenario: Scenario, name: str, liveness: Liveness) -> Iterator[tuple[str, str]]:
    # From the first check that sees something to the verdict on the last.
    needs = (liveness.failures - 1) * liveness.every + liveness.timeout
    asked = scenario.services[liveness.asks].work
    if needs > scenario.duration:
        yield (
            f"the health check of {quoted(name)} never restarts a replica: "
            f"{liveness.failures} checks take {format_duration(needs)}, and the run lasts "
            f"{format_duration(scenario.duration)}; make them more often, or run for longer",
            "every",
        )
    elif isinstance(asked, Constant) and asked.value > liveness.timeout:
        yield (
            f"in {quoted(name)} a check always goes wrong: {quoted(liveness.asks)} works for "
            f"{format_duration(asked.value)}, and its `timeout` is "
            f"{format_duration(liveness.timeout)}; write a longer one",
            "timeout",
        )
    else:
        lasts = format_duration(liveness.failures * liveness.every)
        yield (
            f"an outage of {quoted(liveness.asks)} that lasts {lasts} restarts {quoted(name)}, "
            "which may be well: leave `liveness` out, and ask dependencies where only "
            "traffic depends on the answer",
            "asks",
        )


def _vain_crash(scenario: Scenario, name: str, service: Service, crash: Crash) -> Iterator[Found]:
    keys = ("services", name, "crash")
    if crash.lasts >= scenario.duration:
        yield (
            f"{quoted(name)} never falls: it would have to be full for "
            f"{format_duration(crash.lasts)}, and the run lasts "
            f"{format_duration(scenario.duration)}; write a shorter `for`",
            (*keys, "for"),
        )
        return
    admit = service.admit
    full = math.ceil(crash.above * service.workers - 1e-9)
    inside = service.blocking or not service.calls
    if isinstance(admit, ConcurrencyLimit) and admit.limit < full and inside:
        yield (
            f"{quoted(name)} never falls: its admission lets {admit.limit} in at once, and it is "
            f"full when {full} of its workers are held; leave `crash` out, or raise one of the two",
            (*keys, "above"),
        )
    load = _load(scenario, name, service) / service.most_replicas
    if admit is None and load > 0.0 and load >= full:
        yield (
            f"{quoted(name)} always falls: its clients' lowest rate alone holds {load:.3g} workers "
            f"of each replica, and it is full at {full}; give it more, or raise `above`",
            (*keys, "above"),
        )


def _needed(scenario: Scenario, name: str, service: Service, scale: Scale) -> int:
    """Return the replicas that a service needs for what its open clients themselves ask at most."""
    load = _load(scenario, name, service, max)
    return math.ceil(load / (service.workers * scale.target * (1.0 + scale.tolerance)) - 1e-9)


def _load(
    scenario: Scenario,
    name: str,
    service: Service,
    of: Callable[[Iterable[float]], float] = min,
) -> float:
    """Return how many workers' work open clients themselves ask for, at their lowest rates."""
    load = 0.0
    for group in scenario.clients.values():
        law = group.arrivals
        rate = of([each.rate for each in law.rate]) if isinstance(law, OpenArrivals) else 0.0
        shares = (call.share for to, call in group.calls.items() if call.target(to) == name)
        load += rate * sum(shares) * service.work.mean_value
    return load


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
