"""What happened in a run, as plain objects that point at names instead of numbers.

Both models are brought to this form before they are compared: the plain model writes it
directly, and a trace of the fast one is read into it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan

from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.trace import STATE_NAMES, Flag, Trace

ATTEMPT_OUTCOMES = tuple(AttemptOutcome)
REQUEST_OUTCOMES = tuple(RequestOutcome)


@dataclass(slots=True)
class RequestRecord:
    """One want of a user; times in seconds, nan for what never came.

    Args:
        number: how many its group asked for before it.
    """

    group: str
    number: int
    arrival: float
    end: float = nan
    presses: int = 0
    outcome: RequestOutcome = RequestOutcome.UNFINISHED
    cause: AttemptOutcome = AttemptOutcome.IN_FLIGHT


@dataclass(slots=True)
class AttemptRecord:
    """One try at one call; times in seconds, nan for what never came.

    Args:
        request, parent: places of the request and of the calling attempt, -1 for none.
        call: `caller->service`.
        replica, breaker: `service.number` and the breaker's name, "" for none.
    """

    request: int
    parent: int
    call: str
    retry: int
    start: float
    replica: str = ""
    breaker: str = ""
    arrive: float = nan
    begin: float = nan
    freed: float = nan
    end: float = nan
    outcome: AttemptOutcome = AttemptOutcome.IN_FLIGHT
    degraded: bool = False
    hung: bool = False
    dropped: bool = False
    lost: bool = False
    throttled: bool = False
    hedge: bool = False


@dataclass(slots=True)
class Record:
    """Everything that happened, in the order in which it did.

    Args:
        transitions: (when, breaker, state left, state entered).
        samples: (when, replica, queued, busy, capacity).
        counters: breaker → its own counts at the end.
    """

    requests: list[RequestRecord] = field(default_factory=list)
    attempts: list[AttemptRecord] = field(default_factory=list)
    transitions: list[tuple[float, str, str, str]] = field(default_factory=list)
    samples: list[tuple[float, str, int, int, int]] = field(default_factory=list)
    counters: dict[str, tuple[int, ...]] = field(default_factory=dict)


def record_of(trace: Trace) -> Record:
    """Read a trace into a record."""
    layout = trace.layout
    replicas = [f"{s.name}.{i}" for s in layout.services for i in range(s.replicas)]
    breakers = [breaker.name for breaker in layout.breakers]
    seen = dict.fromkeys(layout.groups, 0)
    record = Record()
    for row in trace.requests.tolist():
        arrival, end, group, presses, outcome, cause = row
        name = layout.groups[group]
        record.requests.append(
            RequestRecord(
                name,
                seen[name],
                arrival,
                end,
                presses,
                REQUEST_OUTCOMES[outcome],
                ATTEMPT_OUTCOMES[cause],
            )
        )
        seen[name] += 1
    for row in trace.attempts.tolist():
        start, end, arrive, begin, freed, request, parent, call, retry, replica, breaker = row[:11]
        outcome, flags = row[11:]
        record.attempts.append(
            AttemptRecord(
                request,
                parent,
                layout.calls[call].name,
                retry,
                start,
                replicas[replica] if replica >= 0 else "",
                breakers[breaker] if breaker >= 0 else "",
                arrive,
                begin,
                freed,
                end,
                ATTEMPT_OUTCOMES[outcome],
                bool(flags & Flag.DEGRADED),
                bool(flags & Flag.HUNG),
                bool(flags & Flag.DROPPED),
                bool(flags & Flag.LOST),
                bool(flags & Flag.THROTTLED),
                bool(flags & Flag.HEDGE),
            )
        )
    record.transitions = [
        (at, breakers[breaker], STATE_NAMES[before], STATE_NAMES[after])
        for at, breaker, before, after in trace.transitions.tolist()
    ]
    record.samples = [(at, replicas[who], *rest) for at, who, *rest in trace.samples.tolist()]
    record.counters = {breakers[who]: tuple(rest) for who, *rest in trace.counters.tolist()}
    return record
