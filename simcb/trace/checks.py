"""What makes a trace readable at all: types, indexes that point at something, moments in order.

A saved trace is data from outside. Whether such a run can happen is another question, which the
laws of the metrics ask.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace.layout import Layout
from simcb.trace.tables import (
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    STATE_NAMES,
    TRANSITIONS,
    Flag,
)
from simcb.typed import mistyped

if TYPE_CHECKING:
    from simcb.trace.trace import Trace

_MOMENTS = (
    (REQUESTS, "arrival", ("end",)),
    (ATTEMPTS, "start", ("end", "arrive", "begin", "freed")),
    (TRANSITIONS, "at", ()),
    (SAMPLES, "at", ()),
)
"""Of each table the moment its rows are in order of, and those that may never have come."""

_COUNTS = (
    (REQUESTS, ("presses",)),
    (ATTEMPTS, ("retry",)),
    (SAMPLES, ("queued", "busy", "capacity")),
    (COUNTERS, ("admitted", "rejected", "successes", "failures", "ignored", "stale")),
)

_OPEN = (
    (REQUESTS, REQUEST_CODE[RequestOutcome.UNFINISHED]),
    (ATTEMPTS, ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]),
)
"""Of each table the outcome of what has no end."""

_HEADER = ("layout", "duration", "seed", "replicate", "scenario", "versions")


def column_limits(trace: Trace) -> tuple[tuple[str, str, int, int], ...]:
    """Return each column of indexes and codes: table, column, the least, and the first beyond."""
    layout = trace.layout
    replicas = _replicas(layout)
    return (
        ("requests", "group", 0, len(layout.groups)),
        ("requests", "outcome", 0, len(RequestOutcome)),
        ("requests", "cause", 0, len(AttemptOutcome)),
        ("attempts", "request", 0, len(trace.requests)),
        ("attempts", "parent", -1, len(trace.attempts)),
        ("attempts", "call", 0, len(layout.calls)),
        ("attempts", "replica", -1, replicas),
        ("attempts", "breaker", -1, len(layout.breakers)),
        ("attempts", "outcome", 0, len(AttemptOutcome)),
        ("attempts", "flags", 0, 2 * max(Flag)),
        ("transitions", "breaker", 0, len(layout.breakers)),
        ("transitions", "before", 0, len(STATE_NAMES)),
        ("transitions", "after", 0, len(STATE_NAMES)),
        ("samples", "replica", 0, replicas),
        ("counters", "breaker", 0, len(layout.breakers)),
    )


def problems(trace: Trace) -> Iterator[str]:
    """Yield what makes a trace unreadable; what comes later relies on what came before."""
    hints = get_type_hints(type(trace))
    for name in _HEADER:
        for place in mistyped(getattr(trace, name), hints[name], name):
            yield f"its {place} is of another type"
    if not (math.isfinite(trace.duration) and trace.duration > 0):
        yield f"its duration is {trace.duration}"
    yield from _layout_problems(trace.layout)
    for table, column, least, beyond in column_limits(trace):
        values = getattr(trace, table)[column]
        if ((values < least) | (values >= beyond)).any():
            yield f"a row of {table} has a {column} that does not exist"
    for counted, columns in _COUNTS:
        for column in columns:
            if (getattr(trace, counted.name)[column] < 0).any():
                yield f"a row of {counted.name} has a negative {column}"
    for timed, first, others in _MOMENTS:
        rows = getattr(trace, timed.name)
        if not _within(rows[first], trace.duration).all():
            yield f"a row of {timed.name} has a {first} outside the run"
        if (np.diff(rows[first]) < 0).any():
            yield f"the rows of {timed.name} are not in order of their {first}"
        for column in others:
            if not (np.isnan(rows[column]) | _within(rows[column], trace.duration)).all():
                yield f"a row of {timed.name} has its {column} outside the run"
    for ended, still_open in _OPEN:
        rows = getattr(trace, ended.name)
        if (np.isnan(rows["end"]) != (rows["outcome"] == still_open)).any():
            yield f"a row of {ended.name} has an outcome and no end, or the reverse"


def _within(moments: NDArray[Any], duration: float) -> NDArray[np.bool_]:
    return (moments >= 0) & (moments <= duration)


def _layout_problems(layout: Layout) -> Iterator[str]:
    """Yield which names of a layout point at nothing, or twice at the same."""
    services = {each.name for each in layout.services}
    named = (
        ("group", [*layout.groups]),
        ("service", [each.name for each in layout.services]),
        ("call", [each.name for each in layout.calls]),
        ("breaker", [each.name for each in layout.breakers]),
    )
    for what, names in named:
        if len(set(names)) < len(names):
            yield f"it has two of one {what}'s name"
    if len(layout.deadlines) not in (0, len(layout.groups)):
        yield "it has deadlines of other groups"
    first = 0
    for service in layout.services:
        if service.first_replica != first or service.replicas < 1 or service.workers < 1:
            yield f"the replicas of {service.name!r} are not its own"
        first += service.replicas
    for call in layout.calls:
        callers = layout.groups if call.from_client else services
        if call.service not in services or call.caller not in callers or call.processes < 1:
            yield f"the call {call.name!r} has no caller or no service"
    for breaker in layout.breakers:
        if not 0 <= breaker.call < len(layout.calls) or not -1 <= breaker.replica < first:
            yield f"the breaker {breaker.name!r} guards nothing"


def _replicas(layout: Layout) -> int:
    return max((each.first_replica + each.replicas for each in layout.services), default=0)
