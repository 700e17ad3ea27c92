"""The results of vegeta (`vegeta encode`): JSON lines or CSV, a request a line, nanoseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Requests

_COLUMNS = (
    *("timestamp", "code", "latency", "bytes_out", "bytes_in", "error", "body", "attack", "seq"),
    *("method", "url", "headers"),
)


def _is_json(source: Source) -> bool:
    first = source.head.partition("\n")[0]
    return first.startswith("{") and all(f'"{w}"' in first for w in ("latency", "code", "attack"))


def _is_csv(source: Source) -> bool:
    cells = source.head.partition("\n")[0].split(",")
    return len(cells) >= 9 and all(c.strip().isdigit() for c in cells[:5]) and len(cells[0]) > 15


def _read_json(source: Source, where: Where) -> Measured:
    return _measured(source, where, (source.mapping(v, "a line") for v in source.json_lines()))


def _read_csv(source: Source, where: Where) -> Measured:
    rows = (dict(zip(_COLUMNS, row, strict=False)) for row in source.rows())
    return _measured(source, where, rows)


def _measured(source: Source, where: Where, rows: Iterator[Mapping[str, Any]]) -> Measured:
    found, stamps = Requests(), Stamps()
    for row in rows:
        if where.patterns and not where.admits(row, source.place):
            continue
        seconds = source.number(row.get("latency"), "`latency`") / 1e9
        code = source.number(row.get("code"), "`code`")
        # Code 0 is a request without an answer.
        failed = code >= 500 or code < 100
        found.add(stamps.seconds(source, str(row.get("timestamp"))), seconds, failed)
    if not len(found):
        raise source.error("has no request that is meant", "check --where")
    return found.measured(resolution=stamps.resolution)


JSON = Format("vegeta JSON", _is_json, _read_json)
CSV = Format("vegeta CSV", _is_csv, _read_csv)
