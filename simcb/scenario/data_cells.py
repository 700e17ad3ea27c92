"""The cells of a data file: plain numbers, durations, and moments of several notations."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.units import LONGEST_DURATION, parse_duration

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


class PlainNumbers:
    """Reads cells that hold a number and nothing else."""

    remedy = "write a number like `12.5`, without a unit"

    def number(self, line: int, cell: str) -> float:
        """Return the number in a cell, or raise `Refused`."""
        if not _NUMBER.fullmatch(cell):
            what = f"has {quoted(cell)} in line {line}, which is not a number"
            what = what if cell else f"has nothing in line {line} of its column"
            raise Refused(what, self.remedy)
        return float(cell)


class Durations(PlainNumbers):
    """Reads cells that hold seconds, or a duration with its unit."""

    remedy = "write seconds like `0.125`, or a duration like `125ms`"

    def number(self, line: int, cell: str) -> float:
        """Return the seconds in a cell, or raise `Refused`."""
        if cell.endswith(("s", "m", "h")):
            try:
                return parse_duration(cell)
            except Refused as refused:
                raise Refused(f"has, in line {line}, {refused.what}", refused.remedy) from None
        return super().number(line, cell)


class Moments(PlainNumbers):
    """Reads cells that hold seconds from the beginning, epoch stamps or ISO 8601 stamps.

    The first cell says which of them all others are.
    """

    remedy = "write seconds like `12.5`, or epoch or ISO 8601 stamps"

    def __init__(self) -> None:
        self._first: int | None = None
        self._kind = ""

    def number(self, line: int, cell: str) -> float:
        """Return how many seconds after the beginning a cell's moment is, or raise `Refused`."""
        stamp = stamp_of(cell)
        kind = stamp[1] if stamp else "seconds"
        self._kind = self._kind or kind
        if kind != self._kind:
            what = f"has {quoted(cell)} in line {line}, and the first is {_SPOKEN[self._kind]}"
            raise Refused(what, "write all of them in one way")
        if stamp is None:
            return super().number(line, cell)
        self._first = stamp[0] if self._first is None else self._first
        if stamp[0] < self._first:
            what = f"has {quoted(cell)} in line {line}, which is before the first"
            raise Refused(what, "sort them, earliest first")
        return (stamp[0] - self._first) / 1e9


_SPOKEN = {
    "seconds": "in seconds from the beginning",
    "epoch": "an epoch stamp",
    "ISO 8601": "an ISO 8601 stamp with its time zone",
    "local ISO 8601": "an ISO 8601 stamp without a time zone",
}

_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
_EPOCH_UNITS = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3), (10**20, 1))
"""Below which number an epoch stamp is in seconds, thousandths …, and the nanoseconds of one."""


def stamp_of(cell: str) -> tuple[int, str] | None:
    """Return an epoch or ISO 8601 stamp in nanoseconds, and which it is; None if it is neither."""
    if _NUMBER.fullmatch(cell) and len(cell) < 40:
        if cell[0] == "-" or len(cell) < 10 or float(cell) <= LONGEST_DURATION:
            return None
        number = Decimal(cell)
        scale = next((scale for below, scale in _EPOCH_UNITS if number < below), None)
        return None if scale is None else (int(number * scale), "epoch")
    if len(cell) > 40 or not _ISO.fullmatch(cell):
        return None
    # Python reads six digits of a second and ignores those behind them.
    whole, _, rest = cell.replace(",", ".").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        moment = datetime.fromisoformat(whole + rest[len(digits) :])
    except ValueError:
        return None
    kind = "ISO 8601" if moment.tzinfo else "local ISO 8601"
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86400 + since.seconds
    return seconds * 10**9 + int(f"{digits[:9]:0<9}"), kind
