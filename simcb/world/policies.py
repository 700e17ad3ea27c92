"""What a caller does besides its breaker: backoff, retry budgets, throttling, caches.

Each is small, lives at one call site, and reads time only from what it is told.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from simcb.outcomes import ATTEMPT_CODE
from simcb.scenario.calls import Adaptive
from simcb.scenario.calls import Throttle as ThrottleSpec
from simcb.scenario.retries import (
    Backoff,
    Concurrent,
    Decorrelated,
    FailureTokens,
    Jitter,
    NoBackoff,
    Retry,
    Server,
)
from simcb.scenario.retries import Budget as BudgetSpec
from simcb.scenario.retries import PerMinute as PerMinuteSpec
from simcb.scenario.retries import TokenBucket as TokenBucketSpec
from simcb.world.streams import Column

_MINUTE = 60.0


Wait = Callable[[int, float, Column, int], float]
"""(retries made, previous wait, jitter stream, request number) -> seconds to the next try."""


class _Delays(dict[int, float]):
    """The longest wait after so many retries, each worked out when it is first asked for."""

    def __init__(self, backoff: Backoff) -> None:
        super().__init__()
        self._backoff = backoff

    def __missing__(self, made: int) -> float:
        delay = self[made] = self._backoff.delay_before(made + 1)
        return delay


class Retrying(NamedTuple):
    """What a retry policy comes to, the same for all processes that have it."""

    retried: frozenset[int]
    """Codes of the outcomes that are retried."""
    max_retries: int
    elsewhere: bool
    """Whether a retry goes to a replica that has not been asked yet."""
    heeded: float
    """The longest Retry-After that is waited for, seconds; 0 if none is heeded."""
    wait: Wait
    budget: BudgetSpec | None


_NO_RETRY = Retry(max_retries=0, on=())


@lru_cache(maxsize=256)
def retrying_of(retry: Retry | None) -> Retrying:
    """Return what a caller does after a failure; without a policy it gives up."""
    retry = retry or _NO_RETRY
    return Retrying(
        frozenset(ATTEMPT_CODE[outcome] for outcome in retry.on),
        retry.max_retries,
        retry.elsewhere,
        _heeded_by(retry),
        _wait_of(retry),
        retry.budget,
    )


def _wait_of(retry: Retry) -> Wait:
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
    delays = _Delays(backoff)
    match retry.jitter:
        case Jitter.NONE:
            return lambda made, previous, draws, number: delays[made]
        case Jitter.FULL:
            return lambda made, previous, draws, number: delays[made] * draws.at(number)
        case Jitter.EQUAL:
            return lambda made, previous, draws, number: (
                delays[made] * (0.5 + 0.5 * draws.at(number))
            )


def _heeded_by(retry: Retry) -> float:
    if not isinstance(retry.backoff, Server):
        return 0.0
    return math.inf if retry.backoff.up_to is None else retry.backoff.up_to


class Budget:
    """Decides whether a caller may retry at all."""

    def take_over(self, before: Budget) -> None:
        """Go on from where another of the same kind is."""

    def earn(self) -> None:
        """Take note of a first attempt."""

    def begun(self) -> None:
        """Take note of an attempt that is under way."""

    def ended(self, retry: int, good: bool) -> None:
        """Take note that one no longer is: the first, or the `retry`-th retry."""

    def missed(self, retry: int) -> None:
        """Take note of an attempt that came to nothing before it was under way."""

    def failed(self) -> None:
        """Take note of an attempt whose outcome may be retried."""

    def spend(self, now: float) -> bool:
        """Ask for one retry at `now`; tell whether it is granted."""
        raise NotImplementedError


class TokenBucket(Budget):
    """Each first attempt earns a share of a retry; at most `burst` are saved, as many at first."""

    def __init__(self, ratio: float, burst: float) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def take_over(self, before: Budget) -> None:
        """Begin with the other's tokens."""
        assert isinstance(before, TokenBucket)
        self._tokens = min(self._burst, before._tokens)

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


class PerMinuteBudget(Budget):
    """So many retries in any sixty seconds."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._granted: deque[float] = deque()

    def take_over(self, before: Budget) -> None:
        """Remember the retries of the last minute."""
        assert isinstance(before, PerMinuteBudget)
        self._granted = before._granted

    def spend(self, now: float) -> bool:
        """Grant a retry unless the last minute has had them all."""
        granted = self._granted
        while granted and granted[0] <= now - _MINUTE:
            granted.popleft()
        if len(granted) >= self._retries:
            return False
        granted.append(now)
        return True


class ConcurrentBudget(Budget):
    """At any time at most a share of the attempts under way are retries, or `least` of them."""

    def __init__(self, share: float, least: int) -> None:
        self._share = share
        self._least = least
        self._attempts = 0
        self._retries = 0

    def take_over(self, before: Budget) -> None:
        """Count what is under way."""
        assert isinstance(before, ConcurrentBudget)
        self._attempts, self._retries = before._attempts, before._retries

    def begun(self) -> None:
        """Count an attempt."""
        self._attempts += 1

    def ended(self, retry: int, good: bool) -> None:
        """Count it no longer."""
        self._attempts -= 1
        self.missed(retry)

    def missed(self, retry: int) -> None:
        """Give a retry's place back."""
        if retry:
            self._retries -= 1

    def spend(self, now: float) -> bool:
        """Grant a retry while there are fewer than may be."""
        granted = self._retries < max(self._least, self._share * self._attempts)
        self._retries += granted
        return granted


class FailureTokensBudget(Budget):
    """Failures cost a token each, good answers earn a part of one, the upper half is for retries.

    The law of gRPC's retry throttling ("gRPC Retry Design", A6, 2017).
    """

    def __init__(self, most: float, earned: float) -> None:
        self._most = self._tokens = most
        self._earned = earned

    def take_over(self, before: Budget) -> None:
        """Begin with the other's tokens."""
        assert isinstance(before, FailureTokensBudget)
        self._tokens = min(self._most, before._tokens)

    def ended(self, retry: int, good: bool) -> None:
        """Earn for a good answer."""
        if good:
            self._tokens = min(self._most, self._tokens + self._earned)

    def failed(self) -> None:
        """Pay for a failure."""
        self._tokens = max(0.0, self._tokens - 1.0)

    def spend(self, now: float) -> bool:
        """Grant a retry while there is more than half of what there may be."""
        # Ten tenths, added one by one, are a little less than one.
        return self._tokens > self._most / 2.0 + 1e-9


def budget_of(spec: BudgetSpec | None) -> Budget | None:
    """Return the retry budget of one caller, or None if it may always retry."""
    if isinstance(spec, TokenBucketSpec):
        return TokenBucket(spec.ratio, spec.burst)
    if isinstance(spec, PerMinuteSpec):
        return PerMinuteBudget(spec.retries)
    if isinstance(spec, Concurrent):
        return ConcurrentBudget(spec.share, spec.least)
    if isinstance(spec, FailureTokens):
        return FailureTokensBudget(spec.max, spec.earn)
    return None


def budget_after(before: Budget | None, spec: BudgetSpec | None) -> Budget | None:
    """Return the retry budget of a caller whose policy becomes another."""
    budget = budget_of(spec)
    if budget is not None and before is not None and type(budget) is type(before):
        budget.take_over(before)
    return budget


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

    def take_over(self, before: Throttle) -> None:
        """Remember what another has counted."""
        self._requests, self._accepts = before._requests, before._accepts

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


def throttle_after(before: Throttle | None, spec: ThrottleSpec | None) -> Throttle | None:
    """Return the throttle of one caller, or None if it may always ask.

    Args:
        before: the one it had; None at first.
        spec: the policy as the file has it.
    """
    throttle = Throttle(spec.k, spec.window) if isinstance(spec, Adaptive) else None
    if throttle is not None and before is not None:
        throttle.take_over(before)
    return throttle


class Cache:
    """The last good answers of one caller, by key: stale ones are served until their TTL.

    Args:
        ttl: seconds for which an answer may be served, up to but not at its end.
    """

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._since = 0.0
        self._earlier: list[tuple[float, float]] = []
        self._stored: dict[float, float] = {}

    def follow(self, ttl: float, now: float) -> None:
        """Keep answers for so long that are stored from now on; those there keep their end.

        So do memcached and Redis, which store an expiry with each key.
        """
        if ttl != self._ttl:
            self._earlier.append((self._since, self._ttl))
            self._since, self._ttl = now, ttl

    def store(self, key: float, now: float) -> None:
        """Keep the answer given at `now`."""
        self._stored[key] = now

    def serves(self, key: float, now: float) -> bool:
        """Tell whether there is an answer for the key that is young enough."""
        stored = self._stored.get(key)
        if stored is None:
            return False
        ttl = self._ttl if stored >= self._since else self._ttl_at(stored)
        return now - stored < ttl

    def _ttl_at(self, stored: float) -> float:
        return next(ttl for since, ttl in reversed(self._earlier) if stored >= since)
