"""What limits a caller besides its breaker, and a service: budgets, throttle, bulkhead, admission.

They keep histories and count them anew whenever they are asked.
"""

from __future__ import annotations

from collections.abc import Callable

from plain_model.adapting import Learner
from simpy import Environment, Event, Resource

from simcb.scenario.admission import AdaptiveLimit, Admission, ConcurrencyLimit, RateLimit
from simcb.scenario.calls import Bulkhead, Cache, Call, RateLimiter, Throttle
from simcb.scenario.retries import Budget, Concurrent, FailureTokens, PerMinute, TokenBucket


class Purse:
    """A caller's retry budget; without a policy it never ends."""

    def __init__(self, policy: Budget | None) -> None:
        self.policy = policy
        self.tokens = policy.burst if isinstance(policy, TokenBucket) else 0.0
        if isinstance(policy, FailureTokens):
            self.tokens = policy.max
        self.granted: list[float] = []
        self.under_way = 0
        self.retries = 0

    def follow(self, policy: Budget | None) -> None:
        """Have another policy, and keep what is left if it is of the same kind."""
        new = Purse(policy)
        if type(policy) is type(self.policy):
            new.tokens = min(new.tokens, self.tokens)
            new.granted = self.granted
        self.policy, self.tokens, self.granted = policy, new.tokens, new.granted

    def attempt_begins(self) -> None:
        """Count an attempt that is under way."""
        self.under_way += 1

    def attempt_ends(self, retry: int, good: bool) -> None:
        """Count it no longer, and earn something if it was answered."""
        self.under_way -= 1
        self.retries -= retry > 0
        if good and isinstance(self.policy, FailureTokens):
            self.tokens = min(self.policy.max, self.tokens + self.policy.earn)

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
        if isinstance(self.policy, Concurrent):
            most = max(self.policy.least, self.policy.share * self.under_way)
            enough = self.retries < most
            self.retries += enough
            return enough
        if isinstance(self.policy, FailureTokens):
            return self.tokens > self.policy.max / 2 + 1e-9
        return True

    def pay_for_failure(self) -> None:
        """Lose a token by a failure that may be retried."""
        if isinstance(self.policy, FailureTokens):
            self.tokens = max(0.0, self.tokens - 1.0)


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
        super().__init__(env, policy.most)
        self.learner = None if policy.limit is None else Learner(policy.limit)
        self.max_wait = policy.max_wait
        self.longest_queue = policy.queue
        self.ends: dict[Event, tuple[Event, Event]] = {}

    def follow(self, policy: Bulkhead) -> None:
        """Have other limits from now on; nobody is thrown out."""
        self._capacity = policy.most
        self.max_wait, self.longest_queue = policy.max_wait, policy.queue
        self._trigger_put(None)  # type: ignore[arg-type]

    @property
    def capacity(self) -> int:
        """How many places there are now."""
        if self.learner is None:
            return self._capacity
        return self.learner.limit(self._env.now)

    def _do_put(self, event: Event) -> bool:  # type: ignore[override]
        super()._do_put(event)
        if event.triggered and self.learner is not None:
            self.learner.come_in()
        return event.triggered

    def give_back(self, seat: Event, since: float, good: bool | None) -> None:
        """Give a place back, and learn from how it went."""
        if seat.triggered and self.learner is not None:
            self.learner.go_out(self._env.now, since, good)
        seat.cancel()
        self.release(seat)

    @property
    def may_wait(self) -> bool:
        """Whether one more may wait for a place."""
        if self.longest_queue is None:
            return self.max_wait > 0
        waiting = [seat for seat in self.queue if not self.is_left(seat)]
        # SimPy hands a place on later in the moment in which it was given back.
        promised = max(0, self.capacity - self.count)
        return self.max_wait > 0 and len(waiting) - promised < self.longest_queue

    def wait(self, seat: Event, late: Event, over: Event) -> None:
        """Remember what ends the wait for a place."""
        self.ends[seat] = late, over

    def is_left(self, seat: Event) -> bool:
        """Whether the wait is over, though who waited has not got up yet in this moment."""
        late, over = self.ends[seat]
        return late.processed or over.triggered


class Turns:
    """A token bucket, as a list of when tokens were taken."""

    def __init__(self, rate: float, burst: float, level: float, since: float) -> None:
        self.rate = rate
        self.burst = burst
        self.start = level, since
        self.taken: list[float] = []

    def level(self, now: float) -> float:
        """Return how many tokens there are; a debt is less than none."""
        level, before = self.start
        for at in self.taken:
            level = min(self.burst, level + (at - before) * self.rate) - 1.0
            before = at
        return min(self.burst, level + (now - before) * self.rate)

    def next_after(self, now: float) -> float:
        """Return when there is a token for an attempt made now."""
        level = self.level(now)
        return now if level >= 1.0 - 1e-9 else now + (1.0 - level) / self.rate

    def turn(self, now: float, max_wait: float = 0.0) -> float | None:
        """Return when an attempt made now may go, and remember it; None if that is too late."""
        turn = self.next_after(now)
        if turn > now + max_wait + 1e-9:
            return None
        self.taken.append(now)
        return turn


def turns_after(
    before: Turns | None, policy: RateLimiter | RateLimit | None, now: float
) -> Turns | None:
    """Return a token bucket in the place of another, with as many tokens; full if of none."""
    if policy is None:
        return None
    level = policy.tokens if before is None else min(policy.tokens, before.level(now))
    return Turns(policy.rate, policy.tokens, level, now)


class Larder:
    """The last good answer for each key, kept for a while."""

    def __init__(self, policy: Cache) -> None:
        self.ttl = policy.ttl
        self.answered: dict[float, float] = {}
        self.lasts: dict[float, float] = {}

    def follow(self, call: Call) -> None:
        """Keep answers that come from now on for as long as a call says."""
        policy = None if call.fallback is None else call.fallback.cache
        assert policy is not None
        self.ttl = policy.ttl

    def keep(self, key: float, now: float) -> None:
        """Keep an answer, for as long as answers are kept now."""
        self.answered[key], self.lasts[key] = now, self.ttl

    def has(self, key: float, now: float) -> bool:
        """Tell whether a young enough answer is there."""
        return key in self.answered and now - self.answered[key] < self.lasts[key]


class Flight:
    """A call for a key that is under way, and who waits for it besides whoever makes it."""

    def __init__(self, waiting: list[tuple[Event, Event]] | None = None) -> None:
        self.waiting = waiting or []

    def still_waiting(self) -> list[tuple[Event, Event]]:
        """Return what each is told by, and what they leave at, of those who have not left."""
        return [each for each in self.waiting if not each[1].triggered]


class Fridge(Larder):
    """A larder that is asked first, and that faults empty.

    Args:
        policy: what it is like.
        flushes: the lot's label, share and windows of each fault that strikes it.
        lots: returns the lot of a key for a label.
    """

    def __init__(
        self,
        policy: Cache,
        flushes: list[tuple[str, float, list[tuple[float, float]]]],
        lots: Callable[[str, int], float],
    ) -> None:
        super().__init__(policy)
        self.flushes = flushes
        self.lots = lots

    def follow(self, call: Call) -> None:
        """Keep answers that come from now on for as long as a call says."""
        assert call.cache is not None
        self.ttl = call.cache.ttl

    def has(self, key: float, now: float) -> bool:
        """Tell whether a young enough answer is there, and was not lost since it came."""
        if not super().has(key, now):
            return False
        for label, share, windows in self.flushes:
            since = [end for start, end in windows if start <= now]
            lost = any(self.answered[key] < end for end in since)
            if lost and self.lots(label, int(key)) < share:
                return False
        return True


class Door:
    """What a replica lets in, before its queue."""

    def __init__(self, policy: Admission | None) -> None:
        self.turns: Turns | None = None
        self.follow(policy, 0.0)

    def follow(self, policy: Admission | None, now: float) -> None:
        """Let in by another policy from now on."""
        self.policy = policy
        self.retry_after = 0.0 if policy is None else policy.retry_after or 0.0
        limit = policy if isinstance(policy, RateLimit) else None
        self.turns = turns_after(self.turns, limit, now)
        self.learner = Learner(policy.limit) if isinstance(policy, AdaptiveLimit) else None

    def lets_in(self, now: float, present: int) -> bool:
        """Tell whether a job that comes now is let in, and remember it."""
        if isinstance(self.policy, ConcurrencyLimit):
            return present < self.policy.limit
        if self.learner is not None:
            if self.learner.inside >= self.learner.limit(now):
                return False
            self.learner.come_in()
        return self.turns is None or self.turns.turn(now) is not None

    def lets_out(self, now: float, since: float, good: bool | None) -> None:
        """Remember how a job that was let in went."""
        if self.learner is not None:
            self.learner.go_out(now, since, good)
