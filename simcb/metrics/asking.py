"""Whether a number that was asked for by name can exist at all.

A run that lacks a phase has no number there, and says None; a name that is no metric, phase,
service or client group of the run is a slip of the pen, and None would hide it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simcb.errors import SimcbError
from simcb.metrics.entities import Entities
from simcb.metrics.phase import ONE_FAULT, WHOLE
from simcb.scenario import model
from simcb.scenario.refusal import choice_remedy, quoted

PHASES = (WHOLE, *model.PHASES)
"""The phases that every run may have; a fault's own is `fault:NAME`."""


class UnknownNumberError(SimcbError):
    """A number was asked for by a name that means nothing.

    Args:
        what: which name.
        remedy: what to write instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

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
    def faults(self) -> tuple[str, ...]:
        """Names of the faults."""


class Valued(Protocol):
    """Where numbers are found: the measures of one run, or a summary of several."""

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases there are."""

    @property
    def entities(self) -> Entities:
        """Names of the services and of the client groups."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the faults."""

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
    check_known("phase", phase, [*PHASES, *(ONE_FAULT + fault for fault in known.faults)])
    if of:
        check_known("service or client group", of, known.entities.names)


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Check that a name is one of those known of its kind.

    Raises:
        UnknownNumberError: it is none of them; the error says which was probably meant.
    """
    names = tuple(known)
    if name not in names:
        raise UnknownNumberError(f"there is no {kind} {quoted(name)}", choice_remedy(name, names))
