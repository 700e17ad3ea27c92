"""The scenario: who asks, who answers, what goes wrong, and what counts as good.

Frozen models in the file's own words, seconds and per-second inside. This module must not
know files, chance or clocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated

from pydantic import Field, ValidationInfo, model_validator

from simcb.scenario.arrivals import ARRIVALS, Arrivals, Closed
from simcb.scenario.calls import Call
from simcb.scenario.checks import cross_checks
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.faults import FAULTS, MOST_REPLICAS, Fault
from simcb.scenario.forms import FROM_FILE, Choice, Count, Flag, Name, Text
from simcb.scenario.labels import label_of, numbered
from simcb.scenario.nodes import Mark, Source, Tree, from_plain
from simcb.scenario.part import Family, Named, Part, Table
from simcb.scenario.quantities import Duration, Portion, PositiveSeconds, Seconds
from simcb.scenario.refusal import Refused
from simcb.scenario.shapes import Object, to_data
from simcb.scenario.sweep import Sweep
from simcb.scenario.sweep_checks import sweep_checks
from simcb.scenario.thresholds import Threshold, ThresholdForm

MOST_SAMPLES = 1_000_000
"""The most samples of one run, `duration / sample_every`."""

MOST_WORKERS = 1_000_000
"""The most workers of one replica."""

MOST_INSTANCES = 100_000
"""The most caller processes of one client group."""

PHASES = ("healthy", "fault", "between", "recovery")
"""The phases of a run with faults, in time."""

NAMES = Name(reserved=frozenset(("whole", *PHASES)))
"""Names of services and client groups: none is a phase's, for `p99{fault}` would be two things."""

Calls = Annotated[Mapping[str, Call], Table()]
NO_CALLS: Named[Call] = Named({})


class Refresh(Part):
    """A person who has waited `after` asks again while the old request goes on."""

    after: PositiveSeconds = Field(
        description="how long a person waits before asking again, seconds", examples=["8s"]
    )
    times: Annotated[int, Count(most=100)] = Field(
        description="how often a person asks again at most", examples=["3"]
    )


class Spread(StrEnum):
    """Which instance of a group a request goes through: one drawn by lot, or the next."""

    RANDOM = "random"
    ROUND_ROBIN = "round_robin"


class ClientGroup(Part):
    """Users who ask alike: how they arrive and which services a request needs, in order."""

    arrivals: Annotated[Arrivals, Family("arrivals", ARRIVALS)] = Field(
        description="how requests arrive", examples=["{kind: poisson, rate: 40/s}"]
    )
    instances: Annotated[int, Count(least=1, most=MOST_INSTANCES)] = Field(
        default=1,
        description="caller processes that share the requests, each with its own breakers, "
        "bulkheads and budgets",
        examples=["10"],
    )
    spread: Annotated[Spread, Choice(Spread)] | None = Field(
        default=None,
        description="how requests are spread over the instances: each by lot, or in turn; if "
        "absent by lot, but each user of a closed group keeps to one instance, as in turn",
        examples=["round_robin"],
    )
    deadline: PositiveSeconds | None = Field(
        default=None,
        description="how long a user stays, seconds; a later answer is worth nothing",
        examples=["10s"],
    )
    refresh: Refresh | None = Field(
        default=None,
        description="people who press refresh",
        examples=["{after: 8s, times: 3}"],
    )
    calls: Annotated[Mapping[str, Call], Table(at_least=1)] = Field(
        description="the services a request needs, in this order", examples=["{payments: {}}"]
    )

    @property
    def spread_in_turn(self) -> bool:
        """Whether user number n goes through instance n modulo their number; else it is by lot."""
        if self.spread is None:
            return isinstance(self.arrivals, Closed)
        return self.spread is Spread.ROUND_ROBIN


class Discipline(StrEnum):
    """Who is next for a worker: whoever came first, or whoever came last."""

    FIFO = "fifo"
    LIFO = "lifo"


class Balance(StrEnum):
    """Which replica an attempt goes to: the next, any, or the one with least to do."""

    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    LEAST_BUSY = "least_busy"


class OnAbandon(StrEnum):
    """What becomes of an attempt whose caller has gone.

    The service never learns and finishes it; it learns at once and drops what is still queued,
    which leaves the queue and makes room; or it also stops the work on it.
    """

    FINISH = "finish"
    DROP_QUEUED = "drop_queued"
    STOP = "stop"


class Queue(Part):
    """Where attempts wait for a worker."""

    limit: Annotated[int, Count()] | None = Field(
        default=None,
        description="how many may wait on a replica; a full queue refuses; endless if absent",
        examples=["100"],
    )
    discipline: Annotated[Discipline, Choice(Discipline)] = Field(
        default=Discipline.FIFO, description="who is next", examples=["lifo"]
    )


class Service(Part):
    """Who answers: replicas with workers, a queue each, and work to do."""

    replicas: Annotated[int, Count(least=1, most=MOST_REPLICAS)] = Field(
        default=1, description="identical copies", examples=["3"]
    )
    balance: Annotated[Balance, Choice(Balance)] = Field(
        default=Balance.ROUND_ROBIN,
        description="how attempts are spread over the replicas",
        examples=["least_busy"],
    )
    workers: Annotated[int, Count(least=1, most=MOST_WORKERS)] = Field(
        description="attempts that one replica works on at the same time", examples=["8"]
    )
    queue: Queue = Field(
        default=Queue(), description="where attempts wait for a worker", examples=["{limit: 100}"]
    )
    work: AnyDistribution = Field(
        description="how long a worker is held", examples=["{kind: exponential, mean: 50ms}"]
    )
    errors: Portion = Field(
        default=0.0, description="share of answers that fail anyway", examples=["1%"]
    )
    contention: Seconds = Field(
        default=0.0,
        description="extra work for each other attempt in progress, seconds",
        examples=["1ms"],
    )
    calls: Calls = Field(
        default=NO_CALLS,
        description="services it calls in turn, in this order",
        examples=["{database: {timeout: 1s}}"],
    )
    blocking: Annotated[bool, Flag()] = Field(
        default=True,
        description="whether its worker is held while it waits for its calls",
        examples=["false"],
    )
    on_abandon: Annotated[OnAbandon, Choice(OnAbandon)] = Field(
        default=OnAbandon.FINISH,
        description="what becomes of an attempt whose caller has gone: finished all the same, "
        "taken out of the queue at once, or out of work too",
        examples=["drop_queued"],
    )


class Scenario(Part):
    """A whole scenario; `duration` and everything in it in seconds, rates per second."""

    name: Annotated[str, Text(most=200, least=1)] = Field(
        description="what it is called", examples=["slow-database"]
    )
    about: Annotated[str, Text(most=10_000)] = Field(
        default="", description="what it shows, in a sentence", examples=["One replica hangs."]
    )
    duration: PositiveSeconds = Field(description="simulated time, seconds", examples=["5m"])
    sample_every: Annotated[float, Duration(above=0.0)] = Field(
        default=1.0, description="time between samples of the state, seconds", examples=["1s"]
    )
    clients: Annotated[Mapping[str, ClientGroup], Table(at_least=1, names=NAMES)] = Field(
        description="who asks: groups of users by name",
        examples=["{shop: {arrivals: {kind: poisson, rate: 40/s}, calls: {payments: {}}}}"],
    )
    services: Annotated[Mapping[str, Service], Table(at_least=1, names=NAMES)] = Field(
        description="who answers: services by name",
        examples=["{payments: {workers: 8, work: 50ms}}"],
    )
    faults: tuple[Annotated[Fault, Family("fault", FAULTS)], ...] = Field(
        default=(),
        description="what goes wrong, and when",
        examples=["[{kind: hang, on: payments, at: 1m, for: 2m}]"],
    )
    thresholds: tuple[Annotated[Threshold, ThresholdForm()], ...] = Field(
        default=(), description="what a good run is", examples=['["p99{fault} < 1s"]']
    )
    sweep: Sweep | None = Field(
        default=None,
        description="what `simcb sweep` tries; it decides nothing about a run",
        examples=["{over: {breaker.failure_threshold: [3, 5, 10]}}"],
    )

    @property
    def labelled_faults(self) -> tuple[tuple[str, Fault], ...]:
        """Every fault with a label unique in the scenario, in the file's order.

        The label is the fault's name, or `kind:on`, with `#2`, `#3` for later ones alike.
        """
        labels = numbered(label_of(each.kind, each.on, each.name) for each in self.faults)
        return tuple(zip(labels, self.faults, strict=True))

    @property
    def guarded_calls(self) -> tuple[tuple[str, str, Call], ...]:
        """Each call with a breaker as (caller, service, call), clients first."""
        callers: list[tuple[str, ClientGroup | Service]] = [
            *self.clients.items(),
            *self.services.items(),
        ]
        return tuple(
            (caller, service, call)
            for caller, group in callers
            for service, call in group.calls.items()
            if call.breaker is not None
        )

    def with_(self, changes: Mapping[str, object]) -> Scenario:
        """Return the same scenario with some places changed.

        A place is a dotted path in the file's words, shortened to any ending that names one
        place: `{"breaker.recovery_timeout": "30s"}`. Values are as in a file.

        Raises:
            ScenarioError: a path names no place or several, or a value does not fit.
        """
        from simcb.scenario.changes import changed

        return changed(self, changes)

    def without_breakers(self) -> Scenario:
        """Return the same scenario with every breaker switched off."""
        from simcb.scenario.changes import without_breakers

        return without_breakers(self)

    def without_sweep(self) -> Scenario:
        """Return the same scenario without its `sweep`, all that decides nothing about a run."""
        return self if self.sweep is None else self.model_copy(update={"sweep": None})

    def to_yaml(self) -> str:
        """Return the scenario as a file; reading it back gives an equal scenario."""
        from simcb.scenario.writer import to_yaml

        return to_yaml(self)

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Scenario:
        # The reader of files runs these checks itself, also when other things are wrong.
        if info.context == FROM_FILE:
            return self
        data = to_data(self, Object(Scenario))
        tree = from_plain(data, Mark(Source(self.name)))
        swept = sweep_checks(tree, Object(Scenario)) if isinstance(tree, Tree) else ()
        for found in chain(cross_checks(data), swept):
            place = ".".join(str(step) for step in found.location)
            raise Refused(found.refused.what, found.refused.remedy, place)
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Scenario:
        if self.duration / self.sample_every > MOST_SAMPLES:
            raise Refused(
                f"asks for more than {MOST_SAMPLES} samples",
                "sample less often or run for less long",
                "sample_every",
            )
        return self
