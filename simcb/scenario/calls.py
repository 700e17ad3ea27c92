"""How a caller asks a service: timeout, retry, breaker and fallback.

Outside to inside: fallback( retry( breaker( timeout( service )))). A new backoff is one
class here and one line in `BACKOFFS`. This module must not know how a call is carried out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simcb.outcomes import AttemptOutcome
from simcb.scenario.forms import Choice, Count, Flag
from simcb.scenario.part import Family, Part
from simcb.scenario.quantities import Portion, PositiveSeconds, Quantity, Seconds
from simcb.scenario.refusal import Refused
from simcb.scenario.units import LONGEST_DURATION

MOST_RETRIES = 100
"""The most retries of one request."""

GREATEST_FACTOR = 100.0
"""The greatest growth of a backoff from one retry to the next."""

RETRYABLE = (
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.REJECTED,
    AttemptOutcome.SHED,
)
"""The outcomes that may be retried; the last two only when they are named."""


class Jitter(StrEnum):
    """How a backoff is spread: not at all, over all of it, or over its second half."""

    NONE = "none"
    FULL = "full"
    EQUAL = "equal"


class Backoff(Part):
    """Base of all backoffs: the wait before each retry."""

    kind: str

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return the longest wait before a retry, in seconds, jitter not yet applied.

        Args:
            retry: 1 for the first retry.
            previous: the wait before the retry before it, which decorrelated waits build on.
        """
        raise NotImplementedError


class NoBackoff(Backoff):
    """Retries come at once."""

    kind: Literal["none"] = "none"

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return 0."""
        return 0.0


class Fixed(Backoff):
    """Every retry waits the same time."""

    kind: Literal["fixed"] = "fixed"
    delay: Seconds = Field(description="the wait, seconds", examples=["100ms"])

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return the delay, in seconds."""
        return self.delay


class Exponential(Backoff):
    """The k-th retry waits base·factor^(k−1), at most `max`."""

    kind: Literal["exponential"] = "exponential"
    base: Seconds = Field(description="wait before the first retry, seconds", examples=["100ms"])
    factor: Annotated[float, Quantity(least=1.0, most=GREATEST_FACTOR)] = Field(
        default=2.0, description="growth from one retry to the next", examples=["2"]
    )
    max: Seconds | None = Field(
        default=None, description="the longest wait, seconds; none if absent", examples=["2s"]
    )

    @model_validator(mode="after")
    def _in_order(self) -> Exponential:
        if self.max is not None and self.max < self.base:
            raise Refused("is less than base", "write a max of base or more", "max")
        return self

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return min(max, base·factor^(retry−1)), in seconds."""
        delay = self.base * self.factor ** (retry - 1)
        return delay if self.max is None else min(self.max, delay)


class Decorrelated(Backoff):
    """Each wait is drawn between `base` and three times the wait before it, at most `max`.

    The draw is itself the jitter; `jitter` is applied to none of it.
    """

    kind: Literal["decorrelated"] = "decorrelated"
    base: Seconds = Field(description="the shortest wait, seconds", examples=["100ms"])
    max: Seconds = Field(description="the longest wait, seconds", examples=["2s"])

    @model_validator(mode="after")
    def _in_order(self) -> Decorrelated:
        if self.max < self.base:
            raise Refused("is less than base", "write a max of base or more", "max")
        return self

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return the upper end of the draw, min(max, 3·previous), in seconds."""
        return min(self.max, 3.0 * max(previous, self.base))


BACKOFFS: dict[str, type[Part]] = {
    "none": NoBackoff,
    "fixed": Fixed,
    "exponential": Exponential,
    "decorrelated": Decorrelated,
}


class Retry(Part):
    """How often and when a failed attempt is tried again."""

    max_retries: Annotated[int, Count(most=MOST_RETRIES)] = Field(
        description="retries after the first attempt", examples=["2"]
    )
    backoff: Annotated[Backoff, Family("backoff", BACKOFFS)] = Field(
        default=NoBackoff(),
        description="the wait before each retry",
        examples=["{kind: fixed, delay: 100ms}"],
    )
    jitter: Annotated[Jitter, Choice(Jitter)] = Field(
        default=Jitter.NONE, description="how the wait is spread", examples=["full"]
    )
    on: tuple[Annotated[AttemptOutcome, Choice(AttemptOutcome, RETRYABLE)], ...] = Field(
        default=(AttemptOutcome.ERROR, AttemptOutcome.TIMEOUT, AttemptOutcome.REFUSED),
        description="outcomes that are retried",
        examples=["[error, timeout, refused]"],
    )

    @model_validator(mode="after")
    def _sensible(self) -> Retry:
        if len(set(self.on)) != len(self.on):
            raise Refused("names an outcome twice", "write each outcome once", "on")
        if isinstance(self.backoff, Exponential):
            longest = self.backoff.delay_before(max(self.max_retries, 1))
            if longest > LONGEST_DURATION:
                raise Refused("grows beyond all bounds", "add a `max` like `30s`", "backoff")
        if isinstance(self.backoff, Decorrelated) and self.jitter is not Jitter.NONE:
            raise Refused(
                "is added to a backoff that is drawn by lot already",
                "leave it out with `decorrelated`",
                "jitter",
            )
        return self


class Breaker(Part):
    """The circuit breaker around a call, in its constructor's words."""

    failure_threshold: Annotated[int, Count(least=1, most=1_000_000)] = Field(
        default=5, description="consecutive failures that open it", examples=["5"]
    )
    recovery_timeout: Seconds = Field(
        default=60.0, description="how long it stays open before a probe, seconds", examples=["30s"]
    )
    per_replica: Annotated[bool, Flag()] = Field(
        default=False,
        description="one breaker for each replica of the service instead of one for all",
        examples=["true"],
    )
    enabled: Annotated[bool, Flag()] = Field(
        default=True, description="false switches it off without deleting it", examples=["false"]
    )


class Fallback(Part):
    """What is served when a call fails for good: a stored answer, for a share of requests."""

    hit_rate: Portion = Field(
        description="share of failed calls for which an answer is at hand", examples=["80%"]
    )


class Call(Part):
    """One call that a request needs, and how it is guarded."""

    timeout: PositiveSeconds | None = Field(
        default=None,
        description="longest wait for one attempt, seconds; endless if absent",
        examples=["2s"],
    )
    retry: Retry | None = Field(
        default=None, description="tries after a failure", examples=["{max_retries: 2}"]
    )
    breaker: Breaker | None = Field(
        default=None,
        description="the circuit breaker around each attempt",
        examples=["{failure_threshold: 5, recovery_timeout: 30s}"],
    )
    fallback: Fallback | None = Field(
        default=None,
        description="what is served when the call fails",
        examples=["{hit_rate: 80%}"],
    )
