"""What a timeline shows, as arrays: a result's replicates laid over each other.

The panels draw these values and compute nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import Series, ServiceSeries, StateInterval, phases, series, state_intervals
from simcb.metrics.phase import WHOLE, Window, effective_faults
from simcb.scenario import Scenario
from simcb.scenario.faults import Capacity
from simcb.studies import Result
from simcb.trace import STATE_NAMES, ChangeInfo, FaultInfo, Trace
from simcb.views.plots.style import TIDY_STEPS
from simcb.views.run_tables import headline, short_headline
from simcb.world.conditions import drawn_faults, windows_of, windows_on
from simcb.world.streams import Streams
from simcb.world.workforce import Workforce

Floats = NDArray[np.float64]

LOW, HIGH = 10.0, 90.0
"""Percentiles of the replicates that bound a band."""

MOST_BINS = 240
"""About how many bins a timeline has: more than that and a line is a scribble."""

LEAST_PER_BIN = 10.0
"""Requests a bin should hold on average: below it a percentile is that of one request."""

LEAST_BINS = 10

PERCENTILES = ("p50", "p95", "p99")
OUTCOMES = ("ok", "degraded", "failed", "unfinished")
LATENCY_METRICS = frozenset(f"success_{name}" for name in PERCENTILES)
"""The metrics whose thresholds are heights in the plot of latency: those that it draws."""


@dataclass(frozen=True, eq=False)
class Band:
    """One curve of many replicates: a value a bin, nan where most have none.

    Args:
        low, middle, high: the replicates' 10th, 50th and 90th percentile.
        mean: their mean, which unlike a median adds up when curves are stacked.
        replicates: how many there are; with one all four are the same.
    """

    low: Floats
    middle: Floats
    high: Floats
    mean: Floats
    replicates: int

    @property
    def known(self) -> bool:
        """True if any bin has a value."""
        return bool(np.isfinite(self.middle).any())

    @property
    def highest(self) -> float:
        """The greatest value of `high`; 0 if it has none."""
        return float(np.max(self.high[np.isfinite(self.high)], initial=0.0))


@dataclass(frozen=True, eq=False)
class ServiceLoad:
    """Attempts per second that reach a service, and that its workers could serve."""

    name: str
    sent: Band
    capacity: Band
    """Workers over mean work, lowered by capacity faults; nan before the first sample."""
    busy: Band
    """The share of its workers that are held."""
    guarded: bool
    """Whether a breaker watches a call to it."""

    @property
    def pressure(self) -> float:
        """The greatest load in parts of the capacity of the same moment; 0 if there is none."""
        known = np.isfinite(self.capacity.middle) & np.isfinite(self.sent.middle)
        capacity = np.maximum(self.capacity.middle[known], 1e-9)
        return float(np.max(self.sent.middle[known] / capacity, initial=0.0))


@dataclass(frozen=True, eq=False)
class BreakerCourse:
    """A breaker's states over time."""

    name: str
    stretches: tuple[StateInterval, ...]
    """The first replicate's states, exactly."""
    shares: dict[str, Floats]
    """State → share of each bin's time, mean over replicates."""
    replicates: int


@dataclass(frozen=True, eq=False)
class Variant:
    """One variant's curves: latency in seconds, everything else per second."""

    latency: dict[str, Band]
    """`p50`, `p95`, `p99` of the requests that ended ok."""
    offered: Band
    outcomes: dict[str, Band]
    services: tuple[ServiceLoad, ...]
    breakers: tuple[BreakerCourse, ...]
    """Those that were asked."""
    breaker_count: int
    """How many there are, with those that no call went through."""
    throttled: Band | None = None
    """What services' admission turned away; None if that is nothing."""
    lag: Band | None = None
    """Messages in queues that consumers pull from, a number; None if there are no such queues."""


@dataclass(frozen=True)
class Limit:
    """A threshold on the latency of ok requests: its text, seconds, windows, and its fate."""

    text: str
    seconds: float
    windows: tuple[Window, ...]
    passed: bool


@dataclass(frozen=True, eq=False)
class Curves:
    """Everything a timeline shows of a result; the baseline is the same without breakers."""

    title: str
    seed: int
    replicates: int
    verdict: str
    """In words and, beside a baseline, with what the breaker did."""
    baseline_verdict: str | None
    edges: Floats
    """The bins' borders in seconds, one more than there are bins."""
    faults: tuple[FaultInfo, ...]
    """Those that are active within the run."""
    limits: tuple[Limit, ...]
    """The thresholds on what the latency panel draws."""
    main: Variant
    baseline: Variant | None
    faults_drawn: bool = False
    """Whether each replicate has its faults at other times."""
    changes: tuple[ChangeInfo, ...] = ()
    """What somebody changed in the run."""
    crashes: tuple[float, ...] = ()
    """When replicas started anew by themselves, in seconds; of the first replicate."""

    @property
    def duration(self) -> float:
        """Seconds from the first edge to the last."""
        return float(self.edges[-1])

    @property
    def centers(self) -> Floats:
        """The middle of each bin, in seconds: where its value is drawn."""
        middles: Floats = (self.edges[:-1] + self.edges[1:]) / 2.0
        return middles


def curves_of(result: Result, step: float | None = None) -> Curves:
    """Return what a timeline of `result` shows, in bins of `step` seconds.

    Without a step the bins are as short as is readable: about 240 of them, fewer where that
    would leave less than 10 requests in each.

    Raises:
        StepError: `step` does not suit the run.
    """
    trace = result.trace
    step = readable_step(trace) if step is None else step
    baseline = result.baseline
    main, edges = _variant(result, step)
    return Curves(
        title=result.scenario.name,
        seed=result.seed,
        replicates=len(result.runs),
        verdict=headline(result),
        baseline_verdict=short_headline(baseline) if baseline else None,
        edges=edges,
        faults=effective_faults(trace),
        limits=_limits(result),
        main=main,
        baseline=_variant(baseline, step)[0] if baseline else None,
        faults_drawn=any(fault.by_lot for fault in result.scenario.faults),
        changes=trace.layout.changes,
        crashes=tuple(sorted(each.at for each in trace.layout.crashes)),
    )


def readable_step(trace: Trace) -> float:
    """Return the bin length of a readable timeline: 1, 2, 2.5 or 5 times a power of ten s."""
    requests = max(1, len(trace.requests))
    bins = max(LEAST_BINS, min(MOST_BINS, requests / LEAST_PER_BIN))
    wanted = trace.duration / bins
    power = 10.0 ** math.floor(math.log10(wanted))
    # A little tolerance: 480 s in 240 bins is 2 s, whatever the last bit says.
    return next(times * power for times in TIDY_STEPS if times * power >= wanted * (1 - 1e-9))


def band(rows: Sequence[Floats]) -> Band:
    """Lay the replicates' values over each other.

    A bin is nan where fewer than half of the replicates have a value: the few that do would
    speak for a case that mostly did not happen.
    """
    if len(rows) == 1:
        return Band(rows[0], rows[0], rows[0], rows[0], 1)
    values = np.stack(rows)
    shown = 2 * np.isfinite(values).sum(axis=0) >= len(rows)
    low, middle, high, mean = np.full((4, values.shape[1]), np.nan)
    if shown.any():
        some = values[:, shown]
        low[shown], middle[shown], high[shown] = np.nanpercentile(some, (LOW, 50.0, HIGH), axis=0)
        mean[shown] = np.nanmean(some, axis=0)
    return Band(low, middle, high, mean, len(rows))


def _variant(result: Result, step: float) -> tuple[Variant, Floats]:
    every = [series(run.trace, step) for run in result.runs]
    edges = np.append(every[0].t, result.trace.duration)

    def named(name: str) -> Band:
        return band([getattr(one, name) for one in every])

    variant = Variant(
        latency={name: named(f"success_{name}") for name in PERCENTILES},
        offered=named("offered"),
        outcomes={name: named(name) for name in OUTCOMES},
        services=_services(result, every, edges),
        breakers=_breakers(result, edges),
        breaker_count=result.trace.layout.breaker_count,
        throttled=named("throttled") if any(one.throttled.any() for one in every) else None,
        lag=named("lag") if all(len(one.lag) for one in every) else None,
    )
    return variant, edges


def _services(result: Result, every: Sequence[Series], edges: Floats) -> tuple[ServiceLoad, ...]:
    layout = result.trace.layout
    guarded = {layout.calls[call].service for each in layout.breakers for call in each.calls}
    found = []
    for index, info in enumerate(layout.services):
        loads: list[ServiceSeries] = [one.services[index] for one in every]
        work = result.scenario.services[info.name].work.mean_value
        part = _part_there(result.trace, result.scenario, info.name, (edges[1:] + edges[:-1]) / 2.0)
        per_worker = part / work if work > 0.0 else np.full_like(part, math.inf)
        sent = band([load.sent for load in loads])
        # A worker whose work takes no time has no limit to draw.
        capacity = [
            load.capacity * per_worker if work > 0.0 else np.full_like(load.capacity, np.nan)
            for load in loads
        ]
        lasts = np.diff(edges)
        there = [info.worker_seconds(*each) for each in pairwise(edges.tolist())] / lasts
        busy = band([load.busy / there for load in loads])
        found.append(ServiceLoad(info.name, sent, band(capacity), busy, info.name in guarded))
    return tuple(found)


def _part_there(trace: Trace, scenario: Scenario, name: str, moments: Floats) -> Floats:
    """Return which part of its workers' full speed a service has at each moment.

    Faults whose times are drawn are those of this trace. Where a capacity fault leaves no whole
    number of workers, all that are left are slower.
    """
    part = np.ones(len(moments))
    if not any(isinstance(f, Capacity) and f.service == name for f in scenario.faults):
        return part
    faults = drawn_faults(scenario, Streams(trace.seed, trace.replicate))
    windows = windows_of(faults, scenario.duration)
    service = scenario.services[name]
    later = [(at, stage.services[name].workers) for at, stage in scenario.stages[1:]]
    forces = [
        Workforce(windows_on(windows, name, replica), service.workers, later)
        for replica in range(service.most_replicas)
    ]
    for place, moment in enumerate(moments.tolist()):
        if count := sum(force.count(moment) for force in forces):
            part[place] = sum(force.left(moment) for force in forces) / count
    return part


def _breakers(result: Result, edges: Floats) -> tuple[BreakerCourse, ...]:
    """Return the courses of all breakers that were asked in any replicate."""
    every = [
        dict(zip(_names(run.trace), state_intervals(run.trace), strict=True)) for run in result.runs
    ]
    calm = (StateInterval(0.0, result.trace.duration, "closed"),)
    found = []
    for name in dict.fromkeys(name for run in result.runs for name in _names(run.trace)):
        lives = [one.get(name, calm) for one in every]
        shares = {
            state: np.mean([_share_of(life, state, edges) for life in lives], axis=0)
            for state in STATE_NAMES
        }
        found.append(BreakerCourse(name, lives[0], shares, len(every)))
    return tuple(found)


def _names(trace: Trace) -> list[str]:
    return [breaker.name for breaker in trace.layout.breakers]


def _share_of(stretches: Sequence[StateInterval], state: str, edges: Floats) -> Floats:
    """Return the share of each bin that lies in stretches of `state`, exactly."""
    corners, seconds, total = [0.0], [0.0], 0.0
    for start, end, each in stretches:
        if each != state:
            continue
        corners += [start, end]
        seconds += [total, total + end - start]
        total += end - start
    share: Floats = np.diff(np.interp(edges, corners, seconds)) / np.diff(edges)
    return share


def _limits(result: Result) -> tuple[Limit, ...]:
    windows = {phase.name: phase.windows for phase in phases(result.trace)}
    return tuple(
        Limit(each.text, each.limit, windows.get(each.phase or WHOLE, ()), each.passed)
        for each in result.thresholds
        if each.metric in LATENCY_METRICS and not each.of and 0.0 < each.limit < math.inf
    )
