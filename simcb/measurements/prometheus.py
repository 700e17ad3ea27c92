"""Prometheus: the answer of its query API as JSON, and what a scrape as text has in common with it.

A histogram's buckets are counted up to each bound, so they are taken apart; those of all label
sets that are meant come together. A summary's quantiles cannot be added, so one must be meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from simcb.measurements.source import Format, Source, Where
from simcb.measurements.values import Measured
from simcb.scenario.refusal import listed

_UNITS = {
    "_seconds": 1.0,
    "_milliseconds": 1e-3,
    "_ms": 1e-3,
    "_microseconds": 1e-6,
    "_nanoseconds": 1e-9,
}
_STATUS = ("code", "status", "status_code", "http_status_code", "http_response_status_code")
NAME = "__name__"
_TIMELY = re.compile("duration|latency|seconds|time")

Sample = tuple[dict[str, str], float]


def _is_query(source: Source) -> bool:
    return source.head.lstrip().startswith("{") and '"resultType"' in source.head


def is_time(labels: Mapping[str, str]) -> bool:
    """Tell whether a sample is of a histogram or a summary."""
    return "quantile" in labels or (labels[NAME].endswith("_bucket") and "le" in labels)


def base_of(name: str) -> str:
    """Return the name of a histogram or a summary, of that of one of its samples."""
    for ending in ("_bucket", "_sum", "_count"):
        name = name.removesuffix(ending)
    return name


def family_of(source: Source, where: Where, names: set[str]) -> str:
    """Return the one histogram or summary that is meant, or raise `MeasurementError`."""
    chosen = [pattern for name, pattern in where.patterns if name == NAME]
    found = names if not chosen else {n for n in names if n in map(base_of, chosen)}
    timely = {name for name in found if _TIMELY.search(name)}
    if len(timely or found) == 1:
        return (timely or found).pop()
    what = f"has {len(found)} histograms and summaries" + (
        f" ({listed(sorted(found))})" if found else ""
    )
    raise source.error(
        what, f"choose one: --where {NAME}=NAME" if names else "name a scrape with one"
    )


def measured_of(
    source: Source, where: Where, samples: list[Sample], notes: tuple[str, ...]
) -> Measured:
    """Return what the samples of one histogram or summary say of the requests that are meant.

    Raises:
        MeasurementError: they say nothing, or contradict each other.
    """
    rest = Where(tuple(each for each in where.patterns if each[0] != NAME))
    meant = [
        (labels, value)
        for labels, value in samples
        if rest.admits({name: labels.get(name, "") for name in _names(samples)}, source.name)
    ]
    if not meant:
        raise source.error("has no sample that is meant", "check --where")
    scale = _scale(meant)
    if scale is None:
        notes = (*notes, "its bounds are taken for seconds")
    factor = 1.0 if scale is None else scale
    sums = [value for labels, value in meant if labels.get(NAME, "").endswith("_sum")]
    counts = [each for each in meant if each[0].get(NAME, "").endswith("_count")]
    total = math.fsum(value for _, value in counts)
    buckets = [(labels, value) for labels, value in meant if "le" in labels]
    quantiles = _summary(source, meant, factor) if not buckets else ()
    known = _taken_apart(source, buckets, factor) if buckets else ()
    made = total or math.fsum(count for _, count in known)
    return Measured(
        requests=int(made) or None,
        failed=_failed(counts or [each for each in buckets if each[0]["le"] == "+Inf"]),
        quantiles=quantiles,
        mean=math.fsum(sums) * factor / total if total and sums else None,
        buckets=known,
        notes=notes,
    )


def _names(samples: Iterable[Sample]) -> set[str]:
    return {name for labels, _ in samples for name in labels} - {NAME, "le", "quantile"}


def _scale(samples: list[Sample]) -> float | None:
    names = {base_of(labels.get(NAME, "")) for labels, _ in samples}
    found = [factor for ending, factor in _UNITS.items() if any(n.endswith(ending) for n in names)]
    return found[0] if found else None


def _taken_apart(
    source: Source, buckets: list[Sample], factor: float
) -> tuple[tuple[float, float], ...]:
    """Return how many times lie in each bucket, of all label sets together."""
    upto: dict[float, float] = {}
    for labels, value in buckets:
        bound = (
            source.number(labels["le"], "`le`", least=-math.inf)
            if labels["le"] != "+Inf"
            else math.inf
        )
        upto[bound] = upto.get(bound, 0.0) + value
    ordered = [(bound, upto[bound]) for bound in sorted(upto)]
    if any(after < before * (1 - 1e-9) for (_, before), (_, after) in pairwise(ordered)):
        raise source.error("has buckets that do not rise", "give counts up to each `le`")
    known, found = 0.0, []
    for bound, count in ordered:
        if bound > 0.0:
            found.append((bound * factor, max(0.0, count - known)))
            known = max(known, count)
    if not known:
        raise source.error("counts no times", "give a scrape of a system under load")
    return tuple(found)


def _summary(
    source: Source, samples: list[Sample], factor: float
) -> tuple[tuple[float, float], ...]:
    found: dict[float, float] = {}
    for labels, value in samples:
        if "quantile" in labels and not math.isnan(value):
            share = source.number(labels["quantile"], "`quantile`")
            if share in found:
                what = "has several summaries, whose quantiles cannot be added"
                raise source.error(what, f"choose one by {listed(sorted(_names(samples)))}")
            if share <= 1.0:
                found[share] = value * factor
    if not found:
        raise source.error("has neither buckets nor quantiles", "name a histogram or a summary")
    return tuple(sorted(found.items()))


def _failed(counts: list[Sample]) -> float | None:
    """Return the share of 5xx among what is counted by status; None if it is not."""
    by_status = [
        (next((labels[name] for name in _STATUS if name in labels), ""), value)
        for labels, value in counts
    ]
    total = math.fsum(value for status, value in by_status if status)
    bad = math.fsum(value for status, value in by_status if status.startswith("5"))
    return bad / total if total else None


def value_of(source: Source, text: str) -> float:
    """Return the value of a sample, or raise `MeasurementError`."""
    try:
        return float(text)
    except ValueError:
        raise source.error(f"has {text[:40]!r} as a value", "give the scrape as it was") from None


def _read_query(source: Source, where: Where) -> Measured:
    answer = source.mapping(source.mapping(source.json(), "the file").get("data"), "`data`")
    kind = answer.get("resultType")
    if kind not in ("vector", "matrix"):
        raise source.error(f"has a result of type {kind!r:.30}", "ask for a vector or a range")
    series = []
    for each in source.items(answer.get("result"), "`result`"):
        entry = source.mapping(each, "a series")
        labels = {
            str(k): str(v) for k, v in source.mapping(entry.get("metric", {}), "`metric`").items()
        }
        values = source.items(entry.get("values", [entry.get("value")]), "`values`")
        series.append((labels, [_pair(source, value) for value in values]))
    if not any("le" in labels or "quantile" in labels for labels, _ in series):
        return _rates(source, where, series)
    samples = []
    for labels, values in series:
        numbers = [value for _, value in values if not math.isnan(value)]
        # A counter has kept its name; what a function made of it has not, and is a rate.
        counter = labels.get(NAME, "").endswith(("_bucket", "_count", "_sum"))
        if numbers and counter:
            samples.append((labels, _increase(numbers)))
        elif numbers:
            samples.append((labels, math.fsum(numbers) / len(numbers)))
    return measured_of(source, where, samples, ())


def _pair(source: Source, value: Any) -> tuple[float, float]:
    pair = source.items(value, "a value")
    if len(pair) != 2:
        raise source.error("has a value that is no pair", "give the answer of the query API")
    return source.number(pair[0], "a moment"), value_of(source, str(pair[1]))


def _increase(numbers: list[float]) -> float:
    """Return by how much a counter grew; one that fell began anew."""
    if len(numbers) == 1:
        return numbers[0]
    return math.fsum(b - a if b >= a else b for a, b in pairwise(numbers))


def _rates(
    source: Source, where: Where, series: list[tuple[dict[str, str], list[tuple[float, float]]]]
) -> Measured:
    """Return requests per second over time, of all series that are meant together."""
    names = {name for labels, _ in series for name in labels}
    total: dict[float, float] = {}
    failed = 0.0
    for labels, values in series:
        if not where.admits({name: labels.get(name, "") for name in names}, source.name):
            continue
        bad = next((labels[name] for name in _STATUS if name in labels), "").startswith("5")
        for moment, value in values:
            if not math.isnan(value) and value >= 0.0:
                total[moment] = total.get(moment, 0.0) + value
                failed += value * bad
    moments = sorted(total)
    if not moments:
        raise source.error("has no values that are meant", "check --where")
    every = min((b - a for a, b in pairwise(moments)), default=0.0)
    has_status = bool(names & {*_STATUS})
    whole = math.fsum(total.values())
    alone = len(moments) == 1
    return Measured(
        failed=failed / whole if has_status and whole else None,
        rate=total[moments[0]] if alone else None,
        rates=() if alone else tuple(total[each] for each in moments),
        every=every,
        seconds=None if alone else moments[-1] - moments[0] + every,
        notes=("its values are taken for requests per second",),
    )


QUERY = Format("Prometheus query", _is_query, _read_query)
