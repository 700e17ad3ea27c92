"""When a run is ordinary, and how much a client group asks then."""

from __future__ import annotations

from itertools import pairwise

from simcb.metrics.phase import active_windows
from simcb.scenario.arrivals import OpenArrivals, RatePoint, Replay, rate_at
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Scenario


def ordinary_until(scenario: Scenario) -> float:
    """Return when the first fault begins; the run's end if none does, or one does at once."""
    end = scenario.duration
    starts = [a for fault in scenario.faults for a, _ in active_windows(fault, end)]
    first = min(starts, default=end)
    return first if first > 0.0 else end


def mean_rate(group: ClientGroup, until: float) -> float:
    """Return the mean rate of an open group's requests up to a moment, per second."""
    law = group.arrivals
    if isinstance(law, Replay) and law.interval is None:
        return sum(moment < until for moment in law.moments) / until
    points = _points(group)
    corners = {0.0, until, *(p.at for p in points), *(p.reached for p in points)}
    moments = sorted(each for each in corners if each <= until)
    total = sum(rate_at(points, (a + b) / 2.0) * (b - a) for a, b in pairwise(moments))
    return total / until


def _points(group: ClientGroup) -> tuple[RatePoint, ...]:
    law = group.arrivals
    return law.rate if isinstance(law, OpenArrivals) else getattr(law, "points", ())
