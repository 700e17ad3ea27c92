"""What every metric starts from: the run's rows, spans and openings, prepared once.

`Facts` is about the whole run, `Scope` is one phase of it and, where a metric is about a
service or a client group, that one. A metric is a function of a scope; it neither sorts nor
scans the trace itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TypeVar

import numpy as np

from simcb.metrics.health import Health, LatencyLimits, Tally, harmful, health_of, latency_limits_of
from simcb.metrics.measures import Entities, Entity, Per
from simcb.metrics.openings import Openings, openings, state_intervals, time_in
from simcb.metrics.phase import HEALTHY, WHOLE, Phase, effective_faults, phases
from simcb.metrics.rows import AttemptRows, Booleans, RequestRows, attempt_rows, request_rows
from simcb.metrics.spans import Floats, Spans, WorkerTime, worker_time
from simcb.trace import FaultInfo, Trace

Rows = TypeVar("Rows", RequestRows, AttemptRows)

DEFAULT_SLO = 0.999


@dataclass(frozen=True, eq=False)
class Facts:
    """A trace, prepared for measuring; each part is made when first asked for, once.

    Args:
        trace: what is measured.
        slo: share of requests that has to be answered, for `burn` and `budget_used`.
    """

    trace: Trace
    slo: float = DEFAULT_SLO

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The run's phases."""
        return phases(self.trace)

    @cached_property
    def faults(self) -> tuple[FaultInfo, ...]:
        """The faults that are active for some time within the run."""
        return effective_faults(self.trace)

    @cached_property
    def requests(self) -> RequestRows:
        """The run's requests, by arrival."""
        return request_rows(self.trace)

    @cached_property
    def healthy_until(self) -> float:
        """The moment the healthy phase ends; 0 if there is none."""
        return next((each.windows[0][1] for each in self.phases if each.name == HEALTHY), 0.0)

    @cached_property
    def latency_limits(self) -> LatencyLimits:
        """How long the users of each client group wait, by what was usual in good times."""
        rows = self.requests
        ended = rows.at + rows.latency <= self.healthy_until
        return latency_limits_of(rows.where(ended), len(self.trace.layout.groups))

    @cached_property
    def health(self) -> Health:
        """Which requests are good, and how many have to be."""
        layout = self.trace.layout
        return health_of(
            self.requests,
            self.latency_limits,
            layout.users,
            self.healthy_until,
            self.trace.duration,
        )

    def tally(self, phase: Phase) -> Tally[int]:
        """Return how many requests of a phase are good, can be judged, and have a fallback's."""
        starts, ends = np.array(phase.windows, np.float64).reshape(-1, 2).T
        # The last moment of the run belongs to its last phase.
        ends = np.where(ends >= self.trace.duration, np.nextafter(ends, math.inf), ends)
        return Tally(*(int(each.sum()) for each in self.health.within(starts, ends)))

    @cached_property
    def attempts(self) -> AttemptRows:
        """The run's attempts, by start."""
        return attempt_rows(self.trace)

    @cached_property
    def by_service(self) -> tuple[AttemptRows, ...]:
        """The attempts at each service."""
        rows = self.attempts
        services = range(len(self.trace.layout.services))
        return tuple(rows.where(rows.service == each) for each in services)

    @cached_property
    def by_group(self) -> tuple[tuple[RequestRows, AttemptRows], ...]:
        """The requests of each client group, and the attempts made for them by anybody."""
        asking = self.trace.requests["group"][self.attempts.request]
        return tuple(
            (self.requests.where(self.requests.group == each), self.attempts.where(asking == each))
            for each in range(len(self.trace.layout.groups))
        )

    @cached_property
    def entities(self) -> Entities:
        """The names of the run's services and client groups."""
        layout = self.trace.layout
        return Entities(tuple(each.name for each in layout.services), layout.groups)

    @cached_property
    def open_spans(self) -> Spans:
        """Time that breakers spend open."""
        return Spans(*time_in(state_intervals(self.trace), "open"))

    @cached_property
    def openings(self) -> Openings:
        """Steps from closed to open, put down to the faults."""
        return openings(self.trace, self.faults)

    @cached_property
    def harmful(self) -> Booleans:
        """Which of `faults` cost answers."""
        return harmful(self.health, self.faults, self.trace.duration)

    @cached_property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """The places in `faults` of each fault's windows, by its name."""
        found: dict[str, tuple[int, ...]] = {}
        for name, same in groupby(enumerate(self.faults), lambda each: each[1].name):
            found[name] = tuple(place for place, _ in same)
        return found

    @cached_property
    def worker_time(self) -> WorkerTime:
        """Where the time of workers and callers goes."""
        return worker_time(self.trace)


def facts_of(run: Trace | Facts, slo: float = DEFAULT_SLO) -> Facts:
    """Return the facts of a run: those at hand, or new ones made from its trace."""
    if isinstance(run, Facts):
        return run if run.slo == slo else Facts(run.trace, slo)
    return Facts(run, slo)


@dataclass(frozen=True, eq=False)
class Scope:
    """One phase of a run, or of what one service or one client group sees of it.

    Args:
        facts: the run.
        phase: the phase.
        requests: requests that arrived in it; of a client group, its own.
        attempts: attempts made in it; of a service, those at it; of a client group, those made
            for its requests.
        latencies: seconds, ascending: every finished one of `requests`.
        ok_latencies: the same of requests that ended ok.
        service: index of the service, None for the run and for a client group.
    """

    facts: Facts
    phase: Phase
    requests: RequestRows
    attempts: AttemptRows
    latencies: Floats
    ok_latencies: Floats
    service: int | None = None

    @property
    def seconds(self) -> float:
        """The phase's length."""
        return self.phase.seconds

    @cached_property
    def decided(self) -> Booleans:
        """Which requests are not too young at the end of the run to be judged."""
        return self.facts.latency_limits.decided(self.requests, self.facts.trace.duration)

    def of(self, entity: Entity) -> Scope:
        """Return the same phase, of the run, of one service or of one client group."""
        if entity.kind is Per.SERVICE:
            rows = _cut(self.facts.by_service[entity.place], self.phase, self.facts)
            return replace(self, service=entity.place, attempts=rows)
        if entity.kind is Per.GROUP:
            return _scope(self.facts, self.phase, *self.facts.by_group[entity.place])
        return self


def scope_of(facts: Facts, phase: Phase) -> Scope:
    """Return the scope of one phase of a run."""
    return _scope(facts, phase, facts.requests, facts.attempts)


def _scope(facts: Facts, phase: Phase, requests: RequestRows, attempts: AttemptRows) -> Scope:
    requests = _cut(requests, phase, facts)
    return Scope(
        facts=facts,
        phase=phase,
        requests=requests,
        attempts=_cut(attempts, phase, facts),
        latencies=np.sort(requests.latency[~requests.unfinished]),
        ok_latencies=np.sort(requests.latency[requests.ok]),
    )


def _cut(rows: Rows, phase: Phase, facts: Facts) -> Rows:
    return rows if phase.name == WHOLE else rows.within(phase, facts.trace.duration)
