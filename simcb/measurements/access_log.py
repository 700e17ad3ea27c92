"""The access log of nginx: the combined format with a request time behind it, a request a line.

What a service took is `$upstream_response_time`, of several upstreams the last one's; where it is
not written, `$request_time`, which holds the reader's slowness, too. nginx writes a line when a
request is over.
"""

from __future__ import annotations

import math
import re

from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Requests

_HEAD = r'(\S+) \S+ \S+ \[([^\]]+)\] "(\S*) ?([^" ]*)[^"]*" (\d{3}) \S+'
_COMBINED = re.compile(_HEAD)
_SECONDS = r"\d+\.\d{3}"
_SEVERAL = rf"(?:{_SECONDS}|-)(?:(?:, | : )(?:{_SECONDS}|-))*"
_STYLES = tuple(
    re.compile(f"{_HEAD}{rest}")
    for rest in (
        # ingress-nginx: length, time, [upstream] [alternative] addresses lengths times statuses id
        rf'(?: "[^"]*")* \d+ ({_SECONDS}) \[[^\]]*\] \[[^\]]*\] .*? ({_SEVERAL}) [\d,: -]+ \S+$',
        # rt=0.012 … urt="0.010"
        rf'.*?\b(?:rt|request_time)[=:]"?({_SECONDS})(?:.*?\b(?:urt|upstream_response_time)[=:]"?({_SEVERAL}))?',
        # the times alone, behind whatever else
        rf'(?: "[^"]*"| [^" .]+)*? "?({_SECONDS})"?(?: "?({_SEVERAL})"?)?(?![\d.])',
    )
)
_GAVE_UP = 499


def _fits(source: Source) -> bool:
    return any(map(_COMBINED.match, source.head.splitlines()[:5]))


def _read(source: Source, where: Where) -> Measured:
    style = _style(source)
    found, stamps, odd, gave_up, retried = Requests(), Stamps(), 0, 0, 0
    match_line, second_of, patterns = style.match, stamps.seconds, where.patterns
    for line in source.lines():
        match = match_line(line)
        if match is None:
            odd += bool(line.strip())
            continue
        host, ended, method, path, status, whole, upstream = match.groups()
        if patterns:
            fields = {"host": host, "method": method, "path": path, "status": status}
            if not where.admits(fields, source.place):
                continue
        total = float(whole)
        seconds = total
        if upstream and upstream != "-":
            last = upstream.rpartition(" ")[2]
            retried += len(last) != len(upstream)
            seconds = total if last == "-" else float(last)
        code = int(status)
        if code == _GAVE_UP:
            gave_up += 1
            seconds = math.nan
        found.add(second_of(source, ended) - total, seconds, code >= 500)
    if len(found) <= odd or not len(found):
        what = f"has {odd:,} lines of another form and {len(found):,} requests that are meant"
        raise source.error(what, "check --where, and that all lines are of one log format")
    notes = [f"{odd:,} lines of another form are left out"] if odd else []
    if gave_up:
        notes.append(f"{gave_up:,} requests were given up by their clients (499): how long unknown")
    if retried:
        notes.append(
            f"{retried:,} requests were tried on several upstreams: counted once, the last"
        )
    return found.measured(resolution=stamps.resolution, notes=tuple(notes))


def _style(source: Source) -> re.Pattern[str]:
    """Return what reads these lines, or raise `MeasurementError`."""
    sample = source.head.splitlines()[:200]
    counts = [sum(1 for line in sample if style.match(line)) for style in _STYLES]
    best = counts.index(max(counts))
    if not counts[best]:
        raise source.error("has no request times", "add `$request_time` to nginx's log_format")
    return _STYLES[best]


FORMAT = Format("nginx access log", _fits, _read)
