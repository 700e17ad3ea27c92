"""Metrics of what users got: answers, second-best answers, and how long they waited.

Percentiles are over all finished requests, or over all that ended ok, with linear
interpolation between the two nearest of the n sorted values: the q-quantile lies at place
q·(n − 1), counted from 0 (Hyndman and Fan's type 7, numpy's default). A request that is
unfinished when the run ends has no latency; it counts in every denominator of requests.
"""

from __future__ import annotations

import numpy as np

from simcb.metrics.facts import Scope
from simcb.metrics.rows import Booleans
from simcb.metrics.spans import Floats


def success(scope: Scope) -> float | None:
    """Requests that end ok, of all requests; one that is unfinished has not ended ok."""
    return _share(scope, scope.requests.ok)


def degraded(scope: Scope) -> float | None:
    """Requests answered by a fallback somewhere on the way, of all requests."""
    return _share(scope, scope.requests.degraded)


def availability(scope: Scope) -> float | None:
    """Requests that end with any answer, ok or degraded, of all requests."""
    return _share(scope, scope.requests.ok | scope.requests.degraded)


def goodput(scope: Scope) -> float | None:
    """Requests that end ok within the user's deadline, per second.

    At its deadline a request ends failed, so one that ends ok was in time; a user without a
    deadline waits for ever, and an answer counts however late it comes. A request counts in
    the phase, and in a series in the second, in which it arrived, so goodput never exceeds
    what was offered then.
    """
    return int(np.count_nonzero(scope.requests.ok)) / scope.seconds


def burn(scope: Scope) -> float | None:
    """Speed at which the error budget burns: the share of missed requests over 1 − SLO.

    At 1 the budget is used up exactly when the objective's period is over. A request is missed
    if it failed, or if it is unfinished and older than ten times the 99th percentile of its
    client group's ok latency before the first fault (a second at least; a minute where nothing
    is known of before); a younger one may still end well. Degraded answers are answers. The
    objective is 99.9 % unless `measure` is told otherwise.
    """
    share = _share(scope, _missed(scope))
    return None if share is None else share / (1.0 - scope.facts.slo)


def budget_used(scope: Scope) -> float | None:
    """Part of the run's error budget used up by the phase's missed requests, as `burn` has them.

    The budget is 1 − SLO of all requests of the run. The parts of phases that do not overlap
    add up; 1 and more means that the objective is missed.
    """
    requests = len(scope.facts.requests)
    missed = int(np.count_nonzero(_missed(scope)))
    return missed / requests / (1.0 - scope.facts.slo) if requests else None


def mean(scope: Scope) -> float | None:
    """Mean latency of all finished requests, from the user's first wish to the end."""
    return _mean(scope.latencies)


def p50(scope: Scope) -> float | None:
    """Median latency of all finished requests: retries, backoff and rejections included."""
    return _quantile(scope.latencies, 0.50)


def p95(scope: Scope) -> float | None:
    """95th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.95)


def p99(scope: Scope) -> float | None:
    """99th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.99)


def p999(scope: Scope) -> float | None:
    """99.9th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.999)


def success_mean(scope: Scope) -> float | None:
    """Mean latency of the requests that ended ok."""
    return _mean(scope.ok_latencies)


def success_p50(scope: Scope) -> float | None:
    """Median latency of the requests that ended ok.

    Rejections are fast and flatter the plain percentile while a breaker is open, which is why
    both are always shown.
    """
    return _quantile(scope.ok_latencies, 0.50)


def success_p95(scope: Scope) -> float | None:
    """95th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.95)


def success_p99(scope: Scope) -> float | None:
    """99th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.99)


def success_p999(scope: Scope) -> float | None:
    """99.9th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.999)


def _missed(scope: Scope) -> Booleans:
    """Return which requests failed, or are still unfinished when it is too late for them."""
    rows, now = scope.requests, scope.facts.trace.duration
    return rows.failed | (rows.unfinished & scope.facts.patience.lost(rows, now))


def _share(scope: Scope, chosen: Booleans) -> float | None:
    return int(np.count_nonzero(chosen)) / len(chosen) if len(chosen) else None


def _mean(latencies: Floats) -> float | None:
    return float(latencies.mean()) if len(latencies) else None


def _quantile(latencies: Floats, q: float) -> float | None:
    if not len(latencies):
        return None
    place = q * (len(latencies) - 1)
    below = int(place)
    low = float(latencies[below])
    high = float(latencies[min(below + 1, len(latencies) - 1)])
    return low + (place - below) * (high - low)
