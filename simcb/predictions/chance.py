"""How long it takes until a trip rule is met by chance, each call failing by itself."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from simcb.breaker import ConsecutiveFailures, FailureRate, FailuresInWindow, SlowCallRate, TripRule
from simcb.predictions.formulas import calls_to_trip, calls_to_trip_by_rate, time_to_two

MOST_SOLVED = 9
"""Calls of a count window whose Markov chain is solved; longer ones are drawn."""

MOST_CALLS = 50_000
"""Calls in a window beyond which nothing is drawn."""

_DRAWN = 400_000
"""Calls drawn for one answer."""

_LEAST = 1e-280
"""A chance below which a thing never happens."""

_ROUNDING = 1e-9

_Floats = NDArray[np.float64]
_Flags = NDArray[np.bool_]


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
        return _time_to_many(rule.threshold, failing * rate, looks_back(rule) or 0.0)
    if isinstance(rule, ConsecutiveFailures):
        return calls_in_a_row(failing, rule.threshold) / rate
    assert isinstance(rule, FailureRate | SlowCallRate)
    lasts = looks_back(rule)
    if lasts is not None:
        inside = rate * lasts
        return _calls_to_share(inside, rule.minimum_calls, needed_share(rule), failing, True) / rate
    assert rule.calls is not None
    return calls_to_share(rule.calls, rule.minimum_calls, needed_share(rule), failing) / rate


def is_exact(rule: TripRule) -> bool:
    """Tell whether `time_to_trip` is the exact mean for a rule."""
    if isinstance(rule, ConsecutiveFailures):
        return rule.every is None
    if isinstance(rule, FailuresInWindow):
        return rule.every is None and rule.threshold <= 2
    return rule.calls is not None and rule.calls <= MOST_SOLVED


def needed_share(rule: FailureRate | SlowCallRate) -> float:
    """Return the share that trips a rule; a strict one takes a call more than its rate."""
    return min(1.0, rule.rate + 1e-6) if rule.strict else rule.rate


def looks_back(rule: FailuresInWindow | FailureRate | SlowCallRate) -> float | None:
    """Return how long a call counts at most, in seconds; None if only others push it out."""
    return rule.window if rule.every is None else rule.every


def calls_in_a_row(failing: float, threshold: int) -> float:
    """Return the mean calls until so many fail in a row."""
    if failing >= 1.0:
        return float(threshold)
    if failing <= 0.0 or threshold * -math.log(failing) > 600.0:
        return math.inf
    return calls_to_trip(failing, threshold)


def calls_to_share(size: int, minimum: int, share: float, failing: float) -> float:
    """Return the mean calls until a share of the last `size` calls have failed."""
    if size <= MOST_SOLVED:
        return calls_to_trip_by_rate(size, minimum, share, failing)
    return _calls_to_share(float(size), minimum, share, failing, False)


def _time_to_many(threshold: int, rate: float, window: float) -> float:
    """Return the mean time until `threshold` Poisson events lie within `window` seconds."""
    if threshold == 1:
        return 1.0 / rate
    if threshold == 2:
        return time_to_two(rate, window)
    return _calls_to_share(rate * window, threshold, 1.0, 1.0, True) / rate


@lru_cache(maxsize=1024)
def _calls_to_share(
    inside: float, minimum: int, share: float, failing: float, poisson: bool
) -> float:
    """Return about the mean calls until a share of those in a sliding window have failed.

    The first calls of many breakers are drawn; those that are not open by then open as often as
    after the first window, or, if few do, at the rate of a full window. Calls that find the rule
    met come in clumps, and each clump opens a breaker once; so it is the rate of such calls,
    which is known, times the mean of 1/C over them, with C of them in a call's clump (Aldous,
    "Probability Approximations via the Poisson Clumping Heuristic", 1989). However rare they
    are, a call can be drawn that finds the rule met. The draws are always the same, and right
    within a fifth mostly, a third at worst.

    Args:
        inside: calls in a full window, on average if they come at random.
        minimum: calls without which nothing trips.
        share: of failures at which it trips.
        failing: chance that a call fails.
        poisson: whether calls come at random and the window is a time; else it is a count.
    """
    if inside > MOST_CALLS or minimum > MOST_CALLS:
        return max(minimum, 1.0) / failing if failing >= share and inside >= minimum else math.inf
    random = Generator(Philox(key=0))
    before, left, often = inside, 1.0, 0.0
    if _soon(minimum, share, failing):
        before, left, often = _first_calls(random, inside, minimum, share, failing, poisson)
    if left > 0.0 and not often:
        often = _clump_rate(random, inside, minimum, share, failing, poisson)
    if left > 0.0 and often < _LEAST:
        return math.inf
    return before + (left / often if left else 0.0)


def _soon(minimum: int, share: float, failing: float) -> bool:
    """Tell whether a window may trip while it fills up, by Chernoff's bound."""
    if failing >= share:
        return True
    apart = _divergence(share, failing)
    return math.exp(-minimum * apart) > 0.002 * -math.expm1(-apart)


def met_by_chance(rule: TripRule, failing: float) -> float:
    """Return about how likely a call finds a rule met, each call failing by itself.

    Of n in a row that is pⁿ; of a share in a window of n calls Chernoff's bound of it,
    exp(-n KL(share, p)), and of a window in time the same with its minimum of calls. Of n within
    a time nobody knows of how many calls: p/n, which puts it behind all others and more before
    fewer. Slow calls are another's matter.
    """
    if isinstance(rule, SlowCallRate) or failing <= 0.0:
        return 0.0
    if isinstance(rule, ConsecutiveFailures):
        return failing**rule.threshold
    if isinstance(rule, FailuresInWindow):
        return failing / rule.threshold
    assert isinstance(rule, FailureRate)
    if failing >= rule.rate:
        return 1.0
    return math.exp(-_divergence(rule.rate, failing) * (rule.calls or rule.minimum_calls))


def _divergence(share: float, failing: float) -> float:
    """Return how far a share of failures is above their chance: Kullback and Leibler's."""
    apart = share * math.log(share / failing)
    return apart + (1.0 - share) * math.log((1.0 - share) / (1.0 - failing)) if share < 1 else apart


def _first_calls(
    random: Generator, inside: float, minimum: int, share: float, failing: float, poisson: bool
) -> tuple[float, float, float]:
    """Return what the first four windows of many breakers come to, from empty ones.

    It is how many calls they last on average, at most so many; the share of breakers left; and
    how often one opens after the first window, per call: 0 if too few do to know.
    """
    rows = int(min(4000, max(600, _DRAWN / 4.0 / max(inside, 1.0))))
    seen = min(int(4.0 * inside) + 1, 2 * _DRAWN // rows)
    seen = max(seen, 3 * minimum if failing >= share else 0)
    gaps = random.exponential(1.0, (rows, seen)) if poisson else np.ones((rows, seen))
    times = np.cumsum(gaps, axis=1)
    met = _met(times, random.random((rows, seen)) < failing, inside, minimum, share)
    opens = met.any(axis=1)
    calls = np.where(opens, met.argmax(axis=1) + 1, seen)
    lasted = times[np.arange(rows), calls - 1]
    full = int(max(inside, minimum - 1.0))
    late, left = int((opens & (calls > full)).sum()), int((~opens).sum())
    often = late / float((calls - full).clip(0).sum()) if 5 * late >= rows else 0.0
    return float(lasted.mean()), left / rows, often


def _clump_rate(
    random: Generator, inside: float, minimum: int, share: float, failing: float, poisson: bool
) -> float:
    """Return how many clumps of calls that find the rule met there are, per call that does not."""
    meeting, times, failed = _drawn_clumps(random, inside, minimum, share, failing, poisson)
    if not _LEAST < meeting < 1.0:
        return meeting if meeting >= 1.0 else 0.0
    met = _met(times, failed, inside, minimum, share) & (np.abs(times) < inside)
    return float(meeting / (1.0 - meeting) * (1.0 / met.sum(axis=1)).mean())


def _met(times: _Floats, failed: _Flags, window: float, minimum: int, share: float) -> _Flags:
    """Return which calls find the rule met, each row a breaker's calls in order of time."""
    rows, length = times.shape
    apart = np.arange(rows)[:, None] * (times[:, -1].max() - times[:, 0].min() + 2.0 * window)
    moments = (times + apart).ravel()
    oldest = np.searchsorted(moments, moments - window, side="right")
    before = np.concatenate([[0], np.cumsum(failed)])
    last = np.arange(1, rows * length + 1)
    calls, counted = last - oldest, before[last] - before[oldest]
    met = (counted > 0) & (calls >= minimum) & (counted >= share * calls - _ROUNDING)
    return np.asarray(met.reshape(rows, length))


def _drawn_clumps(
    random: Generator, inside: float, minimum: int, share: float, failing: float, poisson: bool
) -> tuple[float, _Floats, _Flags]:
    """Return the chance that a call finds the rule met, and the calls around some that do.

    Such a call is at time zero, and a row has all calls from two windows before it to one after
    it: when they come, and which of them fail.
    """
    if poisson:
        meeting, others, bad = _drawn_windows(random, inside, minimum, share, failing)
        ends = random.poisson(inside, (2, len(others)))
    else:
        meeting, others, bad = _drawn_counts(random, int(inside), share, failing)
        ends = np.full((2, len(others)), int(inside))
    if meeting < _LEAST:
        return 0.0, np.empty((0, 0)), np.empty((0, 0), bool)
    moments, failures = [np.zeros((len(others), 1))], [bad[:, :1] > 0]
    for first, count in ((-2.0, ends[0]), (-1.0, others), (0.0, ends[1])):
        place = np.broadcast_to(np.arange(count.max(initial=0)), (len(count), count.max(initial=0)))
        at = random.random(place.shape) if poisson else (place + 1) / inside
        if first == -1.0:
            fails = place < bad[:, 1:]
            fails = fails if poisson else random.permuted(fails, axis=1)
        else:
            fails = random.random(place.shape) < failing
        there = place < count[:, None]
        # What only fills up a row is a success long after.
        moments.append(np.where(there, (first + at) * inside, 4.0 * inside))
        failures.append(fails & there)
    times, failed = np.concatenate(moments, axis=1), np.concatenate(failures, axis=1)
    order = np.argsort(times, axis=1, kind="stable")
    return meeting, np.take_along_axis(times, order, 1), np.take_along_axis(failed, order, 1)


def _clumps(calls: float) -> int:
    return int(min(2000, max(50, _DRAWN / 3.0 / calls)))


def _drawn_windows(
    random: Generator, inside: float, minimum: int, share: float, failing: float
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """Return the chance that a call finds the rule of a time window met, and such windows.

    Failures and successes among the others in its window are two Poisson numbers. For each
    window there are its other calls; whether the call itself fails, and how many others do.
    """
    most = int(inside + 12.0 * math.sqrt(inside) + 40.0) + minimum
    passed = np.arange(most + 1)
    least = np.maximum(1, minimum - passed)
    if share < 1.0:
        shared = np.ceil(share / (1.0 - share) * passed - _ROUNDING)
        least = np.maximum(least, np.minimum(shared, most + 1).astype(int))
    else:
        least[1:] = most + 1
    tails = _tails(_poisson(most, inside * failing))
    passing = _poisson(most, inside * (1.0 - failing))
    needed = np.concatenate([least - 1, least[1:], [most + 1]])
    weights = np.concatenate([failing * passing, (1.0 - failing) * passing]) * tails[needed]
    meeting = float(weights.sum())
    if meeting < _LEAST:
        return 0.0, np.empty(0, int), np.empty((0, 2), int)
    chosen = random.choice(len(weights), _clumps(max(inside, minimum)), p=weights / meeting)
    failed = _beyond(random, tails, needed[chosen])
    return meeting, failed + chosen % (most + 1), np.stack([chosen <= most, failed], axis=1)


def _drawn_counts(
    random: Generator, size: int, share: float, failing: float
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """Return the same for a window of so many calls."""
    counts = np.arange(size)
    logs = _log_factorials(size)[size - 1] - _log_factorials(size)[counts]
    logs -= _log_factorials(size)[size - 1 - counts]
    logs += counts * math.log(failing) + (size - 1 - counts) * math.log1p(-failing)
    tails = _tails(np.exp(logs))
    least = max(1, math.ceil(share * size - _ROUNDING))
    needed = np.array([least - 1, least])
    weights = np.array([failing, 1.0 - failing]) * tails[needed]
    meeting = float(weights.sum())
    if meeting < _LEAST:
        return 0.0, np.empty(0, int), np.empty((0, 2), int)
    chosen = random.choice(2, _clumps(size), p=weights / meeting)
    failed = _beyond(random, tails, needed[chosen])
    return meeting, np.full(len(chosen), size - 1), np.stack([chosen == 0, failed], axis=1)


def _poisson(most: int, mean: float) -> _Floats:
    """Return the chances of 0 … most."""
    if mean == 0.0:
        return np.concatenate([[1.0], np.zeros(most)])
    logs = np.arange(most + 1) * math.log(mean) - mean - _log_factorials(most)
    return np.asarray(np.exp(logs))


def _tails(chances: _Floats) -> _Floats:
    """Return the chances of at least 0, 1, …, and of one more than there are: none."""
    return np.concatenate([np.cumsum(chances[::-1])[::-1], [0.0]])


def _beyond(random: Generator, tails: _Floats, least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return draws of a number that is at least so large."""
    heights = tails[least] * (1.0 - random.random(len(least)))
    return np.asarray(np.searchsorted(-tails, -heights, side="right") - 1)


def _log_factorials(most: int) -> _Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, most + 1)))])
