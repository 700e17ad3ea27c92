"""The metrics that resilience4j's dashboard reads, by their names and meanings.

The Grafana dashboard published with resilience4j is what operators of circuit breakers know,
so breakers here report under its names, and the same panels show them. This module has the
names, how each value follows from a breaker, and what watches breakers without keeping them
alive; `prometheus` and `opentelemetry` bring the values out.

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

import logging
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from operator import itemgetter
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from simcb.breaker import (
    Bulkhead,
    CallRecord,
    CircuitBreaker,
    CircuitState,
    Mode,
    Outcome,
    Snapshot,
    Transition,
)
from simcb.breaker.bounds import duration, whole
from simcb.integrations import encodable

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


_log = logging.getLogger("simcb.integrations")


TIMED: Final = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.IGNORED, Outcome.STALE)
"""The ends of calls that took some time; a rejection takes none."""

Record = Callable[[float], object]
"""Counts one call that took so many seconds; may be called by several threads at once."""


class Watched:
    """One breaker and its last calls; it does not keep the breaker alive.

    Args:
        breaker: the breaker.
        window: how many last calls are kept; 0 leaves its calls alone.
        slow: seconds from which a call is slow.
        recorder: gives what records calls that ended in a kind.
    """

    def __init__(
        self,
        breaker: CircuitBreaker,
        window: int,
        slow: float,
        recorder: Callable[[Kind], Record],
    ) -> None:
        self.breaker = weakref.ref(breaker)
        self._slow = slow
        self._last: deque[tuple[bool, bool]] = deque(maxlen=window)
        if window:
            self._records = {outcome: recorder(KIND_OF[outcome]) for outcome in TIMED}
            breaker.add_listener(self.hear_transition)
            breaker.add_call_listener(self.hear_call)

    def hear_transition(self, transition: Transition) -> None:
        """Forgets the last calls when the breaker begins to judge afresh."""
        if transition.after is not CircuitState.OPEN:
            self._last.clear()

    def hear_call(self, call: CallRecord) -> None:
        """Records one call; rejections are counted by the breaker itself."""
        outcome, seconds = call.outcome, call.duration
        if outcome is Outcome.REJECTED:
            return
        if outcome is Outcome.SUCCESS or outcome is Outcome.FAILURE:
            self._last.append((outcome is Outcome.FAILURE, seconds >= self._slow))
        self._records[outcome](seconds)

    def view(self) -> View | None:
        """Returns what the gauges are computed from, or None if the breaker is gone."""
        breaker = self.breaker()
        if breaker is None:
            return None
        last = self._last.copy()
        return View(
            snapshot=breaker.snapshot(),
            successful=sum(not failed for failed, _ in last),
            failed=sum(failed for failed, _ in last),
            slow_successful=sum(slow and not failed for failed, slow in last),
            slow_failed=sum(slow and failed for failed, slow in last),
            window=last.maxlen or 0,
        )


class Watcher(ABC):
    """A set of watched breakers, each under a name of its own.

    States and counts are read from snapshots when the metrics are collected, and cost a call
    nothing; recording each call for its duration does. A breaker that nobody holds any more
    leaves the set.

    Args:
        window: how many last calls the rates are computed over.
        slow: seconds from which a call is slow.
        record_calls: whether each call is recorded, for durations and rates.
    """

    def __init__(self, *, window: int = 100, slow: float = 60.0, record_calls: bool = True) -> None:
        kept = whole("window", window)
        self._window = kept if record_calls else 0
        self._slow = duration("slow", slow, positive=True)
        self._watched: dict[str, list[Watched]] = {}
        self._bulkheads: weakref.WeakValueDictionary[str, Bulkhead] = weakref.WeakValueDictionary()
        self._lock = threading.RLock()  # a finalizer or a signal handler may watch, too
        self._ambiguous: set[str] = set()

    def watch(self, breaker: CircuitBreaker) -> CircuitBreaker:
        """Reports this breaker from now on, and returns it.

        So it fits where a breaker is built: `BreakerRegistry(lambda name:
        metrics.watch(CircuitBreaker(name)))`. Of several breakers with one name only the
        one watched last is reported, and a warning logged.
        """
        name = encodable(breaker.name)
        with self._lock:
            known = self._watched.setdefault(name, [])
            if all(watched.breaker() is not breaker for watched in known):
                known.append(
                    Watched(breaker, self._window, self._slow, partial(self.recorder, name))
                )
        return breaker

    def watch_bulkhead(self, bulkhead: Bulkhead) -> Bulkhead:
        """Reports this bulkhead from now on, and returns it; the last one of a name counts."""
        with self._lock:
            self._bulkheads[encodable(bulkhead.name)] = bulkhead
        return bulkhead

    def bulkheads(self) -> list[tuple[str, Bulkhead]]:
        """Returns every bulkhead that is still there, by name."""
        with self._lock:
            return sorted(self._bulkheads.items(), key=itemgetter(0))

    def views(self) -> Iterator[tuple[str, View]]:
        """Yields every breaker that is still there, by name."""
        with self._lock:
            for name, known in tuple(self._watched.items()):
                known[:] = [watched for watched in known if watched.breaker() is not None]
                if not known:
                    del self._watched[name]
                    self.forget(name)
            present = [(name, tuple(self._watched[name])) for name in sorted(self._watched)]
        for name, known_now in present:
            if len(known_now) > 1:
                self._warn(name, len(known_now))
            view = known_now[-1].view()
            if view is not None:
                yield name, view

    def _warn(self, name: str, breakers: int) -> None:
        if name not in self._ambiguous:
            self._ambiguous.add(name)
            _log.warning(
                "%d breakers are called %r; only the one watched last is reported, "
                "give each a name of its own",
                breakers,
                name,
            )

    @abstractmethod
    def recorder(self, name: str, kind: Kind) -> Record:
        """Returns what records the durations of a breaker's calls that ended in a kind."""

    def forget(self, name: str) -> None:
        """Drops what is kept under the name of a breaker that is gone."""
        self._ambiguous.discard(name)
