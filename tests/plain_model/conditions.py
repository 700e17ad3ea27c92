"""What is wrong with a replica at a moment, read off the scenario's list of faults.

Every function takes the time and looks at every fault anew. A job's `lot` is its own number
in [0, 1) for a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, inf

from plain_model.stage import Job

from simcb.scenario.faults import (
    Capacity,
    Cold,
    Errors,
    Fault,
    Hang,
    Latency,
    Loss,
    Pause,
    Refuse,
    Restart,
    Surge,
)
from simcb.scenario.model import Scenario

Faults = Sequence[tuple[str, Fault]]
Window = tuple[float, float]
Crew = Sequence[tuple[float, int]]
"""Moments, 0 first, with how many workers there are from then on."""

CAPACITY_STEPS = 64
"""A ramping capacity fault takes workers away, and gives them back, in so many steps."""


def faults_on(scenario: Scenario, service: str, replica: int) -> Faults:
    """Return the labelled faults that touch one replica, in the file's order."""
    return [
        (label, fault)
        for label, fault in scenario.labelled_faults
        if fault.service == service and not isinstance(fault, Surge)
        if fault.replicas is None or replica in fault.replicas
    ]


def window(fault: Fault, t: float) -> Window | None:
    """Return the (start, end) of the fault's window around `t`, None if it is not active."""
    return next(((start, end) for start, end in fault.windows if start <= t < end), None)


def strength(fault: Fault, t: float) -> float:
    """Return how much of a fault is in force at `t`: 0 outside, 1 within, between on ramps."""
    around = window(fault, t)
    if around is None:
        return 0.0
    if fault.ramp == 0:
        return 1.0
    start, end = around
    return min(1.0, (t - start) / fault.ramp, (end - t) / fault.ramp)


def concerns(fault: Fault, job: Job) -> bool:
    """Tell whether a fault is on the way that a job came, or on all ways."""
    return fault.link is None or fault.link[0] == job.caller


def strikes(label: str, fault: Fault, t: float, job: Job, share: float) -> bool:
    """Tell whether a fault that strikes a share, at its full strength, strikes a job at `t`."""
    return concerns(fault, job) and job.lot(label, fault) < share * strength(fault, t)


def loses(faults: Faults, t: float, job: Job) -> bool:
    """Tell whether the network loses a job that is sent at `t`."""
    return any(
        strikes(label, fault, t, job, fault.share)
        for label, fault in faults
        if isinstance(fault, Loss)
    )


def refuses(faults: Faults, t: float, job: Job) -> bool:
    """Tell whether a job that arrives at `t` is turned away at the door."""
    return any(
        strikes(label, fault, t, job, fault.share)
        if isinstance(fault, Refuse)
        else isinstance(fault, Restart) and window(fault, t) is not None
        for label, fault in faults
    )


def fails(faults: Faults, t: float, job: Job) -> bool:
    """Tell whether work begun at `t` ends in an error."""
    return any(
        strikes(label, fault, t, job, fault.share * fault.rate)
        for label, fault in faults
        if isinstance(fault, Errors)
    )


def work_with(
    faults: Faults, t: float, job: Job, work: float, served: Callable[[str, Window], int]
) -> float:
    """Return the seconds that `work` takes when it is begun at `t`.

    `served` says how many good answers the replica has given since a window of a fault began.
    """
    for label, fault in faults:
        around = window(fault, t)
        if around is None or not concerns(fault, job):
            continue
        if isinstance(fault, Latency) and job.lot(label, fault) < fault.share:
            much = strength(fault, t)
            work = work * (1.0 + (fault.multiplied - 1.0) * much) + fault.added * much
        elif isinstance(fault, Cold):
            still_cold = max(0.0, 1.0 - served(label, around) / fault.successes)
            work = work * (1.0 + (fault.times - 1.0) * still_cold)
    return work


def hung_until(faults: Faults, t: float, job: Job) -> float:
    """Return when the last hang that holds a job at `t` ends; `t` if none does."""
    ends = [t]
    for label, fault in faults:
        around = window(fault, t)
        if isinstance(fault, Hang) and around and strikes(label, fault, t, job, fault.share):
            ends.append(around[1])
    return max(ends)


def done_at(faults: Faults, crew: Crew, t: float, work: float, pausing: bool = True) -> float:
    """Return when work begun at `t` is done, at the pace of each moment in turn.

    Args:
        faults: what touches the replica.
        crew: how many workers it has, from when on.
        t: seconds.
        work: seconds, at full pace.
        pausing: whether it stands still while the replica pauses.
    """
    moments = sorted({*capacity_moments(faults), *(at for at, _ in crew)})
    since = max((moment for moment in moments if moment <= t), default=t)
    speed = pace(faults, crew, since, pausing)
    for moment in [*moments, inf]:
        following = pace(faults, crew, moment, pausing)
        if moment <= t or (following == speed and moment < inf):
            continue
        if speed > 0 and t + work / speed <= moment:
            return t + work / speed
        work -= speed * (moment - t) if speed > 0 else 0.0
        t, speed = moment, following
    return inf


def pace(faults: Faults, crew: Crew, t: float, pausing: bool) -> float:
    """Return the seconds of work that a worker does in a second."""
    if pausing and pauses(faults, t):
        return 0.0
    left = part_left(faults, crew, t)
    return left / ceil(left) if left > 0 else 0.0


def pauses(faults: Faults, t: float) -> bool:
    """Tell whether the replica pauses at `t`."""
    return any(isinstance(fault, Pause) and window(fault, t) for _, fault in faults)


def part_left(faults: Faults, crew: Crew, t: float) -> float:
    """Return what capacity faults leave of the workers at `t`, to a billionth of one."""
    left = float(next(workers for at, workers in reversed(crew) if at <= max(t, 0.0)))
    for _, fault in faults:
        if isinstance(fault, Capacity):
            much = strength(fault, t)
            left *= (1.0 - much) + much * fault.times
    return round(left, 9)


def workers_left(faults: Faults, crew: Crew, t: float) -> int:
    """Return how many of the workers are there at `t`: a part of one is one that is slower."""
    return 0 if pauses(faults, t) else ceil(part_left(faults, crew, t))


def capacity_moments(faults: Faults) -> list[float]:
    """Return when the number of workers is worked out anew, in order."""
    moments: set[float] = set()
    for _, fault in faults:
        if not isinstance(fault, Capacity | Pause) or fault.lasts.mean_value == 0:
            continue
        for start, end in fault.windows:
            moments |= {start, end}
            if fault.ramp > 0:
                for step in range(1, CAPACITY_STEPS + 1):
                    gone = fault.ramp * step / CAPACITY_STEPS
                    moments |= {start + gone, end - gone}
    return sorted(moments)


def beginnings(faults: Faults, kind: type[Fault], until: float) -> list[tuple[str, Window]]:
    """Return the label and the window of every fault of a kind that begins before `until`."""
    return [
        (label, around)
        for label, fault in faults
        if isinstance(fault, kind) and fault.lasts.mean_value > 0
        for around in fault.windows
        if around[0] < until
    ]
