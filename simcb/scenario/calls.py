"""How a caller asks a service: timeout, retry, hedge, breaker, rate limit, bulkhead and fallback.

Outside to inside: cache( fallback( retry( hedge( breaker( rate limit( bulkhead( timeout( network +
service )))))))) with the throttle in the breaker's place if there is none; a fallback `around:
attempt` stands between retry and hedge. Retries and breakers have modules of their own. A new
throttle is one class here and one line in `THROTTLES`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import model_validator

from simcb.scenario.adapting import LIMITS, MOST_AT_ONCE, Limit
from simcb.scenario.admission import Burst, tokens_of
from simcb.scenario.breakers import Around, Breaker
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.fields import Exclusive, Model, OneOf
from simcb.scenario.refusal import Refused
from simcb.scenario.retries import Retry
from simcb.scenario.scalars import (
    Count,
    Flag,
    Name,
    Number,
    Portion,
    PositiveSeconds,
    Rate,
    Seconds,
    word,
)

MOST_HEDGES = 10  # the most attempts beside the first
MOST_KEYS = 10_000_000  # the most keys of one cache

GREATEST_SKEW = 10.0
"""The greatest exponent of a cache's popularity law: beyond it one key is all there is."""


class RateLimiter(Model):
    """A token bucket of the caller's own: it sends `rate` a second for ever, `burst` at once.

    A call waits for its token up to `max_wait`; one that would have to wait longer is shed at once.
    """

    rate: Annotated[float, Rate(above=0.0), word("calls a second from one caller process", "100/s")]
    burst: Annotated[
        Burst, word("calls at once after a pause; if absent a second's, at least 1", "20")
    ] = None
    max_wait: Annotated[
        Seconds, word("how long a call may wait for its turn, seconds", "500ms")
    ] = 0.0

    @property
    def tokens(self) -> float:
        """The most tokens that are kept."""
        return tokens_of(self.rate, self.burst)


class Bulkhead(Model):
    """At most `max_concurrent` calls at once; others wait `max_wait`, then are shed.

    With `limit` it is as many as the caller finds out. The time of an answer is from when the call
    is sent; dropped is what ends as timeout, refused or throttled.
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = (Exclusive("max_concurrent", "limit"),)

    max_concurrent: Annotated[
        Annotated[int, Count(1, MOST_AT_ONCE)] | None,
        word("calls at the same time from one caller process", "10"),
    ] = None
    limit: Annotated[
        Annotated[Limit, OneOf("limit", LIMITS)] | None,
        word("how the caller finds out how many at the same time", "{kind: aimd, initial: 10}"),
    ] = None
    max_wait: Annotated[Seconds, word("how long a call may wait for a place, seconds", "50ms")] = (
        0.0
    )
    queue: Annotated[
        Annotated[int, Count(most=MOST_AT_ONCE)] | None,
        word("how many may wait at once, the rest is shed; any number if absent", "5"),
    ] = None
    per_replica: Annotated[
        Flag, word("as many calls to each replica of the service instead of to all of them", "true")
    ] = False

    @property
    def most(self) -> int:
        """The most calls at the same time that it ever lets out."""
        if self.limit is not None:
            return self.limit.most
        assert self.max_concurrent is not None
        return self.max_concurrent

    def places(self, replicas: int) -> int:
        """Return how many calls may be under way to so many replicas, from one process."""
        return self.most * (replicas if self.per_replica else 1)

    @model_validator(mode="after")
    def _may_wait(self) -> Bulkhead:
        if self.max_concurrent is None and self.limit is None:
            remedy = "add `max_concurrent: 10`, or `limit: {kind: aimd}`"
            raise Refused("is missing", remedy, "max_concurrent")
        self.check_exclusive()
        if self.queue and not self.max_wait:
            what = "lets nobody wait, as there is no `max_wait`"
            raise Refused(what, "add one like `max_wait: 1s`", "queue")
        return self


class Throttle(Model):
    """Base of all throttles: what a caller holds back by itself."""

    kind: str


class Adaptive(Throttle):
    """Client-side throttling by the share that the service accepts.

    Over the last `window`, with R requests of which A were accepted, a call is shed with
    probability max(0, (R − k·A)/(R + 1)); the law of "Handling Overload" in Google's Site
    Reliability Engineering.
    """

    kind: Literal["adaptive"] = "adaptive"
    k: Annotated[
        float, Number(least=1.0, most=1000.0), word("requests made for each one accepted", "2")
    ] = 2.0
    window: Annotated[PositiveSeconds, word("how far back it looks, seconds", "2m")] = 120.0


THROTTLES: dict[str, type[Model]] = {"adaptive": Adaptive}


class Hedge(Model):
    """One more attempt beside an attempt that has not been answered for a while.

    The first good answer counts, and the others are abandoned; the try has failed when all of them
    have. Each passes the breaker, the rate limit and the bulkhead by itself, with its own timeout.
    """

    saved: ClassVar[float] = 10.0
    """The most hedges that a budget saves, and as many as it begins with."""

    after: Annotated[
        Seconds, word("how long an attempt goes unanswered before the next, seconds", "50ms")
    ]
    times: Annotated[
        int, Count(1, MOST_HEDGES), word("attempts beside the first, each `after` the last", "1")
    ] = 1
    budget: Annotated[
        Portion | None,
        word("hedges as a share of the tries, ten at once; as many as come if absent", "10%"),
    ] = None


class Cache(Model):
    """A store of earlier answers: `keys` of them, asked for by Zipf's law.

    The k-th most popular key is asked for in proportion to k^−zipf; 0 makes all alike.
    """

    keys: Annotated[
        int, Count(1, MOST_KEYS), word("how many different things are asked for", "1000")
    ]
    zipf: Annotated[
        float, Number(most=GREATEST_SKEW), word("how unevenly they are asked for", "1")
    ] = 1.0
    ttl: Annotated[PositiveSeconds, word("how long an answer may be served again, seconds", "5m")]


class LookAside(Cache):
    """A cache in front of a call: what it has is served at once, and good answers fill it.

    An answer is kept for `ttl` from when it came; one from a fallback is not kept. The cache is one
    for all caller processes. Each time the call is needed a key is drawn.
    """

    coalesce: Annotated[
        Flag,
        word(
            "whether those of one process who miss the same key at the same time wait for one call",
            "true",
        ),
    ] = False


class Fallback(Model):
    """What is served when a call fails: a stored answer, if one is at hand.

    Around the request it is looked for when the last try has failed; around each attempt (with its
    hedges) as soon as one has, so that nothing is tried again that an answer is at hand for. A
    breaker around the request then hears of a success, and what it rejects finds no answer.
    """

    exclusive: ClassVar[tuple[Exclusive, ...]] = (Exclusive("hit_rate", "cache"),)

    hit_rate: Annotated[
        Portion | None, word("share of failed calls for which an answer is at hand", "80%")
    ] = None
    cache: Annotated[
        Cache | None,
        word(
            "a cache in virtual time that says for which call an answer is at hand",
            "{keys: 1000, ttl: 5m}",
        ),
    ] = None
    around: Annotated[
        Around,
        word(
            "whether it stands around each attempt, or the request with all its retries", "attempt"
        ),
    ] = Around.REQUEST

    @model_validator(mode="after")
    def _one_source(self) -> Fallback:
        if self.hit_rate is None and self.cache is None:
            raise Refused(
                "says nothing about the answers at hand",
                "add `hit_rate: 80%` or `cache: {keys: 1000, ttl: 5m}`",
            )
        self.check_exclusive()
        return self

    @property
    def before_retries(self) -> float:
        """The share of calls that it answers, if they fail, before any is tried again.

        What it has of `hit_rate` holds for all tries of a call; what of a cache, nobody knows.
        """
        return self.hit_rate or 0.0 if self.around is Around.ATTEMPT else 0.0


class Call(Model):
    """One call that a request needs, and how it is guarded.

    It goes by the name of the service that it asks, unless it has a name of its own and says in
    `to` whom it asks: so a request may ask one service twice, each time in another way.
    """

    to: Annotated[
        Annotated[str, Name()] | None,
        word("the service it asks, if it goes by a name of its own", "payments"),
    ] = None
    share: Annotated[Portion, word("share of requests that need the call, by lot", "20%")] = 1.0
    cache: Annotated[
        LookAside | None,
        word("a cache that is asked before the service", "{keys: 1000, ttl: 1m}"),
    ] = None
    timeout: Annotated[
        PositiveSeconds | None,
        word("longest wait for one attempt, seconds; endless if absent", "2s"),
    ] = None
    network: Annotated[
        AnyDistribution | None,
        word("time on the way, each direction by itself; none if absent", "1ms"),
    ] = None
    retry: Annotated[Retry | None, word("tries after a failure", "{max_retries: 2}")] = None
    hedge: Annotated[
        Hedge | None,
        word("one more attempt beside one that is slow, inside the retries", "{after: 50ms}"),
    ] = None
    breaker: Annotated[
        Breaker | None,
        word(
            "the circuit breaker around each attempt",
            "{failure_threshold: 5, recovery_timeout: 30s}",
        ),
    ] = None
    throttle: Annotated[
        Annotated[Throttle, OneOf("throttle", THROTTLES)] | None,
        word("what the caller holds back when few calls are accepted", "{kind: adaptive}"),
    ] = None
    rate_limit: Annotated[
        RateLimiter | None,
        word("how many calls a second the caller sends", "{rate: 100/s, burst: 20, max_wait: 1s}"),
    ] = None
    bulkhead: Annotated[
        Bulkhead | None, word("how many calls may be under way at once", "{max_concurrent: 10}")
    ] = None
    fallback: Annotated[
        Fallback | None, word("what is served when the call fails", "{hit_rate: 80%}")
    ] = None

    def target(self, name: str) -> str:
        """Return the service that it asks, when it goes by so and so a name."""
        return name if self.to is None else self.to

    @property
    def longest_wait(self) -> float:
        """How long a call may be held back before it is sent, in seconds."""
        limits = (self.rate_limit, self.bulkhead)
        return sum((limit.max_wait for limit in limits if limit is not None), start=0.0)

    def breakers(self, processes: int, replicas: int) -> int:
        """Return how many breakers guard it, from so many processes to so many replicas."""
        policy = self.breaker
        if policy is None or not policy.enabled:
            return 0
        return (1 if policy.shared else processes) * (replicas if policy.per_replica else 1)

    @property
    def without_breaker(self) -> Call:
        """The same call with its breaker, if it has one, switched off."""
        if self.breaker is None:
            return self
        off = self.breaker.model_copy(update={"enabled": False})
        return self.model_copy(update={"breaker": off})
