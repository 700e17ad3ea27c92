"""Durations, rates and shares: text with a unit to a float, and back without losing a bit.

Inside simcb a duration is in seconds, a rate in events per second, a share between 0 and 1.
The text is read as an exact fraction and rounded to a float once, so every float has a text
that reads back to the same bits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from simcb.scenario.refusal import Refused, quoted

LONGEST_DURATION = 1e9
"""The longest duration, in seconds (almost 32 years): beyond it a clock loses microseconds."""

HIGHEST_RATE = 1e9
"""The highest rate, per second: a nanosecond apart is closer than any model here means."""

_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?"
_DURATION_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
    "d": Fraction(86400),
}
_RATE_UNITS = {"ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)}
_DURATION_PART = re.compile(rf"({_NUMBER})(ns|us|ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ns|us|ms|s|m|h|d))+", re.ASCII)
_RATE = re.compile(rf"({_NUMBER}) ?/ ?(ms|s|m|h)", re.ASCII)
_SHARE = re.compile(rf"({_NUMBER}) ?%", re.ASCII)
_BARE = re.compile(rf"[+-]?{_NUMBER}", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_LONGEST_TEXT = 64

_remembered = lru_cache(maxsize=1024)
"""The settings of a sweep have most of their values in common."""


@_remembered
def parse_duration(text: str) -> float:
    """Read `250ms`, `30s`, `5m`, `1m30s` or `2h` as seconds, or raise `Refused`."""
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        raise _not_a_duration(text)
    parts = _DURATION_PART.findall(text)
    units = [unit for _, unit in parts]
    largest_first = sorted(set(units), key=lambda u: -_DURATION_UNITS[u])
    if units != largest_first:
        raise Refused(
            f"{quoted(text)} does not go from large units to small, each once",
            "write it like `1m30s`",
        )
    total = sum((Fraction(number) * _DURATION_UNITS[unit] for number, unit in parts), Fraction())
    if total > LONGEST_DURATION:
        raise Refused(f"{quoted(text)} is too long", f"write at most {LONGEST_DURATION:.0f}s")
    return float(total)


@_remembered
def parse_rate(text: str) -> float:
    """Read `100/s`, `30/m` or `5/h` as events per second, or raise `Refused`."""
    found = None if len(text) > _LONGEST_TEXT else _RATE.fullmatch(text)
    if not found:
        if text.startswith("-"):
            raise Refused(f"{quoted(text)} is negative", "write a rate of 0/s or more")
        if _BARE.fullmatch(text):
            raise Refused(f"{quoted(text)} has no unit", f"write `{text}/s` or `{text}/m`")
        raise Refused(f"{quoted(text)} is not a rate", "write it like `100/s`, `30/m` or `5/h`")
    rate = Fraction(found[1]) / _RATE_UNITS[found[2]]
    if rate > HIGHEST_RATE:
        raise Refused(f"{quoted(text)} is too high", f"write at most {HIGHEST_RATE:.0f}/s")
    return float(rate)


@_remembered
def parse_share(text: str) -> float:
    """Read `5%` or `0.05` as a number from 0 to 1, or raise `Refused`."""
    percent = None if len(text) > _LONGEST_TEXT else _SHARE.fullmatch(text)
    if percent:
        share = Fraction(percent[1]) / 100
    elif len(text) <= _LONGEST_TEXT and _BARE.fullmatch(text):
        share = Fraction(text)
    elif text.startswith("-"):
        raise Refused(f"{quoted(text)} is negative", "write a share from 0% to 100%")
    else:
        raise Refused(f"{quoted(text)} is not a share", "write it like `5%` or `0.05`")
    if share < 0:
        raise Refused(f"{quoted(text)} is negative", "write a share from 0% to 100%")
    if share > 1:
        remedy = "write a share from 0% to 100%"
        if not percent and share <= 100:
            remedy = f"write `{text}%` for a percentage"
        raise Refused(f"{quoted(text)} is more than the whole", remedy)
    return float(share)


def format_duration(seconds: float) -> str:
    """Write seconds so that `parse_duration` returns the same float, or raise `Refused`."""
    _check_finite(seconds, "duration")
    if seconds == 0:
        return "0s"
    if seconds == int(seconds):
        whole = int(seconds)
        for unit, size in (("h", 3600), ("m", 60)):
            if whole % size == 0:
                return f"{whole // size}{unit}"
        return f"{whole}s"
    exact = Decimal(repr(float(seconds)))
    return f"{_decimal(exact)}s" if seconds >= 1 else f"{_decimal(exact * 1000)}ms"


def format_rate(per_second: float) -> str:
    """Write a rate so that `parse_rate` returns the same float, or raise `Refused`."""
    _check_finite(per_second, "rate")
    return f"{_decimal(Decimal(repr(float(per_second))))}/s"


def format_share(share: float) -> str:
    """Write a share in percent so that `parse_share` returns the same float, or raise `Refused`."""
    _check_finite(share, "share")
    return f"{_decimal(Decimal(repr(float(share))) * 100)}%"


def _decimal(value: Decimal) -> str:
    if value == 0:
        return "0"
    tidy = value.normalize()
    # Plain digits for what people write, powers of ten where they would fill the line.
    return f"{tidy:f}" if -9 <= tidy.adjusted() <= 15 else f"{tidy:e}"


def _check_finite(value: float, noun: str) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise Refused(f"{value!r} is not a {noun}", "write a finite number of 0 or more")


def _not_a_duration(text: str) -> Refused:
    if text.startswith("-"):
        return Refused(f"{quoted(text)} is negative", "write a duration of 0s or more")
    if len(text) <= _LONGEST_TEXT and _BARE.fullmatch(text):
        return Refused(f"{quoted(text)} has no unit", f"write `{text}s` or `{text}ms`")
    return Refused(
        f"{quoted(text)} is not a duration", "write it like `250ms`, `30s`, `5m`, `1m30s` or `2h`"
    )


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
        Measuring.SHARE: format_share,
        Measuring.DURATION: format_duration,
        Measuring.RATE: format_rate,
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
    if _BARE.fullmatch(text):
        number = float(text)
        return Amount(number, Measuring.NUMBER) if math.isfinite(number) else None
    readers: tuple[tuple[Measuring, Callable[[str], float]], ...] = (
        (Measuring.SHARE, parse_share),
        (Measuring.RATE, parse_rate),
        (Measuring.DURATION, parse_duration),
    )
    for measuring, read in readers:
        try:
            return Amount(read(text), measuring)
        except Refused:
            continue
    return None
