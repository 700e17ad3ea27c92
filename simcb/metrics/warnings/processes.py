"""Autoscalers and crashes that never do what they are for, or do it all the time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from simcb.metrics.warnings.links import Asked, NoEffect
from simcb.scenario.admission import ConcurrencyLimit
from simcb.scenario.arrivals import OpenArrivals
from simcb.scenario.distributions import Constant
from simcb.scenario.refusal import quoted
from simcb.scenario.scaling import Scale
from simcb.scenario.units import format_duration


def vain_scales(asked: Asked) -> Iterator[NoEffect]:
    """Yield an autoscaler that never adds a replica, too few, or too late."""
    if asked.service.scale is not None:
        for words, word in _of_a_scale(asked, asked.service.scale):
            yield asked.told(f"the autoscaler of {quoted(asked.name)} {words}", "scale", word)


def _of_a_scale(asked: Asked, scale: Scale) -> Iterator[tuple[str, str]]:
    scenario = asked.scenario
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
    faults = [fault for fault in scenario.faults if fault.on == asked.name]
    slowest = max((fault.lasts.mean_value for fault in faults), default=0.0)
    if 0.0 < slowest < scale.delay:
        yield (
            f"comes too late for the fault of {format_duration(slowest)}: a replica that it "
            f"starts takes work after {format_duration(scale.delay)}; lower its `delay`, or keep "
            "more replicas with `least`",
            "delay",
        )
    needed = _needed(asked, scale)
    if needed > scale.most:
        yield (
            f"never makes enough: the highest rate of its clients takes {needed} replicas at its "
            f"target, and it may make {scale.most}; raise `most` to {needed}",
            "most",
        )


def bounded_replicas(asked: Asked) -> Iterator[NoEffect]:
    """Yield a number of replicas that the autoscaler does not begin with, as it may not."""
    service = asked.service
    if service.scale is not None and "replicas" in service.model_fields_set:
        first = service.first_replicas
        if first != service.replicas and service.scale.least < service.scale.most:
            yield asked.told(
                f"{quoted(asked.name)} begins with {first} replicas and not {service.replicas}, as "
                "its `scale` says how many there are at least and at most; move one of them",
                "replicas",
            )


def no_others(asked: Asked) -> Iterator[NoEffect]:
    """Yield a balance over one replica, and a word about calls where none are made."""
    service, given = asked.service, asked.service.model_fields_set
    if "balance" in given and service.most_replicas == 1:
        yield asked.told(
            f"`balance` changes nothing in {quoted(asked.name)}, which has one replica; leave it "
            "out, or give it more like `replicas: 3`",
            "balance",
        )
    if "blocking" in given and not service.calls:
        yield asked.told(
            f"`blocking` changes nothing in {quoted(asked.name)}, which makes no `calls`; leave it "
            "out, or add some",
            "blocking",
        )


def dear_checks(asked: Asked) -> Iterator[NoEffect]:
    """Yield a health check that never restarts a replica, or does so when others are down."""
    liveness, scenario, name = asked.service.liveness, asked.scenario, quoted(asked.name)
    if liveness is None:
        return
    # From the first check that sees something to the verdict on the last.
    needs = (liveness.failures - 1) * liveness.every + liveness.timeout
    work = scenario.services[liveness.asks].work
    if needs > scenario.duration:
        yield asked.told(
            f"the health check of {name} never restarts a replica: "
            f"{liveness.failures} checks take {format_duration(needs)}, and the run lasts "
            f"{format_duration(scenario.duration)}; make them more often, or run for longer",
            *("liveness", "every"),
        )
    elif isinstance(work, Constant) and work.value > liveness.timeout:
        yield asked.told(
            f"in {name} a check always goes wrong: {quoted(liveness.asks)} works for "
            f"{format_duration(work.value)}, and its `timeout` is "
            f"{format_duration(liveness.timeout)}; write a longer one",
            *("liveness", "timeout"),
        )
    else:
        lasts = format_duration(liveness.failures * liveness.every)
        yield asked.told(
            f"an outage of {quoted(liveness.asks)} that lasts {lasts} restarts {name}, "
            "which may be well: leave `liveness` out, and ask dependencies where only "
            "traffic depends on the answer",
            *("liveness", "asks"),
        )


def vain_crashes(asked: Asked) -> Iterator[NoEffect]:
    """Yield a crash that never comes, or always does."""
    service, scenario, name = asked.service, asked.scenario, quoted(asked.name)
    crash = service.crash
    if crash is None:
        return
    if crash.lasts >= scenario.duration:
        yield asked.told(
            f"{name} never falls: it would have to be full for "
            f"{format_duration(crash.lasts)}, and the run lasts "
            f"{format_duration(scenario.duration)}; write a shorter `for`",
            *("crash", "for"),
        )
        return
    admit = service.admit
    full = math.ceil(crash.above * service.workers - 1e-9)
    inside = service.blocking or not service.calls
    if isinstance(admit, ConcurrencyLimit) and admit.limit < full and inside:
        yield asked.told(
            f"{name} never falls: its admission lets {admit.limit} in at once, and it is "
            f"full when {full} of its workers are held; leave `crash` out, or raise one of the two",
            *("crash", "above"),
        )
    load = _load(asked) / service.most_replicas
    if admit is None and load > 0.0 and load >= full:
        yield asked.told(
            f"{name} always falls: its clients' lowest rate alone holds {load:.3g} workers "
            f"of each replica, and it is full at {full}; give it more, or raise `above`",
            *("crash", "above"),
        )


def _needed(asked: Asked, scale: Scale) -> int:
    """Return the replicas that a service needs for what its open clients themselves ask at most."""
    each = asked.service.workers * scale.target * (1.0 + scale.tolerance)
    return math.ceil(_load(asked, max) / each - 1e-9)


def _load(asked: Asked, of: Callable[[Iterable[float]], float] = min) -> float:
    """Return how many workers' work open clients themselves ask for, past no cache."""
    load = 0.0
    for group in asked.scenario.clients.values():
        law = group.arrivals
        rate = of([each.rate for each in law.rate]) if isinstance(law, OpenArrivals) else 0.0
        shares = (
            call.share
            for to, call in group.calls.items()
            if call.target(to) == asked.name and call.cache is None
        )
        load += rate * sum(shares) * asked.service.work.mean_value
    return load
