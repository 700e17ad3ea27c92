"""Moments as logs write them, in seconds of one clock."""

from __future__ import annotations

import re
from datetime import datetime

from simcb.measurements.source import Source
from simcb.scenario.data_cells import stamp_of
from simcb.scenario.refusal import quoted

_COMMON_LOG = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)[.,](\d+)(Z|[+-]\d\d:?\d\d|)", re.ASCII)
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Stamps:
    """Reads moments, and tells to what they were cut: seconds that are all whole are cut ones.

    A log has the same second many times over, so the last one is remembered.
    """

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._first: int | None = None
        self._whole = True
        self._second = ""
        self._begin = 0

    @property
    def resolution(self) -> float:
        """The seconds that all moments are whole multiples of: 1, or 0 if they are none."""
        return 1.0 if self._whole and self._first is not None else 0.0

    def seconds(self, source: Source, text: str) -> float:
        """Return a moment in seconds after the first one's.

        Raises:
            MeasurementError: it is no moment.
        """
        known = self._known.get(text)
        if known is None:
            nanoseconds = self._nanoseconds(text)
            if nanoseconds is None:
                what = f"has {quoted(text)} as a moment"
                raise source.error(what, "write epoch or ISO 8601 stamps")
            self._whole = self._whole and nanoseconds % 10**9 == 0
            self._first = nanoseconds if self._first is None else self._first
            known = (nanoseconds - self._first) / 1e9
            if len(self._known) > 8:
                self._known.clear()
            self._known[text] = known
        return known

    def _nanoseconds(self, text: str) -> int | None:
        """Return a moment in nanoseconds; the second that the one before had is not read again."""
        match = _ISO.fullmatch(text)
        if match is None:
            stamp = stamp_of(text)
            return stamp[0] if stamp else _of_common_log(text)
        second = match[1] + match[3]
        if second != self._second:
            stamp = stamp_of(second)
            if stamp is None:
                return None
            self._second, self._begin = second, stamp[0]
        return self._begin + int(f"{match[2]:0<9.9}")


def _of_common_log(text: str) -> int | None:
    match = _COMMON_LOG.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, month, year, hour, minute, second, zone = match.groups()
    iso = f"{year}-{_MONTHS.index(month) + 1:02d}-{day}T{hour}:{minute}:{second}{zone}"
    try:
        return int(datetime.fromisoformat(iso).timestamp()) * 10**9
    except ValueError:
        return None
