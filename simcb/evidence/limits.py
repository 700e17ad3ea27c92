"""Limits of services: token bucket, places, priorities, limits that adapt themselves, CoDel."""

from __future__ import annotations

from math import sqrt

import numpy as np

from simcb.evidence.case import Claim, Seen, case
from simcb.evidence.observing import ended, observer, watched_attempts
from simcb.evidence.writing import EXPONENTIAL, one_queue, one_service, watched
from simcb.outcomes import AttemptOutcome
from simcb.predictions.formulas import (
    erlang_b,
    full_queue,
    turned_away_by_one_token,
    waits_by_priority,
)

_THROTTLED = ended(AttemptOutcome.THROTTLED)
_PEOPLE, _ROBOTS = waits_by_priority(2, (9.0, 9.0), 10.0)
_INTERVAL = 0.1
_TURNED_AWAY, _ = full_queue(2, 2.5, 10)

_RANKED = """
clients:
  people: {{arrivals: {{kind: poisson, rate: {rate}}}, priority: 5, calls: {{api: {{}}}}}}
  robots: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{}}}}}}
services:
  api: {{workers: 2, queue: {{{queue}discipline: priority}}, work: {work}}}
"""


def _ranked(rate: str, queue: str = "") -> str:
    return _RANKED.format(rate=rate, queue=queue, work=EXPONENTIAL)


def _adaptive(rate: int, workers: int, limit: str) -> str:
    admit = f"admit: {{kind: adaptive, limit: {limit}}}"
    return one_service(f"{rate}/s", f"{admit}, workers: {workers}, work: 100ms", kind="constant")


@observer
def _waits_of(seen: Seen, group: str) -> float:
    """Observe the mean wait of one client group for a worker."""
    trace, rows = seen[""].trace, watched_attempts(seen[""])
    mine = trace.requests["group"][rows["request"]] == trace.layout.groups.index(group)
    return float(np.nanmean((rows["begin"] - rows["arrive"])[mine]))


@observer
def _present(seen: Seen, quantile: float) -> float:
    """Observe how many are in a service at that quantile of the samples."""
    start, end = seen[""].window
    samples = seen[""].trace.samples
    samples = samples[(samples["at"] >= start) & (samples["at"] < end)]
    return float(np.quantile(samples["queued"] + samples["busy"], quantile))


@observer
def _until_thrown_out(seen: Seen, number: int) -> float:
    """Observe the seconds from the first that is thrown out to that number of later ones."""
    rows = seen[""].trace.attempts
    moments = np.sort(rows["freed"][rows["begin"] != rows["begin"]])
    moments = moments[~np.isnan(moments)]
    return float(moments[number] - moments[0])


CASES = (
    case(
        "admit-one-token",
        "a bucket of one token is a counter with a dead time: throttled = λ/(λ + r) (λ 40, r 40)",
        "Feller 1948",
        watched(
            one_queue("40/s", 100, "0s", more="admit: {kind: rate, rate: 40/s, burst: 1}, "),
            (2, 60, 0),
        ),
        Claim("throttled", turned_away_by_one_token(40, 40), _THROTTLED),
    ),
    case(
        "admit-places",
        "places and no queue: throttled = B(c, a), whatever the distribution (c 5, a 4)",
        "Erlang 1917, Sevastyanov 1957",
        watched(
            one_queue(
                "40/s",
                100,
                "{kind: lognormal, mean: 100ms, cv: 2}",
                more="admit: {kind: concurrency, limit: 5}, ",
            ),
            (5, 60, 0),
        ),
        Claim("throttled", erlang_b(5, 4.0), _THROTTLED),
    ),
    case(
        "priorities",
        "M/M/c by priority: W₁ = W₀/(1−ρ₁), W₂ = W₀/((1−ρ₁)(1−ρ)) (c 2, μ 10, λ 9 each)",
        "Cobham 1954",
        watched(_ranked("9/s"), (50, 500, 10)),
        Claim("wait of the first", _PEOPLE, _waits_of("people"), "s"),
        Claim("wait of the second", _ROBOTS, _waits_of("robots"), "s", precision=0.4),
    ),
    case(
        "priorities-in-a-full-queue",
        "M/M/c/K by priority: whoever has to go, p_K of all do (λ 25, μ 10, c 2, K 10)",
        "work is conserved",
        watched(_ranked("12.5/s", "limit: 8, "), (10, 150, 5)),
        Claim("throttled", _TURNED_AWAY, _THROTTLED),
    ),
    case(
        "aimd-sawtooth",
        "AIMD climbs to the first L with L·w/c > T and falls to β·L (c 4, w 100 ms, T 310 ms, β ½)",
        "Chiu and Jain 1989",
        watched(
            _adaptive(200, 4, "{kind: aimd, initial: 4, target: 310ms, backoff: 50%}"),
            (12, 40, 0),
            sample_every=0.05,
        ),
        Claim("most at once", 13, _present(1.0)),
        Claim("least at once", 6, _present(0.0)),
        Claim("throttled", 1.0 - 40 / 200, _THROTTLED, slack=0.005),
        replicates=2,
    ),
    case(
        "min-rtt-settles",
        "Envoy's gradient settles at x + √x, x = (1 + b)·c (one worker, b 9)",
        "Envoy, adaptive concurrency filter",
        watched(
            _adaptive(
                200,
                1,
                "{kind: min_rtt, least: 1, buffer: 9, probes: 10, every: 1h, window: 5s}",
            ),
            (60, 30, 0),
            sample_every=0.05,
        ),
        Claim("most at once", float(int(10 + sqrt(10))), _present(1.0)),
        replicates=2,
    ),
    case(
        "codel-pace",
        "CoDel throws the n-th out Σ interval/√k after the first, when a worker is free (n 50)",
        "Nichols and Jacobson 2012, RFC 8289",
        watched(
            one_service("200/s", "admit: {kind: codel}, workers: 1, work: 10ms", kind="constant"),
            (0, 4, 0),
        ),
        Claim(
            "the 50th after the first",
            sum(_INTERVAL / sqrt(k) for k in range(1, 51)) + 0.005,
            _until_thrown_out(50),
            "s",
            slack=0.005 + 1e-9,
        ),
        replicates=2,
    ),
)
