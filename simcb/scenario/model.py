"""The scenario: who asks, who answers, what goes wrong, and what counts as good.

Frozen models in the file's own words, seconds and per-second inside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from itertools import chain
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError, ValidationInfo, model_validator

from simcb.outcomes import PHASES
from simcb.scenario.admission import ADMISSIONS, Admission
from simcb.scenario.breaker_groups import by_breaker, grouped
from simcb.scenario.calls import Call
from simcb.scenario.changes import (
    MOST_CHANGES,
    Change,
    Keys,
    labelled,
    no_breaker,
    rewritten,
    staged,
)
from simcb.scenario.checks import cross_checks
from simcb.scenario.crashing import Crash
from simcb.scenario.data_files import data_backed
from simcb.scenario.distributions import AnyDistribution
from simcb.scenario.faults import FAULTS, MOST_REPLICAS, Fault, label_of, numbered
from simcb.scenario.fields import ByName, Model, Named, Object, OneOf
from simcb.scenario.groups import ClientGroup
from simcb.scenario.liveness import Liveness
from simcb.scenario.paths import find_place
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
from simcb.scenario.scaling import Scale
from simcb.scenario.sweep import Sweep, sweep_checks
from simcb.scenario.thresholds import ThresholdLine
from simcb.scenario.tree import plain
from simcb.scenario.validation import changed, tree_of
from simcb.scenario.writer import to_yaml

MOST_SAMPLES = 1_000_000  # the most samples of one run, `duration / sample_every`
MOST_WORKERS = 1_000_000  # the most workers of one replica
NAMES = Name(reserved=frozenset(("whole", *PHASES)))
"""Names of services and client groups: none is a phase's, for `p99{fault}` would be two things."""

Calls = Annotated[Mapping[str, Call], ByName(), AfterValidator(grouped)]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


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
    scale: Annotated[
        Scale | None,
        word(
            "an autoscaler, which begins with `replicas` and says how many there are from then on",
            "{target: 60%, every: 15s, delay: 30s, least: 2, most: 20}",
        ),
    ] = None
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
    crash: Annotated[
        Crash | None,
        word("when load breaks a replica; never if absent", "{above: 95%, for: 10s, restart: 30s}"),
    ] = None
    liveness: Annotated[
        Liveness | None,
        word(
            "a health check that asks a dependency; a replica that fails it starts anew",
            "{asks: database, every: 10s, timeout: 1s, failures: 3, restart: 30s}",
        ),
    ] = None
    on_abandon: Annotated[
        OnAbandon,
        word(
            "what becomes of an attempt whose caller has gone: finished all the same, "
            "taken out of the queue at once, or out of work too",
            "drop_queued",
        ),
    ] = OnAbandon.FINISH

    @property
    def falls(self) -> bool:
        """Whether its replicas may start anew by themselves."""
        return self.crash is not None or self.liveness is not None

    @property
    def first_replicas(self) -> int:
        """How many replicas there are at the beginning."""
        return self.replicas if self.scale is None else self.scale.bounded(self.replicas)

    @property
    def most_replicas(self) -> int:
        """How many replicas there ever are, unless something else changes that."""
        return self.replicas if self.scale is None else self.scale.most


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
    changes: Annotated[
        tuple[Change, ...],
        word(
            "what an operator sets while it runs, and when",
            "[{at: 5m, set: {retry.max_retries: 0}}]",
        ),
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
    def labelled_changes(self) -> tuple[tuple[str, Change], ...]:
        """Every change in order of time, with a label unique in the scenario."""
        return labelled(self.changes)

    @property
    def guarded_calls(self) -> tuple[tuple[str, str, Call], ...]:
        """Each call with a breaker's settings as (caller, its name, call), clients first."""
        callers: list[tuple[str, ClientGroup | Service]] = [
            *self.clients.items(),
            *self.services.items(),
        ]
        return tuple(
            (caller, name, group.calls[name])
            for caller, group in callers
            for name in by_breaker(group.calls)
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

    @property
    def stages(self) -> tuple[tuple[float, Scenario], ...]:
        """What runs from when on: a moment in seconds, 0 first, and the scenario from there.

        Each is the whole of the system, its earlier changes made, without faults, changes,
        thresholds and sweep. Changes that come when the run is over are not among them.
        """
        now = self.model_copy(update={"faults": (), "changes": (), "thresholds": (), "sweep": None})
        found = {0.0: now}
        for _, change in self.labelled_changes:
            if change.at < self.duration:
                found[change.at] = now = now.with_(change.values)
        return tuple(found.items())

    def without_breakers(self) -> Scenario:
        """Return the same scenario with every breaker switched off, for good."""
        clients = {name: _without_breakers(each) for name, each in self.clients.items()}
        services = {name: _without_breakers(each) for name, each in self.services.items()}
        return self.model_copy(
            update={
                "clients": Named(clients),
                "services": Named(services),
                "changes": self._changes(no_breaker),
            }
        )

    def _changes(self, instead: Callable[[Keys, object], object]) -> tuple[Change, ...]:
        """Return the changes with other values, by where they lead; without those left out."""
        if not self.changes:
            return ()
        root = tree_of(self.without_faults())
        return rewritten(self.changes, lambda path: find_place(root, ROOT, path).keys, instead)

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
        changes = self._changes(
            lambda keys, value: ... if keys[1] in groups and keys[2] == "calls" else value
        )
        return self.model_copy(update={"clients": Named(clients), "changes": changes})

    def without_faults(self) -> Scenario:
        """Return an ordinary day: the same scenario without faults, changes and thresholds.

        Those are about the faults, or would be held against the same twice.
        """
        nothing: dict[str, object] = {"faults": (), "changes": (), "thresholds": (), "sweep": None}
        return self.model_copy(update=nothing)

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
        for location, stage in staged(tree, ROOT):
            place = ".".join(str(step) for step in location)
            if isinstance(stage, Refused):
                raise Refused(stage.what, stage.remedy, place)
            try:
                Scenario.model_validate(plain(stage), context=FROM_FILE)
            except ValidationError as error:
                details = error.errors(include_url=False, include_input=False)[0]
                wrong = ".".join(str(step) for step in details["loc"])
                raise Refused(f"leaves {wrong} wrong: {details['msg']}", "", place) from None
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Scenario:
        if self.duration / self.sample_every > MOST_SAMPLES:
            raise Refused(
                f"asks for more than {MOST_SAMPLES} samples",
                "sample less often or run for less long",
                "sample_every",
            )
        if len(self.changes) > MOST_CHANGES:
            what = f"are {len(self.changes)} changes"
            raise Refused(what, f"write at most {MOST_CHANGES}", "changes")
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
    off = {name: caller.calls[name].without_breaker for name in by_breaker(caller.calls)}
    return caller.model_copy(update={"calls": grouped({**caller.calls, **off})})
