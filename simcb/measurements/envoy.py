"""The access log of Envoy in its default form, Istio's included: milliseconds, a request a line."""

from __future__ import annotations

import re

from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Requests

_LINE = re.compile(
    r'\[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\S+) (?:\S+ \S+ "[^"]*" )?'
    r'\d+ \d+ (\d+) (\d+|-) "[^"]*" "[^"]*" "([^"]*)" "([^"]*)" "[^"]*"(?: (\S+))?'
)
_FIELDS = ("method", "path", "status", "flags", "authority", "cluster")


def _fits(source: Source) -> bool:
    return any(map(_LINE.match, source.head.splitlines()[:5]))


def _read(source: Source, where: Where) -> Measured:
    found, stamps, odd = Requests(), Stamps(), 0
    for line in source.lines():
        match = _LINE.match(line)
        if match is None:
            odd += bool(line.strip())
            continue
        begin, method, path, status, flags, took, service, request, authority, cluster = (
            match.groups()
        )
        if where.patterns:
            values = (method, path, status, flags, authority, cluster or "")
            if not where.admits(dict(zip(_FIELDS, values, strict=True)), source.place):
                continue
        # What the upstream took, where it answered; the rest is Envoy's and the reader's.
        milliseconds = took if service == "-" else service
        code = int(status)
        failed = code >= 500 or code == 0
        identity = hash(request) if request not in ("", "-") else None
        found.add(stamps.seconds(source, begin), int(milliseconds) / 1000.0, failed, identity)
    if len(found) <= odd or not len(found):
        what = f"has {odd:,} lines of another form and {len(found):,} requests that are meant"
        raise source.error(what, "check --where, and that all lines are of one log format")
    notes = (f"{odd:,} lines of another form are left out",) if odd else ()
    return found.measured(resolution=stamps.resolution, notes=notes)


FORMAT = Format("Envoy access log", _fits, _read)
