"""What every metric starts from: the run's rows, spans and openings, prepared once.

`Facts` is about the whole run, `Part` about one phase of it, and `Scope` about a phase and, where a
metric is about a service or a client group, that one. A metric is a function of a scope; it
neither sorts nor scans the trace itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from simcb.metrics.backlog import Lag, lag_of
from simcb.metrics.cells import AttemptCounts, Counts, cells_of, edges_of, request_counts
from simcb.metrics.healing import Recovery, recovery_of
from simcb.metrics.health import Health, LatencyLimits, Tally, harmful, health_of, latency_limits_of
from simcb.metrics.latencies import Latencies, PhaseLatencies, latencies_of
from simcb.metrics.measures import Entities, Entity, Per
from simcb.metrics.openings import Openings, openings, state_intervals, time_in
from simcb.metrics.phase import FAULT, HEALTHY, Phase, effective_faults, phases
from simcb.metrics.rows import Asked, Booleans, Indexes, attempt_rows, in_order
from simcb.metrics.spans import Cells, Floats, Integers, Spans
from simcb.metrics.worker_time import WorkerTime, alone_from
from simcb.trace import FaultInfo, Trace, column

DEFAULT_SLO = 0.999


@dataclass(frozen=True, eq=False)
class Facts:
    """A trace, prepared for measuring; each part is made when first asked for, once.

    Args:
        trace: what is measured.
        slo: share of requests that has to be answered, for `burn` and `budget_used`.
        limits: what is in time; by what is usual in this run if None.
    """

    trace: Trace
    slo: float = DEFAULT_SLO
    limits: LatencyLimits | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "trace", in_order(self.trace))

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The run's phases."""
        return phases(self.trace)

    @cached_property
    def faults(self) -> tuple[FaultInfo, ...]:
        """The faults that are active for some time within the run."""
        return effective_faults(self.trace)

    @cached_property
    def arrivals(self) -> Floats:
        """When each request arrived."""
        return column(self.trace.requests, "arrival")

    @cached_property
    def totals(self) -> dict[str, int]:
        """How many requests of the run there are of each kind in `simcb.metrics.cells.REQUESTS`."""
        return self.requests.within(slice(None))[0]

    @cached_property
    def edges(self) -> Floats:
        """Where phases begin and end."""
        return edges_of(self.phases)

    @cached_property
    def requests(self) -> Counts:
        """The requests of each client group, counted by what became of them."""
        return request_counts(self.trace, self.edges, self.latency_limits)

    @cached_property
    def healthy_until(self) -> float:
        """The moment the healthy phase ends; 0 if there is none."""
        return next((each.windows[0][1] for each in self.phases if each.name == HEALTHY), 0.0)

    @cached_property
    def latency_limits(self) -> LatencyLimits:
        """How long the users of each client group wait, by what was usual in good times."""
        return self.limits or latency_limits_of(self.trace, self.healthy_until)

    @cached_property
    def health(self) -> Health:
        """Which requests are good, and how many have to be."""
        return health_of(self.trace, self.arrivals, self.latency_limits, self.healthy_until)

    def tally(self, phase: Phase) -> Tally[int]:
        """Return how many requests of a phase are good, can be judged, and have a fallback's."""
        windows = self._windows(phase)
        return Tally(*(int(each.sum()) for each in self.health.within(*windows)))

    def missing(self, phase: Phase, group: int | None = None) -> int:
        """Return how many requests users who wait, of a group or all, do not make in a phase."""
        if not self.health.waiting:
            return 0
        return int(self.health.missing(*self._windows(phase), group).sum())

    def _windows(self, phase: Phase) -> tuple[Floats, Floats]:
        starts, ends = np.array(phase.windows, np.float64).reshape(-1, 2).T
        # The last moment of the run belongs to its last phase.
        return starts, np.where(ends >= self.trace.duration, np.nextafter(ends, math.inf), ends)

    @property
    def attempts(self) -> AttemptCounts:
        """The attempts at each service and of each client group, counted."""
        return self._of_attempts[0]

    @property
    def worker_time(self) -> WorkerTime:
        """Where the time of workers and callers goes."""
        return self._of_attempts[1]

    @cached_property
    def _of_attempts(self) -> tuple[AttemptCounts, WorkerTime]:
        """What is told of attempts, in one pass over them."""
        counts = AttemptCounts(self.trace, self.edges, self.seconds)
        times = WorkerTime(self.trace, self.edges)
        asked = Asked(len(self.trace.layout.services), len(self.trace.requests))
        alone = alone_from(self.trace)
        for rows in attempt_rows(self.trace):
            counts.add(rows, asked.first(rows.request, rows.service))
            since = alone[rows.first : rows.first + len(rows)] if len(alone) else rows.start
            times.add(rows, since)
        return counts, times

    @cached_property
    def seconds(self) -> Floats:
        """Where the seconds of the run's clock begin and end, and phases within them."""
        return np.union1d(self.edges, np.arange(math.ceil(self.trace.duration)))

    @cached_property
    def new_seconds(self) -> Booleans:
        """Which of the cells between `seconds` begin with a second, not within one."""
        return np.diff(np.floor(self.seconds[:-1]), prepend=-1.0) > 0.0

    def latencies(self, group: int | None) -> dict[str, PhaseLatencies]:
        """Return how long the requests of the run, or of a client group, take in each phase."""
        if group not in self._latencies:
            finished, ok = (self.requests.by_cell(kind, group) for kind in ("finished", "ok"))
            cells = {each.name: cells_of(self.edges, each.windows)[0] for each in self.phases}
            self._latencies[group] = latencies_of(self.trace, cells, finished, ok, group)
        return self._latencies[group]

    @cached_property
    def _latencies(self) -> dict[int | None, dict[str, PhaseLatencies]]:
        return {}

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
    def recovery(self) -> Recovery:
        """When goodput was healthy again after the faults."""
        windows = next((each.windows for each in self.phases if each.name == FAULT), ())
        return recovery_of(self.health, windows, self.trace.duration)

    @cached_property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """The places in `faults` of each fault's windows, by its name."""
        found: dict[str, tuple[int, ...]] = {}
        for name, same in groupby(enumerate(self.faults), lambda each: each[1].name):
            found[name] = tuple(place for place, _ in same)
        return found

    def lag(self, group: int | None) -> Lag:
        """Return the lag of all consumers of the run, or of those of one client group."""
        if group not in self._lags:
            self._lags[group] = lag_of(self.trace, group)
        return self._lags[group]

    @cached_property
    def _lags(self) -> dict[int | None, Lag]:
        return {}


def facts_of(run: Trace | Facts, slo: float = DEFAULT_SLO) -> Facts:
    """Return the facts of a run: those at hand, or new ones made from its trace."""
    if isinstance(run, Facts):
        return run if run.slo == slo else Facts(run.trace, slo, run.limits)
    return Facts(run, slo)


class Load(NamedTuple):
    """How many attempts reach a service in each second, and how many requests need it."""

    asking: Integers
    needing: Integers


@dataclass(frozen=True, eq=False)
class Part:
    """One phase of a run: what its numbers start from, whatever they are about.

    Args:
        facts: the run.
        phase: the phase.
    """

    facts: Facts
    phase: Phase

    @cached_property
    def cells(self) -> Cells:
        """The cells between the run's edges that are the phase."""
        return cells_of(self.facts.edges, self.phase.windows)[0]

    @cached_property
    def requests(self) -> tuple[dict[str, int], ...]:
        """How many requests of each kind arrived: in all, and of each client group."""
        return self.facts.requests.within(self.cells)

    @cached_property
    def of_groups(self) -> tuple[dict[str, int], ...]:
        """How many attempts of each kind were made: in all, and for each group's requests."""
        return self.facts.attempts.of_groups.within(self.cells)

    @cached_property
    def of_services(self) -> tuple[dict[str, int], ...]:
        """How many attempts of each kind were made: in all, and at each service."""
        return self.facts.attempts.of_services.within(self.cells)

    @cached_property
    def seconds(self) -> tuple[Cells, Indexes]:
        """The cells between `Facts.seconds` that are the phase, and with which each second begins.

        A second may be cut in two where some other phase begins.
        """
        cells, first = cells_of(self.facts.seconds, self.phase.windows)
        begins = self.facts.new_seconds[cells].copy()
        begins[first] = True
        return cells, np.flatnonzero(begins)


@dataclass(frozen=True, eq=False)
class Scope:
    """One phase of a run, or of what one service or one client group sees of it.

    Args:
        part: the phase.
        service: index of the service, None for the run and for a client group.
        group: index of the client group, None for the run and for a service.
    """

    part: Part
    service: int | None = None
    group: int | None = None

    @classmethod
    def of(cls, part: Part, entity: Entity) -> Scope:
        """Return the scope of the run, of one service or of one client group in a phase."""
        if entity.kind is Per.SERVICE:
            return cls(part, service=entity.place)
        return cls(part, group=entity.place) if entity.kind is Per.GROUP else cls(part)

    @property
    def facts(self) -> Facts:
        """The run."""
        return self.part.facts

    @property
    def phase(self) -> Phase:
        """The phase."""
        return self.part.phase

    @property
    def seconds(self) -> float:
        """The phase's length."""
        return self.part.phase.seconds

    @property
    def cells(self) -> Cells:
        """The cells between the run's edges that are the phase."""
        return self.part.cells

    @property
    def requests(self) -> dict[str, int]:
        """How many requests of each kind arrived; of a client group, of its own.

        The kinds are those of `simcb.metrics.cells.REQUESTS`.
        """
        return self.part.requests[0 if self.group is None else self.group + 1]

    @property
    def attempts(self) -> dict[str, int]:
        """How many attempts of each kind were made.

        Of a service, at it; of a client group, for its requests. The kinds are those of
        `simcb.metrics.cells.ATTEMPTS`.
        """
        if self.service is not None:
            return self.part.of_services[self.service + 1]
        return self.part.of_groups[0 if self.group is None else self.group + 1]

    @cached_property
    def load(self) -> Load:
        """What came in each second of the phase."""
        made = self.facts.attempts
        counts = made.seconds_of_groups if self.service is None else made.seconds_of_services
        entity = self.group if self.service is None else self.service
        cells, firsts = self.part.seconds
        asking, needing = (counts.by_cell(kind, entity)[cells] for kind in ("asking", "needing"))
        return Load(np.add.reduceat(asking, firsts), np.add.reduceat(needing, firsts))

    @cached_property
    def latencies(self) -> Latencies:
        """Of every finished request."""
        return self.facts.latencies(self.group)[self.phase.name].finished

    @cached_property
    def ok_latencies(self) -> Latencies:
        """The same of requests that ended ok."""
        return self.facts.latencies(self.group)[self.phase.name].ok
