"""Callers who are turned away, or leave: full systems and impatience."""

from __future__ import annotations

from math import exp

from simcb.outcomes import AttemptOutcome
from simcb.studies.evidence.case import Case, Claim
from simcb.studies.evidence.formulas import (
    engset,
    erlang_b,
    full_queue,
    late_mm1,
    load_of_retries,
    sent_by_throttle,
    shed_after_wait,
    success_of_retries,
)
from simcb.studies.evidence.observing import ended, measured
from simcb.studies.evidence.writing import EXPONENTIAL, one_queue, written

_WORKS = {
    "exponential": EXPONENTIAL,
    "constant": "100ms",
    "lognormal": "{kind: lognormal, mean: 100ms, cv: 2}",
}
_REFUSED, _WAITED_FOR = full_queue(2, 2.5, 10)


def _bulkhead(label: str, work: str) -> Case:
    return Case(
        f"bulkhead-{label}",
        "bulkhead without queue: shed = B(c, a), whatever the distribution (c 5, a 4)",
        "Erlang 1917, Sevastyanov 1957",
        {
            "": written(
                one_queue("40/s", 1000, work, call="bulkhead: {max_concurrent: 5}"),
                warm=5,
                watch=60,
                tail=5,
            )
        },
        (Claim("shed", erlang_b(5, 4.0), ended(AttemptOutcome.SHED)),),
    )


def _no_queue(label: str, work: str) -> Case:
    return Case(
        f"mgcc-{label}",
        "M/G/c/c: refused = B(c, a), whatever the distribution (c 5, a 4)",
        "Erlang 1917, Sevastyanov 1957",
        {"": written(one_queue("40/s", 5, work, more="queue: {limit: 0}, "), warm=5, watch=60)},
        (Claim("refused", erlang_b(5, 4.0), ended(AttemptOutcome.REFUSED)),),
        quick=label == "lognormal",
        replicates=16 if label == "lognormal" else 64,
    )


def _impatient(word: str, *, stopped: bool) -> Case:
    late, busy = late_mm1(12, 10, 0.5, stopped=stopped)
    left = "work in progress is stopped too" if stopped else "only the queue is left"
    return Case(
        f"abandon-{word.replace('_', '-')}",
        f"M/M/1 with a timeout that the service learns of ({left}), overloaded: λ 12, μ 10, T .5",
        "Barrer 1957; level crossings: Brill and Posner 1977",
        {
            "": written(
                one_queue(
                    "12/s", 1, EXPONENTIAL, call="timeout: 500ms", more=f"on_abandon: {word}, "
                ),
                warm=20,
                watch=250,
                tail=5,
            )
        },
        (
            Claim("timeouts", late, ended(AttemptOutcome.TIMEOUT)),
            Claim("worker busy", busy, measured("utilisation", "api")),
        ),
    )


CASES = (
    *(_bulkhead(label, work) for label, work in _WORKS.items()),
    *(_no_queue(label, work) for label, work in _WORKS.items()),
    Case(
        "mmck",
        "M/M/c/K: refused = p_K; W of the others by Little's law (λ 25, μ 10, c 2, K 10)",
        "Kleinrock, Queueing Systems I, 1975",
        {
            "": written(
                one_queue("25/s", 2, EXPONENTIAL, more="queue: {limit: 8}, "),
                warm=10,
                watch=150,
                tail=5,
            )
        },
        (
            Claim("refused", _REFUSED, ended(AttemptOutcome.REFUSED)),
            Claim(
                "mean sojourn",
                _WAITED_FOR / (25 * (1 - _REFUSED)),
                measured("success_mean"),
                "s",
            ),
        ),
    ),
    Case(
        "bulkhead-wait",
        "bulkhead with a wait of at most T: M/M/c+D (c 5, a 4, T 50 ms)",
        "Baccelli and Hebuterne 1981",
        {
            "": written(
                one_queue(
                    "40/s",
                    1000,
                    EXPONENTIAL,
                    call="bulkhead: {max_concurrent: 5, max_wait: 50ms}",
                ),
                warm=5,
                watch=60,
                tail=5,
            )
        },
        (Claim("shed", shed_after_wait(5, 40, 10, 0.05), ended(AttemptOutcome.SHED)),),
    ),
    Case(
        "timeout-untold",
        "the service never learns of a timeout: P(timeout) = P(sojourn > T) = exp(−(μ−λ)T)",
        "Kleinrock, Queueing Systems I, 1975",
        {
            "": written(
                one_queue("5/s", 1, EXPONENTIAL, call="timeout: 400ms"),
                warm=20,
                watch=500,
                tail=5,
            )
        },
        (Claim("timeouts", exp(-2.0), ended(AttemptOutcome.TIMEOUT)),),
    ),
    _impatient("drop_queued", stopped=False),
    _impatient("stop", stopped=True),
    Case(
        "deadline",
        "users who leave after T: failed = P(sojourn > T) = exp(−(μ−λ)T)",
        "Kleinrock, Queueing Systems I, 1975",
        {
            "": written(
                one_queue("5/s", 1, EXPONENTIAL).replace("users: {", "users: {deadline: 400ms, "),
                warm=20,
                watch=500,
                tail=5,
            )
        },
        (Claim("success", 1.0 - exp(-2.0), measured("success")),),
    ),
    Case(
        "wasted-work",
        "a timeout T on exponential work: exp(−T/s) of the work is done for nobody",
        "memoryless work",
        {
            "": written(
                one_queue("50/s", 1000, EXPONENTIAL, call="timeout: 100ms"), warm=5, watch=20
            )
        },
        (Claim("wasted work", exp(-1.0), measured("wasted_work")),),
    ),
    Case(
        "engset",
        "few users and no queue: refused as the other users leave it (N 10, c 2, think 1 s, s .2)",
        "Engset 1918",
        {
            "": written(
                """
clients:
  users:
    arrivals: {kind: closed, users: 10, think: {kind: exponential, mean: 1s}}
    calls: {api: {}}
services:
  api: {workers: 2, queue: {limit: 0}, work: {kind: gamma, mean: 200ms, cv: 0.5}}
""",
                warm=10,
                watch=200,
            )
        },
        (Claim("refused", engset(10, 2, 1.0, 0.2), ended(AttemptOutcome.REFUSED)),),
    ),
    Case(
        "adaptive-throttle",
        "client-side throttling in an outage: (1 − exp(−λT))/λT of the attempts are sent (λT 20)",
        "Beyer et al., Site Reliability Engineering, 2016, chapter 21",
        {
            "": written(
                one_queue(
                    "20/s",
                    10,
                    "0s",
                    call="throttle: {kind: adaptive, k: 2, window: 1s}",
                    more="errors: 100%, ",
                ),
                warm=2,
                watch=100,
            )
        },
        (
            Claim("shed", 1.0 - sent_by_throttle(20, 1.0), ended(AttemptOutcome.SHED)),
            Claim("sent", 20 * sent_by_throttle(20, 1.0), measured("downstream_rate"), "/s"),
        ),
    ),
    Case(
        "network-loss",
        "a link that loses a share p, two retries: success 1 − p³, load (1 − p³)/(1 − p) (p .2)",
        "geometric series",
        {
            "": written(
                one_queue("100/s", 10, "0s", call="timeout: 100ms, retry: {max_retries: 2}"),
                warm=1,
                watch=15,
                tail=1,
                faults=("{kind: loss, on: users->api, share: 20%, at: 0s, for: 1h}",),
            )
        },
        (
            Claim("success", success_of_retries(0.2, 2), measured("success")),
            Claim("timeouts", 0.2, ended(AttemptOutcome.TIMEOUT)),
            Claim("attempts", 100 * load_of_retries(0.2, 2), measured("attempt_rate"), "/s"),
        ),
    ),
)
