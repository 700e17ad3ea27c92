"""How long it takes until a trip rule is met by chance, each call failing by itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simcb.breaker import ConsecutiveFailures, FailureRate, FailuresInWindow, SlowCallRate, TripRule
from simcb.predictions.formulas import calls_to_trip, calls_to_trip_by_rate, time_to_two

MOST_SOLVED = 9
"""Calls of a count window whose Markov chain is solved; longer ones get an approximation."""

MOST_COUNTED = 100_000
"""Failures in a window beyond which no chance is worked out."""

_RARE = 1e-7


def time_to_trip(rule: TripRule, failing: float, rate: float) -> float:
    """Return the mean seconds until a closed breaker opens; infinite if it never does.

    Args:
        rule: what opens it.
        failing: chance that a call fails (or is slow, where slow ones count).
        rate: calls that it hears, per second.
    """
    if failing <= 0.0 or rate <= 0.0:
        return math.inf
    if isinstance(rule, FailuresInWindow):
        return _time_to_many(rule.threshold, failing * rate, rule.window)
    if isinstance(rule, ConsecutiveFailures):
        return calls_in_a_row(failing, rule.threshold) / rate
    assert isinstance(rule, FailureRate | SlowCallRate)
    if rule.window is not None:
        return _time_to_share(rule.rate, rule.minimum_calls, failing, rate, rule.window)
    assert rule.calls is not None
    return calls_to_share(rule.calls, rule.minimum_calls, rule.rate, failing) / rate


def is_exact(rule: TripRule) -> bool:
    """Tell whether `time_to_trip` is the exact mean for a rule."""
    if isinstance(rule, ConsecutiveFailures):
        return True
    if isinstance(rule, FailuresInWindow):
        return rule.threshold <= 2
    return rule.calls is not None and rule.calls <= MOST_SOLVED


def calls_in_a_row(failing: float, threshold: int) -> float:
    """Return the mean calls until so many fail in a row."""
    if failing >= 1.0:
        return float(threshold)
    if failing <= 0.0 or threshold * -math.log(failing) > 600.0:
        return math.inf
    return calls_to_trip(failing, threshold)


def calls_to_share(size: int, minimum: int, share: float, failing: float) -> float:
    """Return the mean calls until a share of the last `size` calls have failed.

    Beyond what the chain is solved for it is the scan statistic of the full window; that fewer
    calls may do while it fills is left out.
    """
    if size <= MOST_SOLVED:
        return calls_to_trip_by_rate(size, minimum, share, failing)
    needed = math.ceil(share * size - 1e-9)
    if failing >= share:
        return max(minimum, needed) / failing
    if needed > MOST_COUNTED:
        return math.inf
    return _scanned(needed, size * failing, _binomial(needed, size, failing), size)


def _time_to_many(threshold: int, rate: float, window: float) -> float:
    """Return the mean time until `threshold` Poisson events lie within `window` seconds."""
    if threshold == 1:
        return 1.0 / rate
    if threshold == 2:
        return time_to_two(rate, window)
    inside = rate * window
    if inside >= threshold:
        return threshold / rate
    if threshold > MOST_COUNTED:
        return math.inf
    return _scanned(threshold, inside, _poisson(threshold, inside), window)


def _scanned(needed: int, inside: float, chances: tuple[float, float, float], size: float) -> float:
    """Return the mean length until a sliding window of a length has so many events.

    After Naus ("Approximations for distributions of scan statistics", 1982): the chance that two
    windows' length goes by without is known, and from then on it falls by the same part again
    and again. Where it is rare, a window's length sees (k − λ)·P(k) of them.

    Args:
        needed: k, the events.
        inside: λ, the events in a window on average.
        chances: P(k), P(N < k), and the chance that twice the length goes by without.
        size: the window's length.
    """
    exactly, fewer, twice = chances
    if exactly <= 0.0:
        return math.inf
    if 1.0 - fewer < _RARE:
        often = (needed - inside) * exactly
        return size / often if often > 0.0 else math.inf
    if twice <= 0.0 or twice >= fewer:
        return needed / inside * size
    return size * ((1.0 + fewer) / 2.0 + fewer / math.log(fewer / twice))


def _poisson(k: int, mean: float) -> tuple[float, float, float]:
    counts = np.arange(k + 1)
    logs = counts * math.log(mean) - mean - _log_factorials(k)
    exact = np.exp(logs)
    below = np.cumsum(exact)
    fewer, exactly = float(below[k - 1]), float(exact[k])
    before = float(below[k - 3]) if k >= 3 else 0.0
    twice = fewer**2 - (k - 1) * exactly * float(exact[k - 2]) - (k - 1 - mean) * exactly * before
    return exactly, fewer, twice


def _binomial(k: int, size: int, failing: float) -> tuple[float, float, float]:
    exact = _binomials(k, size, failing)
    shorter = np.cumsum(_binomials(k, size - 1, failing))
    below = np.cumsum(exact)
    fewer, exactly = float(below[k - 1]), float(exact[k])
    two_less = float(below[k - 2]) if k >= 2 else 0.0
    three_less = float(shorter[k - 3]) if k >= 3 else 0.0
    twice = fewer**2 - (k - 1) * exactly * two_less + size * failing * exactly * three_less
    return exactly, fewer, twice


def _binomials(k: int, size: int, failing: float) -> NDArray[np.float64]:
    """Return the chances of 0 … k failures among so many calls."""
    most = min(k, size)
    counts = np.arange(most + 1)
    logs = _log_factorials(size)
    logs = logs[size] - logs[counts] - logs[size - counts]
    logs = logs + counts * math.log(failing) + (size - counts) * math.log1p(-failing)
    return np.concatenate([np.exp(logs), np.zeros(k - most)])


def _log_factorials(most: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])


def _time_to_share(share: float, minimum: int, failing: float, rate: float, window: float) -> float:
    """Return about the mean time until a share of the calls of `window` seconds have failed.

    The others in the window of a call are a Poisson number, and their failures binomial; it
    opens the breaker if with it the share is reached and before it was not. Of such crossings
    1 − p/r come first, the others come soon after one (the clumping of Alm, 1983).
    """
    inside, failing = rate * window, min(failing, 1.0 - 1e-12)
    if failing >= share and inside >= minimum:
        return minimum / rate
    most = int(inside + 12.0 * math.sqrt(inside) + 40.0) + minimum
    if most > MOST_COUNTED // 10:
        # The number of calls hardly varies.
        return calls_to_share(round(inside), minimum, share, failing) / rate
    counts = np.arange(most + 1)
    others = np.exp(counts * math.log(inside) - inside - _log_factorials(most))
    crossing = 0.0
    for calls in range(max(1, minimum), most + 1):
        weight = float(others[calls - 1])
        if weight < 1e-18:
            continue
        needed, before, after = (
            max(1, math.ceil(share * each - 1e-9)) for each in (calls, calls - 1, calls + 1)
        )
        exact = _binomials(calls, calls - 1, failing)
        if calls == minimum:
            crossing += weight * (failing * float(exact[needed - 1]) + float(exact[needed:].sum()))
        elif needed == before:
            crossing += weight * failing * float(exact[needed - 1])
        if after > needed:
            # A success leaves the window, and the next call finds the share reached if it fails.
            left = float(_binomials(calls, calls, failing)[needed])
            crossing += float(others[calls]) * (1.0 - failing) * left * failing
    first = 1.0 - failing / share if failing < share else 1.0
    often = rate * crossing * first
    return window + 1.0 / often if often > 1e-300 else math.inf
