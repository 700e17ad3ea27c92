"""What changed in a run, in order of time: breakers' transitions, faults' begins and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

from simcb.trace import STATE_NAMES, Trace

Event = dict[str, str | float | int]

_FAULT_BEGINS, _FAULT_ENDS, _TRANSITION = range(3)


def events(trace: Trace) -> Iterator[Event]:
    """Yield the events of a run by time; at the same time, faults before breakers.

    A fault that has not ended when the run does has no end here, and one that begins after
    it none at all.
    """
    found: list[tuple[float, int, int, Event]] = []
    for number, fault in enumerate(trace.layout.faults):
        words = {"fault": fault.name, "kind": fault.kind, "on": fault.on}
        edges = (
            (_FAULT_BEGINS, fault.start, "fault_begins"),
            (_FAULT_ENDS, fault.end, "fault_ends"),
        )
        for rank, at, event in edges:
            if at <= trace.duration:
                found.append((at, rank, number, {"at": at, "event": event, **words}))
    for number, (at, breaker, before, after) in enumerate(trace.transitions.tolist()):
        change = {
            "breaker": trace.layout.breakers[breaker].name,
            "before": STATE_NAMES[before],
            "after": STATE_NAMES[after],
        }
        found.append((at, _TRANSITION, number, {"at": at, "event": "transition", **change}))
    found.sort(key=lambda each: each[:3])
    for *_, described in found:
        yield described


def event_lines(trace: Trace, variant: str) -> Iterator[str]:
    """Yield each event as a line of JSON, with the variant and replicate it belongs to."""
    for event in events(trace):
        row = {**event, "variant": variant, "replicate": trace.replicate}
        yield json.dumps(row, sort_keys=True, allow_nan=False) + "\n"
