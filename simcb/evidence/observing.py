"""What is read off a run: measures of the watched stretch, and what only the rows know.

Every observer is a function of the runs of one replicate. What a run does not show is nan,
and the case says so instead of holding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simcb.evidence.case import Observed, Observer, Seen
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace import STATE_CODE

Floats = NDArray[np.float64]
Rows = NDArray[np.void]


def measured(name: str, of: str = "", run: str = "") -> Observer:
    """Observe a metric of the watched stretch, by the name that thresholds have for it."""

    def observe(seen: Seen) -> float:
        value = seen[run].measures.value(name, seen[run].phase, of)
        return math.nan if value is None else value

    return observe


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


def ended(outcome: AttemptOutcome) -> Observer:
    """Observe the share of attempts that ended so."""

    def observe(seen: Seen) -> float:
        return float(np.mean(watched_attempts(seen[""])["outcome"] == ATTEMPT_CODE[outcome]))

    return observe


def slower_than(seconds: float) -> Observer:
    """Observe the share of requests that take longer; one that never ends does."""

    def observe(seen: Seen) -> float:
        rows = watched_requests(seen[""])
        return 1.0 - float(np.mean(rows["end"] - rows["arrival"] <= seconds))

    return observe


def waits(power: int) -> Observer:
    """Observe a moment of the wait from reaching a service until a worker begins."""

    def observe(seen: Seen) -> float:
        rows = watched_attempts(seen[""])
        return float(np.mean((rows["begin"] - rows["arrive"]) ** power))

    return observe


def waiting(seen: Seen) -> float:
    """Observe the share of attempts that find no worker free."""
    rows = watched_attempts(seen[""])
    return float(np.mean(rows["begin"] > rows["arrive"]))


def attempts_for_each_request(service: str) -> Observer:
    """Observe how many attempts are made at a service for each request of a user."""

    def observe(seen: Seen) -> float:
        trace = seen[""].trace
        calls = trace.layout.calls_to(service)
        return float(np.sum(np.isin(trace.attempts["call"], calls))) / len(trace.requests)

    return observe


def attempts_of_all(run: str) -> Observer:
    """Observe how many attempts were made in one of the runs."""
    return lambda seen: float(len(seen[run].trace.attempts))


def success(run: str = "") -> Observer:
    """Observe the share of all requests of a run that end ok."""

    def observe(seen: Seen) -> float:
        outcomes = seen[run].trace.requests["outcome"]
        return float(np.mean(outcomes == REQUEST_CODE[RequestOutcome.OK]))

    return observe


def load(run: str = "") -> Observer:
    """Observe the attempts made for each request of a run."""

    def observe(seen: Seen) -> float:
        trace = seen[run].trace
        return len(trace.attempts) / len(trace.requests)

    return observe


def arrivals_between(start: float, end: float) -> Observer:
    """Observe how many requests arrive in a stretch of time."""

    def observe(seen: Seen) -> float:
        moments = seen[""].trace.requests["arrival"]
        return float(np.sum((moments >= start) & (moments < end)))

    return observe


def growth(seen: Seen) -> float:
    """Observe how fast the queue grows in the watched stretch, per second."""
    start, end = seen[""].window
    samples = seen[""].trace.samples
    late = samples[(samples["at"] >= start) & (samples["at"] <= end)]
    grown = float(late["queued"][-1]) - float(late["queued"][0])
    return grown / float(late["at"][-1] - late["at"][0])


def calls_until_trip(trips: int) -> Observer:
    """Observe the mean calls from a closing of the breaker to its next opening.

    Args:
        trips: how many openings are looked at. It is fixed, since stopping at a time
            instead would leave out the longest cycle; a run with fewer shows nothing.
    """

    def observe(seen: Seen) -> float:
        closed, tripped = _closed_spells(seen[""], trips)
        settled = np.sort(seen[""].trace.attempts["end"])
        until = np.searchsorted(settled, tripped, side="right")
        since = np.searchsorted(settled, closed, side="right")
        return float(np.mean(until - since)) if len(tripped) == trips else math.nan

    return observe


def seconds_until_trip(trips: int) -> Observer:
    """Observe the mean time from a closing to the next opening, likewise."""

    def observe(seen: Seen) -> float:
        closed, tripped = _closed_spells(seen[""], trips)
        return float(np.mean(tripped - closed)) if len(tripped) == trips else math.nan

    return observe


def _closed_spells(observed: Observed, trips: int) -> tuple[Floats, Floats]:
    """Return when the only breaker was closed again, and when it opened after that."""
    changes = observed.trace.transitions
    closed = changes["at"][changes["after"] == STATE_CODE["closed"]]
    tripped = changes["at"][changes["before"] == STATE_CODE["closed"]][1:]
    return closed[: len(tripped)][:trips], tripped[:trips]


def probe_gap(probes: int) -> Observer:
    """Observe the mean time from a probe to the next, over so many gaps of each breaker."""

    def observe(seen: Seen) -> float:
        spans = [times[-1] - times[0] for times, _ in _probes(seen[""], probes)]
        return float(np.mean(spans)) / probes if spans else math.nan

    return observe


def rejected_between_probes(probes: int) -> Observer:
    """Observe the share of rejected attempts between the first and the last of the probes."""

    def observe(seen: Seen) -> float:
        attempts = seen[""].trace.attempts
        shares = []
        for times, breaker in _probes(seen[""], probes):
            made = attempts["start"][attempts["breaker"] == breaker]
            between = int(np.sum((made >= times[0]) & (made < times[-1])))
            shares.append(1.0 - probes / between)
        return float(np.mean(shares)) if shares else math.nan

    return observe


def held_by_probes(probes: int, threads: int) -> Observer:
    """Observe the time that callers wait for probes, as a share of that of so many threads."""

    def observe(seen: Seen) -> float:
        held, attempts = 0.0, seen[""].trace.attempts
        probing = _probes(seen[""], probes)
        for times, breaker in probing:
            rows = attempts[(attempts["breaker"] == breaker) & (attempts["replica"] >= 0)]
            rows = rows[(rows["start"] >= times[0]) & (rows["start"] < times[-1])]
            held += float(np.sum(rows["end"] - rows["start"])) / (times[-1] - times[0])
        return held / threads if probing else math.nan

    return observe


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


def opening_to_probe(number: int) -> Observer:
    """Observe the time from the first opening to the probe of that number, the first being 1."""

    def observe(seen: Seen) -> float:
        changes = seen[""].trace.transitions
        opened = changes["at"][changes["after"] == STATE_CODE["open"]]
        probed = changes["at"][changes["after"] == STATE_CODE["half_open"]]
        return float(probed[number - 1] - opened[0]) if len(probed) >= number else math.nan

    return observe
