"""Whether a number that was asked for by name can exist at all.

A run that lacks a phase has no number there, and says None; a name that is no metric, no phase
or no service of the run is a slip of the pen, and None would hide it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simcb.errors import SimcbError
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
    """Numbers that are asked for by metric, phase and service."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics."""

    @property
    def entities(self) -> tuple[str, ...]:
        """Names of the services."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the faults."""


def check_asked(name: str, phase: str, of: str, known: Named) -> None:
    """Check that a number which was not found could have been there.

    Args:
        name: the metric.
        phase: a phase, which this run may lack.
        of: a service, or "".
        known: the numbers in which it was not found.

    Raises:
        UnknownNumberError: there is no such metric, phase or service.
    """
    check_known("metric", name, known.names)
    check_known("phase", phase, [*PHASES, *(ONE_FAULT + fault for fault in known.faults)])
    if of:
        check_known("service", of, known.entities)


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Check that a name is one of those known of its kind.

    Raises:
        UnknownNumberError: it is none of them; the error says which was probably meant.
    """
    names = tuple(known)
    if name not in names:
        raise UnknownNumberError(f"there is no {kind} {quoted(name)}", choice_remedy(name, names))
