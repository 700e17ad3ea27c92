"""Measured values: of what they are, how they are asked for by name, and where they are kept.

A run that lacks a phase has no number there, and says None; a name that is no metric, phase,
service or client group of the run is a slip of the pen, and None would hide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Flag, StrEnum, auto
from functools import cached_property
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from simcb.errors import FieldsError
from simcb.metrics.phase import WHOLE, PhaseNames
from simcb.scenario.refusal import choice_remedy, quoted

if TYPE_CHECKING:
    from simcb.scenario.model import Scenario


class Per(Flag):
    """The kinds of things that a metric is measured for."""

    RUN = auto()
    SERVICE = auto()
    GROUP = auto()
    SETTING = auto()

    @property
    def words(self) -> str:
        """The kinds in words: `run, client group`."""
        names = {Per.RUN: "run", Per.SERVICE: "service", Per.GROUP: "client group"}
        names[Per.SETTING] = "setting of a sweep or a tune"
        return ", ".join(name for kind, name in names.items() if kind in self)


class Entity(NamedTuple):
    """One thing that is measured: its kind, its place among its like, its name ("" for the run)."""

    kind: Per
    place: int
    name: str


@dataclass(frozen=True)
class Entities:
    """The names that numbers of a run may be asked for by.

    A service and a client group may share a name. It is the service's wherever a metric is
    measured for services, and the group's elsewhere; so a metric has one number for a name.

    Args:
        services: names of the services.
        groups: names of the client groups.
    """

    services: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def having(self, per: Per) -> tuple[Entity, ...]:
        """Return what a metric is measured for, the run first.

        A group that is the only one is the run, and is not measured twice.
        """
        found = [Entity(Per.RUN, 0, "")] if Per.RUN in per else []
        if Per.SERVICE in per:
            found += [Entity(Per.SERVICE, place, name) for place, name in enumerate(self.services)]
        if Per.GROUP in per and len(self.groups) > 1:
            taken = {each.name for each in found}
            found += [
                Entity(Per.GROUP, place, name)
                for place, name in enumerate(self.groups)
                if name not in taken
            ]
        return tuple(found)

    def meant(self, per: Per, name: str) -> str | None:
        """Return where a metric's number for a service or a group stands; None if nowhere.

        The number of the only client group is the run's: its place is "".
        """
        if any(each.name == name for each in self.having(per)):
            return name
        return "" if Per.GROUP in per and self.is_all(name) else None

    def is_all(self, name: str) -> bool:
        """Return whether all requests of the run are those of the client group `name`."""
        return self.groups == (name,)

    def is_shared(self, name: str) -> bool:
        """Return whether `name` is that of a service and of a client group."""
        return name in self.services and name in self.groups

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, each once."""
        return tuple(dict.fromkeys((*self.services, *self.groups)))


def entities_of(scenario: Scenario) -> Entities:
    """Return the names that numbers of a scenario's runs may be asked for by."""
    return Entities(tuple(scenario.services), tuple(scenario.clients))


class UnknownNumberError(FieldsError):
    """A number was asked for by a name that means nothing.

    Args:
        what: which name.
        remedy: what to write instead.
    """

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


class Named(Protocol):
    """Numbers that are asked for by metric, phase, and service or client group."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics."""

    @property
    def entities(self) -> Entities:
        """Names of the services and of the client groups."""

    @property
    def phase_names(self) -> PhaseNames:
        """Names of the phases that may be asked for."""


class Valued(Protocol):
    """Where numbers are found: the measures of one run, or a summary of several."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases there are."""

    @property
    def entities(self) -> Entities:
        """Names of the services and of the client groups."""

    @property
    def phase_names(self) -> PhaseNames:
        """Names of the phases that may be asked for."""

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return a metric's value, None if undefined."""


def check_asked(name: str, phase: str, of: str, known: Named) -> None:
    """Check that a number which was not found could have been there.

    Args:
        name: the metric.
        phase: a phase, which this run may lack.
        of: a service or a client group, or "".
        known: the numbers in which it was not found.

    Raises:
        UnknownNumberError: there is no such metric, phase, service or client group.
    """
    check_known("metric", name, known.names)
    check_known("phase", phase, known.phase_names.askable)
    if of != "":
        check_known("service or client group", of, known.entities.names)


def check_known(kind: str, name: object, known: Iterable[str]) -> None:
    """Check that a name is one of those known of its kind.

    Raises:
        UnknownNumberError: it is none of them; the error says which was probably meant.
    """
    names = tuple(known)
    if not isinstance(name, str):
        what = f"the {kind} is {quoted(name)}, which is no text"
        raise UnknownNumberError(what, choice_remedy("", names))
    if name not in names:
        raise UnknownNumberError(f"there is no {kind} {quoted(name)}", choice_remedy(name, names))


class Unit(StrEnum):
    """What a number counts; a view formats by it.

    A share is of a whole and at most 1; a ratio may be more.
    """

    SECONDS = "s"
    PER_SECOND = "1/s"
    SHARE = "share"
    RATIO = "ratio"
    COUNT = "count"
    WORKER_SECONDS = "worker-s"


class Measure(NamedTuple):
    """One number about one run.

    Args:
        name: the metric, a key of `METRICS`.
        unit: what `value` counts.
        phase: the phase it was measured in.
        of: the service or the client group it is about, "" if it is about the run.
        value: None if undefined (nothing happened that could be measured), `math.inf` if it
            is a time that never came. It is never nan.
    """

    name: str
    unit: Unit
    phase: str
    of: str
    value: float | None


class Item(Protocol):
    """A number, or what several say of it, and where it stands."""

    @property
    def name(self) -> str:
        """The metric."""

    @property
    def phase(self) -> str:
        """The phase it was measured in."""

    @property
    def of(self) -> str:
        """The service or the client group it is about, "" if it is about the run."""


T = TypeVar("T", bound=Item)


@dataclass(frozen=True)
class Numbers(Generic[T]):
    """Numbers in the order of `METRICS`, phase by phase, found by their names.

    Args:
        items: the numbers.
        phases: names of the phases there are.
        entities: names of the services and of the client groups.
        phase_names: names of the phases that may be asked for.
    """

    items: tuple[T, ...]
    phases: tuple[str, ...]
    entities: Entities
    phase_names: PhaseNames = field(default_factory=PhaseNames)

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def _by_key(self) -> dict[tuple[str, str, str], T]:
        return {(each.name, each.phase, each.of): each for each in self.items}

    def found(self, name: str, phase: str = WHOLE, of: str = "") -> T | None:
        """Return what stands there; None if it was not measured there.

        What is asked of the only client group is the run's. Asking for a phase the run does not
        have is no mistake: a run whose last fault outlives it has no recovery.

        Raises:
            UnknownNumberError: there is no such metric, phase, service or client group.
        """
        asked = (name, phase, of)
        item = self._by_key.get(asked) if all(isinstance(each, str) for each in asked) else None
        if item is None:
            check_asked(name, phase, of, self)
            return self.found(name, phase) if self.entities.is_all(of) else None
        return item

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names, each once, in order."""
        return tuple(dict.fromkeys(each.name for each in self.items))


@dataclass(frozen=True)
class Measures(Numbers[Measure]):
    """Everything measured about one run."""

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return one measure's value; None if it is undefined or was not measured there.

        Raises:
            UnknownNumberError: as for `found`.
        """
        found = self.found(name, phase, of)
        return None if found is None else found.value
