"""Breakers: how soon each rule trips, and how long they are open and closed."""

from __future__ import annotations

import math
from functools import cache
from itertools import product

import numpy as np


def calls_to_trip(failing: float, threshold: int) -> float:
    """Return the mean calls until `threshold` consecutive failures (Feller, volume I, XIII.7)."""
    return (failing**-threshold - 1.0) / (1.0 - failing)


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
