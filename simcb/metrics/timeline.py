"""A run as series over time, one value a bin: what a plot draws and `series.csv` holds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from simcb.errors import FieldsError
from simcb.metrics.backlog import consumers_of, lag_of
from simcb.metrics.openings import state_intervals, time_in
from simcb.metrics.rows import Booleans, RequestRows, attempt_rows, in_order, request_rows
from simcb.metrics.spans import Floats, Integers, Spans
from simcb.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTILES = (0.50, 0.95, 0.99)
_FINISHED = ("p50", "p95", "p99")
_OK = ("success_p50", "success_p95", "success_p99")
MOST_BINS = 10_000_000


class StepError(FieldsError):
    """A step does not divide a run into a sensible number of bins.

    Args:
        step: seconds.
        duration: seconds of the run.
    """

    step: float
    duration: float

    def __str__(self) -> str:
        least = self.duration / MOST_BINS
        return (
            f"a step of {self.step!r} s does not suit a run of {self.duration:g} s; "
            f"write a finite number of seconds above {least:g}"
        )


@dataclass(frozen=True, eq=False)
class ServiceSeries:
    """One service over time.

    Args:
        name: the service.
        sent: attempts that reach it per second, by whomever made.
        queue: attempts waiting for a worker; like the next two a mean of the run's samples,
            summed over replicas; a bin without a sample repeats the one before (nan at first).
        busy: workers held.
        capacity: workers it may use.
    """

    name: str
    sent: Floats
    queue: Floats
    busy: Floats
    capacity: Floats


@dataclass(frozen=True, eq=False)
class GroupSeries:
    """One client group over time; what its columns mean is said at `Series`."""

    name: str
    offered: Floats
    ok: Floats
    degraded: Floats
    failed: Floats
    unfinished: Floats
    p99: Floats
    success_p99: Floats


@dataclass(frozen=True, eq=False)
class Series:
    """A run over time; every array has one value a bin, the last bin may be shorter.

    Requests count in the bin they arrived in, attempts in that in which they were made. Counts
    are per second, so a step of 0.1 s and one of 10 s draw the same curve. Percentiles are nan
    where no request that arrived in the bin finished (or ended ok).

    Args:
        t: left edges, in seconds.
        width: lengths of the bins, in seconds.
        offered: requests per second.
        client_attempts: attempts clients made, per second.
        rejected: attempts turned away by a breaker, per second, whoever made them.
        throttled: attempts that services' admission turned away, likewise.
        lag: messages that were produced and are not over, at the left edges; empty in a run in
            which nobody pulls messages from a queue.
        ok, degraded, failed, unfinished: requests per second, by what became of them.
        p50, p95, p99: latency of finished requests.
        success_p50, success_p95, success_p99: latency of those that ended ok.
        breakers_open, breakers_half_open: share of the breakers' time in the bin; nan in a run
            without breakers.
        services: each service, in the layout's order.
        groups: each client group, likewise; none where there is only one.
    """

    t: Floats
    width: Floats
    offered: Floats
    client_attempts: Floats
    rejected: Floats
    throttled: Floats
    lag: Floats
    ok: Floats
    degraded: Floats
    failed: Floats
    unfinished: Floats
    p50: Floats
    p95: Floats
    p99: Floats
    success_p50: Floats
    success_p95: Floats
    success_p99: Floats
    breakers_open: Floats
    breakers_half_open: Floats
    services: tuple[ServiceSeries, ...]
    groups: tuple[GroupSeries, ...]

    def columns(self) -> Iterator[tuple[str, Floats]]:
        """Yield every column with its name; those of a service or a group as `sent{NAME}`."""
        for name, column in vars(self).items():
            if name not in ("services", "groups") and (name != "lag" or len(column)):
                yield name, column
        parts: tuple[ServiceSeries | GroupSeries, ...] = (*self.services, *self.groups)
        for each in parts:
            for name, column in vars(each).items():
                if name != "name":
                    yield f"{name}{{{each.name}}}", column


def series(trace: Trace, step: float = 1.0) -> Series:
    """Return a run as series with bins of `step` seconds.

    Raises:
        StepError: `step` is not positive and finite, or makes more than ten million bins.
    """
    if not (math.isfinite(step) and step > 0.0 and trace.duration / step <= MOST_BINS):
        raise StepError(step, trace.duration)
    # A duration that is a whole number of steps but for rounding has no sliver of a last bin.
    bins = max(1, math.ceil(trace.duration / step - 1e-9))
    edges = np.append(np.arange(bins) * step, trace.duration)
    width = np.diff(edges)
    trace = in_order(trace)
    over_all, *by_group = _requests(trace, edges)
    client_attempts, rejected, throttled, *sent = _attempts(trace, edges)
    groups = zip(trace.layout.groups, by_group, strict=False)
    return Series(
        t=edges[:-1],
        width=width,
        client_attempts=client_attempts,
        rejected=rejected,
        throttled=throttled,
        lag=lag_of(trace).at(edges[:-1]) if consumers_of(trace) else np.empty(0),
        breakers_open=_share_in(trace, "open", edges),
        breakers_half_open=_share_in(trace, "half_open", edges),
        services=_services(trace, sent, edges),
        groups=tuple(GroupSeries(name, **_columns_of(GroupSeries, each)) for name, each in groups),
        **_columns_of(Series, over_all),
    )


def _columns_of(kind: type[Series | GroupSeries], columns: dict[str, Floats]) -> dict[str, Floats]:
    wanted = {each.name for each in fields(kind)}
    return {name: column for name, column in columns.items() if name in wanted}


_OUTCOMES = ("ok", "degraded", "failed", "unfinished")


def _requests(trace: Trace, edges: Floats) -> list[dict[str, Floats]]:
    """Return the columns of the requests of the run and, where there are several, of each group.

    They are rates by what became of requests, and quantiles of those finished and of those ok.
    """
    groups, bins = len(trace.layout.groups), len(edges) - 1
    chosen: list[int | None] = [None, *(range(groups) if groups > 1 else ())]
    found = []
    for _ in chosen:
        columns = {name: np.zeros(bins) for name in ("offered", *_OUTCOMES)}
        columns |= {name: np.full(bins, np.nan) for name in (*_FINISHED, *_OK)}
        found.append(columns)
    arrivals = trace.requests["arrival"]
    # Rows stand in order of arrival, so a bin's are together: whole bins are taken at a time.
    borders = np.array([*(bisect_left(arrivals, each) for each in edges[:-1]), len(arrivals)])
    low = 0
    while low < bins:
        high = int(np.searchsorted(borders, borders[low] + _AT_ONCE, side="right")) - 1
        high = max(low + 1, min(high, bins))
        many = np.diff(borders[low : high + 1])
        at = np.repeat(np.arange(high - low), many)
        first, last = int(borders[low]), int(borders[high])
        for rows in request_rows(trace, first, last, max(1, last - first)):
            for group, columns in zip(chosen, found, strict=True):
                part = {name: column[low:high] for name, column in columns.items()}
                _fill(rows, at, None if group is None else rows.group == group, part)
        low = high
    for columns in found:
        for name in ("offered", *_OUTCOMES):
            columns[name] /= np.diff(edges)
    return found


_AT_ONCE = 2**16
"""Requests whose percentiles are worked out at once, unless one bin has more."""


def _fill(
    rows: RequestRows, at: Integers, mine: Booleans | None, columns: dict[str, Floats]
) -> None:
    """Put what requests came to into some bins: their numbers and quantiles."""

    def of(kind: Booleans) -> Booleans:
        return kind if mine is None else kind & mine

    count = len(columns["offered"])
    columns["offered"][:] = np.bincount(at if mine is None else at[mine], minlength=count)
    for name in _OUTCOMES:
        columns[name][:] = np.bincount(at[of(getattr(rows, name))], minlength=count)
    for names, kind in ((_FINISHED, rows.finished), (_OK, rows.ok)):
        quantiles = _percentiles(rows.latency, at, of(kind), count)
        for name, quantile in zip(names, quantiles, strict=True):
            columns[name][:] = quantile


def _attempts(trace: Trace, edges: Floats) -> list[Floats]:
    """Return the rates of attempts by clients, rejected, throttled, and sent to each service."""
    services, bins = len(trace.layout.services), len(edges) - 1
    found = [np.zeros(bins) for _ in range(3 + services)]
    for rows in attempt_rows(trace):
        made = _bins(rows.start, edges)
        first, last = made[0], made[-1] + 1
        made -= first
        sent = (rows.reached & (rows.service == index) for index in range(services))
        kinds = (rows.from_client, rows.rejected, rows.throttled, *sent)
        for column, kind in zip(found, kinds, strict=True):
            column[first:last] += np.bincount(made[kind], minlength=last - first)
    return [column / np.diff(edges) for column in found]


def _bins(moments: Floats, edges: Floats) -> Integers:
    found: Integers = np.searchsorted(edges, moments, side="right") - 1
    return np.clip(found, 0, len(edges) - 2)


def _percentiles(values: Floats, bins: Integers, chosen: Booleans, count: int) -> list[Floats]:
    """Return the quantiles of `values` in each bin, by linear interpolation; nan if empty."""
    values, bins = values[chosen], bins[chosen]
    ordered = values[np.lexsort((values, bins))]
    sizes = np.bincount(bins, minlength=count)
    firsts = np.cumsum(sizes) - sizes
    filled = sizes > 0
    found = []
    for q in QUANTILES:
        place = q * (sizes[filled] - 1)
        below = place.astype(np.int64)
        low = ordered[firsts[filled] + below]
        high = ordered[firsts[filled] + np.minimum(below + 1, sizes[filled] - 1)]
        column = np.full(count, np.nan)
        column[filled] = low + (place - below) * (high - low)
        found.append(column)
    return found


def _share_in(trace: Trace, state: str, edges: Floats) -> Floats:
    breakers = trace.layout.breaker_count
    if not breakers:
        return np.full(len(edges) - 1, np.nan)
    spans = Spans(*time_in(state_intervals(trace), state))
    share: Floats = np.diff(spans.seconds_until(edges)) / (breakers * np.diff(edges))
    return np.clip(share, 0.0, 1.0)


def _services(trace: Trace, sent: Sequence[Floats], edges: Floats) -> tuple[ServiceSeries, ...]:
    samples, width = trace.samples, np.diff(edges)
    sampled = _bins(np.ascontiguousarray(samples["at"]), edges)
    found = []
    for info, sent_there in zip(trace.layout.services, sent, strict=True):
        first, last = info.first_replica, info.first_replica + info.replicas
        here = (samples["replica"] >= first) & (samples["replica"] < last)
        moments = np.bincount(sampled[here], minlength=len(width)) / info.replicas
        found.append(
            ServiceSeries(
                name=info.name,
                sent=sent_there,
                queue=_sampled(samples["queued"][here], sampled[here], moments),
                busy=_sampled(samples["busy"][here], sampled[here], moments),
                capacity=_sampled(samples["capacity"][here], sampled[here], moments),
            )
        )
    return tuple(found)


def _sampled(values: NDArray[np.int32], bins: Integers, moments: Floats) -> Floats:
    """Return the mean over the sampled moments of each bin; empty bins repeat the last one."""
    sums = np.bincount(bins, weights=values, minlength=len(moments))
    (filled,) = np.nonzero(moments)
    if not len(filled):
        return np.full(len(moments), np.nan)
    latest = np.searchsorted(filled, np.arange(len(moments)), side="right") - 1
    means = sums[filled] / moments[filled]
    repeated: Floats = np.where(latest >= 0, means[np.maximum(latest, 0)], np.nan)
    return repeated
