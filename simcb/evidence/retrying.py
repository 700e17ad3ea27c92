"""Retries: success and load, waits between them, budgets, and the queue they can keep alive."""

from __future__ import annotations

from simcb.evidence.case import Case, Claim, case
from simcb.evidence.observing import (
    arrivals_between,
    attempts_for_each_request,
    growth,
    measured,
)
from simcb.evidence.writing import EXPONENTIAL, failing, one_queue, one_service, watched
from simcb.predictions.formulas import cache_hits, zipf

_BROOKER = "Brooker, Fixing retries with token buckets and circuit breakers, 2022"
_LAYER = "{workers: 500, work: 1ms, calls: {%s: {retry: {max_retries: 2}}}}"
_DEAD = ("kind: errors, on: api, rate: 100%, at: 0s, for: 1h",)
_WAITS = "{kind: exponential, base: 100ms, factor: 2, max: 300ms}"


def _waits(name: str, law: str, retry: str, expected: float, *, replicates: int = 16) -> Case:
    body = one_queue("10/s", 100, "10ms", f"retry: {{{retry}}}")
    return case(
        name,
        law,
        "AWS Architecture Blog, Exponential backoff and jitter, 2015",
        watched(body, (0, 20, 10), faults=_DEAD),
        Claim("mean time to fail", expected, measured("mean"), "s"),
        replicates=replicates,
    )


def _after_outage(name: str, law: str, rate: int, expected: float, *, warm: float) -> Case:
    """Return users with two retries at a service that was away from second 10 to 30."""
    body = one_queue(f"{rate}/s", 4, EXPONENTIAL, "timeout: 500ms, retry: {max_retries: 2}")
    away = "kind: capacity, on: api, times: 0, at: 10s, for: 20s"
    return case(
        name,
        law,
        "Huang et al., Metastable failures in the wild, OSDI 2022",
        watched(body, (warm, 80, 0), faults=[away], sample_every=1),
        Claim("growth of the queue", expected, growth, "/s"),
    )


CASES = (
    case(
        "retries-in-layers",
        "n retries in each of three layers above a dead one: (1+n)^depth attempts",
        _BROOKER,
        f"""duration: 20s
clients:
  users:
    arrivals: {{kind: constant, rate: 1/s}}
    calls: {{front: {{retry: {{max_retries: 2}}}}}}
services:
  front: {_LAYER % "middle"}
  middle: {_LAYER % "back"}
  back: {{workers: 500, work: 1ms, errors: 100%}}
""",
        Claim("attempts at the front", 3.0, attempts_for_each_request("front")),
        Claim("attempts at the middle", 9.0, attempts_for_each_request("middle")),
        Claim("attempts at the back", 27.0, attempts_for_each_request("back")),
        replicates=2,
    ),
    _after_outage(
        "retries-stable",
        "λ(1+n) < C: the queue that an outage leaves is worked off, and none grows after it",
        11,
        0.0,
        warm=170,
    ),
    _after_outage(
        "retries-unstable",
        "λ(1+n) > C: the queue that an outage leaves grows by λ(1+n) − C for ever",
        16,
        16 * 3 - 40.0,
        warm=40,
    ),
    _waits(
        "waits-without-jitter",
        "four exponential waits .1 .2 .3 .3 and five tries of 10 ms",
        f"max_retries: 4, backoff: {_WAITS}",
        0.95,
        replicates=2,
    ),
    _waits(
        "waits-with-full-jitter",
        "full jitter halves the mean wait",
        f"max_retries: 4, jitter: full, backoff: {_WAITS}",
        0.05 + 0.9 / 2,
    ),
    _waits(
        "waits-with-equal-jitter",
        "equal jitter takes a quarter off the mean wait",
        f"max_retries: 4, jitter: equal, backoff: {_WAITS}",
        0.05 + 0.9 * 3 / 4,
    ),
    _waits(
        "waits-decorrelated",
        "E[w₁] = 2b, E[w₂] = (b + 3·2b)/2 while the longest wait is not reached",
        "max_retries: 2, backoff: {kind: decorrelated, base: 100ms, max: 10s}",
        0.03 + 0.2 + 0.35,
    ),
    case(
        "retries-per-minute",
        "60 retries in any minute at a dead service: 1 + 1/λ attempts for each request",
        "arithmetic",
        watched(
            one_service(
                "5/s",
                "workers: 10, work: 0s",
                "retry: {max_retries: 3, budget: {kind: per_minute, retries: 60}}",
                kind="constant",
            ),
            (0, 300, 10),
            faults=_DEAD,
        ),
        Claim("load", 1 + 1 / 5, measured("amplification")),
        replicates=2,
    ),
    case(
        "fallback",
        "a share p of failed calls and a hit rate h: p·h degraded, p(1 − h) failed",
        "arithmetic",
        watched(failing("200/s", "40%", "fallback: {hit_rate: 70%}"), (1, 6, 2)),
        Claim("degraded", 0.28, measured("degraded")),
        Claim("success", 0.6, measured("success")),
    ),
    case(
        "fallback-around-attempts",
        "inside n retries: p·h degraded, pⁿ⁺¹(1 − h) failed, 1 + (1 − h)·Σ pᵏ attempts",
        "arithmetic",
        watched(
            failing(
                "200/s",
                "40%",
                "retry: {max_retries: 2}, fallback: {hit_rate: 70%, around: attempt}",
            ),
            (1, 6, 2),
        ),
        Claim("degraded", 0.28, measured("degraded")),
        Claim("success", 1 - 0.28 - 0.3 * 0.4**3, measured("success")),
        Claim("load", 1 + 0.3 * (0.4 + 0.4**2), measured("amplification")),
    ),
    case(
        "cache",
        "answers kept for a TTL by key: Σ p_k(1 − exp(−λ·p_k·q·TTL)) of the failed calls find one",
        "Jung, Berger and Balakrishnan 2003 (TTL caches)",
        watched(
            one_queue(
                "50/s",
                10,
                "0s",
                "fallback: {cache: {keys: 100, zipf: 1, ttl: 10s}}",
                "errors: 40%, ",
            ),
            (15, 50, 1),
        ),
        Claim("degraded", 0.4 * cache_hits(50, zipf(100, 1.0), 0.6, 10.0), measured("degraded")),
    ),
    case(
        "rate-points",
        "arrivals in a stretch of time: the integral of the rate, ramps and surges included",
        "Poisson processes",
        """duration: 30s
clients:
  users:
    arrivals: {kind: poisson, rate: [{at: 0s, rate: 40/s, ramp: 10s}, {at: 20s, rate: 10/s}]}
    calls: {api: {}}
services:
  api: {workers: 1000, work: 0s}
faults: [{kind: surge, on: users, times: 3, at: 15s, for: 10s}]
""",
        *(
            Claim(f"from {start} s", count, arrivals_between(start, start + 5), precision=0.5)
            for start, count in {0: 50, 5: 150, 10: 200, 15: 600, 20: 150, 25: 50}.items()
        ),
    ),
)
