"""The columns of a trace, and the layout: the names behind its index columns.

A table's layout is said once, here; its numpy dtype and the packed struct the recorder
writes rows with are both derived from it. Times are seconds since the start of the run,
`nan` where the moment never came. Indexes point into the `Layout`; -1 means none.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import IntFlag
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

_NUMPY_CODE = {"d": "<f8", "i": "<i4", "h": "<i2", "B": "u1", "q": "<i8"}

Rows: TypeAlias = "np.ndarray[Any, np.dtype[np.void]]"


class Flag(IntFlag):
    """Facts about an attempt, one bit each, in its `flags` column."""

    DEGRADED = 1
    """The answer came from a fallback somewhere below."""
    UNNEEDED = 2
    """Rejected, although the service as it was would have answered in time."""
    HUNG = 4
    """A hang held its worker; no answer was ever sent."""
    DROPPED = 8
    """The service let it go unanswered or unfinished: its caller had gone, or a restart came."""
    LOST = 16
    """The network lost it on its way to the service."""
    THROTTLED = 32
    """The service's admission turned it away, whether or not its caller still heard of it."""
    HEDGE = 64
    """Made beside an attempt with the same `retry` that had not been answered for a while."""


@dataclass(frozen=True)
class Table:
    """The row layout of one table: column names with their struct codes and meanings."""

    name: str
    columns: tuple[tuple[str, str, str], ...]

    @cached_property
    def dtype(self) -> np.dtype[np.void]:
        """A row, as numpy has it."""
        return np.dtype([(name, _NUMPY_CODE[code]) for name, code, _ in self.columns])

    @cached_property
    def row(self) -> struct.Struct:
        """A row, as it is packed."""
        return struct.Struct("<" + "".join(code for _, code, _ in self.columns))


REQUESTS = Table(
    "requests",
    (
        ("arrival", "d", "when the user first asked (the intended start)"),
        ("end", "d", "when the user had an answer or gave up; nan if unfinished"),
        ("group", "h", "client group"),
        ("presses", "h", "times the user asked: 1 plus refreshes; a message's deliveries"),
        ("outcome", "B", "code of a RequestOutcome"),
        ("cause", "B", "code of the AttemptOutcome of the last settled attempt"),
    ),
)

ATTEMPTS = Table(
    "attempts",
    (
        ("start", "d", "when the caller made it"),
        ("end", "d", "when the caller's wait ended; nan if in flight"),
        ("arrive", "d", "when it reached the replica; nan if it did not"),
        ("begin", "d", "when a worker took it; nan if none did"),
        ("freed", "d", "when its worker was released or, without one, it was sent away; or nan"),
        ("request", "i", "row of the user's request"),
        ("parent", "i", "row of the attempt whose work made this one; -1 if a client did"),
        ("call", "h", "call (caller and service)"),
        ("retry", "h", "0 for the first attempt of a call, 1 for its first retry, … up to 32767"),
        ("replica", "i", "replica it was sent to; -1 if it was not sent"),
        ("breaker", "i", "breaker that admitted or rejected it; -1 if none guards the call"),
        ("outcome", "B", "code of an AttemptOutcome"),
        ("flags", "B", "bits of Flag"),
    ),
)

TRANSITIONS = Table(
    "transitions",
    (
        ("at", "d", "when the breaker changed state"),
        ("breaker", "i", "breaker"),
        ("before", "B", "state left: 0 closed, 1 open, 2 half-open"),
        ("after", "B", "state entered, likewise"),
    ),
)

SAMPLES = Table(
    "samples",
    (
        ("at", "d", "when the sample was taken"),
        ("replica", "i", "replica"),
        ("queued", "i", "attempts waiting for a worker"),
        ("busy", "i", "workers held"),
        ("capacity", "i", "workers the replica may use at that moment"),
    ),
)

COUNTERS = Table(
    "counters",
    (
        ("breaker", "i", "breaker"),
        ("admitted", "q", "permits it granted, by its own count"),
        ("rejected", "q", "callers it turned away"),
        ("successes", "q", "permits settled as success in their own generation"),
        ("failures", "q", "permits settled as failure in their own generation"),
        ("ignored", "q", "permits settled as neither in their own generation"),
        ("stale", "q", "results that came after their generation had ended"),
    ),
)

TABLES = (REQUESTS, ATTEMPTS, TRANSITIONS, SAMPLES, COUNTERS)

STATE_NAMES = ("closed", "open", "half_open")
STATE_CODE = {name: code for code, name in enumerate(STATE_NAMES)}


@dataclass(frozen=True)
class ServiceInfo:
    """A service and the block of replica indexes that belongs to it."""

    name: str
    first_replica: int
    replicas: int
    workers: int
    """Workers of each replica."""
    discipline: str = "fifo"
    """Who is next in its queues: `fifo` or `lifo`."""
    blocking: bool = True
    """True if a worker is held while the attempt's own calls are under way."""
    on_abandon: str = "finish"
    """What becomes of an attempt whose caller has gone: `finish`, `drop_queued` or `stop`."""
    scaled: tuple[tuple[float, int, int], ...] = ()
    """Moments in seconds, 0 first, with the replicas in rotation and the workers of each from
    there; empty if they stay the same. Above are the most of both."""

    def worker_seconds(self, start: float, end: float) -> float:
        """Return the time of all workers in rotation between two moments, in worker-seconds."""
        stretches = self._stretches(start, end)
        return sum(replicas * workers * seconds for replicas, workers, seconds in stretches)

    def replica_seconds(self, start: float, end: float) -> float:
        """Return the time of all replicas in rotation between two moments, in seconds of each."""
        return sum(replicas * seconds for replicas, _, seconds in self._stretches(start, end))

    def _stretches(self, start: float, end: float) -> Iterator[tuple[int, int, float]]:
        """Yield how many replicas and workers there are for how long, between two moments."""
        if not self.scaled:
            yield self.replicas, self.workers, max(0.0, end - max(0.0, start))
            return
        course = self.scaled
        ends = [at for at, _, _ in course[1:]] + [math.inf]
        for (at, replicas, workers), until in zip(course, ends, strict=True):
            yield replicas, workers, max(0.0, min(until, end) - max(at, start))


@dataclass(frozen=True)
class CallInfo:
    """A caller's policy towards one service."""

    caller: str
    service: str
    timeout: float | None
    """Seconds an attempt may take; None waits for ever."""
    from_client: bool
    """True if the caller is a client group, false if it is a service."""
    processes: int = 1
    """Caller processes: a group's instances, a service's replicas."""
    network: bool = False
    """True if attempts and answers take time on their way."""
    max_concurrent: int | None = None
    """Attempts under way at once from one process; None if nothing limits them."""
    max_wait: float = 0.0
    """Seconds an attempt may wait for a place among them before it is sent."""
    around: str = "attempt"
    """What one call of the breaker is: an `attempt`, or the `request` with its retries."""
    by_code: bool = False
    """True if client code makes it, whose policy is its own."""
    label: str = ""
    """Its own name, if it does not go by that of the service."""
    hedge_after: float | None = None
    """Seconds an attempt goes unanswered before the next is made beside it; None for never."""
    hedge_changes: tuple[tuple[float, float], ...] = ()
    """Moments from which on these seconds are others, and which, in order of time."""
    shortest_timeout: float | None = None
    """The shortest of its timeouts, if they change in the run; `timeout` is the longest."""

    @property
    def name(self) -> str:
        """The call as text: `shop->payments`."""
        return f"{self.caller}->{self.label or self.service}"


@dataclass(frozen=True)
class CacheInfo:
    """A cache in front of a call, and what became of the lookups in it."""

    call: int
    hits: int
    """Lookups that it answered."""
    joined: int
    """Lookups that waited for an answer that somebody else had asked for."""
    misses: int
    """Lookups for which the service was asked."""


@dataclass(frozen=True)
class BreakerInfo:
    """A breaker that was asked: the call it guards and, if it guards one replica only, which."""

    name: str
    call: int
    replica: int
    others: tuple[int, ...] = ()
    """The other calls of its group."""

    @property
    def calls(self) -> tuple[int, ...]:
        """Every call that it guards."""
        return (self.call, *self.others)


@dataclass(frozen=True)
class FaultInfo:
    """A fault's window, in seconds of the run."""

    name: str
    kind: str
    on: str
    start: float
    end: float


@dataclass(frozen=True)
class ChangeInfo:
    """What somebody changed, and when, in seconds of the run."""

    name: str
    at: float


@dataclass(frozen=True)
class CrashInfo:
    """A replica that has started anew: because it was full for too long, or a check went wrong."""

    replica: int
    at: float
    until: float
    """From when on it is there again; all in seconds of the run."""
    by_check: bool
    """True if a health check of a dependency was why."""


@dataclass(frozen=True)
class Layout:
    """The entities of a run, in the order its index columns count them."""

    groups: tuple[str, ...]
    services: tuple[ServiceInfo, ...]
    calls: tuple[CallInfo, ...]
    breakers: tuple[BreakerInfo, ...]
    faults: tuple[FaultInfo, ...]
    deadlines: tuple[float | None, ...] = ()
    """Seconds after which the users of each group leave; None for ever, as if it is empty."""
    users: tuple[int | None, ...] = ()
    """Users of each group that ask again only when they are answered; None for any other group,
    and empty if there is no such group."""
    consumers: tuple[int | None, ...] = ()
    """Consumers of each group that pulls messages from a queue, the most if they change; None for
    any other group, and empty if there is no such group."""
    idle_breakers: int = 0
    """Breakers that nobody ever asked, which are not in `breakers` and were always closed."""
    caches: tuple[CacheInfo, ...] = ()
    """The caches in front of calls that were asked."""

    changes: tuple[ChangeInfo, ...] = ()
    """What was changed while it ran, in order of time."""
    crashes: tuple[CrashInfo, ...] = ()
    """Replicas that started anew by themselves, each replica's in order of time."""

    @property
    def breaker_count(self) -> int:
        """How many breakers there are, asked or not."""
        return len(self.breakers) + self.idle_breakers

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` reads back to an equal layout."""
        data = asdict(self)
        if not self.users:
            # Digests of runs without such groups are older than the field.
            del data["users"]
        for call in data["calls"]:
            # Likewise.
            for word in ("by_code", "label", "hedge_after", "hedge_changes", "shortest_timeout"):
                if call[word] in (False, "", None, ()):
                    del call[word]
        for service in data["services"]:
            if not service["scaled"]:
                del service["scaled"]
        for breaker in data["breakers"]:
            if not breaker["others"]:
                del breaker["others"]
        for word in ("consumers", "idle_breakers", "caches", "changes", "crashes"):
            if not data[word]:
                del data[word]  # as in traces that were saved without it
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Layout:
        """Rebuild a layout from what `to_dict` returned."""
        return cls(
            groups=tuple(data["groups"]),
            services=tuple(
                ServiceInfo(**{**item, "scaled": tuple(map(tuple, item.get("scaled", ())))})
                for item in data["services"]
            ),
            calls=tuple(
                CallInfo(
                    **{**item, "hedge_changes": tuple(map(tuple, item.get("hedge_changes", ())))}
                )
                for item in data["calls"]
            ),
            breakers=tuple(
                BreakerInfo(**{**item, "others": tuple(item.get("others", ()))})
                for item in data["breakers"]
            ),
            faults=tuple(FaultInfo(**item) for item in data["faults"]),
            deadlines=tuple(data.get("deadlines", ())),
            users=tuple(data.get("users", ())),
            consumers=tuple(data.get("consumers", ())),
            idle_breakers=data.get("idle_breakers", 0),
            changes=tuple(ChangeInfo(**item) for item in data.get("changes", ())),
            crashes=tuple(CrashInfo(**item) for item in data.get("crashes", ())),
            caches=tuple(CacheInfo(**item) for item in data.get("caches", ())),
        )

    def crashes_of(self, service: int | None) -> tuple[CrashInfo, ...]:
        """Return the replicas of a service, by its index, that started anew; of all for None."""
        if service is None:
            return self.crashes
        info = self.services[service]
        own = range(info.first_replica, info.first_replica + info.replicas)
        return tuple(each for each in self.crashes if each.replica in own)

    def service_index(self, name: str) -> int:
        """Return the index of the service called `name`; KeyError if there is none."""
        for index, service in enumerate(self.services):
            if service.name == name:
                return index
        raise KeyError(name)

    def calls_to(self, service: str) -> tuple[int, ...]:
        """Return the indexes of the calls that go to `service`."""
        return tuple(i for i, call in enumerate(self.calls) if call.service == service)
