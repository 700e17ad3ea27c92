"""The metrics that resilience4j's dashboard reads, by their names and meanings.

The Grafana dashboard published with resilience4j is what operators of circuit breakers know,
so breakers here report under its names, and the same panels show them. This module has the
names, and how each value follows from a breaker; `watching` keeps the breakers, `prometheus`
and `opentelemetry` bring the values out. It imports none of these.

| resilience4j | here |
| --- | --- |
| state `closed`, `open`, `half_open` | the states of the same names |
| state `forced_open`, `disabled`, `metrics_only` | forced open, forced closed, count only |
| kind `successful`, `failed`, `ignored`, `not_permitted` | success, failure, ignored, rejected |
| kind `stale` (only here) | a result that came after the breaker had changed its state |

Failure and slow-call rates are percentages of the last calls since the breaker closed or
went half-open, whatever rule the breaker trips by; below ten calls they are -1, which the
dashboard shows as "N/A". Where calls are not recorded one by one there are no last calls, and
of durations only their number, which is the breaker's own count of calls that ended.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from simcb.breaker import Bulkhead, CircuitState, Mode, Outcome, Snapshot

LEAST_CALLS: Final = 10
"""Calls below which a rate says nothing."""

UNKNOWN: Final = -1.0

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds, of the histogram of call durations."""


class Kind(StrEnum):
    """How a call ended, in the dashboard's words."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    IGNORED = "ignored"
    NOT_PERMITTED = "not_permitted"
    STALE = "stale"


KIND_OF: Final = {
    Outcome.SUCCESS: Kind.SUCCESSFUL,
    Outcome.FAILURE: Kind.FAILED,
    Outcome.IGNORED: Kind.IGNORED,
    Outcome.REJECTED: Kind.NOT_PERMITTED,
    Outcome.STALE: Kind.STALE,
}

STATE_OF_MODE: Final = {
    Mode.FORCED_OPEN: "forced_open",
    Mode.FORCED_CLOSED: "disabled",
    Mode.COUNT_ONLY: "metrics_only",
}

STATES: Final = (*(state.value for state in CircuitState), *STATE_OF_MODE.values())


class View(NamedTuple):
    """What a breaker's gauges are computed from: its snapshot and its last calls."""

    snapshot: Snapshot
    successful: int
    failed: int
    slow_successful: int
    slow_failed: int
    window: int


Values: TypeAlias = tuple[tuple[str, float], ...]
"""Pairs of a label's value and a number."""


def _states(view: View) -> Values:
    now = STATE_OF_MODE.get(view.snapshot.mode, view.snapshot.state.value)
    return tuple((state, float(state == now)) for state in STATES)


def _share(part: int, view: View) -> Values:
    calls = view.successful + view.failed
    return (("", 100.0 * part / calls if calls >= LEAST_CALLS else UNKNOWN),)


SeenT = TypeVar("SeenT")


class Metric(NamedTuple, Generic[SeenT]):
    """One metric: its dotted name, what it means, its label beside `name`, how it is read."""

    name: str
    about: str
    label: str
    read: Callable[[SeenT], Values]


PREFIX: Final = "resilience4j.circuitbreaker"
CALLS: Final = f"{PREFIX}.calls"
CALLS_ABOUT: Final = "Calls that ended and how long they took, by kind"

GAUGES: Final[tuple[Metric[View], ...]] = (
    Metric(f"{PREFIX}.state", "1 for the state the breaker is in, 0 for others", "state", _states),
    Metric(
        f"{PREFIX}.buffered.calls",
        "Calls among the last ones, by kind",
        "kind",
        lambda view: ((Kind.FAILED, view.failed), (Kind.SUCCESSFUL, view.successful)),
    ),
    Metric(
        f"{PREFIX}.max.buffered.calls",
        "How many last calls are kept",
        "",
        lambda view: (("", view.window),),
    ),
    Metric(
        f"{PREFIX}.slow.calls",
        "Slow calls among the last ones, by kind",
        "kind",
        lambda view: ((Kind.FAILED, view.slow_failed), (Kind.SUCCESSFUL, view.slow_successful)),
    ),
    Metric(
        f"{PREFIX}.failure.rate",
        "Failures in percent of the last calls, -1 if there are too few",
        "",
        lambda view: _share(view.failed, view),
    ),
    Metric(
        f"{PREFIX}.slow.call.rate",
        "Slow calls in percent of the last calls, -1 if there are too few",
        "",
        lambda view: _share(view.slow_failed + view.slow_successful, view),
    ),
)
"""What a breaker is like at this moment."""


def _rejected(view: View) -> Values:
    return ((Kind.NOT_PERMITTED, view.snapshot.rejected),)


COUNTERS: Final[tuple[Metric[View], ...]] = (
    Metric(f"{PREFIX}.not.permitted.calls", "Calls that were rejected", "kind", _rejected),
    # The published dashboard still reads the name that this counter had in older versions.
    Metric(f"{PREFIX}.calls", "Calls that were rejected, for the dashboard", "kind", _rejected),
)
"""What has happened to a breaker since it was built."""

ENDED: Final = Metric[View](
    f"{CALLS}.seconds.count",
    "Calls that ended, by kind",
    "kind",
    lambda view: (
        (Kind.SUCCESSFUL, view.snapshot.successes),
        (Kind.FAILED, view.snapshot.failures),
        (Kind.IGNORED, view.snapshot.ignored),
        (Kind.STALE, view.snapshot.stale),
    ),
)
"""The part of the histogram of durations that needs no record of each call."""

BULKHEAD_GAUGES: Final[tuple[Metric[Bulkhead], ...]] = (
    Metric(
        "resilience4j.bulkhead.available.concurrent.calls",
        "Places that are free",
        "",
        lambda bulkhead: (("", bulkhead.max_concurrent - bulkhead.running),),
    ),
    Metric(
        "resilience4j.bulkhead.max.allowed.concurrent.calls",
        "Places there are",
        "",
        lambda bulkhead: (("", bulkhead.max_concurrent),),
    ),
)
"""What a bulkhead is like at this moment."""
