"""Results and curves to draw: small real runs, and curves made by hand where numbers matter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from simcb.metrics import StateInterval
from simcb.scenario import parse_scenario
from simcb.studies import Result, run
from simcb.trace import FaultInfo
from simcb.views.plots import Curves
from simcb.views.plots.curves import (
    OUTCOMES,
    PERCENTILES,
    Band,
    BreakerCourse,
    Limit,
    ServiceLoad,
    Variant,
    band,
)

OUTAGE = """
name: outage
duration: 40s
clients:
  shop:
    arrivals: {kind: poisson, rate: 30/s}
    calls:
      payments:
        timeout: 500ms
        retry: {max_retries: 1}
        breaker: {failure_threshold: 3, recovery_timeout: 5s}
services:
  payments: {workers: 8, work: {kind: exponential, mean: 40ms}}
faults:
  - {kind: refuse, on: payments, at: 10s, for: 10s}
thresholds:
  - success{healthy} >= 99%
  - p99{fault} < 1s
  - success_p50 < 1ms
"""

MANY_BREAKERS = """
name: crowd
duration: 20s
clients:
  shop: {arrivals: {kind: constant, rate: 20/s}, calls: {front: {timeout: 2s}}}
services:
  front:
    replicas: 4
    workers: 8
    work: 5ms
    calls:
      db:
        timeout: 1s
        breaker: {failure_threshold: 1, recovery_timeout: 60s, per_replica: true}
  db: {replicas: 2, workers: 8, work: 10ms}
faults:
  - {kind: refuse, on: db, replicas: [0], at: 10s, for: 10s}
"""

UNGUARDED = """
name: plain
duration: 20s
clients:
  shop: {arrivals: {kind: constant, rate: 20/s}, calls: {payments: {timeout: 1s}}}
services:
  payments: {workers: 4, work: 100ms}
  spare: {workers: 1, work: 1s}
"""


@cache
def outage(*, replicates: int = 1, baseline: bool = False) -> Result:
    """Return a run with a breaker that opens, a missed threshold and a held one."""
    scenario = parse_scenario(OUTAGE)
    return run(scenario, replicates=replicates, baseline="none" if baseline else None)


@cache
def result_of(text: str, replicates: int = 1) -> Result:
    """Return runs of a scenario."""
    return run(parse_scenario(text), replicates=replicates)


def renamed(result: Result, fault: str, breaker: str) -> Result:
    """Return a result whose fault and breaker have other names, whatever a file may hold."""
    one = result.runs[0]
    layout = one.trace.layout
    layout = replace(
        layout,
        faults=tuple(replace(each, name=fault) for each in layout.faults),
        breakers=tuple(replace(each, name=breaker) for each in layout.breakers),
    )
    return replace(result, runs=(replace(one, trace=replace(one.trace, layout=layout)),))


def flat(value: float, bins: int = 10) -> Band:
    """Return a curve that keeps one value."""
    return band([np.full(bins, value)])


def curves(
    *,
    latency: dict[str, Band] | None = None,
    offered: Band | None = None,
    outcomes: dict[str, Band] | None = None,
    services: tuple[ServiceLoad, ...] = (),
    breakers: tuple[BreakerCourse, ...] = (),
    faults: tuple[FaultInfo, ...] = (),
    limits: tuple[Limit, ...] = (),
    duration: float = 10.0,
    baseline: Variant | None = None,
) -> Curves:
    """Return curves of ten bins in which only what is given happens."""
    nothing = band([np.full(10, np.nan)])
    main = Variant(
        latency=dict.fromkeys(PERCENTILES, nothing) | (latency or {}),
        offered=offered or flat(0.0),
        outcomes=dict.fromkeys(OUTCOMES, flat(0.0)) | (outcomes or {}),
        services=services,
        breakers=breakers,
        breaker_count=len(breakers),
    )
    return Curves(
        title="case",
        seed=0,
        replicates=1,
        verdict="unharmed",
        baseline_verdict="collapsed" if baseline else None,
        edges=np.linspace(0.0, duration, 11),
        faults=faults,
        limits=limits,
        main=main,
        baseline=baseline,
    )


def service(
    name: str, sent: Band, capacity: Band | None = None, *, guarded: bool = False
) -> ServiceLoad:
    """Return a service's load; half of its workers are busy."""
    return ServiceLoad(name, sent, capacity or flat(np.nan), flat(0.5), guarded)


def course(name: str, *stretches: tuple[float, float, str]) -> BreakerCourse:
    """Return a breaker's course of one replicate; its shares are left closed."""
    shares = {"closed": np.ones(10), "half_open": np.zeros(10), "open": np.zeros(10)}
    return BreakerCourse(name, tuple(StateInterval(*each) for each in stretches), shares, 1)


def line(ax: Axes, label: str) -> Line2D:
    """Return the line with a label; there must be exactly one."""
    (found,) = [each for each in ax.get_lines() if each.get_label() == label]
    return found


def legend_texts(ax: Axes) -> list[str]:
    """Return what a legend says."""
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []
