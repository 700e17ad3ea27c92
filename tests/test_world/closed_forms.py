"""Scenarios whose result theory knows: one table of what to run, observe and expect."""

from __future__ import annotations

import numpy as np
from test_world.examining import ClosedForm
from test_world.formulas import (
    calls_to_trip,
    erlang_b,
    erlang_c,
    load_of_retries,
    probe_cycle,
    refused_by_full_queue,
    sojourn_gm1,
    sojourn_quantile_mm1,
    success_of_retries,
    wait_mg1,
)
from test_world.observing import (
    arrivals_by,
    attempts_per_request,
    calls_until_trip,
    detection,
    finished,
    growth,
    measured,
    probing,
    share,
    single_queue,
    waiting,
)

from simcb.outcomes import AttemptOutcome


def _queue(rate: str, workers: int, work: str, *, limit: int | None = None, call: str = "") -> str:
    """One Poisson group, one service."""
    queue = "" if limit is None else f"queue: {{limit: {limit}}}, "
    return f"""
clients:
  users: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{{call}}}}}}}
services:
  api: {{workers: {workers}, {queue}work: {work}}}
"""


def _failing(rate: str, errors: str, call: str) -> str:
    """One Poisson group, and a service with no queue worth the name that fails by lot."""
    return f"""
clients:
  users: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{{call}}}}}}}
services:
  api: {{workers: 1000, work: {{kind: exponential, mean: 10ms}}, errors: {errors}}}
"""


def _many_breakers(count: int, rate: str, call: str, service: str, fault: str = "") -> str:
    """Groups alike, each with a breaker of its own, so that one run holds many trials."""
    groups = "\n".join(
        f"  g{i:02}: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{{call}}}}}}}"
        for i in range(count)
    )
    return f"clients:\n{groups}\nservices:\n  api: {{{service}}}\n{fault}"


_EXPONENTIAL = "{kind: exponential, mean: 100ms}"
_LAYER = "{workers: 500, work: 1ms, calls: {%s: {retry: {max_retries: 2}}}}"
_HUNG = "faults: [{kind: hang, on: api, at: 10s, for: 1m}]"
_OVERLOADED = """
clients:
  users:
    arrivals: {{kind: poisson, rate: {rate}}}
    calls: {{api: {{timeout: 500ms, retry: {{max_retries: 2}}}}}}
services:
  api: {{workers: 4, work: {{kind: exponential, mean: 100ms}}}}
faults: [{{kind: capacity, on: api, times: 0, at: 10s, for: 20s}}]
"""

_TRIPPING = """
clients:
  users:
    arrivals: {kind: constant, rate: 100/s}
    calls: {api: {breaker: {failure_threshold: %d, recovery_timeout: 0s}}}
services:
  api: {workers: 1, work: 0s, errors: %s}
"""

CLOSED_FORMS: dict[str, ClosedForm] = {
    "mm1": ClosedForm(
        "M/M/1: W = 1/(μ−λ), L = λW, sojourn quantiles −ln(1−q)/(μ−λ)",
        _queue("8/s", 1, _EXPONENTIAL),
        500,
        {
            "mean": 0.5,
            "p50": sojourn_quantile_mm1(8, 10, 0.50),
            "p95": sojourn_quantile_mm1(8, 10, 0.95),
            "p99": sojourn_quantile_mm1(8, 10, 0.99),
            "inside": 4.0,
        },
        single_queue,
        precision=0.5,
    ),
    "mmc": ClosedForm(
        "M/M/c: P(wait) = C(c, a), Wq = C/(cμ−λ) (Erlang C)",
        _queue("32/s", 4, _EXPONENTIAL),
        150,
        {"wait": erlang_c(4, 3.2) / 8.0, "waiting": erlang_c(4, 3.2)},
        waiting,
        precision=0.5,
    ),
    "mmck": ClosedForm(
        "M/M/c/K: refused = p_K",
        _queue("25/s", 2, _EXPONENTIAL, limit=8),
        100,
        {"refused": refused_by_full_queue(2, 2.5, 10)},
        share(AttemptOutcome.REFUSED),
    ),
    "erlang-b-exponential": ClosedForm(
        "M/G/c/c: refused = B(c, a), whatever the distribution",
        _queue("40/s", 5, _EXPONENTIAL, limit=0),
        60,
        {"refused": erlang_b(5, 4.0)},
        share(AttemptOutcome.REFUSED),
    ),
    "erlang-b-constant": ClosedForm(
        "M/G/c/c: refused = B(c, a), whatever the distribution",
        _queue("40/s", 5, "100ms", limit=0),
        60,
        {"refused": erlang_b(5, 4.0)},
        share(AttemptOutcome.REFUSED),
    ),
    "erlang-b-lognormal": ClosedForm(
        "M/G/c/c: refused = B(c, a), whatever the distribution",
        _queue("40/s", 5, "{kind: lognormal, mean: 100ms, cv: 2}", limit=0),
        60,
        {"refused": erlang_b(5, 4.0)},
        share(AttemptOutcome.REFUSED),
    ),
    "mg1-gamma": ClosedForm(
        "M/G/1: Wq = λE[S²]/2(1−ρ) (Pollaczek–Khinchine)",
        _queue("5/s", 1, "{kind: gamma, mean: 100ms, cv: 2}"),
        1200,
        {"wait": wait_mg1(5, 0.1, 2.0), "waiting": 0.5},
        waiting,
        precision=0.5,
    ),
    # Long, because the mean of so heavy a tail is seldom seen: a few rare works carry it.
    "mg1-lognormal": ClosedForm(
        "M/G/1: Wq = λE[S²]/2(1−ρ) (Pollaczek–Khinchine)",
        _queue("5/s", 1, "{kind: lognormal, mean: 100ms, cv: 2}"),
        3000,
        {"wait": wait_mg1(5, 0.1, 2.0), "waiting": 0.5},
        waiting,
        precision=0.5,
    ),
    "md1": ClosedForm(
        "M/D/1: Wq = λE[S²]/2(1−ρ) (Pollaczek–Khinchine)",
        _queue("8/s", 1, "100ms"),
        400,
        {"wait": wait_mg1(8, 0.1, 0.0), "waiting": 0.8},
        waiting,
    ),
    "round-robin": ClosedForm(
        "each of two replicas sees Erlang-2 gaps: E2/M/1",
        """
clients:
  users: {arrivals: {kind: poisson, rate: 16/s}, calls: {api: {}}}
services:
  api: {replicas: 2, workers: 1, work: {kind: exponential, mean: 100ms}}
""",
        250,
        {"mean": sojourn_gm1(lambda s: (16.0 / (16.0 + s)) ** 2, 10.0)},
        measured("mean"),
        precision=0.5,
    ),
    "timeout-untold": ClosedForm(
        "the service never learns: P(timeout) = P(sojourn > T) = exp(−(μ−λ)T)",
        _queue("8/s", 1, _EXPONENTIAL, call="timeout: 1s"),
        500,
        {"timeout": float(np.exp(-2.0))},
        share(AttemptOutcome.TIMEOUT),
        precision=0.7,
    ),
    "retries-rare-failures": ClosedForm(
        "three retries, p = .1: success 1 − p⁴, load (1 − p⁴)/(1 − p) (Brooker)",
        _failing("500/s", "10%", "retry: {max_retries: 3}"),
        6,
        {"success": success_of_retries(0.1, 3), "amplification": load_of_retries(0.1, 3)},
        finished,
    ),
    "retries-common-failures": ClosedForm(
        "three retries, p = .5: success 1 − p⁴, load (1 − p⁴)/(1 − p) (Brooker)",
        _failing("500/s", "50%", "retry: {max_retries: 3}"),
        6,
        {"success": success_of_retries(0.5, 3), "amplification": load_of_retries(0.5, 3)},
        finished,
    ),
    "retries-in-layers": ClosedForm(
        "n retries in each of three layers above a dead one: (1+n)^depth attempts",
        f"""
clients:
  users:
    arrivals: {{kind: constant, rate: 1/s}}
    calls: {{front: {{retry: {{max_retries: 2}}}}}}
services:
  front: {_LAYER % "middle"}
  middle: {_LAYER % "back"}
  back: {{workers: 500, work: 1ms, errors: 100%}}
""",
        20,
        {"front": 3.0, "middle": 9.0, "back": 27.0},
        attempts_per_request,
    ),
    "retries-stable": ClosedForm(
        "λ(1+n) < C: the queue an outage leaves is worked off; growth 0 in the long run",
        _OVERLOADED.format(rate="11/s"),
        400,
        {"growth": 0.0},
        growth(200.0),
    ),
    "retries-unstable": ClosedForm(
        "λ(1+n) > C: the queue an outage leaves grows by λ(1+n) − C for ever",
        _OVERLOADED.format(rate="16/s"),
        150,
        {"growth": 16 * 3 - 40.0},
        growth(40.0),
        precision=0.5,
    ),
    "trip-after-five": ClosedForm(
        "k consecutive failures, p = .5, k = 5: (p^−k − 1)/(1 − p) = 62 calls",
        _TRIPPING % (5, "50%"),
        60,
        {"calls": calls_to_trip(0.5, 5)},
        calls_until_trip,
    ),
    "trip-after-three": ClosedForm(
        "k consecutive failures, p = .3, k = 3: (p^−k − 1)/(1 − p) = 51.48 calls",
        _TRIPPING % (3, "30%"),
        60,
        {"calls": calls_to_trip(0.3, 3)},
        calls_until_trip,
    ),
    "probes-in-an-outage": ClosedForm(
        "one probe at a time: a probe each D + 1/λ + s, the rest rejected",
        _queue(
            "10/s",
            10,
            "200ms",
            call="breaker: {failure_threshold: 1, recovery_timeout: 5s}",
        )
        + "faults: [{kind: errors, on: api, rate: 100%, at: 0s, for: 1h}]",
        600,
        {
            "cycle": probe_cycle(10, 5.0, 0.2),
            "rejected": 1.0 - 1.0 / (10.0 * probe_cycle(10, 5.0, 0.2)),
        },
        probing,
    ),
    "detection": ClosedForm(
        "hard outage, k consecutive: k/λ + timeout",
        _many_breakers(
            20,
            "10/s",
            "timeout: 1s, breaker: {failure_threshold: 5, recovery_timeout: 1h}",
            "workers: 1000, work: 0s",
            _HUNG,
        ),
        20,
        {"detection": 5 / 10 + 1.0},
        detection,
    ),
    "fallback": ClosedForm(
        "a failed share p and a hit rate h: p·h degraded, p(1 − h) failed",
        _failing("200/s", "40%", "fallback: {hit_rate: 70%}"),
        10,
        {"degraded": 0.28, "success": 0.6},
        measured("degraded", "success"),
    ),
    "blocking": ClosedForm(
        "a worker is held for its own work and for the call it makes: busy = λ(s + t)",
        """
clients:
  users: {arrivals: {kind: poisson, rate: 50/s}, calls: {front: {}}}
services:
  front: {workers: 100, work: {kind: exponential, mean: 20ms}, calls: {back: {}}}
  back: {workers: 100, work: {kind: gamma, mean: 180ms, cv: 0.5}}
""",
        40,
        {"utilisation": 50 * 0.2 / 100},
        measured("utilisation", of="front"),
    ),
    "rate-points": ClosedForm(
        "arrivals in a stretch of time: the integral of the rate, ramps and surges included",
        """
clients:
  users:
    arrivals: {kind: poisson, rate: [{at: 0s, rate: 40/s, ramp: 10s}, {at: 20s, rate: 10/s}]}
    calls: {api: {}}
services:
  api: {workers: 1000, work: 0s}
faults: [{kind: surge, on: users, times: 3, at: 15s, for: 10s}]
""",
        30,
        {
            "from 0s": 40 * 5 / 2 / 2,
            "from 5s": 40 * 5 * 3 / 4,
            "from 10s": 200,
            "from 15s": 600,
            "from 20s": 150,
            "from 25s": 50,
        },
        arrivals_by(0, 5, 10, 15, 20, 25, 30),
        precision=0.4,
    ),
    "waits-without-jitter": ClosedForm(
        "four exponential waits .1 .2 .3 .3 and five tries of 10 ms",
        _queue("10/s", 100, "10ms", call="retry: {max_retries: 4, backoff: %s}")
        % "{kind: exponential, base: 100ms, factor: 2, max: 300ms}"
        + "faults: [{kind: errors, on: api, rate: 100%, at: 0s, for: 1h}]",
        30,
        {"mean": 0.95},
        measured("mean"),
    ),
    "waits-with-full-jitter": ClosedForm(
        "full jitter halves the mean wait",
        _queue("10/s", 100, "10ms", call="retry: {max_retries: 4, jitter: full, backoff: %s}")
        % "{kind: exponential, base: 100ms, factor: 2, max: 300ms}"
        + "faults: [{kind: errors, on: api, rate: 100%, at: 0s, for: 1h}]",
        30,
        {"mean": 0.05 + 0.9 / 2},
        measured("mean"),
    ),
    "waits-with-equal-jitter": ClosedForm(
        "equal jitter takes a quarter off the mean wait",
        _queue("10/s", 100, "10ms", call="retry: {max_retries: 4, jitter: equal, backoff: %s}")
        % "{kind: exponential, base: 100ms, factor: 2, max: 300ms}"
        + "faults: [{kind: errors, on: api, rate: 100%, at: 0s, for: 1h}]",
        30,
        {"mean": 0.05 + 0.9 * 3 / 4},
        measured("mean"),
    ),
    "waits-decorrelated": ClosedForm(
        "E[w₁] = 2b, E[w₂] = (b + 3·2b)/2 while the longest wait is not reached",
        _queue("10/s", 100, "10ms", call="retry: {max_retries: 2, backoff: %s}")
        % "{kind: decorrelated, base: 100ms, max: 10s}"
        + "faults: [{kind: errors, on: api, rate: 100%, at: 0s, for: 1h}]",
        60,
        {"mean": 0.03 + 0.2 + 0.35},
        measured("mean"),
    ),
}
