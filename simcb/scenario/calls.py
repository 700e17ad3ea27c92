"""How a caller asks a service: timeout, retry, breaker, bulkhead and fallback.

Outside to inside: fallback( retry( breaker( bulkhead( timeout( network + service ))))). Retries
and breakers have modules of their own; whoever builds calls finds their usual parts here too.
A new throttle is one class here and one line in `THROTTLES`. This module must not know how a
call is carried out.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from simcb.scenario.breakers import Breaker
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.forms import Count
from simcb.scenario.part import Family, Part, Twins
from simcb.scenario.quantities import Portion, PositiveSeconds, Quantity, Seconds
from simcb.scenario.refusal import Refused
from simcb.scenario.retries import (
    BACKOFFS,
    Backoff,
    Decorrelated,
    Exponential,
    Fixed,
    Jitter,
    NoBackoff,
    Retry,
)

__all__ = [
    "BACKOFFS",
    "THROTTLES",
    "Adaptive",
    "Backoff",
    "Breaker",
    "Bulkhead",
    "Cache",
    "Call",
    "Decorrelated",
    "Exponential",
    "Fallback",
    "Fixed",
    "Jitter",
    "NoBackoff",
    "Retry",
    "Throttle",
]

MOST_CONCURRENT = 1_000_000
"""The most calls at once through one bulkhead."""

MOST_KEYS = 10_000_000
"""The most keys of one cache."""

GREATEST_SKEW = 10.0
"""The greatest exponent of a cache's popularity law: beyond it one key is all there is."""


class Bulkhead(Part):
    """At most `max_concurrent` calls at once; others wait `max_wait`, then are shed."""

    max_concurrent: Annotated[int, Count(least=1, most=MOST_CONCURRENT)] = Field(
        description="calls at the same time from one caller process", examples=["10"]
    )
    max_wait: Seconds = Field(
        default=0.0, description="how long a call may wait for a place, seconds", examples=["50ms"]
    )


class Throttle(Part):
    """Base of all throttles: what a caller holds back by itself."""

    kind: str


class Adaptive(Throttle):
    """Client-side throttling by the share that the service accepts.

    Over the last `window`, with R requests of which A were accepted, a call is shed with
    probability max(0, (R − k·A)/(R + 1)); the law of "Handling Overload" in Google's Site
    Reliability Engineering.
    """

    kind: Literal["adaptive"] = "adaptive"
    k: Annotated[float, Quantity(least=1.0, most=1000.0)] = Field(
        default=2.0, description="requests made for each one accepted", examples=["2"]
    )
    window: PositiveSeconds = Field(
        default=120.0, description="how far back it looks, seconds", examples=["2m"]
    )


THROTTLES: dict[str, type[Part]] = {"adaptive": Adaptive}


class Cache(Part):
    """A store of earlier answers: `keys` of them, asked for by Zipf's law.

    The k-th most popular key is asked for in proportion to k^−zipf; 0 makes all alike.
    """

    keys: Annotated[int, Count(least=1, most=MOST_KEYS)] = Field(
        description="how many different things are asked for", examples=["1000"]
    )
    zipf: Annotated[float, Quantity(most=GREATEST_SKEW)] = Field(
        default=1.0, description="how unevenly they are asked for", examples=["1"]
    )
    ttl: PositiveSeconds = Field(
        description="how long an answer may be served again, seconds", examples=["5m"]
    )


class Fallback(Part):
    """What is served when a call fails for good: a stored answer, if one is at hand."""

    twins: ClassVar[tuple[Twins, ...]] = (Twins("hit_rate", "cache"),)

    hit_rate: Portion | None = Field(
        default=None,
        description="share of failed calls for which an answer is at hand",
        examples=["80%"],
    )
    cache: Cache | None = Field(
        default=None,
        description="a cache in virtual time that says for which call an answer is at hand",
        examples=["{keys: 1000, ttl: 5m}"],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Fallback:
        if self.hit_rate is None and self.cache is None:
            raise Refused(
                "says nothing about the answers at hand",
                "add `hit_rate: 80%` or `cache: {keys: 1000, ttl: 5m}`",
            )
        self.demand_no_twins()
        return self


class Call(Part):
    """One call that a request needs, and how it is guarded."""

    share: Portion = Field(
        default=1.0, description="share of requests that need the call, by lot", examples=["20%"]
    )
    timeout: PositiveSeconds | None = Field(
        default=None,
        description="longest wait for one attempt, seconds; endless if absent",
        examples=["2s"],
    )
    network: AnyDistribution | None = Field(
        default=None,
        description="time on the way, each direction by itself; none if absent",
        examples=["1ms"],
    )
    retry: Retry | None = Field(
        default=None, description="tries after a failure", examples=["{max_retries: 2}"]
    )
    breaker: Breaker | None = Field(
        default=None,
        description="the circuit breaker around each attempt",
        examples=["{failure_threshold: 5, recovery_timeout: 30s}"],
    )
    throttle: Annotated[Throttle, Family("throttle", THROTTLES)] | None = Field(
        default=None,
        description="what the caller holds back when few calls are accepted",
        examples=["{kind: adaptive}"],
    )
    bulkhead: Bulkhead | None = Field(
        default=None,
        description="how many calls may be under way at once",
        examples=["{max_concurrent: 10}"],
    )
    fallback: Fallback | None = Field(
        default=None,
        description="what is served when the call fails",
        examples=["{hit_rate: 80%}"],
    )
