"""Phases: the stretches of a run that are measured apart from each other.

This file knows when faults are active and changes are made, and nothing about what happened then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from simcb import outcomes
from simcb.trace import FaultInfo, Layout, Trace

if TYPE_CHECKING:
    from simcb.scenario.faults import Fault
    from simcb.scenario.model import Scenario

WHOLE = "whole"
HEALTHY, FAULT, BETWEEN, RECOVERY = outcomes.PHASES
PHASES = (WHOLE, *outcomes.PHASES)
"""The phases that every run may have; `PhaseNames` has those of its faults and changes."""

ONE_FAULT = "fault:"
"""Prefix of the phase of a single fault: `fault:NAME`."""
ONE_CHANGE = "change:"
"""Prefix of the phase that follows a change: `change:NAME`."""

Window = tuple[float, float]


@dataclass(frozen=True)
class PhaseNames:
    """The phases by which numbers of a scenario's runs may be asked for.

    Args:
        faults: the phases of its single faults, those that are never active included.
        changes: the phases that follow its changes.
    """

    faults: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def askable(self) -> tuple[str, ...]:
        """All of them, whether or not a run has them."""
        return (*PHASES, *self.faults, *self.changes)

    @property
    def measured(self) -> tuple[str, ...]:
        """Those that a run may have, in the order of `phases`."""
        single = self.faults if len(self.faults) > 1 else ()
        during = (HEALTHY, FAULT, *single, BETWEEN, RECOVERY) if self.faults else ()
        return (WHOLE, *during, *self.changes)

    def meant(self, name: str) -> str:
        """Return the phase of which a name is one: that of the only fault is `fault`."""
        return FAULT if (name,) == self.faults else name


def phase_names(scenario: Scenario) -> PhaseNames:
    """Return the phases that may be asked for in a scenario's runs."""
    faults = (label for label, _ in scenario.labelled_faults)
    return phases_of(faults, (label for label, _ in scenario.labelled_changes))


def layout_phases(layout: Layout) -> PhaseNames:
    """Return the phases that may be asked for in the run of a trace."""
    return phases_of((each.name for each in layout.faults), (each.name for each in layout.changes))


def phases_of(faults: Iterable[str], changes: Iterable[str]) -> PhaseNames:
    """Return the phases of faults and changes of these names."""
    return PhaseNames(
        tuple(dict.fromkeys(ONE_FAULT + name for name in faults)),
        tuple(dict.fromkeys(ONE_CHANGE + name for name in changes)),
    )


def is_single(phase: str) -> bool:
    """Return whether a phase is that of one fault or change, and lies within others."""
    return phase.startswith((ONE_FAULT, ONE_CHANGE))


@dataclass(frozen=True)
class Phase:
    """A named set of windows `[start, end)`, in seconds, ordered and apart from each other.

    A request belongs to the phase in which it arrived, an attempt to the one in which it was
    made. A window that reaches the end of the run includes that last moment.
    """

    name: str
    windows: tuple[Window, ...]

    @cached_property
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

    `change:NAME` is what follows a change under the conditions in which it was made: until the
    next change, until a fault begins where none is active, or until none is active any more.
    """
    parts = _parts(trace)
    if not trace.layout.changes:
        return parts
    around = (phase.windows for phase in parts if not is_single(phase.name))
    edges = {edge for windows in around for window in windows for edge in window}
    edges.update(change.at for change in trace.layout.changes)
    by_name: dict[str, list[Window]] = {}
    for change in trace.layout.changes:
        until = min((edge for edge in edges if edge > change.at), default=change.at)
        if change.at < until:
            by_name.setdefault(change.name, []).append((change.at, min(until, trace.duration)))
    after = (Phase(ONE_CHANGE + name, merged(each)) for name, each in by_name.items())
    return (*parts, *after)


def _parts(trace: Trace) -> tuple[Phase, ...]:
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


def active_windows(fault: Fault, end: float) -> list[Window]:
    """Return the windows in which a fault strikes before the end of the run, in seconds."""
    return [(a, b) for a, b in fault.windows if a < b and a < end and fault.share > 0]


def merged(windows: Iterable[Window]) -> tuple[Window, ...]:
    """Return the union of `windows` as ordered windows that neither overlap nor touch."""
    union: list[Window] = []
    for start, end in sorted(windows):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return tuple(union)
