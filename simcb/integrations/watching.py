"""Watches breakers for the metrics modules, without keeping them alive.

It remembers how a breaker's last calls went, unless it is told not to, and hands out what the
gauges are computed from. It knows the dashboard's words from `resilience4j`, and nothing of how
metrics are exported.
"""

from __future__ import annotations

import logging
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from typing import Final

from simcb.breaker import (
    Bulkhead,
    CallRecord,
    CircuitBreaker,
    CircuitState,
    Outcome,
    Transition,
)
from simcb.breaker.settings import duration, whole
from simcb.integrations.names import encodable
from simcb.integrations.resilience4j import KIND_OF, Kind, View

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
