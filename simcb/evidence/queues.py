"""Queues: waits and sojourns that theory has in closed form, of open arrivals and closed loops."""

from __future__ import annotations

from itertools import accumulate

from simcb.evidence.case import Case, Claim, Observer, case
from simcb.evidence.observing import inside, measured, slower_than, waiting, waits
from simcb.evidence.writing import EXPONENTIAL, one_queue, watched
from simcb.predictions.formulas import (
    closed_network,
    erlang_c,
    sojourn_gm1,
    sojourn_quantile_mm1,
    wait_mg1,
)

_KHINCHINE = "Pollaczek 1930, Khinchine 1932"
_KLEINROCK = "Kleinrock, Queueing Systems I, 1975"

_MM1 = one_queue("8/s", 1, EXPONENTIAL)
_HALF = one_queue("5/s", 1, EXPONENTIAL)
_P50, _P95, _P99 = (sojourn_quantile_mm1(8, 10, q) for q in (0.50, 0.95, 0.99))

_COLD_ENDS = tuple(accumulate(0.1 * (1 + 2 * max(0.0, 1 - k / 10)) for k in range(20)))
"""When each of twenty that came at once is answered by a worker that warms up."""


def _sojourn(expected: float) -> Claim:
    return Claim("mean sojourn", expected, measured("mean"), "s")


def _wait(expected: float, precision: float = 0.25) -> Claim:
    return Claim("mean wait", expected, waits(1), "s", precision=precision)


def _share_that_waits(expected: float) -> Claim:
    return Claim("share that waits", expected, waiting)


def _busy(name: str, expected: float, service: str) -> Claim:
    return Claim(f"{name} busy", expected, measured("utilisation", service))


def _of(run: str, observer: Observer) -> Observer:
    return lambda seen: observer({"": seen[run]})


def _two_stations(front: str, back: str, *, nested: bool = True) -> str:
    """Return users who need two services, or one that needs the other."""
    both = "{front: {}}" if nested else "{front: {}, back: {}}"
    return (
        f"clients:\n  users: {{arrivals: {{kind: poisson, rate: 5/s}}, calls: {both}}}\n"
        f"services:\n  front: {{{front}}}\n  back: {{{back}}}\n"
    )


def _station(mean: str, more: str = "") -> str:
    return f"workers: 1, {more}work: {{kind: exponential, mean: {mean}}}"


def _loop(
    name: str, law: str, source: str, users: int, think: str, works: dict[str, float], watch: float
) -> Case:
    """Return users who think for a second on average and then need each of the services."""
    throughput, response = closed_network(users, 1.0, tuple(works.values()))
    services = "".join(
        f"  {service}: {{{_station(f'{mean * 1000:g}ms')}}}\n" for service, mean in works.items()
    )
    calls = ", ".join(f"{service}: {{}}" for service in works)
    body = (
        f"clients:\n  users: {{arrivals: {{kind: closed, users: {users}, think: {think}}}, "
        f"calls: {{{calls}}}}}\nservices:\n{services}"
    )
    rate, latency = measured("offered_rate"), measured("mean")
    return case(
        name,
        law,
        source,
        watched(body, (50, watch, 20), on=next(iter(works))),
        Claim("throughput", throughput, rate, "/s"),
        Claim("mean sojourn", response, latency, "s"),
        Claim(
            "throughput × (sojourn + think)", users, lambda seen: rate(seen) * (latency(seen) + 1.0)
        ),
    )


_THINK = "{kind: exponential, mean: 1s}"
_REPAIR = "closed loop: machine-repair model, and Little's law N = X(W + Z)"

CASES = (
    case(
        "mm1",
        "M/M/1: W = 1/(μ−λ), L = λW, P(sojourn > t) = exp(−(μ−λ)t)",
        _KLEINROCK,
        watched(_MM1, (100, 1200, 30)),
        _sojourn(0.5),
        Claim("number inside", 4.0, inside("api", 1)),
        Claim("share over .3466 s", 0.50, slower_than(_P50)),
        Claim("share over 1.4979 s", 0.05, slower_than(_P95), precision=0.5),
        _busy("worker", 0.8, "api"),
    ),
    # An empirical percentile is biased by half its variance, so the runs have to be long.
    case(
        "mm1-percentiles",
        "M/M/1: sojourn percentiles −ln(1−q)/(μ−λ)",
        _KLEINROCK,
        watched(_MM1, (100, 20_000, 30)),
        Claim("p50", _P50, measured("p50"), "s"),
        Claim("p95", _P95, measured("p95"), "s"),
        Claim("p99", _P99, measured("p99"), "s"),
        quick=False,
    ),
    case(
        "mmc",
        "M/M/c: P(wait) = C(c, a), Wq = C/(cμ−λ)",
        "Erlang 1917",
        watched(one_queue("32/s", 4, EXPONENTIAL), (20, 160, 10)),
        _share_that_waits(erlang_c(4, 3.2)),
        _wait(erlang_c(4, 3.2) / 8.0, precision=0.4),
        _sojourn(0.1 + erlang_c(4, 3.2) / 8.0),
    ),
    case(
        "md1",
        "M/D/1: Wq = λs²/2(1−ρ)",
        _KHINCHINE,
        watched(one_queue("8/s", 1, "100ms"), (50, 500, 10)),
        _wait(wait_mg1(8, 0.1, 0.0)),
        _share_that_waits(0.8),
    ),
    case(
        "mg1-gamma",
        "M/G/1: Wq = λE[S²]/2(1−ρ), P(wait) = ρ; gamma work, cv 2",
        _KHINCHINE,
        watched(one_queue("5/s", 1, "{kind: gamma, mean: 100ms, cv: 2}"), (50, 1000, 60)),
        _wait(wait_mg1(5, 0.1, 2.0)),
        _share_that_waits(0.5),
    ),
    # The mean of so heavy a tail is seldom seen: a few rare works carry it.
    case(
        "mg1-lognormal",
        "M/G/1: Wq = λE[S²]/2(1−ρ), P(wait) = ρ; lognormal work, cv 2",
        _KHINCHINE,
        watched(one_queue("5/s", 1, "{kind: lognormal, mean: 100ms, cv: 2}"), (50, 1500, 60)),
        _wait(wait_mg1(5, 0.1, 2.0), precision=0.4),
        _share_that_waits(0.5),
    ),
    case(
        "mm1-lifo",
        "M/M/1, last come first served: the same mean wait, E[W²] is 1/(1−ρ) times as large",
        "Takács 1963",
        {
            "fifo": watched(_HALF, (20, 600, 60)),
            "": watched(
                one_queue("5/s", 1, EXPONENTIAL, more="queue: {discipline: lifo}, "), (20, 600, 60)
            ),
        },
        _wait(0.1),
        Claim("mean square of the wait", 2 * 0.5 / 5**2 / (1 - 0.5), waits(2), precision=0.5),
        Claim("mean wait fifo", 0.1, _of("fifo", waits(1)), "s"),
        Claim("mean square of the wait fifo", 2 * 0.5 / 5**2, _of("fifo", waits(2)), precision=0.5),
    ),
    case(
        "round-robin",
        "each of two replicas in turn sees Erlang-2 gaps: E2/M/1",
        _KLEINROCK,
        watched(one_queue("16/s", 1, EXPONENTIAL, more="replicas: 2, "), (50, 250, 0)),
        _sojourn(sojourn_gm1(lambda s: (16.0 / (16.0 + s)) ** 2, 10.0)),
    ),
    case(
        "random-balance",
        "a Poisson stream split by lot gives Poisson streams: two M/M/1 of half the load",
        _KLEINROCK,
        watched(
            one_queue("10/s", 1, EXPONENTIAL, more="replicas: 2, balance: random, "), (20, 200, 10)
        ),
        _sojourn(1 / (10 - 5)),
    ),
    case(
        "network",
        "Poisson arrivals delayed by lot are Poisson: W = 1/(μ−λ) and both ways",
        "Doob 1953 (displaced Poisson points)",
        watched(
            one_queue("5/s", 1, EXPONENTIAL, "network: {kind: exponential, mean: 30ms}"),
            (20, 500, 10),
        ),
        Claim("mean latency", 1 / (10 - 5) + 0.06, measured("mean"), "s"),
        _wait(0.1),
    ),
    case(
        "slowed-worker",
        "work that takes twice as long halves μ: W = 1/(μ/2−λ)",
        _KLEINROCK,
        watched(
            one_queue("3/s", 1, EXPONENTIAL),
            (50, 800, 20),
            faults=["kind: latency, on: api, times: 2, at: 0s, for: 1h"],
        ),
        _sojourn(1 / (5 - 3)),
    ),
    case(
        "lost-workers",
        "half of the workers gone: M/M/4 becomes M/M/2",
        "Erlang 1917",
        watched(
            one_queue("12/s", 4, EXPONENTIAL),
            (30, 200, 10),
            faults=["kind: capacity, on: api, times: 0.5, at: 0s, for: 1h"],
        ),
        _share_that_waits(erlang_c(2, 1.2)),
        _sojourn(0.1 + erlang_c(2, 1.2) / 8),
    ),
    case(
        "tandem",
        "two queues one after the other are as two alone: W = 1/(μ₁−λ) + 1/(μ₂−λ)",
        "Burke 1956, Jackson 1957",
        watched(
            _two_stations(_station("100ms"), _station("80ms"), nested=False),
            (20, 300, 10),
            on="front",
        ),
        _sojourn(1 / (10 - 5) + 1 / (12.5 - 5)),
    ),
    case(
        "tandem-nested",
        "a service that does not block is the first of two queues one after the other",
        "Burke 1956, Jackson 1957",
        watched(
            _two_stations(
                _station("100ms", "blocking: false, calls: {back: {}}, "), _station("80ms")
            ),
            (20, 300, 10),
            on="front",
        ),
        _sojourn(1 / (10 - 5) + 1 / (12.5 - 5)),
        _busy("front", 0.5, "front"),
    ),
    case(
        "tandem-blocking",
        "a worker held while it calls: M/G/1 whose work is the sum of both",
        _KHINCHINE,
        watched(
            _two_stations(_station("50ms", "calls: {back: {}}, "), _station("50ms")),
            (20, 300, 10),
            on="front",
        ),
        _sojourn(0.1 + wait_mg1(5, 0.1, 0.5**0.5)),
        _busy("front", 0.5, "front"),
        _busy("back", 0.25, "back"),
    ),
    case(
        "held-workers",
        "workers held for their own work and for the call they make: λ(s + t) on average",
        "Little 1961",
        watched(
            """
clients:
  users: {arrivals: {kind: poisson, rate: 50/s}, calls: {front: {}}}
services:
  front: {workers: 100, work: {kind: exponential, mean: 20ms}, calls: {back: {}}}
  back: {workers: 100, work: {kind: gamma, mean: 180ms, cv: 0.5}}
""",
            (5, 20, 0),
            on="front",
        ),
        _busy("front", 50 * 0.2 / 100, "front"),
    ),
    case(
        "cold-worker",
        "20 at once at a cold worker: the k-th takes .1·(1 + 2·max(0, 1 − k/10)) s",
        "arithmetic",
        watched(
            """
clients:
  users: {arrivals: {kind: closed, users: 20, think: 10s}, calls: {api: {}}}
services:
  api: {workers: 1, work: 100ms}
""",
            (0, 18, 0),
            faults=["kind: cold, on: api, times: 3, successes: 10, at: 0s, for: 1h"],
        ),
        _sojourn(sum(_COLD_ENDS) / 20),
        replicates=2,
    ),
)

LOOPS = (
    _loop("closed-loop", _REPAIR, "Palm 1947", 20, _THINK, {"api": 0.1}, 400),
    _loop("closed-loop-light", _REPAIR, "Palm 1947", 8, _THINK, {"api": 0.1}, 400),
    _loop(
        "closed-loop-constant",
        "the same numbers with constant think times: a delay is insensitive",
        "Baskett, Chandy, Muntz and Palacios 1975",
        8,
        "1s",
        {"api": 0.1},
        400,
    ),
    _loop(
        "closed-tandem",
        "closed loop through two queues: mean value analysis",
        "Reiser and Lavenberg 1980",
        12,
        _THINK,
        {"front": 0.1, "back": 0.08},
        250,
    ),
)
