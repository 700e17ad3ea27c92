"""Quantities: bounded numbers, durations, rates and shares as fields of models.

In a file a duration or a rate carries its unit; in Python a plain number of seconds (or per
second) is accepted too. This module must not know any model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from simcb.scenario import units
from simcb.scenario.forms import Form, finite, is_number, seen
from simcb.scenario.refusal import Refused

_NUMBER_TEXT = r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"


@dataclass(frozen=True)
class Quantity(Form):
    """A number with bounds; `above` is exclusive, the others inclusive."""

    noun: ClassVar[str] = "number"
    hint: ClassVar[str] = "write a number like `2` or `0.5`"

    least: float = 0.0
    most: float = math.inf
    above: float | None = None

    def read(self, value: object, from_file: bool) -> float:
        """Return a finite float within the bounds."""
        return self._bounded(self._number(value, from_file))

    def _number(self, value: object, from_file: bool) -> float:
        if not is_number(value):
            raise Refused(f"{seen(value)} is not a {self.noun}", self.hint)
        return finite(value, self.noun)

    def _bounded(self, value: float) -> float:
        if self.above is not None and value <= self.above:
            raise Refused(
                f"{self._text(value)} is too small", f"write more than {self._text(self.above)}"
            )
        if value < self.least:
            what = "is negative" if self.least == 0 else "is too small"
            raise Refused(f"{self._text(value)} {what}", f"write {self._text(self.least)} or more")
        if value > self.most:
            raise Refused(
                f"{self._text(value)} is too large", f"write at most {self._text(self.most)}"
            )
        return value

    def _text(self, value: float) -> str:
        return f"{value:g}"

    def write(self, value: object) -> object:
        """Return a whole number as an integer, so that files show `2`, not `2.0`."""
        return int(value) if isinstance(value, float) and value == int(value) else value

    def described(self) -> dict[str, object]:
        """Describe a JSON number with its bounds."""
        low = {"minimum": self.least} if self.above is None else {"exclusiveMinimum": self.above}
        high = {} if self.most == math.inf else {"maximum": self.most}
        return {"type": "number", **low, **high}


@dataclass(frozen=True)
class Duration(Quantity):
    """Seconds; in a file always with a unit: `250ms`, `30s`, `1m30s`."""

    noun: ClassVar[str] = "duration"
    hint: ClassVar[str] = "write it like `250ms`, `30s`, `5m`, `1m30s` or `2h`"

    most: float = units.LONGEST_DURATION

    def _number(self, value: object, from_file: bool) -> float:
        if isinstance(value, str):
            return units.parse_duration(value)
        if from_file and is_number(value):
            return units.parse_duration(f"{value}")
        return super()._number(value, from_file)

    def _text(self, value: float) -> str:
        return units.format_duration(value) if value >= 0 else f"{value:g}s"

    def write(self, value: object) -> object:
        """Return the duration as text that reads back to the same float."""
        return units.format_duration(_as_float(value))

    def described(self) -> dict[str, object]:
        """Describe a string of numbers with units."""
        return {"type": "string", "pattern": rf"^({_NUMBER_TEXT}(ns|us|ms|s|m|h|d))+$"}


@dataclass(frozen=True)
class Rate(Quantity):
    """Events per second; in a file always with a unit: `100/s`, `30/m`."""

    noun: ClassVar[str] = "rate"
    hint: ClassVar[str] = "write it like `100/s` or `30/m`"

    most: float = units.HIGHEST_RATE

    def _number(self, value: object, from_file: bool) -> float:
        if isinstance(value, str):
            return units.parse_rate(value)
        if from_file and is_number(value):
            return units.parse_rate(f"{value}")
        return super()._number(value, from_file)

    def _text(self, value: float) -> str:
        return f"{value:g}/s"

    def write(self, value: object) -> object:
        """Return the rate as text that reads back to the same float."""
        return units.format_rate(_as_float(value))

    def described(self) -> dict[str, object]:
        """Describe a string like `100/s`."""
        return {"type": "string", "pattern": rf"^{_NUMBER_TEXT} ?/ ?(ms|s|m|h)$"}


@dataclass(frozen=True)
class Share(Quantity):
    """A part of a whole, 0 to 1; in a file `5%` or `0.05`."""

    noun: ClassVar[str] = "share"
    hint: ClassVar[str] = "write it like `5%` or `0.05`"

    most: float = 1.0

    def _number(self, value: object, from_file: bool) -> float:
        if isinstance(value, str):
            return units.parse_share(value)
        if is_number(value):
            finite(value, self.noun)
            return units.parse_share(f"{value}") if from_file else float(value)
        return super()._number(value, from_file)

    def _text(self, value: float) -> str:
        return f"{value:g}"

    def write(self, value: object) -> object:
        """Return the share in percent, reading back to the same float."""
        return units.format_share(_as_float(value))

    def described(self) -> dict[str, object]:
        """Describe a percentage or a number from 0 to 1."""
        return {
            "anyOf": [
                {"type": "string", "pattern": rf"^{_NUMBER_TEXT} ?%$"},
                {"type": "number", "minimum": 0, "maximum": 1},
            ]
        }


def _as_float(value: object) -> float:
    if not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)


Seconds = Annotated[float, Duration()]
"""A duration of 0 or more seconds."""

PositiveSeconds = Annotated[float, Duration(above=0.0)]
"""A duration of more than 0 seconds."""

Portion = Annotated[float, Share()]
"""A share from 0 to 1."""
