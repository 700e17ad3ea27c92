"""How often, when and on what budget a failed attempt is tried again.

A new backoff is one class here and one line in `BACKOFFS`, a new budget one line in `BUDGETS`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import model_validator

from simcb.outcomes import AttemptOutcome
from simcb.scenario.fields import Model, OneOf
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import (
    Choice,
    Count,
    Flag,
    Number,
    Portion,
    PositiveSeconds,
    Seconds,
    word,
)
from simcb.scenario.units import LONGEST_DURATION

MOST_RETRIES = 1000  # the most retries of one request that a number can say
FOREVER = 10**9
"""`forever` as a number of retries: more than any run has time for."""
MOST_TOKENS = 1_000_000  # the most tokens, or retries a minute, of one budget
GREATEST_FACTOR = 100.0  # the greatest growth of a backoff from one retry to the next

RETRYABLE = (
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.REJECTED,
    AttemptOutcome.SHED,
    AttemptOutcome.THROTTLED,
)
"""The outcomes that may be retried; the last three only when they are named."""


class Jitter(StrEnum):
    """How a backoff is spread: not at all, over all of it, or over its second half."""

    NONE = "none"
    FULL = "full"
    EQUAL = "equal"


class Backoff(Model):
    """Base of all backoffs: the wait before each retry."""

    kind: str

    def delay_before(self, retry: int, previous: float = 0.0) -> float:
        """Return the longest wait before a retry, in seconds, jitter not yet applied.

        Args:
            retry: 1 for the first retry.
            previous: the wait before the retry before it, which decorrelated waits build on.
        """
        return self._delay(retry, previous)

    @abstractmethod
    def _delay(self, retry: int, previous: float) -> float: ...


class NoBackoff(Backoff):
    """Retries come at once."""

    kind: Literal["none"] = "none"

    def _delay(self, retry: int, previous: float) -> float:
        return 0.0


class Fixed(Backoff):
    """Every retry waits the same time."""

    kind: Literal["fixed"] = "fixed"
    delay: Annotated[Seconds, word("the wait, seconds", "100ms")]

    def _delay(self, retry: int, previous: float) -> float:
        return self.delay


class Listed(Backoff):
    """The k-th retry waits the k-th of the delays, all after them the last."""

    kind: Literal["listed"] = "listed"
    delays: Annotated[
        tuple[Seconds, ...], word("the wait before each retry, seconds", "[0s, 1s, 5s]")
    ]

    @model_validator(mode="after")
    def _some(self) -> Listed:
        if not self.delays:
            raise Refused("is empty", "name a wait, or write `{kind: none}`", "delays")
        return self

    def _delay(self, retry: int, previous: float) -> float:
        return self.delays[min(retry, len(self.delays)) - 1]


class Exponential(Backoff):
    """The k-th retry waits base·factor^(k−1), at most `max`."""

    kind: Literal["exponential"] = "exponential"
    base: Annotated[Seconds, word("wait before the first retry, seconds", "100ms")]
    factor: Annotated[
        float,
        Number(least=1.0, most=GREATEST_FACTOR),
        word("growth from one retry to the next", "2"),
    ] = 2.0
    max: Annotated[Seconds | None, word("the longest wait, seconds; none if absent", "2s")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Exponential:
        _check_max(self.base, self.max)
        return self

    def _delay(self, retry: int, previous: float) -> float:
        return _grown(self.base, self.factor, self.max, retry)


def _check_max(base: float, longest: float | None) -> None:
    if longest is not None and longest < base:
        raise Refused("is less than base", "write a max of base or more", "max")


def _grown(base: float, factor: float, longest: float | None, retry: int) -> float:
    """Return min(longest, base·factor^(retry−1)), in seconds."""
    try:
        delay = base * factor ** (retry - 1)
    except OverflowError:
        delay = math.inf if base else 0.0
    return delay if longest is None else min(longest, delay)


class Server(Backoff):
    """A throttled answer's Retry-After is waited for; without one as with an exponential backoff.

    Jitter is applied to what is not asked for by the service.
    """

    kind: Literal["server"] = "server"
    base: Annotated[
        Seconds, word("wait before the first retry if none is asked for, seconds", "500ms")
    ] = 0.0
    factor: Annotated[
        float,
        Number(least=1.0, most=GREATEST_FACTOR),
        word("growth from one such wait to the next", "2"),
    ] = 2.0
    max: Annotated[
        Seconds | None, word("the longest of such waits, seconds; none if absent", "8s")
    ] = None
    up_to: Annotated[
        PositiveSeconds | None,
        word("the longest Retry-After that is waited for, seconds; any if absent", "1m"),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Server:
        _check_max(self.base, self.max)
        return self

    def _delay(self, retry: int, previous: float) -> float:
        return _grown(self.base, self.factor, self.max, retry)


class Decorrelated(Backoff):
    """Each wait is drawn between `base` and three times the wait before it, at most `max`.

    The draw is itself the jitter; `jitter` is applied to none of it.
    """

    kind: Literal["decorrelated"] = "decorrelated"
    base: Annotated[Seconds, word("the shortest wait, seconds", "100ms")]
    max: Annotated[Seconds, word("the longest wait, seconds", "2s")]

    @model_validator(mode="after")
    def _in_order(self) -> Decorrelated:
        _check_max(self.base, self.max)
        return self

    def _delay(self, retry: int, previous: float) -> float:
        return min(self.max, 3.0 * max(previous, self.base))


BACKOFFS: dict[str, type[Model]] = {
    "none": NoBackoff,
    "fixed": Fixed,
    "listed": Listed,
    "exponential": Exponential,
    "server": Server,
    "decorrelated": Decorrelated,
}


class Budget(Model):
    """Base of all retry budgets: how many retries one caller process may make."""

    kind: str


class TokenBucket(Budget):
    """Each first attempt earns `ratio` of a token, each retry spends one; it begins full."""

    kind: Literal["token_bucket"] = "token_bucket"
    ratio: Annotated[Portion, word("part of a token that a first attempt earns", "10%")] = 0.1
    burst: Annotated[float, Number(most=MOST_TOKENS), word("the most tokens it holds", "10")] = 10.0


class PerMinute(Budget):
    """At most so many retries within any minute."""

    kind: Literal["per_minute"] = "per_minute"
    retries: Annotated[int, Count(most=MOST_TOKENS), word("retries within a minute", "60")]


class Concurrent(Budget):
    """Retries under way are at most a share of the attempts under way, or `least` of them.

    As Envoy's retry budget has it: a retry is under way from when it is granted, its wait included,
    until it has ended, and counts as an attempt, too, from when it is made.
    """

    kind: Literal["concurrent"] = "concurrent"
    share: Annotated[Portion, word("retries to attempts under way at the same time", "20%")] = 0.2
    least: Annotated[
        int, Count(most=MOST_TOKENS), word("retries at the same time in any case", "3")
    ] = 3


class FailureTokens(Budget):
    """A failure that may be retried costs a token, a good answer earns a part of one.

    As gRPC has it: it begins full, and there are retries while it is more than half full.
    """

    kind: Literal["failure_tokens"] = "failure_tokens"
    max: Annotated[
        float, Number(least=0.1, most=MOST_TOKENS), word("the most tokens it holds", "10")
    ] = 10.0
    earn: Annotated[
        float, Number(most=MOST_TOKENS), word("what a good answer earns, in tokens", "0.1")
    ] = 0.1


BUDGETS: dict[str, type[Model]] = {
    "token_bucket": TokenBucket,
    "per_minute": PerMinute,
    "concurrent": Concurrent,
    "failure_tokens": FailureTokens,
}


KEPT_OF_A_WAIT = {Jitter.NONE: 1.0, Jitter.FULL: 0.5, Jitter.EQUAL: 0.75}
"""What is left of a wait on average, by its jitter."""


class Retry(Model):
    """How often and when a failed attempt is tried again."""

    max_retries: Annotated[
        int,
        Count(most=MOST_RETRIES, beyond=("forever", FOREVER)),
        word("retries after the first attempt; `forever`: until one is good", "2"),
    ]
    backoff: Annotated[
        Backoff,
        OneOf("backoff", BACKOFFS),
        word("the wait before each retry", "{kind: fixed, delay: 100ms}"),
    ] = NoBackoff()
    jitter: Annotated[Jitter, word("how the wait is spread", "full")] = Jitter.NONE
    on: Annotated[
        tuple[Annotated[AttemptOutcome, Choice(RETRYABLE)], ...],
        word("outcomes that are retried", "[error, timeout, refused]"),
    ] = (AttemptOutcome.ERROR, AttemptOutcome.TIMEOUT, AttemptOutcome.REFUSED)
    elsewhere: Annotated[
        Flag,
        word("whether each goes to a replica not asked yet, until all have been", "true"),
    ] = False
    budget: Annotated[
        Annotated[Budget, OneOf("retry budget", BUDGETS)] | None,
        word(
            "how many retries a caller process may make; endless if absent",
            "{kind: token_bucket, ratio: 10%}",
        ),
    ] = None

    @property
    def endless(self) -> bool:
        """Whether it goes on until an attempt is good or nobody waits any more."""
        return self.max_retries == FOREVER

    def mean_waits(self) -> Iterator[float]:
        """Yield the mean wait before each retry, the first one's first, in seconds.

        They are as many as there are retries: of an endless policy, without end.
        """
        wait = 0.0
        for number in range(1, 1 + self.max_retries):
            longest = self.backoff.delay_before(number, wait)
            if isinstance(self.backoff, Decorrelated):
                wait = (min(self.backoff.base, longest) + longest) / 2.0
            else:
                wait = KEPT_OF_A_WAIT[self.jitter] * longest
            yield wait

    @property
    def whole_wait(self) -> float:
        """The mean of all waits together, in seconds; inf for an endless policy."""
        return math.inf if self.endless else math.fsum(self.mean_waits())

    @model_validator(mode="after")
    def _sensible(self) -> Retry:
        if len(set(self.on)) != len(self.on):
            raise Refused("names an outcome twice", "write each outcome once", "on")
        if isinstance(self.backoff, Exponential | Server):
            longest = self.backoff.delay_before(max(self.max_retries, 1))
            if longest > LONGEST_DURATION:
                raise Refused("grows beyond all bounds", "add a `max` like `30s`", "backoff")
        if self.endless and self.backoff.delay_before(MOST_RETRIES) == 0.0:
            raise Refused(
                "`forever` would not let time go on, as the retries do not wait",
                "add a backoff like `backoff: {kind: fixed, delay: 100ms}`",
                "max_retries",
            )
        if isinstance(self.backoff, Decorrelated) and self.jitter is not Jitter.NONE:
            raise Refused(
                "is added to a backoff that is drawn by lot already",
                "leave it out with `decorrelated`",
                "jitter",
            )
        return self
