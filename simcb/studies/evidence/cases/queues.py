"""Queues with open arrivals: waits and sojourns that theory has in closed form."""

from __future__ import annotations

from itertools import accumulate

from simcb.studies.evidence.case import Case, Claim
from simcb.studies.evidence.formulas import (
    erlang_c,
    sojourn_gm1,
    sojourn_quantile_mm1,
    wait_mg1,
)
from simcb.studies.evidence.observing import (
    inside,
    measured,
    slower_than,
    waiting,
    waits,
)
from simcb.studies.evidence.writing import EXPONENTIAL, one_queue, written

_KHINCHINE = "Pollaczek 1930, Khinchine 1932"
_KLEINROCK = "Kleinrock, Queueing Systems I, 1975"

_MM1 = one_queue("8/s", 1, EXPONENTIAL)
_P50, _P95, _P99 = (sojourn_quantile_mm1(8, 10, q) for q in (0.50, 0.95, 0.99))

_COLD_ENDS = tuple(accumulate(0.1 * (1 + 2 * max(0.0, 1 - k / 10)) for k in range(20)))
"""When each of twenty that came at once is answered by a worker that warms up."""


def _two_stations(front: str, back: str, *, nested: bool) -> str:
    """Return users who need two services, or one that needs the other."""
    both = "{front: {}}" if nested else "{front: {}, back: {}}"
    return (
        f"clients:\n  users: {{arrivals: {{kind: poisson, rate: 5/s}}, calls: {both}}}\n"
        f"services:\n  front: {{{front}}}\n  back: {{{back}}}\n"
    )


CASES = (
    Case(
        "mm1",
        "M/M/1: W = 1/(μ−λ), L = λW, P(sojourn > t) = exp(−(μ−λ)t)",
        _KLEINROCK,
        {"": written(_MM1, warm=100, watch=1200, tail=30)},
        (
            Claim("mean sojourn", 0.5, measured("mean"), "s"),
            Claim("number inside", 4.0, inside("api", 1)),
            Claim("share over .3466 s", 0.50, slower_than(_P50)),
            Claim("share over 1.4979 s", 0.05, slower_than(_P95), precision=0.5),
            Claim("worker busy", 0.8, measured("utilisation", "api")),
        ),
    ),
    # An empirical percentile is biased by half its variance, so the runs have to be long.
    Case(
        "mm1-percentiles",
        "M/M/1: sojourn percentiles −ln(1−q)/(μ−λ)",
        _KLEINROCK,
        {"": written(_MM1, warm=100, watch=20_000, tail=30)},
        (
            Claim("p50", _P50, measured("p50"), "s"),
            Claim("p95", _P95, measured("p95"), "s"),
            Claim("p99", _P99, measured("p99"), "s"),
        ),
        quick=False,
    ),
    Case(
        "mmc",
        "M/M/c: P(wait) = C(c, a), Wq = C/(cμ−λ)",
        "Erlang 1917",
        {"": written(one_queue("32/s", 4, EXPONENTIAL), warm=20, watch=160, tail=10)},
        (
            Claim("share that waits", erlang_c(4, 3.2), waiting),
            Claim("mean wait", erlang_c(4, 3.2) / 8.0, waits(1), "s", precision=0.4),
            Claim("mean sojourn", 0.1 + erlang_c(4, 3.2) / 8.0, measured("mean"), "s"),
        ),
    ),
    Case(
        "md1",
        "M/D/1: Wq = λs²/2(1−ρ)",
        _KHINCHINE,
        {"": written(one_queue("8/s", 1, "100ms"), warm=50, watch=500, tail=10)},
        (
            Claim("mean wait", wait_mg1(8, 0.1, 0.0), waits(1), "s"),
            Claim("share that waits", 0.8, waiting),
        ),
    ),
    Case(
        "mg1-gamma",
        "M/G/1: Wq = λE[S²]/2(1−ρ), P(wait) = ρ; gamma work, cv 2",
        _KHINCHINE,
        {
            "": written(
                one_queue("5/s", 1, "{kind: gamma, mean: 100ms, cv: 2}"),
                warm=50,
                watch=1000,
                tail=60,
            )
        },
        (
            Claim("mean wait", wait_mg1(5, 0.1, 2.0), waits(1), "s"),
            Claim("share that waits", 0.5, waiting),
        ),
    ),
    # The mean of so heavy a tail is seldom seen: a few rare works carry it.
    Case(
        "mg1-lognormal",
        "M/G/1: Wq = λE[S²]/2(1−ρ), P(wait) = ρ; lognormal work, cv 2",
        _KHINCHINE,
        {
            "": written(
                one_queue("5/s", 1, "{kind: lognormal, mean: 100ms, cv: 2}"),
                warm=50,
                watch=1500,
                tail=60,
            )
        },
        (
            Claim("mean wait", wait_mg1(5, 0.1, 2.0), waits(1), "s", precision=0.4),
            Claim("share that waits", 0.5, waiting),
        ),
    ),
    Case(
        "mm1-lifo",
        "M/M/1, last come first served: the same mean wait, E[W²] is 1/(1−ρ) times as large",
        "Takács 1963",
        {
            "fifo": written(one_queue("5/s", 1, EXPONENTIAL), warm=20, watch=600, tail=60),
            "": written(
                one_queue("5/s", 1, EXPONENTIAL, more="queue: {discipline: lifo}, "),
                warm=20,
                watch=600,
                tail=60,
            ),
        },
        (
            Claim("mean wait", 0.1, waits(1), "s"),
            Claim("mean square of the wait", 2 * 0.5 / 5**2 / (1 - 0.5), waits(2), precision=0.5),
            Claim("mean wait fifo", 0.1, lambda seen: waits(1)({"": seen["fifo"]}), "s"),
            Claim(
                "mean square of the wait fifo",
                2 * 0.5 / 5**2,
                lambda seen: waits(2)({"": seen["fifo"]}),
                precision=0.5,
            ),
        ),
    ),
    Case(
        "round-robin",
        "each of two replicas in turn sees Erlang-2 gaps: E2/M/1",
        _KLEINROCK,
        {"": written(one_queue("16/s", 1, EXPONENTIAL, more="replicas: 2, "), warm=50, watch=250)},
        (
            Claim(
                "mean sojourn",
                sojourn_gm1(lambda s: (16.0 / (16.0 + s)) ** 2, 10.0),
                measured("mean"),
                "s",
            ),
        ),
    ),
    Case(
        "random-balance",
        "a Poisson stream split by lot gives Poisson streams: two M/M/1 of half the load",
        _KLEINROCK,
        {
            "": written(
                one_queue("10/s", 1, EXPONENTIAL, more="replicas: 2, balance: random, "),
                warm=20,
                watch=200,
                tail=10,
            )
        },
        (Claim("mean sojourn", 1 / (10 - 5), measured("mean"), "s"),),
    ),
    Case(
        "network",
        "Poisson arrivals delayed by lot are Poisson: W = 1/(μ−λ) and both ways",
        "Doob 1953 (displaced Poisson points)",
        {
            "": written(
                one_queue("5/s", 1, EXPONENTIAL, call="network: {kind: exponential, mean: 30ms}"),
                warm=20,
                watch=500,
                tail=10,
            )
        },
        (
            Claim("mean latency", 1 / (10 - 5) + 0.06, measured("mean"), "s"),
            Claim("mean wait", 0.1, waits(1), "s"),
        ),
    ),
    Case(
        "slowed-worker",
        "work that takes twice as long halves μ: W = 1/(μ/2−λ)",
        _KLEINROCK,
        {
            "": written(
                one_queue("3/s", 1, EXPONENTIAL),
                warm=50,
                watch=800,
                tail=20,
                faults=("{kind: latency, on: api, times: 2, at: 0s, for: 1h}",),
            )
        },
        (Claim("mean sojourn", 1 / (5 - 3), measured("mean"), "s"),),
    ),
    Case(
        "lost-workers",
        "half of the workers gone: M/M/4 becomes M/M/2",
        "Erlang 1917",
        {
            "": written(
                one_queue("12/s", 4, EXPONENTIAL),
                warm=30,
                watch=200,
                tail=10,
                faults=("{kind: capacity, on: api, times: 0.5, at: 0s, for: 1h}",),
            )
        },
        (
            Claim("share that waits", erlang_c(2, 1.2), waiting),
            Claim("mean sojourn", 0.1 + erlang_c(2, 1.2) / 8, measured("mean"), "s"),
        ),
    ),
    Case(
        "tandem",
        "two queues one after the other are as two alone: W = 1/(μ₁−λ) + 1/(μ₂−λ)",
        "Burke 1956, Jackson 1957",
        {
            "": written(
                _two_stations(
                    f"workers: 1, work: {EXPONENTIAL}",
                    "workers: 1, work: {kind: exponential, mean: 80ms}",
                    nested=False,
                ),
                warm=20,
                watch=300,
                tail=10,
                on="front",
            )
        },
        (Claim("mean sojourn", 1 / (10 - 5) + 1 / (12.5 - 5), measured("mean"), "s"),),
    ),
    Case(
        "tandem-nested",
        "a service that does not block is the first of two queues one after the other",
        "Burke 1956, Jackson 1957",
        {
            "": written(
                _two_stations(
                    f"workers: 1, blocking: false, work: {EXPONENTIAL}, calls: {{back: {{}}}}",
                    "workers: 1, work: {kind: exponential, mean: 80ms}",
                    nested=True,
                ),
                warm=20,
                watch=300,
                tail=10,
                on="front",
            )
        },
        (
            Claim("mean sojourn", 1 / (10 - 5) + 1 / (12.5 - 5), measured("mean"), "s"),
            Claim("front busy", 0.5, measured("utilisation", "front")),
        ),
    ),
    Case(
        "tandem-blocking",
        "a worker held while it calls: M/G/1 whose work is the sum of both",
        _KHINCHINE,
        {
            "": written(
                _two_stations(
                    "workers: 1, work: {kind: exponential, mean: 50ms}, calls: {back: {}}",
                    "workers: 1, work: {kind: exponential, mean: 50ms}",
                    nested=True,
                ),
                warm=20,
                watch=300,
                tail=10,
                on="front",
            )
        },
        (
            Claim("mean sojourn", 0.1 + wait_mg1(5, 0.1, 0.5**0.5), measured("mean"), "s"),
            Claim("front busy", 0.5, measured("utilisation", "front")),
            Claim("back busy", 0.25, measured("utilisation", "back")),
        ),
    ),
    Case(
        "held-workers",
        "workers held for their own work and for the call they make: λ(s + t) on average",
        "Little 1961",
        {
            "": written(
                """
clients:
  users: {arrivals: {kind: poisson, rate: 50/s}, calls: {front: {}}}
services:
  front: {workers: 100, work: {kind: exponential, mean: 20ms}, calls: {back: {}}}
  back: {workers: 100, work: {kind: gamma, mean: 180ms, cv: 0.5}}
""",
                warm=5,
                watch=20,
                on="front",
            )
        },
        (Claim("front busy", 50 * 0.2 / 100, measured("utilisation", "front")),),
    ),
    Case(
        "cold-worker",
        "20 at once at a cold worker: the k-th takes .1·(1 + 2·max(0, 1 − k/10)) s",
        "arithmetic",
        {
            "": written(
                """
clients:
  users: {arrivals: {kind: closed, users: 20, think: 10s}, calls: {api: {}}}
services:
  api: {workers: 1, work: 100ms}
""",
                watch=18,
                faults=("{kind: cold, on: api, times: 3, successes: 10, at: 0s, for: 1h}",),
            )
        },
        (Claim("mean sojourn", sum(_COLD_ENDS) / 20, measured("mean"), "s"),),
        replicates=2,
    ),
)
