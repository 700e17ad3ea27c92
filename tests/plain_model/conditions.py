"""What is wrong with a replica at a moment, read off the scenario's list of faults.

Every function takes the time and looks at every fault anew. `lot` is the attempt's own
number in [0, 1) for the fault of a label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simcb.scenario.faults import Capacity, Errors, Fault, Hang, Latency, Refuse, Surge
from simcb.scenario.model import Scenario

Faults = Sequence[tuple[str, Fault]]
Lot = Callable[[str], float]

CAPACITY_STEPS = 64
"""A ramping capacity fault takes workers away, and gives them back, in so many steps."""


def faults_on(scenario: Scenario, service: str, replica: int) -> Faults:
    """Return the labelled faults that touch one replica, in the file's order."""
    return [
        (label, fault)
        for label, fault in scenario.labelled_faults
        if fault.on == service and not isinstance(fault, Surge)
        if fault.replicas is None or replica in fault.replicas
    ]


def strength(fault: Fault, t: float) -> float:
    """Return how much of a fault is in force at `t`: 0 outside, 1 within, between on ramps."""
    end = fault.at + fault.lasts
    if not fault.at <= t < end:
        return 0.0
    if fault.ramp == 0:
        return 1.0
    return min(1.0, (t - fault.at) / fault.ramp, (end - t) / fault.ramp)


def refuses(faults: Faults, t: float, lot: Lot) -> bool:
    """Tell whether an attempt that arrives at `t` is turned away at the door."""
    return any(
        lot(label) < fault.share * strength(fault, t)
        for label, fault in faults
        if isinstance(fault, Refuse)
    )


def fails(faults: Faults, t: float, lot: Lot) -> bool:
    """Tell whether work begun at `t` ends in an error."""
    return any(
        lot(label) < fault.share * fault.rate * strength(fault, t)
        for label, fault in faults
        if isinstance(fault, Errors)
    )


def work_with(faults: Faults, t: float, lot: Lot, work: float) -> float:
    """Return the seconds that `work` takes when it is begun at `t`."""
    for label, fault in faults:
        if isinstance(fault, Latency) and strength(fault, t) > 0 and lot(label) < fault.share:
            much = strength(fault, t)
            work = work * (1.0 + (fault.multiplied - 1.0) * much) + fault.added * much
    return work


def hung_until(faults: Faults, t: float, lot: Lot) -> float:
    """Return when the last hang that holds an attempt at `t` ends; `t` if none does."""
    return max(
        [t]
        + [
            fault.at + fault.lasts
            for label, fault in faults
            if isinstance(fault, Hang) and lot(label) < fault.share * strength(fault, t)
        ]
    )


def workers_left(faults: Faults, workers: int, t: float) -> int:
    """Return how many of `workers` may work at `t`: at least one, unless all are gone."""
    left = float(workers)
    for _, fault in faults:
        if isinstance(fault, Capacity):
            much = strength(fault, t)
            left *= (1.0 - much) + much * fault.times
    return max(1, int(left + 1e-9)) if left > 0 else 0


def capacity_moments(faults: Faults) -> list[float]:
    """Return when the number of workers is worked out anew, in order."""
    moments: set[float] = set()
    for _, fault in faults:
        if isinstance(fault, Capacity) and fault.lasts > 0:
            end = fault.at + fault.lasts
            moments |= {fault.at, end}
            if fault.ramp > 0:
                for step in range(1, CAPACITY_STEPS + 1):
                    gone = fault.ramp * step / CAPACITY_STEPS
                    moments |= {fault.at + gone, end - gone}
    return sorted(moments)
