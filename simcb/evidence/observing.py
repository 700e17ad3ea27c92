"""What is read off a run: measures of the watched stretch, and what only the rows know.

Every observer is a function of the runs of one replicate. What a run does not show is nan,
and the case says so instead of holding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import numpy as np
from numpy.typing import NDArray

from simcb.evidence.case import Observed, Observer, Seen
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace import STATE_CODE

Floats = NDArray[np.float64]
Rows = NDArray[np.void]


P = ParamSpec("P")


def observer(read: Callable[Concatenate[Seen, P], float]) -> Callable[P, Observer]:
    """Return what makes an observer of a function that also takes the runs."""

    @wraps(read)
    def made(*args: P.args, **kwargs: P.kwargs) -> Observer:
        return lambda seen: read(seen, *args, **kwargs)

    return made


@observer
def measured(seen: Seen, name: str, of: str = "", run: str = "") -> float:
    """Observe a metric of the watched stretch, by the name that thresholds have for it."""
    value = seen[run].measures.value(name, seen[run].phase, of)
    return math.nan if value is None else value


def ratio(one: Observer, other: Observer) -> Observer:
    """Observe how many times the second number the first one is."""
    return lambda seen: one(seen) / other(seen)


def inside(of: str, workers: int) -> Observer:
    """Observe how many attempts are at a service on average, waiting or in work."""
    queued, used = measured("mean_queue", of), measured("utilisation", of)
    return lambda seen: queued(seen) + workers * used(seen)


def watched_requests(observed: Observed) -> Rows:
    """Return the requests that arrive in the watched stretch."""
    start, end = observed.window
    rows = observed.trace.requests
    return rows[(rows["arrival"] >= start) & (rows["arrival"] < end)]


def watched_attempts(observed: Observed) -> Rows:
    """Return the attempts that are made in the watched stretch."""
    start, end = observed.window
    rows = observed.trace.attempts
    return rows[(rows["start"] >= start) & (rows["start"] < end)]


@observer
def ended(seen: Seen, outcome: AttemptOutcome) -> float:
    """Observe the share of attempts that ended so."""
    return float(np.mean(watched_attempts(seen[""])["outcome"] == ATTEMPT_CODE[outcome]))


@observer
def slower_than(seen: Seen, seconds: float) -> float:
    """Observe the share of requests that take longer; one that never ends does."""
    rows = watched_requests(seen[""])
    return 1.0 - float(np.mean(rows["end"] - rows["arrival"] <= seconds))


@observer
def waits(seen: Seen, power: int) -> float:
    """Observe a moment of the wait from reaching a service until a worker begins."""
    rows = watched_attempts(seen[""])
    return float(np.mean((rows["begin"] - rows["arrive"]) ** power))


def waiting(seen: Seen) -> float:
    """Observe the share of attempts that find no worker free."""
    rows = watched_attempts(seen[""])
    return float(np.mean(rows["begin"] > rows["arrive"]))


@observer
def attempts_for_each_request(seen: Seen, service: str) -> float:
    """Observe how many attempts are made at a service for each request of a user."""
    trace = seen[""].trace
    calls = trace.layout.calls_to(service)
    return float(np.sum(np.isin(trace.attempts["call"], calls))) / len(trace.requests)


def attempts_of_all(run: str) -> Observer:
    """Observe how many attempts were made in one of the runs."""
    return lambda seen: float(len(seen[run].trace.attempts))


@observer
def success(seen: Seen, run: str = "") -> float:
    """Observe the share of all requests of a run that end ok."""
    outcomes = seen[run].trace.requests["outcome"]
    return float(np.mean(outcomes == REQUEST_CODE[RequestOutcome.OK]))


@observer
def load(seen: Seen, run: str = "") -> float:
    """Observe the attempts made for each request of a run."""
    trace = seen[run].trace
    return len(trace.attempts) / len(trace.requests)


@observer
def arrivals_between(seen: Seen, start: float, end: float) -> float:
    """Observe how many requests arrive in a stretch of time."""
    moments = seen[""].trace.requests["arrival"]
    return float(np.sum((moments >= start) & (moments < end)))


def growth(seen: Seen) -> float:
    """Observe how fast the queue grows in the watched stretch, per second."""
    start, end = seen[""].window
    samples = seen[""].trace.samples
    late = samples[(samples["at"] >= start) & (samples["at"] <= end)]
    grown = float(late["queued"][-1]) - float(late["queued"][0])
    return grown / float(late["at"][-1] - late["at"][0])


@observer
def calls_until_trip(seen: Seen, trips: int) -> float:
    """Observe the mean calls from a closing of the breaker to its next opening.

    How many openings are looked at is fixed, since stopping at a time instead would leave out
    the longest cycle; a run with fewer shows nothing.
    """
    closed, tripped = _closed_spells(seen[""], trips)
    settled = np.sort(seen[""].trace.attempts["end"])
    until = np.searchsorted(settled, tripped, side="right")
    since = np.searchsorted(settled, closed, side="right")
    return float(np.mean(until - since)) if len(tripped) == trips else math.nan


@observer
def seconds_until_trip(seen: Seen, trips: int) -> float:
    """Observe the mean time from a closing to the next opening, likewise."""
    closed, tripped = _closed_spells(seen[""], trips)
    return float(np.mean(tripped - closed)) if len(tripped) == trips else math.nan


def _closed_spells(observed: Observed, trips: int) -> tuple[Floats, Floats]:
    """Return when the only breaker was closed again, and when it opened after that."""
    changes = observed.trace.transitions
    closed = changes["at"][changes["after"] == STATE_CODE["closed"]]
    tripped = changes["at"][changes["before"] == STATE_CODE["closed"]][1:]
    return closed[: len(tripped)][:trips], tripped[:trips]


@observer
def probe_gap(seen: Seen, probes: int) -> float:
    """Observe the mean time from a probe to the next, over so many gaps of each breaker."""
    spans = [times[-1] - times[0] for times, _ in _probes(seen[""], probes)]
    return float(np.mean(spans)) / probes if spans else math.nan


@observer
def rejected_between_probes(seen: Seen, probes: int) -> float:
    """Observe the share of rejected attempts between the first and the last of the probes."""
    attempts = seen[""].trace.attempts
    shares = []
    for times, breaker in _probes(seen[""], probes):
        made = attempts["start"][attempts["breaker"] == breaker]
        between = int(np.sum((made >= times[0]) & (made < times[-1])))
        shares.append(1.0 - probes / between)
    return float(np.mean(shares)) if shares else math.nan


@observer
def held_by_probes(seen: Seen, probes: int, threads: int) -> float:
    """Observe the time that callers wait for probes, as a share of that of so many threads."""
    held, attempts = 0.0, seen[""].trace.attempts
    probing = _probes(seen[""], probes)
    for times, breaker in probing:
        rows = attempts[(attempts["breaker"] == breaker) & (attempts["replica"] >= 0)]
        rows = rows[(rows["start"] >= times[0]) & (rows["start"] < times[-1])]
        held += float(np.sum(rows["end"] - rows["start"])) / (times[-1] - times[0])
    return held / threads if probing else math.nan


def _probes(observed: Observed, probes: int) -> list[tuple[Floats, int]]:
    """Return the moments of each breaker's first `probes` + 1 probes; none if one has fewer."""
    changes = observed.trace.transitions
    found = []
    for breaker in range(len(observed.trace.layout.breakers)):
        mine = (changes["breaker"] == breaker) & (changes["after"] == STATE_CODE["half_open"])
        moments = changes["at"][mine][: probes + 1]
        if len(moments) <= probes:
            return []
        found.append((moments, breaker))
    return found


def detection(seen: Seen) -> float:
    """Observe the mean time from the first fault's begin to each breaker's first opening."""
    trace = seen[""].trace
    opened = trace.transitions[trace.transitions["after"] == STATE_CODE["open"]]
    since = trace.layout.faults[0].start
    firsts = []
    for breaker in range(len(trace.layout.breakers)):
        mine = opened["at"][opened["breaker"] == breaker]
        firsts.append(float(mine.min()) - since if len(mine) else math.nan)
    return float(np.mean(firsts))


def openings(seen: Seen) -> float:
    """Observe how often breakers opened."""
    return float(np.sum(seen[""].trace.transitions["after"] == STATE_CODE["open"]))


@observer
def opening_to_probe(seen: Seen, number: int) -> float:
    """Observe the time from the first opening to the probe of that number, the first being 1."""
    changes = seen[""].trace.transitions
    opened = changes["at"][changes["after"] == STATE_CODE["open"]]
    probed = changes["at"][changes["after"] == STATE_CODE["half_open"]]
    return float(probed[number - 1] - opened[0]) if len(probed) >= number else math.nan
