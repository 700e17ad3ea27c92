"""For what a number is measured: the run, each of its services, each of its client groups.

A metric says for which kinds it is measured; which names that makes in a run is said here, once,
for measuring, for thresholds and for the columns of a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import NamedTuple

from simcb.scenario.model import Scenario


class Per(Flag):
    """The kinds of things that a metric is measured for."""

    RUN = auto()
    SERVICE = auto()
    GROUP = auto()

    @property
    def words(self) -> str:
        """The kinds in words: `run, client group`."""
        names = {Per.RUN: "run", Per.SERVICE: "service", Per.GROUP: "client group"}
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
