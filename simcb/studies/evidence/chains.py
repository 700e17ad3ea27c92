"""Breakers and retry budgets as Markov chains, solved exactly.

They stand beside the breaker's and the world's own code on purpose: nothing is shared.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import numpy as np


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
