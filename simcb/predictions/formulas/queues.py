"""Queues: who waits, who is turned away, who leaves; servers, closed loops and limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def erlang_b(servers: int, load: float) -> float:
    """Return the share refused by `servers` without a queue, offered `load` (Erlang 1917)."""
    blocked = 1.0
    for busy in range(1, servers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Return the share that waits for one of `servers` with an endless queue (Erlang 1917)."""
    blocked = erlang_b(servers, load)
    return blocked / (1.0 - load / servers * (1.0 - blocked))


def full_queue(servers: int, load: float, room: int) -> tuple[float, float]:
    """Return the share refused by M/M/c/K with `room` in all, and the mean number inside.

    They follow from the birth-death chain (Kleinrock, "Queueing Systems I", 1975, section 3.6).
    """
    weights = [1.0]
    for inside in range(1, room + 1):
        weights.append(weights[-1] * load / min(inside, servers))
    total = math.fsum(weights)
    inside_on_average = math.fsum(n * weight for n, weight in enumerate(weights)) / total
    return weights[-1] / total, inside_on_average


def turned_away_by_one_token(rate: float, refill: float) -> float:
    """Return the share turned away by a token bucket of one, filled at `refill`.

    It is a counter that is dead for 1/refill after each it counts (Feller, "On probability
    problems in the theory of counters", 1948).
    """
    return rate / (rate + refill)


def waits_by_priority(servers: int, rates: Sequence[float], served: float) -> tuple[float, ...]:
    """Return the mean wait of each class of M/M/c, the most important first, none interrupted.

    With R = C(c, a)/cμ and σₖ the load of the first k for each server it is
    R/((1 − σₖ₋₁)(1 − σₖ)) (Cobham, "Priority assignment in waiting line problems", 1954).
    """
    behind = erlang_c(servers, sum(rates) / served) / (servers * served)
    waits, before = [], 0.0
    for rate in rates:
        load = before + rate / (servers * served)
        waits.append(behind / ((1.0 - before) * (1.0 - load)))
        before = load
    return tuple(waits)


def wait_mg1(rate: float, mean: float, cv: float) -> float:
    """Return the mean wait of M/G/1 (Pollaczek 1930, Khinchine 1932)."""
    return rate * mean**2 * (1.0 + cv**2) / (2.0 * (1.0 - rate * mean))


def wait_ggc(servers: int, rate: float, mean: float, gaps: float, cv: float) -> float:
    """Return about the mean wait of G/G/c, after Allen and Cunneen.

    It is the wait of M/M/c times the mean of both squared variations (Allen, "Probability,
    Statistics, and Queueing Theory", 1990, section 5.4), so it is exact for M/M/c and M/G/1.

    Args:
        servers: how many there are.
        rate: arrivals per second, fewer than the servers can do.
        mean: mean work.
        gaps: squared coefficient of variation of the gaps between arrivals.
        cv: coefficient of variation of the work.
    """
    load = rate * mean
    return erlang_c(servers, load) * mean / (servers - load) * (gaps + cv**2) / 2.0


def sojourn_quantile_mm1(rate: float, served: float, q: float) -> float:
    """Return the q-quantile of the sojourn in M/M/1, which is exponential."""
    return -math.log(1.0 - q) / (served - rate)


def sojourn_gm1(transform: Callable[[float], float], served: float) -> float:
    """Return the mean sojourn of G/M/1 whose gaps have this Laplace transform.

    An arrival finds n inside with probability (1 − σ)σⁿ, where σ solves σ = A*(μ − μσ)
    (Kleinrock, "Queueing Systems I", 1975, section 6.4).
    """
    sigma = 0.5
    for _ in range(1000):
        sigma = transform(served * (1.0 - sigma))
    return 1.0 / (served * (1.0 - sigma))


def late_mm1(rate: float, served: float, patience: float, *, stopped: bool) -> tuple[float, float]:
    """Return the share of callers that leave M/M/1 at `patience`, and the server's busy share.

    Callers leave when they have been there so long. One who waits is not served any more; one
    in service is served to its end unless `stopped`. The work found by an arrival has density
    p₀λ·exp(−(μ−λ)x) up to the patience; beyond, none if work is stopped, and one falling like
    exp(−μx) if it goes on (Barrer 1957; the level crossings of Brill and Posner 1977).
    """
    drift = served - rate
    shrunk = math.exp(-drift * patience)
    below = patience if drift == 0.0 else (1.0 - shrunk) / drift
    beyond = 0.0 if stopped else rate / served * shrunk
    idle = 1.0 / (1.0 + rate * below + beyond)
    # Those who find more work than that are late for certain, the others if theirs lasts.
    return idle * (shrunk + beyond), 1.0 - idle


def shed_after_wait(servers: int, rate: float, served: float, patience: float) -> float:
    """Return the share that M/M/c+D turns away: those who waited `patience` for a server.

    Level crossings: with p the share of time in which all servers but one are busy, the wait
    has density λp·exp(−(cμ−λ)x) up to the patience and falls like exp(−cμx) beyond
    (Baccelli and Hebuterne 1981). Without patience it is Erlang's B.
    """
    load, drift = rate / served, servers * served - rate
    states = [1.0]
    for busy in range(1, servers):
        states.append(states[-1] * load / busy)
    shrunk = math.exp(-drift * patience)
    below = rate * states[-1] * (patience if drift == 0.0 else (1.0 - shrunk) / drift)
    beyond = rate * states[-1] * shrunk / (servers * served)
    return beyond / (math.fsum(states) + below + beyond)


def closed_network(users: int, think: float, works: Sequence[float]) -> tuple[float, float]:
    """Return throughput and response time of a closed loop through queues with one worker each.

    Mean value analysis: an arrival sees the network as it is with one user less (Reiser and
    Lavenberg 1980). With one station it is the machine-repair model (Palm 1947).

    Args:
        users: how many there are.
        think: mean think time.
        works: mean exponential work of each station.
    """
    inside = [0.0] * len(works)
    throughput = response = 0.0
    for present in range(1, users + 1):
        sojourns = [work * (1.0 + queue) for work, queue in zip(works, inside, strict=True)]
        response = math.fsum(sojourns)
        throughput = present / (think + response)
        inside = [throughput * sojourn for sojourn in sojourns]
    return throughput, response


def engset(users: int, servers: int, think: float, work: float) -> float:
    """Return the share refused by `servers` without a queue that a few users ask (Engset 1918).

    A user who asks sees the system as the others leave it; one who is refused thinks again.
    Neither think nor work need be exponential.
    """
    weights = [math.comb(users - 1, n) * (work / think) ** n for n in range(servers + 1)]
    return weights[-1] / math.fsum(weights)


def machine_repair(users: int, think: float, work: float, servers: int) -> float:
    """Return the requests per second of users who think, wait for a server, and are served.

    The birth-death chain of M/M/c//N (Palm 1947); the law of the think time does not matter.
    """
    if think == 0.0:
        return min(users, servers) / work
    weight, total, busy = 1.0, 1.0, 0.0
    for inside in range(1, users + 1):
        weight *= (users - inside + 1) * work / think / min(inside, servers)
        total += weight
        busy += weight * min(inside, servers)
        if total > 1e250:
            weight, total, busy = weight / 1e250, total / 1e250, busy / 1e250
    return busy / total / work
