"""What a caller does besides its breaker: backoff, retry budgets, throttling, caches.

Each is small, lives at one call site, and reads time only from what it is told.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from simcb.scenario.calls import Adaptive
from simcb.scenario.calls import Throttle as ThrottleSpec
from simcb.scenario.retries import Budget as BudgetSpec
from simcb.scenario.retries import (
    Decorrelated,
    Jitter,
    NoBackoff,
    Retry,
    Server,
)
from simcb.scenario.retries import PerMinute as PerMinuteSpec
from simcb.scenario.retries import TokenBucket as TokenBucketSpec
from simcb.world.streams import Column

_MINUTE = 60.0


Wait = Callable[[int, float, Column, int], float]
"""(retries made, previous wait, jitter stream, request number) -> seconds to the next try."""


@lru_cache(maxsize=256)
def wait_of(retry: Retry) -> Wait:
    """Return the waiting rule of a retry policy.

    Formulas: `fixed` waits `delay`; `exponential` waits min(max, base · factor^k) before retry
    k+1; `decorrelated` draws uniformly between `base` and three times the previous wait, capped
    by `max`; `server` waits as `exponential` where it is not told how long. Jitter: `full` draws
    from [0, d), `equal` from [d/2, d)
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """
    backoff = retry.backoff
    if isinstance(backoff, NoBackoff):
        return lambda made, previous, draws, number: 0.0
    if isinstance(backoff, Decorrelated):
        base, cap = backoff.base, backoff.max

        def decorrelated(made: int, previous: float, draws: Column, number: int) -> float:
            spread = max(0.0, 3.0 * max(previous, base) - base)
            return min(cap, base + spread * draws.at(number))

        return decorrelated
    delays = tuple(backoff.delay_before(made + 1) for made in range(retry.max_retries))
    match retry.jitter:
        case Jitter.NONE:
            return lambda made, previous, draws, number: delays[made]
        case Jitter.FULL:
            return lambda made, previous, draws, number: delays[made] * draws.at(number)
        case Jitter.EQUAL:
            return lambda made, previous, draws, number: (
                delays[made] * (0.5 + 0.5 * draws.at(number))
            )


def heeded_by(retry: Retry) -> float:
    """Return the longest Retry-After that a policy waits for, seconds; 0 if it heeds none."""
    if not isinstance(retry.backoff, Server):
        return 0.0
    return math.inf if retry.backoff.up_to is None else retry.backoff.up_to


class Budget(Protocol):
    """Decides whether a caller may retry at all."""

    def earn(self) -> None:
        """Take note of a first attempt."""

    def spend(self, now: float) -> bool:
        """Ask for one retry at `now`; tell whether it is granted."""


class TokenBucket:
    """Each first attempt earns a share of a retry; at most `burst` are saved, as many at first."""

    def __init__(self, ratio: float, burst: float) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def earn(self) -> None:
        """Add the share that a first attempt earns."""
        self._tokens = min(self._burst, self._tokens + self._ratio)

    def spend(self, now: float) -> bool:
        """Take a whole token if there is one."""
        # Ten tenths, added one by one, are a little less than one.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True


class PerMinuteBudget:
    """So many retries in any sixty seconds."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._granted: deque[float] = deque()

    def earn(self) -> None:
        """First attempts earn nothing here."""

    def spend(self, now: float) -> bool:
        """Grant a retry unless the last minute has had them all."""
        granted = self._granted
        while granted and granted[0] <= now - _MINUTE:
            granted.popleft()
        if len(granted) >= self._retries:
            return False
        granted.append(now)
        return True


def budget_of(spec: BudgetSpec | None) -> Budget | None:
    """Return the retry budget of one caller, or None if it may always retry."""
    if isinstance(spec, TokenBucketSpec):
        return TokenBucket(spec.ratio, spec.burst)
    if isinstance(spec, PerMinuteSpec):
        return PerMinuteBudget(spec.retries)
    return None


class Throttle:
    """Client-side throttling: the more attempts go unanswered, the fewer are made.

    An attempt is shed with probability max(0, (requests - k accepts) / (requests + 1)) over
    the trailing window (Beyer et al., "Site Reliability Engineering", 2016, chapter 21).

    Args:
        k: attempts let through for each that is accepted.
        window: seconds that an attempt counts.
    """

    def __init__(self, k: float, window: float) -> None:
        self._k = k
        self._window = window
        self._requests: deque[float] = deque()
        self._accepts: deque[float] = deque()

    def sheds(self, now: float, draw: float) -> bool:
        """Count an attempt made at `now` and tell whether it is shed."""
        horizon = now - self._window
        for times in (self._requests, self._accepts):
            while times and times[0] <= horizon:
                times.popleft()
        requests = len(self._requests)
        excess = requests - self._k * len(self._accepts)
        self._requests.append(now)
        return draw < excess / (requests + 1)

    def accepted(self, now: float) -> None:
        """Count an attempt that the service answered well."""
        self._accepts.append(now)


def throttle_of(spec: ThrottleSpec | None) -> Throttle | None:
    """Return the throttle of one caller, or None if it may always ask."""
    return Throttle(spec.k, spec.window) if isinstance(spec, Adaptive) else None


class Cache:
    """The last good answers of one caller, by key: stale ones are served until their TTL.

    Args:
        ttl: seconds for which an answer may be served, up to but not at its end.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._stored: dict[float, float] = {}

    def store(self, key: float, now: float) -> None:
        """Keep the answer given at `now`."""
        self._stored[key] = now

    def serves(self, key: float, now: float) -> bool:
        """Tell whether there is an answer for the key that is young enough."""
        stored = self._stored.get(key)
        return stored is not None and now - stored < self._ttl
