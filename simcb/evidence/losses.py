"""Callers who are turned away, or leave: full systems and impatience."""

from __future__ import annotations

from math import exp

from simcb.evidence.case import Case, Claim, case
from simcb.evidence.observing import ended, measured
from simcb.evidence.writing import EXPONENTIAL, one_queue, watched
from simcb.outcomes import AttemptOutcome
from simcb.predictions.formulas import (
    engset,
    erlang_b,
    full_queue,
    late_mm1,
    load_of_retries,
    sent_by_throttle,
    shed_after_wait,
    success_of_retries,
)

_KLEINROCK = "Kleinrock, Queueing Systems I, 1975"
_SEVASTYANOV = "Erlang 1917, Sevastyanov 1957"
_WORKS = {
    "exponential": EXPONENTIAL,
    "constant": "100ms",
    "lognormal": "{kind: lognormal, mean: 100ms, cv: 2}",
}
_REFUSED_SHARE, _WAITED_FOR = full_queue(2, 2.5, 10)

_REFUSED, _SHED, _TIMED_OUT = map(
    ended, (AttemptOutcome.REFUSED, AttemptOutcome.SHED, AttemptOutcome.TIMEOUT)
)


def _bulkhead(label: str, work: str) -> Case:
    return case(
        f"bulkhead-{label}",
        "bulkhead without queue: shed = B(c, a), whatever the distribution (c 5, a 4)",
        _SEVASTYANOV,
        watched(one_queue("40/s", 1000, work, "bulkhead: {max_concurrent: 5}"), (5, 60, 5)),
        Claim("shed", erlang_b(5, 4.0), _SHED),
    )


def _no_queue(label: str, work: str) -> Case:
    return case(
        f"mgcc-{label}",
        "M/G/c/c: refused = B(c, a), whatever the distribution (c 5, a 4)",
        _SEVASTYANOV,
        watched(one_queue("40/s", 5, work, more="queue: {limit: 0}, "), (5, 60, 0)),
        Claim("refused", erlang_b(5, 4.0), _REFUSED),
        quick=label == "lognormal",
        replicates=16 if label == "lognormal" else 64,
    )


def _impatient(word: str, *, stopped: bool) -> Case:
    late, busy = late_mm1(12, 10, 0.5, stopped=stopped)
    left = "work in progress is stopped too" if stopped else "only the queue is left"
    return case(
        f"abandon-{word.replace('_', '-')}",
        f"M/M/1 with a timeout that the service learns of ({left}), overloaded: λ 12, μ 10, T .5",
        "Barrer 1957; level crossings: Brill and Posner 1977",
        watched(
            one_queue("12/s", 1, EXPONENTIAL, "timeout: 500ms", f"on_abandon: {word}, "),
            (20, 250, 5),
        ),
        Claim("timeouts", late, _TIMED_OUT),
        Claim("worker busy", busy, measured("utilisation", "api")),
    )


CASES = (
    *(_bulkhead(label, work) for label, work in _WORKS.items()),
    *(_no_queue(label, work) for label, work in _WORKS.items()),
    case(
        "mmck",
        "M/M/c/K: refused = p_K; W of the others by Little's law (λ 25, μ 10, c 2, K 10)",
        _KLEINROCK,
        watched(one_queue("25/s", 2, EXPONENTIAL, more="queue: {limit: 8}, "), (10, 150, 5)),
        Claim("refused", _REFUSED_SHARE, _REFUSED),
        Claim(
            "mean sojourn",
            _WAITED_FOR / (25 * (1 - _REFUSED_SHARE)),
            measured("success_mean"),
            "s",
        ),
    ),
    case(
        "bulkhead-wait",
        "bulkhead with a wait of at most T: M/M/c+D (c 5, a 4, T 50 ms)",
        "Baccelli and Hebuterne 1981",
        watched(
            one_queue("40/s", 1000, EXPONENTIAL, "bulkhead: {max_concurrent: 5, max_wait: 50ms}"),
            (5, 60, 5),
        ),
        Claim("shed", shed_after_wait(5, 40, 10, 0.05), _SHED),
    ),
    case(
        "timeout-untold",
        "the service never learns of a timeout: P(timeout) = P(sojourn > T) = exp(−(μ−λ)T)",
        _KLEINROCK,
        watched(one_queue("5/s", 1, EXPONENTIAL, "timeout: 400ms"), (20, 500, 5)),
        Claim("timeouts", exp(-2.0), _TIMED_OUT),
    ),
    _impatient("drop_queued", stopped=False),
    _impatient("stop", stopped=True),
    case(
        "deadline",
        "users who leave after T: failed = P(sojourn > T) = exp(−(μ−λ)T)",
        _KLEINROCK,
        watched(
            one_queue("5/s", 1, EXPONENTIAL).replace("users: {", "users: {deadline: 400ms, "),
            (20, 500, 5),
        ),
        Claim("success", 1.0 - exp(-2.0), measured("success")),
    ),
    case(
        "wasted-work",
        "a timeout T on exponential work: exp(−T/s) of the work is done for nobody",
        "memoryless work",
        watched(one_queue("50/s", 1000, EXPONENTIAL, "timeout: 100ms"), (5, 20, 0)),
        Claim("wasted work", exp(-1.0), measured("wasted_work")),
    ),
    case(
        "engset",
        "few users and no queue: refused as the other users leave it (N 10, c 2, think 1 s, s .2)",
        "Engset 1918",
        watched(
            """
clients:
  users:
    arrivals: {kind: closed, users: 10, think: {kind: exponential, mean: 1s}}
    calls: {api: {}}
services:
  api: {workers: 2, queue: {limit: 0}, work: {kind: gamma, mean: 200ms, cv: 0.5}}
""",
            (10, 200, 0),
        ),
        Claim("refused", engset(10, 2, 1.0, 0.2), _REFUSED),
    ),
    case(
        "adaptive-throttle",
        "client-side throttling in an outage: (1 − exp(−λT))/λT of the attempts are sent (λT 20)",
        "Beyer et al., Site Reliability Engineering, 2016, chapter 21",
        watched(
            one_queue(
                "20/s", 10, "0s", "throttle: {kind: adaptive, k: 2, window: 1s}", "errors: 100%, "
            ),
            (2, 100, 0),
        ),
        Claim("shed", 1.0 - sent_by_throttle(20, 1.0), _SHED),
        Claim("sent", 20 * sent_by_throttle(20, 1.0), measured("downstream_rate"), "/s"),
    ),
    case(
        "network-loss",
        "a link that loses a share p, two retries: success 1 − p³, load (1 − p³)/(1 − p) (p .2)",
        "geometric series",
        watched(
            one_queue("100/s", 10, "0s", "timeout: 100ms, retry: {max_retries: 2}"),
            (1, 15, 1),
            faults=["kind: loss, on: users->api, share: 20%, at: 0s, for: 1h"],
        ),
        Claim("success", success_of_retries(0.2, 2), measured("success")),
        Claim("timeouts", 0.2, _TIMED_OUT),
        Claim("attempts", 100 * load_of_retries(0.2, 2), measured("attempt_rate"), "/s"),
    ),
)
