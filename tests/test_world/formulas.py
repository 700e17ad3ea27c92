"""Results of queueing and renewal theory, as functions of their parameters."""

from __future__ import annotations

import math
from collections.abc import Callable


def erlang_b(servers: int, load: float) -> float:
    """Share refused by `servers` without a queue (Erlang 1917), offered `load` erlangs."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share that waits for one of `servers` with an endless queue (Erlang 1917)."""
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def refused_by_full_queue(servers: int, load: float, room: int) -> float:
    """Share refused by M/M/c/K with `room` in all: p_K of the birth-death chain."""
    weights = [1.0]
    for inside in range(1, room + 1):
        weights.append(weights[-1] * load / min(inside, servers))
    return weights[-1] / math.fsum(weights)


def wait_mg1(rate: float, mean: float, cv: float) -> float:
    """Mean wait of M/G/1 (Pollaczek–Khinchine), seconds."""
    return rate * mean**2 * (1.0 + cv**2) / (2.0 * (1.0 - rate * mean))


def sojourn_quantile_mm1(rate: float, served: float, q: float) -> float:
    """The q-quantile of the sojourn in M/M/1, which is exponential, seconds."""
    return -math.log(1.0 - q) / (served - rate)


def sojourn_gm1(transform: Callable[[float], float], served: float) -> float:
    """Mean sojourn of G/M/1 whose gaps have this Laplace transform, seconds.

    An arrival finds n inside with probability (1 − σ)σⁿ, where σ solves σ = A*(μ − μσ).
    """
    sigma = 0.5
    for _ in range(1000):
        sigma = transform(served * (1.0 - sigma))
    return 1.0 / (served * (1.0 - sigma))


def calls_to_trip(failing: float, threshold: int) -> float:
    """Mean calls until `threshold` consecutive failures, each failing with this probability."""
    return (failing**-threshold - 1.0) / (1.0 - failing)


def success_of_retries(failing: float, retries: int) -> float:
    """Share of requests that succeed when every try fails independently."""
    return 1.0 - failing ** (retries + 1)


def load_of_retries(failing: float, retries: int) -> float:
    """Mean tries of a request, likewise."""
    return (1.0 - failing ** (retries + 1)) / (1.0 - failing)


def probe_cycle(rate: float, opened: float, probe: float) -> float:
    """Mean seconds between probes in an outage: open, wait for a caller, probe fails."""
    return opened + 1.0 / rate + probe
