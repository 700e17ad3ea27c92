"""Metrics of what users got: answers, second-best answers, and how long they waited.

Percentiles are over all finished requests, or over all that ended ok, with linear
interpolation between the two nearest of the n sorted values: the q-quantile lies at place
q·(n − 1), counted from 0 (Hyndman and Fan's type 7, numpy's default). A request that is
unfinished when the run ends has no latency.

Nor does a request that is unfinished then, and not overdue, say how it would have ended: it
counts neither way in any share of requests, and `unfinished` says how many there are. It is
overdue once it has lasted longer than the latency limit of its client group, which is that of
`simcb.metrics.health`.
"""

from __future__ import annotations

from simcb.metrics.facts import Scope
from simcb.metrics.latencies import Latencies

FEWEST_OF_P9999 = 10_000
"""Latencies without which the 99.99th percentile says no more than the longest of them."""


def success(scope: Scope) -> float | None:
    """Requests that end ok, of all requests but those that `unfinished` counts."""
    return _of(scope.requests["ok"], scope.requests["decided"])


def degraded(scope: Scope) -> float | None:
    """Requests answered by a fallback somewhere on the way, of all that `success` is of."""
    return _of(scope.requests["degraded"], scope.requests["decided"])


def availability(scope: Scope) -> float | None:
    """Requests that end with any answer, ok or degraded, of all that `success` is of."""
    return _of(scope.requests["ok"] + scope.requests["degraded"], scope.requests["decided"])


def answered(scope: Scope) -> float | None:
    """Requests answered in time, ok or by a fallback, of all of which that is known.

    In time is within ten times the 99th percentile of the client group's ok latency before the
    first fault, and at least a second; where nothing is known of before, any answer is. Users in
    a closed loop who wait for an overdue answer count for the requests they usually make.
    """
    missing = scope.facts.missing(scope.phase, scope.group)
    return _of(scope.requests["answered"], scope.requests["decided"] + missing)


def unfinished(scope: Scope) -> float | None:
    """Requests too young at the end of the run to tell how they would have ended, of all.

    They count neither as ok nor as failed. A request that is unfinished at the end for longer
    than ten times the 99th percentile of its client group's ok latency before the first fault
    (a second at least; a minute where nothing is known of before) is not among them: it is
    overdue, and counts as not answered.
    """
    return _of(scope.requests["requests"] - scope.requests["decided"], scope.requests["requests"])


def goodput(scope: Scope) -> float | None:
    """Requests that end ok within the user's deadline, per second.

    At its deadline a request ends failed, so one that ends ok was in time; a user without a
    deadline waits for ever, and an answer counts however late it comes. A request counts in
    the phase, and in a series in the second, in which it arrived, so goodput never exceeds
    what was offered then. Those that `unfinished` counts are taken to end as the others do: it
    is `offered_rate` times `success`.
    """
    requests, decided = scope.requests["requests"], scope.requests["decided"]
    if requests and not decided:
        return None
    return scope.requests["ok"] * (requests / max(1, decided)) / scope.seconds


def burn(scope: Scope) -> float | None:
    """Speed at which the error budget burns: the share of missed requests over 1 − SLO.

    At 1 the budget is used up exactly when the objective's period is over. A request is missed
    if it failed, or if it is overdue at the end of the run; degraded answers are answers, so the
    share is 1 − `availability`. The objective is 99.9 % unless `measure` is told otherwise.
    """
    share = _of(_missed(scope), scope.requests["decided"])
    return None if share is None else share / (1.0 - scope.facts.slo)


def budget_used(scope: Scope) -> float | None:
    """Part of the run's error budget used up by the phase's missed requests, as `burn` has them.

    The budget is 1 − SLO of all requests of the run that can be judged. The parts of phases that
    do not overlap add up; 1 and more means that the objective is missed.
    """
    share = _of(_missed(scope), scope.facts.health.judged)
    return None if share is None else share / (1.0 - scope.facts.slo)


def mean(scope: Scope) -> float | None:
    """Mean latency of all finished requests, from the user's first wish to the end."""
    return scope.latencies.mean


def p50(scope: Scope) -> float | None:
    """Median latency of all finished requests: retries, backoff and rejections included."""
    return _quantile(scope.latencies, 0.50)


def p90(scope: Scope) -> float | None:
    """90th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.90)


def p95(scope: Scope) -> float | None:
    """95th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.95)


def p99(scope: Scope) -> float | None:
    """99th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.99)


def p999(scope: Scope) -> float | None:
    """99.9th percentile of the latency of all finished requests."""
    return _quantile(scope.latencies, 0.999)


def p9999(scope: Scope) -> float | None:
    """99.99th percentile of the latency of all finished requests.

    It takes 10,000 finished requests to tell it from `max_latency`.
    """
    return _quantile(scope.latencies, 0.9999, FEWEST_OF_P9999)


def max_latency(scope: Scope) -> float | None:
    """Longest latency of all finished requests."""
    return scope.latencies.longest


def success_mean(scope: Scope) -> float | None:
    """Mean latency of the requests that ended ok."""
    return scope.ok_latencies.mean


def success_p50(scope: Scope) -> float | None:
    """Median latency of the requests that ended ok.

    Rejections are fast and flatter the plain percentile while a breaker is open, which is why
    both are always shown.
    """
    return _quantile(scope.ok_latencies, 0.50)


def success_p90(scope: Scope) -> float | None:
    """90th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.90)


def success_p95(scope: Scope) -> float | None:
    """95th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.95)


def success_p99(scope: Scope) -> float | None:
    """99th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.99)


def success_p999(scope: Scope) -> float | None:
    """99.9th percentile of the latency of the requests that ended ok."""
    return _quantile(scope.ok_latencies, 0.999)


def success_p9999(scope: Scope) -> float | None:
    """99.99th percentile of the latency of the requests that ended ok.

    It takes 10,000 requests that end ok to tell it from `success_max_latency`.
    """
    return _quantile(scope.ok_latencies, 0.9999, FEWEST_OF_P9999)


def success_max_latency(scope: Scope) -> float | None:
    """Longest latency of the requests that ended ok."""
    return scope.ok_latencies.longest


def _missed(scope: Scope) -> int:
    """Return how many requests failed, or are overdue at the end of the run."""
    return scope.requests["failed"] + scope.requests["decided"] - scope.requests["finished"]


def _of(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _quantile(latencies: Latencies, q: float, fewest: int = 1) -> float | None:
    return latencies.quantiles[q] if latencies.count >= fewest else None
