"""What a piece of evidence is: scenarios, what theory says of them, and how it is observed.

A case knows nothing of how it is run or shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from simcb.metrics import Measures, measure
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace

WATCHED = "watched"
"""The name of the fault that changes nothing and marks the stretch of time that is measured."""


@dataclass(frozen=True)
class Observed:
    """One run of one scenario of a case, with its measures worked out when first asked for."""

    scenario: Scenario
    trace: Trace

    @cached_property
    def measures(self) -> Measures:
        """Every metric of the run."""
        return measure(self.trace)

    @property
    def phase(self) -> str:
        """The phase that is measured: the watched stretch, or the whole run without one."""
        single = f"fault:{WATCHED}"
        if single in self.measures.phases:
            return single
        return "fault" if single in self.measures.phase_names.faults else "whole"

    @property
    def window(self) -> tuple[float, float]:
        """Begin and end of the stretch that is measured, seconds."""
        faults = self.trace.layout.faults
        found = next((each for each in faults if each.name == WATCHED), None)
        return (0.0, self.trace.duration) if found is None else (found.start, found.end)


Seen = Mapping[str, Observed]
"""The runs of a case's scenarios on the same random streams, by label."""

Observer = Callable[[Seen], float]
"""What is read off the runs; nan if they do not show it."""


class Relation(StrEnum):
    """How a number has to lie to what is expected."""

    EQUAL = "="
    AT_MOST = "≤"
    AT_LEAST = "≥"


@dataclass(frozen=True)
class Claim:
    """One number that theory or an experiment gives.

    Args:
        name: what is counted.
        expected: its value.
        observe: reads it off a replicate.
        unit: `s`, `/s`, or "" for shares, ratios and counts.
        relation: whether the value is the number itself or a bound of it.
        slack: what the number may differ by although it is right, in its own unit: half a
            digit of a rounded publication, or the grid that a continuous law is put on.
        once: the expected value is itself what one run gave, so the interval is not that of
            the mean, but the one in which another run lies.
        precision: the interval's half-width may be this share of `expected` (of 1 if that is
            0) at most, or the case would prove nothing.
    """

    name: str
    expected: float
    observe: Observer
    unit: str = ""
    relation: Relation = Relation.EQUAL
    slack: float = 0.0
    once: bool = False
    precision: float = 0.25


@dataclass(frozen=True, eq=False)
class Case:
    """A system whose numbers are known.

    Args:
        name: what it is called on the command line.
        law: the formula or the finding, in words and letters.
        source: who showed it.
        scenarios: scenario files by label; "" if there is only one.
        claims: what has to come out.
        replicates: runs with streams of their own, at least 2. A case without chance has two, so
            that an interval of no width shows that there is none.
        quick: whether it belongs to the set that takes less than a minute.
    """

    name: str
    law: str
    source: str
    scenarios: Mapping[str, str]
    claims: tuple[Claim, ...]
    replicates: int = 16
    quick: bool = True

    def parsed(self) -> dict[str, Scenario]:
        """Return the scenarios, each named after the case and its label."""
        return {label: parse_scenario(text) for label, text in self.texts.items()}

    @property
    def texts(self) -> dict[str, str]:
        """The scenario files, whole."""
        named = {label: f"{self.name}-{label}" if label else self.name for label in self.scenarios}
        return {label: f"name: {named[label]}\n{self.scenarios[label]}" for label in named}


def case(
    name: str,
    law: str,
    source: str,
    scenarios: str | Mapping[str, str],
    *claims: Claim,
    replicates: int = 16,
    quick: bool = True,
) -> Case:
    """Return a case, mostly of one scenario."""
    labelled = {"": scenarios} if isinstance(scenarios, str) else scenarios
    return Case(name, law, source, labelled, claims, replicates, quick)
