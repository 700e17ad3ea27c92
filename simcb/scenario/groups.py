"""Who asks: groups of users who ask alike, and the people in them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, model_validator

from simcb.scenario.arrivals import ARRIVALS, Arrivals, Backlog, Closed
from simcb.scenario.breaker_groups import grouped
from simcb.scenario.calls import Call
from simcb.scenario.fields import ByName, Model, OneOf
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import Count, PositiveSeconds, word

MOST_INSTANCES = 100_000  # the most caller processes of one client group

MOST_PRIORITY = 1_000  # the highest priority of a client group


class Refresh(Model):
    """A person who has waited `after` asks again while the old request goes on."""

    after: Annotated[
        PositiveSeconds, word("how long a person waits before asking again, seconds", "8s")
    ]
    times: Annotated[int, Count(most=100), word("how often a person asks again at most", "3")]


class Spread(StrEnum):
    """Which instance of a group a request goes through: one drawn by lot, or the next."""

    RANDOM = "random"
    ROUND_ROBIN = "round_robin"


class ClientGroup(Model):
    """Users who ask alike: how they arrive and which services a request needs, in order."""

    arrivals: Annotated[
        Arrivals,
        OneOf("arrivals", ARRIVALS),
        word("how requests arrive", "{kind: poisson, rate: 40/s}"),
    ]
    instances: Annotated[
        int,
        Count(1, MOST_INSTANCES),
        word(
            "caller processes that share the requests, each with its own breakers, "
            "bulkheads and budgets",
            "10",
        ),
    ] = 1
    spread: Annotated[
        Spread | None,
        word(
            "how requests are spread over the instances: each by lot, or in turn; if "
            "absent by lot, but each user of a closed group and each consumer of a backlog keeps "
            "to one instance, as in turn",
            "round_robin",
        ),
    ] = None
    deadline: Annotated[
        PositiveSeconds | None,
        word("how long a user stays, seconds; a later answer is worth nothing", "10s"),
    ] = None
    priority: Annotated[
        int,
        Count(most=MOST_PRIORITY),
        word(
            "of its requests, where a queue goes by priority: the lowest is turned away first", "5"
        ),
    ] = 0
    refresh: Annotated[
        Refresh | None, word("people who press refresh", "{after: 8s, times: 3}")
    ] = None
    calls: Annotated[
        Mapping[str, Call],
        ByName(at_least=1),
        AfterValidator(grouped),
        word("the services a request needs, in this order", "{payments: {}}"),
    ]

    @model_validator(mode="after")
    def _nobody_presses(self) -> ClientGroup:
        if isinstance(self.arrivals, Backlog):
            if self.refresh is not None:
                raise Refused(
                    "is of people who wait, and consumers pull messages from a queue",
                    "leave it out; `redeliver` in the arrivals lets messages that fail come again",
                    "refresh",
                )
            if self.spread is Spread.RANDOM:
                raise Refused(
                    "is not for consumers, each of which is in one instance",
                    "write `round_robin`, or leave it out",
                    "spread",
                )
        return self

    @property
    def spread_in_turn(self) -> bool:
        """Whether user number n goes through instance n modulo their number; else it is by lot."""
        if self.spread is None:
            return isinstance(self.arrivals, Closed | Backlog)
        return self.spread is Spread.ROUND_ROBIN
