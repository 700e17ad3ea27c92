"""What any setting may be: numbers in range and functions; and settings, which cannot change."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NoReturn

from simcb.breaker.errors import ParameterError
from simcb.breaker.kinds import is_plain

MOST_CALLS = 1_000_000
"""The largest count window or threshold: more would be a memory leak by configuration."""

MOST_PROBES = 10_000
"""The most probes at once, or with a verdict in all."""

MOST_SECONDS = 1e9
"""The longest duration, about thirty years: beyond it floats lose the milliseconds."""


def whole(parameter: str, value: object, low: int = 1, high: int = MOST_CALLS) -> int:
    """Returns the value if it is a whole number in range, or raises a ParameterError."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise ParameterError(parameter, value, f"a whole number from {low:,} to {high:,}")


def number(parameter: str, value: object, low: float, high: float, what: str) -> float:
    """Returns the value as a float if it is a number in range, or raises a ParameterError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise ParameterError(parameter, value, what)


def duration(parameter: str, value: object, *, positive: bool = False) -> float:
    """Returns a duration in seconds, from 0 up, or above 0 where zero has no meaning."""
    if positive:
        what = f"a number of seconds above 0, up to {MOST_SECONDS:,.0f}"
        return number(parameter, value, math.ulp(0.0), MOST_SECONDS, what)
    return number(parameter, value, 0.0, MOST_SECONDS, f"seconds from 0 to {MOST_SECONDS:,.0f}")


def share(parameter: str, value: object) -> float:
    """Returns a share above 0 and at most 1."""
    return number(parameter, value, math.ulp(0.0), 1.0, "a share above 0 and at most 1")


def functions(parameter: str, value: object, what: str) -> tuple[Any, ...]:
    """Returns the functions of a list, or raises a ParameterError."""
    if isinstance(value, Iterable):
        value = tuple(value)
        if all(is_plain(one) for one in value):
            return value
    raise ParameterError(parameter, value, f"a list of plain functions of one {what}")


class Settings:
    """Settings that are equal when their values are, and cannot change.

    A constructor hands them to `_fill` in the order of its parameters. Dataclasses would do
    the same, and importing them would double the time it takes to import the breaker.
    """

    def _fill(self, **values: object) -> None:
        vars(self).update(values)

    def __setattr__(self, field: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __delattr__(self, field: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        given = {field: value for field, value in vars(self).items() if value is not None}
        fields = ", ".join(f"{field}={value!r}" for field, value in given.items())
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[type[Settings], tuple[object, ...]]:
        return type(self), (*vars(self).values(),)
