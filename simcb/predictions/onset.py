"""How soon failures come in a row when a fault begins, with the calls that are under way then.

What is under way when connections begin to be refused is still answered, and each answer begins
the row anew; what is under way when a service restarts is lost, and fails at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_STEP = 0.05
"""Events of a step, at most."""

_MOST_STEPS = 40_000
_OVER = 1e-6


def rows_after(failing: float, threshold: int) -> list[float]:
    """Return the mean calls that are left until the row is full, by how long it is already."""
    if failing >= 1.0:
        return [float(threshold - done) for done in range(threshold)]
    return [(failing**-threshold - failing**-done) / (1.0 - failing) for done in range(threshold)]


def time_among_answers(
    threshold: int, failing: float, rate: float, tail: Callable[[float], float], longest: float
) -> float:
    """Return the mean seconds until so many calls fail in a row, while older ones are answered.

    Calls come at random, so the answers of those under way are a Poisson process too, whose rate
    t seconds on is the calls' own times the share of them that lasts longer (an M/G/∞ queue that
    empties). The lengths of the row make a Markov chain, which is followed through time.

    Args:
        threshold: failures in a row.
        failing: chance that a new call fails; it does so at once.
        rate: new calls per second.
        tail: share of calls that last longer than so many seconds.
        longest: seconds after which none is under way any more.
    """
    left = rows_after(failing, threshold)
    steps = min(_MOST_STEPS, max(200, math.ceil(2.0 * rate * longest / _STEP)))
    step = longest / steps
    row = np.zeros(threshold)
    row[0], passed = 1.0, 0.0
    for number in range(steps):
        fails = -math.expm1(-failing * rate * step)
        answers = 1.0 - failing + tail((number + 0.5) * step)
        answered = -math.expm1(-answers * rate * step)
        passed += float(row.sum()) * step
        moved, reset = row * fails, row * answered
        row = row - moved - reset
        row[1:] += moved[:-1]
        row[0] += float(reset.sum())
        if row.sum() < _OVER:
            break
    return passed + float(row @ left) / rate


def time_with_losses(threshold: int, failing: float, rate: float, under_way: float) -> float:
    """Return the same where all that is under way fails at once.

    Args:
        threshold: failures in a row.
        failing: chance that a new call fails.
        rate: new calls per second.
        under_way: calls under way, on average; as many as chance has it.
    """
    chances = [
        math.exp(done * math.log(under_way) - under_way - math.lgamma(done + 1))
        if under_way > 0.0
        else float(done == 0)
        for done in range(threshold)
    ]
    left = rows_after(failing, threshold)
    return math.fsum(chance * each for chance, each in zip(chances, left, strict=True)) / rate
