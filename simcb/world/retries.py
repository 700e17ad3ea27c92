"""How long a caller waits before it tries again.

Formulas: `fixed` waits `delay`; `exponential` waits min(max, base · factor^k) before retry
k+1; `decorrelated` draws uniformly between `base` and three times the previous wait, capped
by `max`. Jitter: `full` draws from [0, d), `equal` from [d/2, d)
(Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from simcb.scenario.retries import Decorrelated, Jitter, NoBackoff, Retry
from simcb.world.streams import Column

Wait = Callable[[int, float, Column, int], float]
"""(retries made, previous wait, jitter stream, request number) -> seconds to the next try."""


@lru_cache(maxsize=256)
def wait_of(retry: Retry) -> Wait:
    """Return the waiting rule of a retry policy."""
    backoff = retry.backoff
    if isinstance(backoff, NoBackoff):
        return lambda made, previous, lots, number: 0.0
    if isinstance(backoff, Decorrelated):
        base, cap = backoff.base, backoff.max

        def decorrelated(made: int, previous: float, lots: Column, number: int) -> float:
            spread = max(0.0, 3.0 * max(previous, base) - base)
            return min(cap, base + spread * lots.at(number))

        return decorrelated
    delays = tuple(backoff.delay_before(made + 1) for made in range(retry.max_retries))
    match retry.jitter:
        case Jitter.NONE:
            return lambda made, previous, lots, number: delays[made]
        case Jitter.FULL:
            return lambda made, previous, lots, number: delays[made] * lots.at(number)
        case Jitter.EQUAL:
            return lambda made, previous, lots, number: delays[made] * (0.5 + 0.5 * lots.at(number))
