"""How many replicas an autoscaler settles at, and how long it takes to get there."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.predictions.formulas import ramp_up, settled_replicas
from simcb.predictions.traffic import Traffic
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.model import Scenario, Service


def scaling_predictions(traffic: Traffic, scenario: Scenario) -> Iterator[Prediction]:
    """Yield what there is to say of each autoscaler whose service is asked.

    Args:
        traffic: an ordinary day, when all have settled.
        scenario: as it begins.
    """
    for name, service in scenario.services.items():
        if service.scale is not None and traffic.links_to(name):
            yield _replicas(traffic, name, service)


def _replicas(traffic: Traffic, name: str, service: Service) -> Prediction:
    scale, rate = service.scale, traffic.arriving(name)
    first = service.first_replicas
    assert scale is not None
    seconds = traffic.busy(name)
    wanted = settled_replicas(rate * seconds, service.workers, scale.target)
    there = scale.bounded(wanted)
    remark = f"but it wants {wanted}, and may have {there}" if wanted > there else ""
    if not remark and there > first:
        takes = ramp_up(first, there, scale.target, scale.every, scale.delay)
        remark = f"from {first} on within {takes:.3g} s"
    return Prediction(
        "replicas",
        name,
        float(there),
        COUNT,
        "⌈{λ} × {S} / ({w} × {t})⌉",
        numbers(
            λ=(rate, PER_SECOND),
            S=(seconds, SECONDS),
            w=(service.workers, COUNT),
            t=(scale.target, SHARE),
        ),
        Sureness.ABOUT if math.isfinite(seconds) else Sureness.LEAST,
        "the load stays as it is; within its tolerance it may stop earlier",
        (f"services.{name}.scale",),
        remark=remark,
    )
