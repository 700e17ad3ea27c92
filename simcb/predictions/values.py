"""A prediction: a number that follows from a scenario by a formula, before anything is run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter

from simcb.metrics import Unit


class Sureness(StrEnum):
    """How near the truth a prediction is, if the scenario is as the formula supposes."""

    EXACT = "exact"
    ABOUT = "about"
    MOST = "at most"
    LEAST = "at least"


@dataclass(frozen=True)
class Number:
    """A number that goes into a formula, and what it counts."""

    value: float
    unit: Unit


@dataclass(frozen=True)
class Prediction:
    """What a formula says of one service, call or fault.

    Args:
        name: what is predicted, as programs know it.
        subject: the service, or the call as `CALLER->SERVICE`.
        value: seconds, per second, 0 to 1, or a count; infinite if it never comes, None if the
            formula has no answer.
        unit: what the value counts.
        formula: the formula, its symbols in braces: `{λ}·{S}/{c}`.
        numbers: what the symbols stand for.
        sureness: whether the value is exact, about right, or a bound.
        valid: what the formula supposes, as the end of "if …"; "" for nothing.
        lines: the places of the file that it comes from, as dotted paths.
        fault: the fault it is about, if it is about one.
        remark: what follows from it, in a few words.
    """

    name: str
    subject: str
    value: float | None
    unit: Unit
    formula: str = ""
    numbers: tuple[tuple[str, Number], ...] = ()
    sureness: Sureness = Sureness.EXACT
    valid: str = ""
    lines: tuple[str, ...] = ()
    fault: str = ""
    remark: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and math.isnan(self.value):
            raise ValueError(f"{self.name} of {self.subject} is nan; None says undefined")
        used = {symbol for _, symbol, _, _ in Formatter().parse(self.formula) if symbol}
        if used != {symbol for symbol, _ in self.numbers}:
            raise ValueError(f"{self.formula!r} has other symbols than {dict(self.numbers)}")

    @property
    def symbols(self) -> str:
        """The formula with its symbols."""
        return self.formula.format(**{symbol: symbol for symbol, _ in self.numbers})


def numbers(**each: tuple[float, Unit]) -> tuple[tuple[str, Number], ...]:
    """Return the numbers of a formula, by symbol."""
    return tuple((symbol, Number(value, unit)) for symbol, (value, unit) in each.items())


PER_SECOND, SECONDS, COUNT = Unit.PER_SECOND, Unit.SECONDS, Unit.COUNT
SHARE, RATIO = Unit.SHARE, Unit.RATIO
