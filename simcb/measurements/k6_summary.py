"""The summary of k6: `--summary-export` or the data of `handleSummary`; times in milliseconds."""

from __future__ import annotations

import re
from typing import Any

from simcb.measurements.source import Format, Source, Where, choose_all, number_in
from simcb.measurements.values import Measured, Users

_PERCENTILE = re.compile(r"p\((\d{1,2}(?:\.\d+)?)\)")
_FIXED = {"min": 0.0, "med": 0.5, "max": 1.0}
_DURATION = "http_req_duration"
ITERATIONS = "iterations per second times their mean time"
_EXPECTED = "http_req_duration{expected_response:true}"


def _fits(source: Source) -> bool:
    head = source.head.lstrip()
    return head.startswith("{") and '"metrics"' in head and source.has(_DURATION)


def _read(source: Source, where: Where) -> Measured:
    choose_all(source, where)
    metrics = source.mapping(source.mapping(source.json(), "the file").get("metrics"), "`metrics`")
    failed = _values(source, metrics, "http_req_failed") or {}
    bad = number_in(failed.get("rate", failed.get("value")))
    taken = _values(source, metrics, _DURATION)
    notes = []
    if bad:
        notes.append("k6 counts answers of 400 and more as failed, too")
        good = _values(source, metrics, _EXPECTED)
        apart = "not among its percentiles" if good else "among its percentiles"
        notes.append(f"the times of the failed requests are {apart}")
        taken = good or taken
    if taken is None:
        raise source.error(f"has no `{_DURATION}`", "give the summary of an HTTP test")
    mean = taken.get("avg")
    quantiles = []
    for word, value in taken.items():
        share = _FIXED.get(word)
        if match := _PERCENTILE.fullmatch(word):
            share = float(match[1]) / 100.0
        if share is not None and value is not None:
            quantiles.append((share, source.number(value, f"`{word}`") / 1000.0))
    made = _values(source, metrics, "http_reqs") or {}
    count, rate = number_in(made.get("count")), number_in(made.get("rate"))
    return Measured(
        requests=None if count is None else int(count),
        failed=bad if bad is None or 0.0 <= bad <= 1.0 else None,
        seconds=count / rate if count and rate else None,
        rate=rate,
        quantiles=tuple(sorted(quantiles)),
        mean=None if mean is None else source.number(mean, "`avg`") / 1000.0,
        users=_users(source, metrics),
        notes=tuple(notes),
    )


def _users(source: Source, metrics: dict[str, Any]) -> Users | None:
    """Return how many virtual users there were, and how many by Little's law were active.

    `vus` does not say it: users that wait for a rate's turn are counted there, too.
    """
    users = _values(source, metrics, "vus_max") or _values(source, metrics, "vus") or {}
    most = number_in(users.get("max", users.get("value")))
    if most is None or most < 1.0:
        return None
    made = _values(source, metrics, "iterations") or {}
    took = _values(source, metrics, "iteration_duration") or {}
    rate, mean = number_in(made.get("rate")), number_in(took.get("avg"))
    active = None if rate is None or mean is None else rate * mean / 1000.0
    return Users(int(most), active, ITERATIONS)


def _values(source: Source, metrics: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a metric's numbers: they stand in it, or in its `values`."""
    if name not in metrics:
        return None
    metric = source.mapping(metrics[name], f"`{name}`")
    return source.mapping(metric.get("values", metric), f"`{name}.values`")


FORMAT = Format("k6 summary", _fits, _read)
