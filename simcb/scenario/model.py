"""The scenario: who asks, who answers, what goes wrong, and what counts as good.

Frozen models in the file's own words, seconds and per-second inside.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated, TypeVar

from pydantic import Field, ValidationInfo, model_validator

from simcb.outcomes import PHASES
from simcb.scenario.admission import ADMISSIONS, Admission
from simcb.scenario.arrivals import ARRIVALS, Arrivals, Closed
from simcb.scenario.calls import Call
from simcb.scenario.checks import cross_checks
from simcb.scenario.data_files import data_backed
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.faults import FAULTS, MOST_REPLICAS, Fault, label_of, numbered
from simcb.scenario.fields import ByName, Model, Named, Object, OneOf
from simcb.scenario.recorded import Recording, recall_known
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import (
    FROM_FILE,
    Count,
    Flag,
    Name,
    Portion,
    PositiveSeconds,
    Seconds,
    Text,
    word,
)
from simcb.scenario.sweep import Sweep, sweep_checks
from simcb.scenario.thresholds import ThresholdLine
from simcb.scenario.tree import plain
from simcb.scenario.validation import changed, tree_of
from simcb.scenario.writer import to_yaml

MOST_SAMPLES = 1_000_000  # the most samples of one run, `duration / sample_every`
MOST_WORKERS = 1_000_000  # the most workers of one replica
MOST_INSTANCES = 100_000  # the most caller processes of one client group

MOST_PRIORITY = 1_000  # the highest priority of a client group

NAMES = Name(reserved=frozenset(("whole", *PHASES)))
"""Names of services and client groups: none is a phase's, for `p99{fault}` would be two things."""

Calls = Annotated[Mapping[str, Call], ByName()]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
            "absent by lot, but each user of a closed group keeps to one instance, as in turn",
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
        word("the services a request needs, in this order", "{payments: {}}"),
    ]

    @property
    def spread_in_turn(self) -> bool:
        """Whether user number n goes through instance n modulo their number; else it is by lot."""
        if self.spread is None:
            return isinstance(self.arrivals, Closed)
        return self.spread is Spread.ROUND_ROBIN


class Discipline(StrEnum):
    """Who is next for a worker: whoever came first, or last, or is of the highest priority.

    By priority it is the first of those alike, and when the queue is full the last of the lowest
    priority is throttled to make room for one of a higher.
    """

    FIFO = "fifo"
    LIFO = "lifo"
    PRIORITY = "priority"


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


class Queue(Model):
    """Where attempts wait for a worker."""

    limit: Annotated[
        Annotated[int, Count()] | None,
        word("how many may wait on a replica; a full queue refuses; endless if absent", "100"),
    ] = None
    discipline: Annotated[Discipline, word("who is next", "lifo")] = Discipline.FIFO


class Service(Model):
    """Who answers: replicas with workers, a queue each, and work to do."""

    replicas: Annotated[int, Count(1, MOST_REPLICAS), word("identical copies", "3")] = 1
    balance: Annotated[Balance, word("how attempts are spread over the replicas", "least_busy")] = (
        Balance.ROUND_ROBIN
    )
    workers: Annotated[
        int,
        Count(1, MOST_WORKERS),
        word("attempts that one replica works on at the same time", "8"),
    ]
    admit: Annotated[
        Annotated[Admission, OneOf("admission", ADMISSIONS)] | None,
        word(
            "what a replica lets in, before its queue; the rest is throttled",
            "{kind: rate, rate: 100/s, burst: 20}",
        ),
    ] = None
    queue: Annotated[Queue, word("where attempts wait for a worker", "{limit: 100}")] = Queue()
    work: Annotated[
        AnyDistribution, word("how long a worker is held", "{kind: exponential, mean: 50ms}")
    ]
    errors: Annotated[Portion, word("share of answers that fail anyway", "1%")] = 0.0
    contention: Annotated[
        Seconds, word("extra work for each other attempt in progress, seconds", "1ms")
    ] = 0.0
    calls: Annotated[
        Calls, word("services it calls in turn, in this order", "{database: {timeout: 1s}}")
    ] = Field(default_factory=lambda: Named({}))
    blocking: Annotated[
        Flag, word("whether its worker is held while it waits for its calls", "false")
    ] = True
    on_abandon: Annotated[
        OnAbandon,
        word(
            "what becomes of an attempt whose caller has gone: finished all the same, "
            "taken out of the queue at once, or out of work too",
            "drop_queued",
        ),
    ] = OnAbandon.FINISH


Caller = TypeVar("Caller", ClientGroup, Service)


class Scenario(Model):
    """A whole scenario; `duration` and everything in it in seconds, rates per second."""

    name: Annotated[str, Text(most=200, least=1), word("what it is called", "slow-database")]
    about: Annotated[
        str, Text(most=10_000), word("what it shows, in a sentence", "One replica hangs.")
    ] = ""
    duration: Annotated[PositiveSeconds, word("simulated time, seconds", "5m")]
    sample_every: Annotated[
        PositiveSeconds, word("time between samples of the state, seconds", "1s")
    ] = 1.0
    clients: Annotated[
        Mapping[str, ClientGroup],
        ByName(at_least=1, names=NAMES),
        word(
            "who asks: groups of users by name",
            "{shop: {arrivals: {kind: poisson, rate: 40/s}, calls: {payments: {}}}}",
        ),
    ]
    services: Annotated[
        Mapping[str, Service],
        ByName(at_least=1, names=NAMES),
        word("who answers: services by name", "{payments: {workers: 8, work: 50ms}}"),
    ]
    faults: Annotated[
        tuple[Annotated[Fault, OneOf("fault", FAULTS)], ...],
        word("what goes wrong, and when", "[{kind: hang, on: payments, at: 1m, for: 2m}]"),
    ] = ()
    thresholds: Annotated[
        tuple[ThresholdLine, ...], word("what a good run is", '["p99{fault} < 1s"]')
    ] = ()
    sweep: Annotated[
        Sweep | None,
        word(
            "what `simcb sweep` tries; it decides nothing about a run",
            "{over: {breaker.failure_threshold: [3, 5, 10]}}",
        ),
    ] = None

    @property
    def labelled_faults(self) -> tuple[tuple[str, Fault], ...]:
        """Every fault with a label unique in the scenario, in the file's order.

        The label is the fault's name, or `kind:on`, with `#2`, `#3` for later ones alike.
        """
        labels = numbered(label_of(each.kind, each.on, each.name) for each in self.faults)
        return tuple(zip(labels, self.faults, strict=True))

    @property
    def guarded_calls(self) -> tuple[tuple[str, str, Call], ...]:
        """Each call with a breaker as (caller, its name, call), clients first."""
        callers: list[tuple[str, ClientGroup | Service]] = [
            *self.clients.items(),
            *self.services.items(),
        ]
        return tuple(
            (caller, name, call)
            for caller, group in callers
            for name, call in group.calls.items()
            if call.breaker is not None
        )

    def with_(self, changes: Mapping[str, object]) -> Scenario:
        """Return the same scenario with some places changed.

        A place is a dotted path in the file's words, shortened to any ending that names one
        place: `{"breaker.recovery_timeout": "30s"}`. Values are as in a file.

        Raises:
            ScenarioError: a path names no place or several, or a value does not fit.
        """
        known = {
            (each.file or "", each.column): Recording(each.numbers)
            for value in (*changes.values(), self)
            for _, each in data_backed(value)
        }
        return changed(self, changes, recall_known(known))

    def without_breakers(self) -> Scenario:
        """Return the same scenario with every breaker switched off."""
        clients = {name: _without_breakers(each) for name, each in self.clients.items()}
        services = {name: _without_breakers(each) for name, each in self.services.items()}
        return self.model_copy(update={"clients": Named(clients), "services": Named(services)})

    def without_policies_of(self, groups: Collection[str]) -> Scenario:
        """Return the same scenario where these client groups only say whom they call, and how far.

        What they do about failures is up to somebody else's code.
        """
        clients = {
            name: each.model_copy(
                update={
                    "calls": Named(
                        {
                            call: Call(to=how.to, network=how.network)
                            for call, how in each.calls.items()
                        }
                    )
                }
            )
            if name in groups
            else each
            for name, each in self.clients.items()
        }
        return self.model_copy(update={"clients": Named(clients)})

    def without_faults(self) -> Scenario:
        """Return an ordinary day: the same scenario without faults, and without its thresholds.

        Those are about the faults, or would be held against the same twice.
        """
        return self.model_copy(update={"faults": (), "thresholds": (), "sweep": None})

    def without_sweep(self) -> Scenario:
        """Return the same scenario without its `sweep`, all that decides nothing about a run."""
        return self if self.sweep is None else self.model_copy(update={"sweep": None})

    def to_yaml(self) -> str:
        """Return the scenario as a file; reading it back gives an equal scenario."""
        return to_yaml(self.to_data())

    @model_validator(mode="after")
    def _fits_together(self, info: ValidationInfo) -> Scenario:
        # The reader of files runs these checks itself, also when other things are wrong.
        if info.context == FROM_FILE:
            return self
        tree = tree_of(self)
        for found in chain(cross_checks(plain(tree)), sweep_checks(tree, ROOT)):
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


ROOT = Object(Scenario)  # the shape of a whole file


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft 2020-12) of a scenario file.

    What only code can check (names that must exist, pairs that must fit) it leaves out.
    """
    described = Scenario.model_json_schema()
    return {"$schema": DIALECT, "title": "simcb scenario", **described}


def _without_breakers(caller: Caller) -> Caller:
    """Return a client group or service whose calls have no breaker switched on."""
    off = {
        name: call.model_copy(
            update={"breaker": call.breaker.model_copy(update={"enabled": False})}
        )
        for name, call in caller.calls.items()
        if call.breaker is not None
    }
    return caller.model_copy(update={"calls": Named({**caller.calls, **off})}) if off else caller
