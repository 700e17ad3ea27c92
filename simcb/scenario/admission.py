"""What a replica lets in: the `admit` of a service, before its queue.

What is turned away there ends as `throttled`, which is told apart from `refused`: the service is
well and says so, possibly with the time after which to ask again. A new limit is one class here and
one line in `ADMISSIONS`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from simcb.scenario.adapting import LIMITS, MOST_AT_ONCE, Limit
from simcb.scenario.fields import Model, OneOf
from simcb.scenario.scalars import Count, PositiveSeconds, Rate, word

Burst = Annotated[int, Count(1, MOST_AT_ONCE)] | None
"""Tokens of a full bucket."""


def tokens_of(rate: float, burst: int | None) -> float:
    """Return the tokens of a full bucket: the burst, or as many as come in a second, 1 at least."""
    return max(1.0, rate) if burst is None else float(burst)


class Admission(Model):
    """Base of all limits of a replica."""

    kind: str
    retry_after: Annotated[
        PositiveSeconds | None,
        word("the Retry-After of a throttled answer, seconds; it has none if absent", "30s"),
    ] = None


class RateLimit(Admission):
    """A token bucket: `rate` tokens come a second, `burst` are kept, each attempt takes one.

    It begins full. Each replica has its own.
    """

    kind: Literal["rate"] = "rate"
    rate: Annotated[
        float, Rate(above=0.0), word("attempts a second that it lets in for ever", "100/s")
    ]
    burst: Annotated[
        Burst, word("attempts let in at once after a pause; if absent a second's, at least 1", "20")
    ] = None

    @property
    def tokens(self) -> float:
        """The most tokens that are kept."""
        return tokens_of(self.rate, self.burst)


class ConcurrencyLimit(Admission):
    """At most `limit` attempts in the replica at once, those in its queue included."""

    kind: Literal["concurrency"] = "concurrency"
    limit: Annotated[
        int, Count(1, MOST_AT_ONCE), word("attempts in one replica, waiting or in work", "50")
    ]


class AdaptiveLimit(Admission):
    """As many attempts in the replica at once, those in its queue included, as it finds out.

    The time of an answer is from the attempt's arrival; dropped is what was let in and not
    answered, and what found the queue full.
    """

    kind: Literal["adaptive"] = "adaptive"
    limit: Annotated[
        Annotated[Limit, OneOf("limit", LIMITS)],
        word("how it finds the limit", "{kind: aimd, target: 200ms}"),
    ]


class Delay(Admission):
    """Base of limits on the wait in the queue: who is throttled was let in and has waited."""

    target: Annotated[
        PositiveSeconds, word("a wait in the queue that is no sign of overload, seconds", "5ms")
    ] = 0.005
    interval: Annotated[
        PositiveSeconds,
        word("for how long waits are above it before anybody is thrown out, seconds", "100ms"),
    ] = 0.1


class Codel(Delay):
    """Controlled delay: who has waited too long is throttled when a worker comes for it.

    When all that left the queue for one `interval` had waited `target` or more, the next is thrown
    out, and one more interval/√n after the n-th, until one has waited less or no more than one
    other waits. The rule is that of RFC 8289, with attempts for packets.
    """

    kind: Literal["codel"] = "codel"


class Slough(Delay):
    """Controlled delay without a pace: in an overload all that waited twice `target` are throttled.

    It is an overload while the shortest wait of the last `interval` was more than `target`. The
    rule is that of Facebook's folly.
    """

    kind: Literal["slough"] = "slough"


ADMISSIONS: dict[str, type[Model]] = {
    "rate": RateLimit,
    "concurrency": ConcurrencyLimit,
    "adaptive": AdaptiveLimit,
    "codel": Codel,
    "slough": Slough,
}
