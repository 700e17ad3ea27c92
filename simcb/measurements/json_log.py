"""Access logs of nginx and Envoy as JSON, a request a line, by the names of their keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Requests
from simcb.scenario.refusal import quoted

_BEGINS = ("start_time",)
_ENDS = ("time", "time_iso8601", "@timestamp", "timestamp", "msec", "time_local", "ts")
_SECONDS = ("upstream_response_time", "request_time")
_MILLISECONDS = ("upstream_service_time", "x_envoy_upstream_service_time", "duration")
_STATUS = ("status", "response_code", "status_code", "code")
_IDENTITY = ("request_id", "x_request_id")
_DURATIONS = (*_SECONDS, *_MILLISECONDS)


def _fits(source: Source) -> bool:
    first = source.head.partition("\n")[0].strip()
    if not first.startswith("{") or not first.endswith("}"):
        return False
    try:
        keys = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return any(each in keys for each in _DURATIONS) and any(each in keys for each in _STATUS)


def _read(source: Source, where: Where) -> Measured:
    found, stamps = Requests(), Stamps()
    for value in source.json_lines():
        row = source.mapping(value, "a line")
        if where.patterns and not where.admits(row, source.place):
            continue
        began, ended = _first(row, _BEGINS), _first(row, _ENDS)
        took = {name: last for name in _DURATIONS if (last := _last(row.get(name))) is not None}
        if not took:
            if any(name in row for name in _DURATIONS):
                continue
            raise source.error("has no duration", f"log {quoted('request_time')} or `duration`")
        name, text = next(iter(took.items()))
        seconds = source.number(text, f"`{name}`") / (1.0 if name in _SECONDS else 1000.0)
        code = source.number(_first(row, _STATUS), "`status`")
        identity = _first(row, _IDENTITY)
        whole = source.number(took.get("request_time", 0.0), "`request_time`")
        moment = began if began is not None else ended
        if moment is None:
            raise source.error("has no moment", "log `start_time`, `time_iso8601` or `msec`")
        begin = stamps.seconds(source, str(moment)) - (0.0 if began is not None else whole)
        key = hash(identity) if isinstance(identity, str) and identity not in ("", "-") else None
        found.add(begin, seconds, code >= 500 or code == 0, key)
    if not len(found):
        raise source.error("has no request that is meant", "check --where")
    return found.measured(resolution=stamps.resolution)


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _last(value: object) -> object:
    """Return a duration; of several upstreams' the last; None for none."""
    if isinstance(value, str):
        value = value.replace(" : ", ", ").rpartition(", ")[2].strip()
    return None if value in (None, "", "-") else value


FORMAT = Format("JSON access log", _fits, _read)
