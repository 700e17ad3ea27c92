"""Traces written by hand: a few rows whose right numbers can be told by looking at them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simcb.trace import (
    ATTEMPT_CODE,
    ATTEMPTS,
    COUNTERS,
    REQUEST_CODE,
    REQUESTS,
    SAMPLES,
    STATE_CODE,
    TRANSITIONS,
    AttemptOutcome,
    BreakerInfo,
    CallInfo,
    FaultInfo,
    Layout,
    RequestOutcome,
    ServiceInfo,
    Trace,
)

NAN = math.nan

_CAUSE_OF = {"ok": "ok", "degraded": "error", "failed": "error", "unfinished": "in_flight"}


class TraceBuilder:
    """Collects rows and freezes them into a trace.

    Without arguments: one client group `shop` calling one service `db` of one replica with two
    workers, no breaker, no fault.
    """

    def __init__(
        self,
        duration: float = 100.0,
        *,
        services: Sequence[tuple[str, int, int]] = (("db", 1, 2),),
        calls: Sequence[tuple[str, str, float | None]] = (("shop", "db", None),),
        breakers: Sequence[tuple[int, int]] = (),
        faults: Sequence[tuple[str, float, float]] = (),
        groups: Sequence[str] = ("shop",),
    ) -> None:
        self.duration = duration
        infos, first = [], 0
        for name, replicas, workers in services:
            infos.append(ServiceInfo(name, first, replicas, workers))
            first += replicas
        names = {info.name for info in infos}
        self.layout = Layout(
            groups=tuple(groups),
            services=tuple(infos),
            calls=tuple(CallInfo(a, b, timeout, a not in names) for a, b, timeout in calls),
            breakers=tuple(
                BreakerInfo(f"breaker{i}", call, replica)
                for i, (call, replica) in enumerate(breakers)
            ),
            faults=tuple(FaultInfo(name, "hang", "db", start, end) for name, start, end in faults),
        )
        self.requests: list[tuple[object, ...]] = []
        self.attempts: list[tuple[object, ...]] = []
        self.transitions: list[tuple[object, ...]] = []
        self.samples: list[tuple[object, ...]] = []
        self.counters: list[tuple[object, ...]] = []

    def request(
        self,
        arrival: float,
        latency: float | None = 0.1,
        outcome: str = "ok",
        group: int = 0,
    ) -> int:
        """Add a request; a latency of None makes it unfinished. Returns its row."""
        if latency is None:
            outcome = "unfinished"
        end = NAN if latency is None else arrival + latency
        code = REQUEST_CODE[RequestOutcome(outcome)]
        cause = ATTEMPT_CODE[AttemptOutcome(_CAUSE_OF[outcome])]
        self.requests.append((arrival, end, group, 1, code, cause))
        return len(self.requests) - 1

    def attempt(
        self,
        start: float,
        end: float = NAN,
        *,
        request: int = 0,
        begin: float | None = None,
        freed: float = NAN,
        arrive: float | None = None,
        outcome: str = "ok",
        parent: int = -1,
        call: int = 0,
        retry: int = 0,
        replica: int | None = None,
        breaker: int = -1,
        flags: int = 0,
    ) -> int:
        """Add an attempt; unless said otherwise its service's first replica gets it at once."""
        result = AttemptOutcome(outcome)
        unsent = result in (AttemptOutcome.REJECTED, AttemptOutcome.SHED)
        if replica is None:
            service = self.layout.service_index(self.layout.calls[call].service)
            replica = -1 if unsent else self.layout.services[service].first_replica
        refused = result is AttemptOutcome.REFUSED
        if arrive is None:
            arrive = start if replica >= 0 else NAN
        row = (
            start,
            start if (unsent or refused) and math.isnan(end) else end,
            arrive,
            NAN if begin is None else begin,
            arrive if refused and math.isnan(freed) else freed,
            request,
            parent,
            call,
            retry,
            replica,
            breaker,
            ATTEMPT_CODE[result],
            flags,
        )
        self.attempts.append(row)
        return len(self.attempts) - 1

    def served(self, start: float, seconds: float, *, wait: float = 0.0, **more: object) -> int:
        """Add a request with one ok attempt that a worker serves for `seconds` after `wait`."""
        end = start + wait + seconds
        row = self.request(start, wait + seconds)
        self.attempt(start, end, request=row, begin=start + wait, freed=end, **more)  # type: ignore[arg-type]
        return row

    def transition(self, at: float, before: str, after: str, breaker: int = 0) -> None:
        """Add a change of state."""
        self.transitions.append((at, breaker, STATE_CODE[before], STATE_CODE[after]))

    def sample(self, at: float, queued: int, busy: int, capacity: int, replica: int = 0) -> None:
        """Add a sample."""
        self.samples.append((at, replica, queued, busy, capacity))

    def counter(self, breaker: int = 0, **counts: int) -> None:
        """Add a breaker's counters; those not named are 0."""
        names = [name for name, _, _ in COUNTERS.columns][1:]
        self.counters.append((breaker, *(counts.get(name, 0) for name in names)))

    def trace(self) -> Trace:
        """Return the trace."""
        return Trace(
            layout=self.layout,
            duration=self.duration,
            seed=0,
            replicate=0,
            scenario="",
            versions={},
            requests=np.array(self.requests, dtype=REQUESTS.dtype),
            attempts=np.array(self.attempts, dtype=ATTEMPTS.dtype),
            transitions=np.array(self.transitions, dtype=TRANSITIONS.dtype),
            samples=np.array(self.samples, dtype=SAMPLES.dtype),
            counters=np.array(self.counters, dtype=COUNTERS.dtype),
        )
