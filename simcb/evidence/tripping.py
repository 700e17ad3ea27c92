"""Breakers: how soon they trip, by chance or in an outage, and how much they let through."""

from __future__ import annotations

from simcb.evidence.case import Case, Claim, case
from simcb.evidence.observing import (
    calls_until_trip,
    detection,
    measured,
    opening_to_probe,
    openings,
    probe_gap,
    rejected_between_probes,
    seconds_until_trip,
)
from simcb.evidence.writing import many_groups, one_queue, one_service, watched
from simcb.predictions.formulas import (
    calls_to_trip,
    calls_to_trip_by_rate,
    calls_to_trip_tumbling,
    probe_cycle,
    time_to_rate,
    time_to_two,
)

_AT_ONCE = "recovery_timeout: 0s"
_FELLER = "Feller, volume I, XIII.7"
_CHAIN = "Markov chain, solved exactly"
_FALSE_TRIPS = calls_to_trip_by_rate(10, 10, 0.5, 0.2)
_TUMBLING = calls_to_trip_tumbling(10, 5, 0.2)
_CYCLE = probe_cycle(10, 5.0, 0.2)
_GAP = 0.01


def _false_trips(
    name: str,
    law: str,
    source: str,
    breaker: str,
    service: str,
    mean: float,
    trips: int,
    *,
    quick: bool = True,
) -> Case:
    """Return calls one after the other that fail by lot; an open breaker probes the next one.

    The run is so long that it holds the openings that are looked at but for one in a million.
    """
    call = f"breaker: {{{breaker}, {_AT_ONCE}}}"
    body = one_service("100/s", f"workers: 10, {service}", call, kind="constant")
    seconds = round((1.0 + 5.2 / trips**0.5) * trips * mean / 100)
    claim = Claim("calls to a false trip", mean, calls_until_trip(trips))
    scenario = watched(body, (0, seconds, 0))
    return case(name, law, source, scenario, claim, replicates=16 if quick else 64, quick=quick)


def _rate_in_window(name: str, law: str, replicas: str, claim: Claim) -> Case:
    """Return constant arrivals at five replicas in turn, some of which hang from 20 s on."""
    rule = "{kind: failure_rate, rate: 50%, window: 10s, minimum_calls: 100}"
    call = f"timeout: 1s, breaker: {{trip: {rule}, recovery: {{timeout: 1h}}}}"
    service = "replicas: 5, workers: 10000, work: 0s"
    hung = f"kind: hang, on: api, replicas: {replicas}, at: 20s, for: 1h"
    scenario = watched(
        one_service("200/s", service, call, kind="constant"), (20, 20, 0), faults=[hung]
    )
    return case(name, law, "balance of the window's calls", scenario, claim, replicates=2)


CASES = (
    _false_trips(
        "trip-after-five",
        "k consecutive failures, p .5, k 5: (p^−k − 1)/(1 − p) calls",
        _FELLER,
        "failure_threshold: 5",
        "work: 0s, errors: 50%",
        calls_to_trip(0.5, 5),
        60,
    ),
    _false_trips(
        "trip-after-three",
        "k consecutive failures, p .3, k 3: (p^−k − 1)/(1 − p) calls",
        _FELLER,
        "failure_threshold: 3",
        "work: 0s, errors: 30%",
        calls_to_trip(0.3, 3),
        60,
    ),
    _false_trips(
        "trip-count-window",
        f"half of the last 10 calls, p .2: the chain over the window's contents "
        f"(a tumbling window would give {_TUMBLING:.0f})",
        _CHAIN,
        "trip: {kind: failure_rate, rate: 50%, calls: 10, minimum_calls: 10}",
        "work: 0s, errors: 20%",
        _FALSE_TRIPS,
        40,
    ),
    _false_trips(
        "trip-below-full-window",
        "half of the last 10 calls once there are 4, p .2: the same chain",
        _CHAIN,
        "trip: {kind: failure_rate, rate: 50%, calls: 10, minimum_calls: 4}",
        "work: 0s, errors: 20%",
        calls_to_trip_by_rate(10, 4, 0.5, 0.2),
        60,
        quick=False,
    ),
    # exp(−s/mean) = .2 at s = 1.6094 ms; calls are 10 ms apart, so hardly any two overlap.
    _false_trips(
        "trip-slow-calls",
        "half of the last 10 calls slow, P(slow) .2: the same chain as for failures",
        _CHAIN,
        "trip: {kind: slow_call_rate, slow: 1.6094379ms, rate: 50%, calls: 10, minimum_calls: 10}",
        "work: {kind: exponential, mean: 1ms}",
        _FALSE_TRIPS,
        40,
    ),
    case(
        "trip-two-in-window",
        "two failures within T, Poisson at ν: (1 + 1/(1 − exp(−νT)))/ν (ν 2, T .2)",
        "Wald's equation",
        watched(
            one_queue(
                "20/s",
                10,
                "0s",
                "breaker: {trip: {kind: failures_in_window, threshold: 2, window: 200ms}, "
                f"{_AT_ONCE}}}",
                "errors: 10%, ",
            ),
            (0, 255, 0),
        ),
        Claim("time to a false trip", time_to_two(2.0, 0.2), seconds_until_trip(80), "s"),
    ),
    _rate_in_window(
        "rate-in-time-window",
        "time window T, rate r, share p hangs, timeout t₀: t₀ + r(T − p·t₀)/p "
        "(T 10, r .5, p .6, t₀ 1)",
        "[0, 2, 4]",
        # Three of five calls fail, 5 ms apart: the law's continuous share comes in steps.
        Claim(
            "time to trip",
            time_to_rate(0.6, 0.5, 10.0, 1.0),
            measured("time_to_trip"),
            "s",
            slack=0.02,
        ),
    ),
    _rate_in_window(
        "rate-never-reached",
        "time window, rate r, share p of the calls hangs: never trips if p < r (p .4, r .5)",
        "[1, 3]",
        Claim("openings", 0.0, openings),
    ),
    case(
        "probes-in-an-outage",
        "one probe at a time: one each D + 1/λ + s, all others rejected (λ 10, D 5, s .2)",
        "renewal theory",
        watched(
            one_queue("10/s", 10, "200ms", "breaker: {failure_threshold: 1, recovery_timeout: 5s}"),
            (0, 400, 0),
            faults=["kind: errors, on: api, rate: 100%, at: 0s, for: 1h"],
        ),
        Claim("probe to probe", _CYCLE, probe_gap(60), "s"),
        Claim("admitted", 1 / _CYCLE, lambda seen: 1.0 / probe_gap(60)(seen), "/s"),
        Claim("rejected", 1.0 - 1.0 / (10.0 * _CYCLE), rejected_between_probes(60)),
    ),
    case(
        "growing-recovery",
        "open times that double to a maximum: probes 1, 3, 7, 15, 23 s after the trip",
        "arithmetic",
        watched(
            one_service(
                "100/s",
                "workers: 1, work: 0s, errors: 100%",
                "breaker: {failure_threshold: 3, recovery: {timeout: 1s, factor: 2, max: 8s}}",
                kind="constant",
            ),
            (0, 40, 0),
        ),
        # A probe waits for a caller, who comes within 10 ms.
        *(
            Claim(f"probe {n}", at, opening_to_probe(n), "s", slack=n * _GAP)
            for n, at in enumerate((1.0, 3.0, 7.0, 15.0, 23.0), start=1)
        ),
        replicates=2,
    ),
    case(
        "detection",
        "hard outage, k consecutive: k/λ + timeout (k 5, λ 10, timeout 1 s)",
        "sums of Poisson gaps",
        watched(
            many_groups(
                20,
                "10/s",
                "timeout: 1s, breaker: {failure_threshold: 5, recovery_timeout: 1h}",
                "workers: 10000, work: 0s",
            ),
            (0, 15, 0),
            faults=["kind: hang, on: api, at: 10s, for: 1m"],
        ),
        Claim("time to trip", 5 / 10 + 1.0, detection, "s"),
    ),
)
