"""Checks every setting when an object is built, and holds settings that cannot change.

It knows numbers and ranges, and nothing of what the settings are for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NoReturn

from simcb.breaker.errors import ParameterError
from simcb.breaker.kinds import is_plain

MOST_CALLS = 1_000_000
"""The largest count window or threshold: more would be a memory leak by configuration."""

MOST_SECONDS = 1e9
"""The longest duration, about thirty years: beyond it floats lose the milliseconds."""


class UsualInt(int):
    """A default that is the number it says, and yet another object than a number given.

    So a function can see whether a parameter was given, while its signature, its help and
    its body show and use the number.
    """


class UsualFloat(float):
    """Likewise, for seconds and shares."""


def whole(parameter: str, value: object, low: int = 1, high: int = MOST_CALLS) -> int:
    """Returns the value if it is a whole number in range.

    Raises:
        ParameterError: with the value and the allowed range.
    """
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise ParameterError(parameter, value, f"a whole number from {low:,} to {high:,}")


def number(parameter: str, value: object, low: float, high: float, what: str) -> float:
    """Returns the value as a float if it is a finite number in `low..high`.

    Raises:
        ParameterError: with the value and the allowed range.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise ParameterError(parameter, value, what)


def duration(parameter: str, value: object, *, positive: bool = False) -> float:
    """Returns a duration in seconds, from 0 up, or above 0 where zero has no meaning."""
    if positive:
        what = f"a number of seconds above 0, up to {MOST_SECONDS:,.0f}"
        return number(parameter, value, math.ulp(0.0), MOST_SECONDS, what)
    return number(parameter, value, 0.0, MOST_SECONDS, f"seconds from 0 to {MOST_SECONDS:,.0f}")


def functions(parameter: str, value: object, what: str) -> tuple[Any, ...]:
    """Returns the functions of a list.

    Raises:
        ParameterError: with the value, if it is no list of things to call.
    """
    if isinstance(value, Iterable):
        value = tuple(value)
        if all(is_plain(one) for one in value):
            return value
    raise ParameterError(parameter, value, f"a list of plain functions of one {what}")


def rate(parameter: str, value: object) -> float:
    """Returns a share above 0 and at most 1."""
    return number(parameter, value, math.ulp(0.0), 1.0, "a share above 0 and at most 1")


class Settings:
    """Settings that are equal when their values are, and cannot change.

    A subclass lists its fields in `__slots__` and fills them with `_fill` in its
    constructor. Dataclasses would do the same, and importing them would double the time
    it takes to import the breaker.
    """

    __slots__: tuple[str, ...] = ()

    def _fill(self, **values: object) -> None:
        for field, value in values.items():
            object.__setattr__(self, field, value)

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, field) for field in self.__slots__)

    def __setattr__(self, field: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __delattr__(self, field: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.__slots__)
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[type[Settings], tuple[object, ...]]:
        return type(self), self._values()
