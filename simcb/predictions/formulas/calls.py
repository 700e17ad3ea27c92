"""Callers: what retries, budgets, throttles and caches make of what is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np


def success_of_retries(failing: float, retries: float) -> float:
    """Return the share of requests that succeed when every try fails independently."""
    return 1.0 - float(failing ** (retries + 1))


def load_of_retries(failing: float, retries: float) -> float:
    """Return the mean tries of a request, likewise."""
    return (1.0 - float(failing ** (retries + 1))) / (1.0 - failing)


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


def sent_by_throttle(rate: float, window: float) -> float:
    """Return the share that adaptive throttling lets through while nothing is accepted.

    With R asked in the last `window`, a Poisson number, 1/(R + 1) of them are sent (Beyer et
    al., "Site Reliability Engineering", 2016, chapter 21); its mean is (1 − exp(−λT))/λT.
    """
    return -math.expm1(-rate * window) / (rate * window)


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
