"""The points of k6 (`--out csv=FILE`): several rows for each request, of which one is taken."""

from __future__ import annotations

from dataclasses import replace

from simcb.measurements.k6_summary import ITERATIONS
from simcb.measurements.moments import Stamps
from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured, Requests, Users

_DURATION = "http_req_duration"


def _fits(source: Source) -> bool:
    return source.head.startswith("metric_name,timestamp,metric_value")


def _read(source: Source, where: Where) -> Measured:
    found, stamps = Requests(), Stamps()
    users: list[float] = []
    most = spent = 0.0
    for row in source.table(("metric_name", "timestamp", "metric_value")):
        metric = row["metric_name"]
        if metric in ("vus", "vus_max", "iteration_duration"):
            value = source.number(row.get("metric_value"), "`metric_value`")
            if metric == "iteration_duration":
                spent += value / 1000.0
            else:
                most = max(most, value)
                users += [value] if metric == "vus" else []
        if metric != _DURATION or (where.patterns and not where.admits(row, source.place)):
            continue
        seconds = source.number(row.get("metric_value"), "`metric_value`") / 1000.0
        failed = row.get("expected_response") == "false" or bool(row.get("error_code"))
        failed = failed or row.get("status", "")[:1] in ("5", "0")
        found.add(stamps.seconds(source, row.get("timestamp", "")) - seconds, seconds, failed)
    if not len(found):
        raise source.error(f"has no row of `{_DURATION}` that is meant", "check --where")
    whole = stamps.resolution
    measured = found.measured(
        resolution=whole,
        notes=("of the several rows of each request, that of `http_req_duration` is counted",),
    )
    if most < 1.0:
        return measured
    # Iterations say who was active; `vus` counts users that wait for a rate's turn, too.
    if spent and measured.seconds:
        return replace(measured, users=Users(int(most), spent / measured.seconds, ITERATIONS))
    active = sum(users) / len(users) if users else None
    return replace(measured, users=Users(int(most), active, "mean of `vus`"))


FORMAT = Format("k6 CSV", _fits, _read)
