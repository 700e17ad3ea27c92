"""A CSV of requests as people write it: when, how long with its unit in the name, how it ended.

The columns are found by their names: `timestamp,latency_ms,status`. The status may be missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where, number_in
from simcb.measurements.values import Measured, Requests
from simcb.scenario.refusal import quoted

EXAMPLE = "timestamp,latency_ms,status"

_MOMENT = re.compile(r"@?timestamp|time|ts|date|datetime|start|start_time|started")
_TIME = re.compile(
    r"(?:latency|duration|elapsed|(?:response|request)[_ ]?time|took)"
    r"(?:[_ (]*(ns|us|ms|s|sec|secs|seconds|millis|milliseconds|microseconds|nanoseconds)\)?)?"
)
_STATUS = re.compile(r"(?:http_)?(?:status|code)(?:_code)?")
_UNITS = {"n": 1e-9, "u": 1e-6, "mic": 1e-6, "m": 1e-3, "s": 1.0}
_GOOD = frozenset({"ok", "success", "succeeded", "true"})
_BAD = frozenset({"error", "fail", "failed", "failure", "timeout", "false", ""})


def _column(header: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    return next((each for each in header if pattern.fullmatch(each.casefold())), None)


def _header(source: Source) -> list[str]:
    first = source.head.splitlines()[0]
    return [each.strip() for each in next(csv.reader([first]), [])]


def _fits(source: Source) -> bool:
    header = _header(source)
    return None not in (_column(header, _MOMENT), _column(header, _TIME))


def _read(source: Source, where: Where) -> Measured:
    header = _header(source)
    moment, time = _column(header, _MOMENT), _column(header, _TIME)
    if moment is None or time is None:
        what = "has no column of moments or none of times"
        raise source.error(what, f"write a header such as `{EXAMPLE}`")
    unit, status = _unit(source, time), _column(header, _STATUS)
    found, stamps = Requests(), Stamps()
    for row in source.table((moment, time)):
        if where.patterns and not where.admits(row, source.place):
            continue
        seconds = source.number(row.get(time), quoted(time)) * unit
        failed = status is not None and _failed(source, row.get(status, ""))
        found.add(_begin(source, stamps, row.get(moment, "")), seconds, failed)
    if not len(found):
        raise source.error("has no request that is meant", "check --where")
    notes = [f"{quoted(moment)} is taken for when a request began"]
    if status is None:
        notes.append("there is no column of how a request ended, so none is taken to fail")
    return found.measured(resolution=stamps.resolution, notes=tuple(notes))


def _unit(source: Source, column: str) -> float:
    """Return the seconds of a column's unit, which its name says."""
    match = _TIME.fullmatch(column.casefold())
    name = match[1] if match else None
    if name is None:
        what = f"does not say the unit of its column {quoted(column)}"
        raise source.error(what, f"call it `{column}_ms` or `{column}_s`")
    return _UNITS["mic" if name.startswith("mic") else name[0]]


def _begin(source: Source, stamps: Stamps, text: str) -> float:
    """Return when a request began: a stamp, or seconds since the first."""
    number = number_in(text)
    if number is not None and 0.0 <= number < _FIRST_STAMP:
        return number
    return stamps.seconds(source, text)


_FIRST_STAMP = 1e8  # numbers from here on are stamps of an epoch, below they count seconds


def _failed(source: Source, text: str) -> bool:
    code, word = number_in(text), text.strip().casefold()
    if code is not None:
        return code >= 500 or code < 100
    if word not in _GOOD | _BAD:
        what = f"has {quoted(text)} as how a request ended"
        raise source.error(what, "write its HTTP status, or `ok` or `error`")
    return word in _BAD


FORMAT = Format("CSV of requests", _fits, _read)
