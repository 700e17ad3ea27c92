"""Results of queueing and renewal theory, and Markov chains solved exactly.

Rates are per second, times seconds. Each docstring names who showed the formula. The chains of
breakers and retry budgets share nothing with the breaker's and the world's own code on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product

import numpy as np

from simcb.scenario.faults import MOST_REPLICAS


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


def sent_by_throttle(rate: float, window: float) -> float:
    """Return the share that adaptive throttling lets through while nothing is accepted.

    With R asked in the last `window`, a Poisson number, 1/(R + 1) of them are sent (Beyer et
    al., "Site Reliability Engineering", 2016, chapter 21); its mean is (1 − exp(−λT))/λT.
    """
    return -math.expm1(-rate * window) / (rate * window)


def success_of_retries(failing: float, retries: float) -> float:
    """Return the share of requests that succeed when every try fails independently."""
    return 1.0 - float(failing ** (retries + 1))


def load_of_retries(failing: float, retries: float) -> float:
    """Return the mean tries of a request, likewise."""
    return (1.0 - float(failing ** (retries + 1))) / (1.0 - failing)


def settled_replicas(load: float, workers: int, target: float) -> int:
    """Return the least replicas whose workers are busy for no more than `target` of their time.

    Args:
        load: worker-seconds asked for in a second.
        workers: of each replica.
        target: the busy share of them that is aimed at.
    """
    if not math.isfinite(load):
        return MOST_REPLICAS
    return max(1, math.ceil(load / (workers * target) - 1e-9))


def ramp_up(first: int, wanted: int, target: float, every: float, delay: float) -> float:
    """Return the most seconds that an autoscaler takes to come from few replicas to those needed.

    No worker is more than busy, so of n full replicas it makes ⌈n/target⌉ at most; it goes on when
    these have come and it looks again. Before the first look may lie all of `every`.

    Args:
        first: replicas at first, all of whose workers are busy.
        wanted: those needed; more than `first`.
        target: the busy share that it aims at; below 1.
        every: seconds from look to look.
        delay: seconds until a new replica takes work.
    """
    if target >= 1.0:
        return math.inf
    steps, there = 0, first
    while there < wanted:
        there = math.ceil(there / target - 1e-9)
        steps += 1
    step = every * max(1, math.ceil(delay / every - 1e-9))
    return every + (steps - 1) * step + delay


def hit_ratio(keys: int, zipf: float, ttl: float, rate: float) -> float:
    """Return the share of lookups that a cache answers which keeps each answer for `ttl` seconds.

    Key i is asked for at rate λᵢ, and of the lookups between two fills all but the first are hits:
    λᵢT/(1 + λᵢT), for Poisson lookups and answers that come at once (Jung, Berger and
    Balakrishnan, "Modeling TTL-based Internet Caches", INFOCOM 2003).
    """
    shares = np.arange(1, keys + 1, dtype=float) ** -zipf
    shares /= shares.sum()
    per_ttl = rate * ttl * shares
    return float(np.sum(shares * per_ttl / (1.0 + per_ttl)))


def calls_to_trip(failing: float, threshold: int) -> float:
    """Return the mean calls until `threshold` consecutive failures (Feller, volume I, XIII.7)."""
    return (failing**-threshold - 1.0) / (1.0 - failing)


def time_to_two(rate: float, window: float) -> float:
    """Return the mean time until two Poisson events lie less than `window` apart.

    The first comes after 1/ν, and then gaps of mean 1/ν until one is short, each with
    probability 1 − exp(−νT); by Wald's equation their number and length multiply.
    """
    return (1.0 + 1.0 / -math.expm1(-rate * window)) / rate


def time_to_rate(failing: float, rate: float, window: float, timeout: float) -> float:
    """Return when a share of failures in a window reaches `rate`, after an outage began.

    A share of the calls hangs and is known to have failed after `timeout`; of the last
    `window` T then λp(t − t₀) calls failed and λ(T − p·t₀) have ended at all. Never, if p ≤ r.
    """
    return timeout + rate * (window - failing * timeout) / failing


def time_closed(length: float, closed: float, opened: float) -> float:
    """Return the mean seconds closed in the first `length` of an alternating renewal process.

    It begins closed. Times closed are exponential with mean `closed`, each followed by `opened`
    seconds open. The k-th time closed begins once k of them and k openings are over, so it lasts
    E min(Γ(k+1), u) - E min(Γ(k), u) with u = length - k × opened (Cox, "Renewal Theory", 1962,
    chapter 7).
    """
    if length > 100.0 * (closed + opened):
        return length * closed / (closed + opened)

    def within(times: int, until: float) -> float:
        """Return the mean of the sum of so many exponential times, cut at a moment."""
        mean = until / closed
        weight = ahead = math.exp(-mean)
        for each in range(1, times):
            weight *= mean / each
            ahead += weight
        beyond = ahead + weight * mean / times
        return times * closed * (1.0 - beyond) + until * ahead

    spent, number = 0.0, 0
    while (until := length - number * opened) > 0.0 and number <= 100:
        spent += within(number + 1, until) - (within(number, until) if number else 0.0)
        number += 1
    return min(spent, length)


def probe_cycle(rate: float, opened: float, probe: float) -> float:
    """Return the mean seconds between probes in an outage: open, wait for a caller, fail."""
    return opened + 1.0 / rate + probe


def cache_hits(rate: float, popularity: Sequence[float], answered: float, ttl: float) -> float:
    """Return the share of failed calls that find an answer younger than `ttl` for their key.

    Good answers for a key come in a Poisson stream of its own (thinning), so one lies within
    the last TTL with probability 1 − exp(−λ·p_k·q·TTL).
    """
    return math.fsum(share * -math.expm1(-rate * share * answered * ttl) for share in popularity)


def zipf(keys: int, exponent: float) -> tuple[float, ...]:
    """Return the popularity of each key by Zipf's law."""
    weights = [rank**-exponent for rank in range(1, keys + 1)]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


@cache
def calls_to_trip_by_rate(size: int, minimum: int, rate: float, failing: float) -> float:
    """Return the mean calls until a sliding count window trips, from an empty one.

    The chain's states are the contents of the window, newest last. With h(s) the mean number
    of further calls, h(s) = 1 + Σ P(outcome)·h(s + outcome) over those that do not trip.

    Args:
        size: outcomes in the window.
        minimum: outcomes without which it does not trip.
        rate: share of failures at which it does.
        failing: chance that a call fails, each by itself.
    """

    def trips(window: tuple[int, ...]) -> bool:
        return len(window) >= minimum and sum(window) >= rate * len(window)

    def windows(length: int) -> list[tuple[int, ...]]:
        return [each for each in product((0, 1), repeat=length) if not trips(each)]

    full = windows(size)
    place = {window: index for index, window in enumerate(full)}
    equations = np.eye(len(full))
    for window, row in place.items():
        for outcome, chance in ((1, failing), (0, 1.0 - failing)):
            following = (*window[1:], outcome)
            if following in place:
                equations[row, place[following]] -= chance
    solved = np.linalg.solve(equations, np.ones(len(full)))
    calls = dict(zip(full, solved.tolist(), strict=True))
    for length in reversed(range(size)):
        for window in windows(length):
            failed, passed = calls.get((*window, 1), 0.0), calls.get((*window, 0), 0.0)
            calls[window] = 1.0 + failing * failed + (1.0 - failing) * passed
    return float(calls[()])


def calls_to_trip_tumbling(size: int, failures: int, failing: float) -> float:
    """Return the same for a window that is judged when full and then emptied."""
    chances = [1.0] + [0.0] * size
    for _ in range(size):
        chances = [
            (1.0 - failing) * same + failing * fewer
            for same, fewer in zip(chances, [0.0, *chances], strict=False)
        ]
    return size / sum(chances[failures:])


@cache
def bucket_retries(
    failing: float, retries: int, earned: int, spent: int, burst: int, requests: float
) -> tuple[float, float]:
    """Return success and tries per request of clients with a token bucket, full at first.

    The chain's state is what is in the bucket before a request; requests come one after the
    other, and each try fails by itself. The n-th request counts with the chance that a client
    makes so many.

    Args:
        failing: chance that a try fails.
        retries: most retries of a request.
        earned: what a request puts into the bucket, in parts of a token.
        spent: parts that a retry takes out.
        burst: parts that the bucket holds.
        requests: mean of the Poisson number of requests of a client.
    """
    holds = {burst: 1.0}
    succeeded = tried = 0.0
    for made in _poisson_tail(requests):
        after: dict[int, float] = {}
        for tokens, chance in holds.items():
            left = min(burst, tokens + earned)
            for attempt in range(retries + 1):
                tried += made * chance
                succeeded += made * chance * (1.0 - failing)
                after[left] = after.get(left, 0.0) + chance * (1.0 - failing)
                chance *= failing
                if attempt == retries or left < spent:
                    after[left] = after.get(left, 0.0) + chance
                    break
                left -= spent
        holds = after
    return succeeded / requests, tried / requests


def _poisson_tail(mean: float) -> list[float]:
    """Return P(N ≥ 1), P(N ≥ 2), … of a Poisson number, as far as it matters."""
    tail, tails = 1.0, []
    for count in range(int(mean + 12.0 * math.sqrt(mean) + 12.0)):
        tail -= math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        tails.append(tail)
    return tails


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
