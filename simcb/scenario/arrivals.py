"""How a client group's requests arrive: the `arrivals` of the file.

A new kind of arrivals is one class here and one line in `ARRIVALS`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from simcb.scenario.data_files import DataBacked
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.fields import Model, OneOrMore
from simcb.scenario.recorded import Column, DataFile, Recorded
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import FROM_FILE, Count, PerSecond, PositiveSeconds, Rate, Seconds, word

MOST_USERS = 1_000_000_000
"""The most users of a closed client group; what a run can hold is far less."""

MOST_CONSUMERS = 100_000  # the most consumers of one queue

MOST_DELIVERIES = 100  # how often a message is delivered again at most


class RatePoint(Model):
    """A rate that holds from a moment on, reached linearly over a ramp.

    Before the first point the rate is 0, so a ramp at 0s begins there.
    """

    at: Annotated[Seconds, word("when the change begins, seconds", "1m")]
    rate: Annotated[PerSecond, word("rate after the ramp, per second", "40/s")]
    ramp: Annotated[Seconds, word("how long the change takes, seconds", "10s")] = 0.0

    @property
    def reached(self) -> float:
        """The moment from which the rate is constant, in seconds."""
        return self.at + self.ramp


RatePoints = Annotated[tuple[RatePoint, ...], OneOrMore("points", "rate", (("at", "0s"),), Rate())]
"""One rate, or a list of points."""


def rate_at(points: tuple[RatePoint, ...], moment: float) -> float:
    """Return the rate at a moment, in arrivals per second."""
    rate = 0.0
    for point in points:
        if moment < point.at:
            break
        if moment < point.reached:
            return rate + (point.rate - rate) * (moment - point.at) / point.ramp
        rate = point.rate
    return rate


class Arrivals(Model):
    """Base of all kinds of arrivals."""

    kind: str


class OpenArrivals(Arrivals):
    """Requests that come whether or not earlier ones are answered."""

    rate: Annotated[
        RatePoints, word("requests per second: one rate, or a list of {at, rate, ramp}", "40/s")
    ]

    @model_validator(mode="after")
    def _in_order(self) -> OpenArrivals:
        if not self.rate:
            raise Refused("has no points", "write a rate like `40/s`", "rate")
        if self.rate[0].at != 0:
            raise Refused("does not begin at 0s", "give the first point `at: 0s`", "rate")
        for before, after in zip(self.rate, self.rate[1:], strict=False):
            if after.at <= before.at:
                raise Refused("is not in order of time", "sort the points by `at`", "rate")
            if after.at < before.reached:
                raise Refused(
                    "has a ramp that goes on past the next point",
                    "shorten the `ramp` or move the next point",
                    "rate",
                )
        return self


class Poisson(OpenArrivals):
    """Requests that arrive independently of each other: exponential gaps at the given rate."""

    kind: Literal["poisson"] = "poisson"


class Constant(OpenArrivals):
    """Requests that arrive evenly spaced at the given rate."""

    kind: Literal["constant"] = "constant"


class Closed(Arrivals):
    """Users who wait for the answer, think, and ask again."""

    kind: Literal["closed"] = "closed"
    users: Annotated[int, Count(1, MOST_USERS), word("how many users there are", "100")]
    think: Annotated[
        AnyDistribution,
        word("time between an answer and the next request", "{kind: exponential, mean: 1s}"),
    ]


class PauseWhen(StrEnum):
    """When consumers take no messages: while a breaker of theirs is open."""

    OPEN = "open"


class Redeliver(Model):
    """A message that failed is delivered again, behind all that wait, after a while."""

    after: Annotated[
        PositiveSeconds,
        word("how long a message that failed is hidden before it is in the queue again", "30s"),
    ]
    times: Annotated[
        int,
        Count(1, MOST_DELIVERIES),
        word("how often a message is delivered again before it is a dead letter", "4"),
    ]


class Backlog(OpenArrivals):
    """Messages in a queue that consumers pull from: produced independently of each other.

    A message is a request. Each consumer takes the oldest, makes the calls, and takes the next
    when that is done or has failed with all its retries. Then the message is a dead letter, a
    failed request, unless it is delivered again. Its latency begins when it is produced.
    """

    kind: Literal["backlog"] = "backlog"
    consumers: Annotated[
        int,
        Count(1, MOST_CONSUMERS),
        word("how many messages are worked on at once; consumers take turns at instances", "20"),
    ]
    initial: Annotated[
        int,
        Count(most=MOST_USERS),
        word("messages that are in the queue when the run begins", "10000"),
    ] = 0
    redeliver: Annotated[
        Redeliver | None,
        word(
            "messages that fail come again; dead letters at once if absent",
            "{after: 30s, times: 4}",
        ),
    ] = None
    pause_when: Annotated[
        PauseWhen | None,
        word(
            "consumers whose breaker is open take no messages, and put back what it rejects",
            "open",
        ),
    ] = None
    poll: Annotated[
        PositiveSeconds,
        word("how long a paused consumer waits before it looks again, seconds", "1s"),
    ] = 1.0


class Replay(Arrivals, DataBacked):
    """Requests that came once, or as many as came: read from a CSV beside the scenario.

    Without `interval` each row of the column `timestamps` is the moment of one request: in
    seconds from the beginning of the run, or as an epoch or ISO 8601 stamp, of which the first is
    the beginning; stamps that were cut to whole seconds would let all
    requests of a second come in one moment, and `resolution: 1s` spreads them over it. With an
    interval each row of the column `rates` is a rate
    per second that holds for that interval, one after the other; after the last it is 0.
    """

    kind: Literal["replay"] = "replay"
    file: Annotated[DataFile, word("a CSV file beside the scenario", "calls.csv")]
    interval: Annotated[
        PositiveSeconds | None,
        word("how long each row's rate holds, seconds; rows are moments if absent", "1m"),
    ] = None
    resolution: Annotated[
        PositiveSeconds | None,
        word(
            "what the timestamps were cut to, seconds: those of the same are spread "
            "evenly over it; they are kept as they are if absent",
            "1s",
        ),
    ] = None
    moments: Annotated[tuple[float, ...], Recorded(Column.TIMESTAMPS)] = Field(
        default=(), exclude=True, repr=False, description="when requests come, seconds, ascending"
    )
    rates: Annotated[tuple[float, ...], Recorded(Column.RATES)] = Field(
        default=(), exclude=True, repr=False, description="rate of each interval, per second"
    )

    @property
    def column(self) -> Column:
        """Which column of the file is meant."""
        return Column.TIMESTAMPS if self.interval is None else Column.RATES

    @property
    def points(self) -> tuple[RatePoint, ...]:
        """The rates as points in time, as open arrivals have them; none for timestamps."""
        if self.interval is None:
            return ()
        every = self.interval
        return tuple(
            RatePoint.model_construct(at=index * every, rate=rate, ramp=0.0)
            for index, rate in enumerate((*self.rates, 0.0))
        )

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the column holds."""
        return self.moments or self.rates

    @model_validator(mode="after")
    def _recorded(self, info: ValidationInfo) -> Replay:
        numbers, other = self.moments, self.rates
        if self.interval is not None:
            numbers, other = other, numbers
        if self.interval is not None and self.resolution is not None:
            raise Refused(
                "is one of timestamps, and rates are replayed", "leave it out", "resolution"
            )
        if other:
            raise Refused(
                "has timestamps and an interval" if self.interval else "has rates and no interval",
                f"give {self.column.value} only",
            )
        # Of a scenario file the reader brings the numbers, and says itself why it cannot.
        if not numbers and info.context != FROM_FILE:
            attribute = "moments" if self.interval is None else "rates"
            raise Refused("is empty", "give the numbers that `file` holds", attribute)
        return self


ARRIVALS: dict[str, type[Model]] = {
    "poisson": Poisson,
    "constant": Constant,
    "closed": Closed,
    "backlog": Backlog,
    "replay": Replay,
}
