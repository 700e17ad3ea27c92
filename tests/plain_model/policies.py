"""What limits a caller besides its breaker, and a service: budgets, throttle, bulkhead, admission.

They keep histories and count them anew whenever they are asked.
"""

from __future__ import annotations

from simpy import Environment, Resource

from simcb.scenario.admission import Admission, ConcurrencyLimit, RateLimit
from simcb.scenario.calls import Bulkhead, Cache, Throttle
from simcb.scenario.retries import Budget, PerMinute, TokenBucket


class Purse:
    """A caller's retry budget; without a policy it never ends."""

    def __init__(self, policy: Budget | None) -> None:
        self.policy = policy
        self.tokens = policy.burst if isinstance(policy, TokenBucket) else 0.0
        self.granted: list[float] = []

    def first_attempt(self) -> None:
        """Earn something for a first attempt, up to what the bucket holds."""
        if isinstance(self.policy, TokenBucket):
            self.tokens = min(self.policy.burst, self.tokens + self.policy.ratio)

    def may_retry(self, now: float) -> bool:
        """Ask for one retry."""
        if isinstance(self.policy, TokenBucket):
            # Ten tenths are a token, though they add up to a little less.
            enough = self.tokens >= 1.0 - 1e-9
            self.tokens -= 1.0 if enough else 0.0
            return enough
        if isinstance(self.policy, PerMinute):
            enough = sum(at > now - 60.0 for at in self.granted) < self.policy.retries
            self.granted += [now] if enough else []
            return enough
        return True


class Adaptive:
    """Client-side throttling by the ratio of attempts to good answers in a trailing window."""

    def __init__(self, policy: Throttle) -> None:
        self.policy = policy
        self.requests: list[float] = []
        self.accepts: list[float] = []

    def sheds(self, now: float, lot: float) -> bool:
        """Tell whether an attempt is shed, and count it."""
        since = now - self.policy.window
        self.requests = [at for at in self.requests if at > since]
        self.accepts = [at for at in self.accepts if at > since]
        requests, accepts = len(self.requests), len(self.accepts)
        self.requests.append(now)
        return lot < (requests - self.policy.k * accepts) / (requests + 1)


class Places(Resource):
    """A bulkhead: the places for attempts at the same time."""

    def __init__(self, env: Environment, policy: Bulkhead) -> None:
        super().__init__(env, policy.max_concurrent)
        self.max_wait = policy.max_wait


class Larder:
    """The last good answer for each key, kept for a while."""

    def __init__(self, policy: Cache) -> None:
        self.ttl = policy.ttl
        self.answered: dict[float, float] = {}

    def keep(self, key: float, now: float) -> None:
        """Keep an answer."""
        self.answered[key] = now

    def has(self, key: float, now: float) -> bool:
        """Tell whether a young enough answer is there."""
        return key in self.answered and now - self.answered[key] < self.ttl


class Door:
    """What a replica lets in, before its queue."""

    def __init__(self, policy: Admission | None) -> None:
        self.policy = policy
        self.retry_after = 0.0 if policy is None else policy.retry_after or 0.0
        self.let_in: list[float] = []

    def lets_in(self, now: float, present: int) -> bool:
        """Tell whether a job that comes now is let in, and remember it.

        A token bucket lets in as many as it can without ever letting in more than `burst` and
        `rate` times the length in any stretch of time: that is looked up stretch by stretch.
        """
        if isinstance(self.policy, ConcurrencyLimit):
            return present < self.policy.limit
        if isinstance(self.policy, RateLimit):
            most, rate = self.policy.tokens, self.policy.rate
            counts = range(len(self.let_in), 0, -1)
            if not all(
                count + 1 <= most + rate * (now - since) + 1e-9
                for count, since in zip(counts, self.let_in, strict=True)
            ):
                return False
            self.let_in.append(now)
        return True
