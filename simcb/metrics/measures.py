"""Measured values and the collection that carries them to studies and views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from simcb.metrics.asking import check_asked
from simcb.metrics.entities import Entities
from simcb.metrics.phase import WHOLE


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


@dataclass(frozen=True)
class Measure:
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


@dataclass(frozen=True)
class Measures:
    """Everything measured about one run, in the order of `METRICS`, phase by phase.

    Args:
        items: the measures.
        phases: names of the phases the run has.
        entities: names of its services and of its client groups.
        faults: names of its faults, those that were never active included.
    """

    items: tuple[Measure, ...]
    phases: tuple[str, ...]
    entities: Entities
    faults: tuple[str, ...] = ()
    _by_key: dict[tuple[str, str, str], Measure] = field(
        init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        by_key = {(each.name, each.phase, each.of): each for each in self.items}
        object.__setattr__(self, "_by_key", by_key)

    def __iter__(self) -> Iterator[Measure]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return one measure's value; None if it is undefined or was not measured there.

        What is asked of the only client group is the run's.

        Asking for a phase the run does not have is no mistake: a run whose last fault outlives
        it has no recovery, and what it would have been is undefined.

        Raises:
            UnknownNumberError: there is no such metric, phase, service or client group.
        """
        found = self._by_key.get((name, phase, of))
        if found is None:
            check_asked(name, phase, of, self)
            return self.value(name, phase) if self.entities.is_all(of) else None
        return found.value

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics' names, each once, in order."""
        return tuple(dict.fromkeys(each.name for each in self.items))
