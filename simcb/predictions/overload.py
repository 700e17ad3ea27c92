"""How busy a service is while a fault makes it slower or leaves it fewer workers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.metrics.phase import active_windows
from simcb.predictions.traffic import Traffic
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    RATIO,
    SECONDS,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.faults import Capacity, Cold, Fault, Latency


def slowness(fault: Fault) -> tuple[float, float]:
    """Return how many times the usual an attempt takes under a fault, and how many seconds more."""
    if isinstance(fault, Latency):
        return fault.multiplied, fault.added
    if isinstance(fault, Capacity):
        return (1.0 / fault.times if fault.times else math.inf), 0.0
    return (fault.times, 0.0) if isinstance(fault, Cold) else (1.0, 0.0)


def load_under(traffic: Traffic, name: str, fault: Fault) -> float:
    """Return the load on the workers of the replicas that a fault strikes; above 1 a queue grows.

    A fault on a link is felt by that caller's attempts alone. Nested calls count as the work does.
    """
    usual = traffic.utilisation(name)
    return usual * held_under(traffic, name, fault) / traffic.held(name) if usual else 0.0


def held_under(traffic: Traffic, name: str, fault: Fault) -> float:
    """Return how long a worker is held under a fault by an attempt on average, in seconds."""
    held = traffic.held(name)
    times, added = slowness(fault)
    share, total = fault.share, traffic.arriving(name)
    if fault.link is not None and total:
        own = (each for each in traffic.links_to(name) if each.caller == fault.link[0])
        share *= math.fsum(traffic.flows[each.path].attempts for each in own) / total
    return held * (1.0 - share) + (held * times + added) * share if share else held


def overload_predictions(traffic: Traffic) -> Iterator[Prediction]:
    """Yield each fault under which more is asked of a service than it can do, with how much."""
    for place, (label, fault) in enumerate(traffic.scenario.labelled_faults):
        name = fault.service
        if not isinstance(fault, Latency | Capacity | Cold):
            continue
        load = load_under(traffic, name, fault)
        if traffic.utilisation(name) >= 1.0 or not 1.0 <= load < math.inf:
            continue
        if not active_windows(fault, traffic.scenario.duration):
            continue
        service = traffic.scenario.services[name]
        part = "" if fault.replicas is None else " at each replica that is struck"
        yield Prediction(
            "load_under",
            name,
            load,
            RATIO,
            "{λ} × {S} / {c}",
            numbers(
                λ=(traffic.arriving(name) / service.replicas, PER_SECOND),
                S=(held_under(traffic, name, fault), SECONDS),
                c=(service.workers, COUNT),
            ),
            Sureness.ABOUT,
            "nobody retries, no breaker is open, and replicas get as many attempts each as usual",
            (f"faults.{place}", f"services.{name}.workers", f"services.{name}.work"),
            fault=label,
            remark=f"overloaded{part}: its queue grows",
        )
