"""Locust's CSV files: `_stats.csv` (percentiles) and `_stats_history.csv` (rates over time)."""

from __future__ import annotations

import re
from itertools import pairwise

from simcb.measurements.source import Format, Source, Where, number_in
from simcb.measurements.values import Measured, Users

_PERCENTILE = re.compile(r"(\d{1,3}(?:\.\d+)?)%")
_AGGREGATED = "Aggregated"
_FIELDS = ("Type", "Name")


def _is_stats(source: Source) -> bool:
    return source.head.startswith("Type,Name,Request Count")


def _is_history(source: Source) -> bool:
    return source.head.startswith("Timestamp,User Count,Type,Name")


def _chosen(source: Source, where: Where, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the rows that are meant: that of all requests, or those chosen, never both."""
    if not where.patterns:
        together = [row for row in rows if row.get("Name") == _AGGREGATED]
        return together or rows
    alone = [row for row in rows if row.get("Name") != _AGGREGATED]
    return [r for r in alone if where.admits({w: r.get(w, "") for w in _FIELDS}, source.name)]


def _quantiles(source: Source, row: dict[str, str]) -> tuple[tuple[float, float], ...]:
    found = []
    for word, cell in row.items():
        match = _PERCENTILE.fullmatch(word)
        # What has no value yet is `N/A`.
        if match and match[1] != "100" and (number := number_in(cell)) is not None:
            found.append((float(match[1]) / 100.0, source.number(number, f"`{word}`") / 1000.0))
    least, most = number_in(row.get("Min Response Time")), number_in(row.get("Max Response Time"))
    if least is None or most is None:
        return tuple(sorted(found))
    # Percentiles are rounded, the shortest and the longest are not.
    low, high = least / 1000.0, most / 1000.0
    inside = [(share, min(max(time, low), high)) for share, time in sorted(found)]
    return ((0.0, low), *inside, (1.0, high))


def _read_stats(source: Source, where: Where) -> Measured:
    rows = _chosen(source, where, [*source.table(("Request Count", "Failure Count"))])
    if len(rows) != 1:
        names = [row.get("Name", "") for row in rows]
        what = f"has {len(rows)} rows that are meant ({', '.join(names[:5])})"
        raise source.error(what, "choose one: --where Name=…")
    (row,) = rows
    count = source.number(row.get("Request Count"), "`Request Count`")
    if count < 1:
        raise source.error("counts no requests", "name a file of a test that ran")
    failed = source.number(row.get("Failure Count"), "`Failure Count`")
    rate, mean = number_in(row.get("Requests/s")), number_in(row.get("Average Response Time"))
    return Measured(
        requests=int(count),
        failed=min(1.0, failed / count),
        seconds=count / rate if rate else None,
        rate=rate,
        quantiles=_quantiles(source, row),
        mean=None if mean is None else mean / 1000.0,
        notes=("Locust rounds percentiles to two digits; failed requests are among them",),
    )


def _read_history(source: Source, where: Where) -> Measured:
    rows = _chosen(source, where, [*source.table(("Timestamp", "Requests/s"))])
    moments = [source.number(row.get("Timestamp"), "`Timestamp`") for row in rows]
    names = {row.get("Name") for row in rows}
    if len(names) > 1:
        raise source.error(
            f"has rows of {len(names)} names that are meant", "choose one: --where Name=…"
        )
    gaps = sorted(after - before for before, after in pairwise(moments))
    if not gaps or gaps[0] <= 0.0:
        raise source.error(
            "has too few rows, or unsorted ones", "give the history as it was written"
        )
    every = gaps[len(gaps) // 2]
    made = [source.number(row.get("Requests/s"), "`Requests/s`") for row in rows]
    last = rows[-1]
    count = number_in(last.get("Total Request Count"))
    failed = number_in(last.get("Total Failure Count"))
    users = [number_in(row.get("User Count")) or 0.0 for row in rows]
    most = int(max(users))
    mean = number_in(last.get("Total Average Response Time"))
    before = number_in(rows[0].get("Total Request Count"))
    # Rates of ten seconds are too low at first, totals are not.
    made_since = None if count is None or before is None else max(0.0, count - before)
    return Measured(
        requests=None if count is None else int(count),
        failed=failed / count if count and failed is not None else None,
        seconds=moments[-1] - moments[0] + every,
        rate=made_since / (moments[-1] - moments[0]) if made_since else None,
        rates=tuple(made),
        every=every,
        quantiles=(),
        mean=None if mean is None else mean / 1000.0,
        users=Users(most, sum(users) / len(users), "mean of `User Count`") if most else None,
        notes=("Locust's rates are means over the ten seconds before each row",),
    )


STATS = Format("Locust stats", _is_stats, _read_stats)
HISTORY = Format("Locust history", _is_history, _read_history)
