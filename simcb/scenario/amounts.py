"""Amounts: numbers together with what they count, as the values of an axis are.

A value of an axis is as in a file; an amount is what it means as a number, and can be written
back. This module must not know axes or models.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from simcb.scenario import units
from simcb.scenario.refusal import Refused

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?"
_INTEGER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_PLAIN = re.compile(rf"[+-]?{_NUMBER}", re.ASCII)


class Measuring(StrEnum):
    """What the numbers of an axis count, which says how they are written."""

    INTEGER = "integer"
    NUMBER = "number"
    SHARE = "share"
    DURATION = "duration"
    RATE = "rate"


Value = str | int | float
"""A value as a scenario file has it: text with its unit, or a number."""


@dataclass(frozen=True)
class Amount:
    """A number and what it counts: seconds, per second, a share, or nothing but itself."""

    number: float
    measuring: Measuring

    @property
    def written(self) -> Value:
        """The value as a file has it, such that reading it gives the same number."""
        return written(self.number, self.measuring)


def written(number: float, measuring: Measuring) -> Value:
    """Return a number as a scenario file has it."""
    writers: dict[Measuring, Callable[[float], Value]] = {
        Measuring.INTEGER: round,
        Measuring.NUMBER: float,
        Measuring.SHARE: units.format_share,
        Measuring.DURATION: units.format_duration,
        Measuring.RATE: units.format_rate,
    }
    return writers[measuring](number)


def between(low: float, high: float, share: float, *, log: bool) -> float:
    """Return what lies at a share of the way between two numbers, by factors if `log`."""
    if share <= 0.0:
        return low
    if share >= 1.0:
        return high
    if log:
        return low * math.pow(high / low, share)
    return low + share * (high - low)


def rounded(number: float, digits: int) -> float:
    """Return a number with so many digits."""
    return float(f"{number:.{digits}g}")


def quantity_of(value: Value) -> Amount | None:
    """Read a value as a number with a unit; None if it is a word.

    A bare number is an integer if it is written as one.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Amount(value, Measuring.INTEGER)
    if isinstance(value, float):
        return Amount(value, Measuring.NUMBER) if math.isfinite(value) else None
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return Amount(int(text), Measuring.INTEGER)
    if _PLAIN.fullmatch(text):
        number = float(text)
        return Amount(number, Measuring.NUMBER) if math.isfinite(number) else None
    readers: tuple[tuple[Measuring, Callable[[str], float]], ...] = (
        (Measuring.SHARE, units.parse_share),
        (Measuring.RATE, units.parse_rate),
        (Measuring.DURATION, units.parse_duration),
    )
    for measuring, read in readers:
        try:
            return Amount(read(text), measuring)
        except Refused:
            continue
    return None
