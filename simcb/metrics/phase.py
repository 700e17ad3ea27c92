"""Phases: the stretches of a run that are measured apart from each other.

This file knows the windows of faults and nothing about what happened in them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from simcb.outcomes import PHASES
from simcb.trace import FaultInfo, Trace

WHOLE = "whole"
HEALTHY, FAULT, BETWEEN, RECOVERY = PHASES
ONE_FAULT = "fault:"
"""Prefix of the phase of a single fault: `fault:NAME`."""

Window = tuple[float, float]


@dataclass(frozen=True)
class Phase:
    """A named set of windows `[start, end)`, in seconds, ordered and apart from each other.

    A request belongs to the phase in which it arrived, an attempt to the one in which it was
    made. A window that reaches the end of the run includes that last moment.
    """

    name: str
    windows: tuple[Window, ...]

    @property
    def seconds(self) -> float:
        """The phase's length: the windows' lengths together."""
        total = 0.0
        for start, end in self.windows:
            total += end - start
        return total


def effective_faults(trace: Trace) -> tuple[FaultInfo, ...]:
    """Return the faults that are active for some time within the run, in the layout's order.

    A fault of zero length and one that begins at or after the end of the run change nothing,
    so nothing is measured by them. A fault that comes again and again is one for each of its
    windows; windows of one fault that touch are one.
    """
    effective = [
        fault
        for fault in trace.layout.faults
        if fault.end > fault.start and fault.start < trace.duration
    ]
    by_name: dict[str, list[FaultInfo]] = {}
    for fault in effective:
        by_name.setdefault(fault.name, []).append(fault)
    return tuple(
        replace(same[0], start=start, end=end)
        for same in by_name.values()
        for start, end in merged((each.start, each.end) for each in same)
    )


def phases(trace: Trace) -> tuple[Phase, ...]:
    """Return the phases of a run, `whole` before its parts.

    `healthy` is the time before the first fault, `fault` the time while any is active,
    `fault:NAME` while that one is (only if there are two of different name), `between` the time
    while none is active and one is still to come, `recovery` the time after the last. A phase of
    no length is left out; a run without faults is all of one piece and has only `whole`.
    """
    end = trace.duration
    found = [Phase(WHOLE, ((0.0, end),))]
    faults = effective_faults(trace)
    if not faults:
        return tuple(found)
    active = merged((fault.start, min(fault.end, end)) for fault in faults)
    if active[0][0] > 0.0:
        found.append(Phase(HEALTHY, ((0.0, active[0][0]),)))
    found.append(Phase(FAULT, active))
    by_name: dict[str, list[Window]] = {}
    for fault in faults:
        by_name.setdefault(fault.name, []).append((fault.start, min(fault.end, end)))
    if len(by_name) > 1:
        found.extend(Phase(ONE_FAULT + name, merged(each)) for name, each in by_name.items())
    if len(active) > 1:
        gaps = tuple((before[1], after[0]) for before, after in pairwise(active))
        found.append(Phase(BETWEEN, gaps))
    if active[-1][1] < end:
        found.append(Phase(RECOVERY, ((active[-1][1], end),)))
    return tuple(found)


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return the union of `windows` as ordered windows that neither overlap nor touch."""
    union: list[Window] = []
    for start, end in sorted(windows):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return tuple(union)
