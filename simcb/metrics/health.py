"""How well a run does: what counts as a good answer, and how many of them are enough.

*In time.* The latency limit of a client group is ten times the 99th percentile of its ok latency
before the first fault, and at least one second, below which people do not lose their train of
thought (Nielsen, "Usability Engineering", 1993, chapter 5). Without it a frozen frontend whose
users are all answered a minute late would count as unharmed. Each group has its own, for what is
usual in a slow one would excuse any delay of a fast one. A group without an ok answer before the
first fault has nothing to compare with, and no limit. Nor has one of consumers that pull messages
from a queue: nobody waits for them, and a message is good that is done in the end. Variants that
are compared have the limits of the first of them.

*Good.* A request is good if it ends ok within the latency limit of its client group. A
fallback's answer is never good, but it is told apart from no answer if it comes in that time.

*Decided.* An unfinished request is bad once it has lasted longer than that limit (a minute, where
there is none; a message in a queue never is); a younger one is neither good nor bad and is left
out, so a run that merely ends does not look ill.

*Missing.* Users in a closed loop who wait for an overdue answer ask for nothing else, so a run
in which everybody is stuck has no bad requests, for it has none. Each such user counts for the
requests that a user of the group usually makes in that time, all of them bad.

*Enough.* Goodput is compared with what was offered, not with the clock: of the n requests that
arrive in a window at least 95 % of n·h must be good, h being the good share of the healthy
phase. A chance dip of Poisson arrivals then means nothing. The number of good ones varies by
chance too, and so does h, known from m healthy requests: together by a standard deviation of
√(n·q·(1 − q)·(1 + n/m)) with q = (m·h + 1)/(m + 2), Laplace's rule, so that a few healthy
requests that all were good do not pass for certainty; and with n/m held at 1 at most, so that
knowing little of how things were before does not excuse everything after. Three of those are
allowed below n·h wherever that is more than the 5 %.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from simcb.metrics.phase import merged
from simcb.metrics.rows import Booleans, RequestRows, request_rows
from simcb.metrics.spans import Floats, Integers, Spans
from simcb.trace import FaultInfo, Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENCY_FACTOR = 10.0
LATENCY_FLOOR = 1.0
LATENCY_UNKNOWN = 60.0


@dataclass(frozen=True, eq=False)
class LatencyLimits:
    """The latency limit of every client group.

    Args:
        seconds: within which an ok answer is good, for each group in the layout's order;
            infinite where there is nothing to compare with.
        overdue: after which an unfinished one is taken for lost.
        whose: the name of the variant in which that was usual, if it is not that measured.
    """

    seconds: Floats
    overdue: Floats
    whose: str = ""

    @property
    def words(self) -> str:
        """What in time means: `within 8.92 s (10 × healthy p99)`; "" where any answer is."""
        different = np.unique(self.seconds)
        known = different[np.isfinite(different)]
        if not len(known):
            return ""
        least, most = float(known[0]), float(known[-1])
        whose = f" of {self.whose}" if self.whose else ""
        if len(different) > 1:
            origin = f"{LATENCY_FACTOR:.0f} × each group's healthy p99{whose}"
            within = f"{least:.3g} to {most:.3g}" if most > least else f"{least:.3g}"
            return f"within {within} s ({origin}, at least {LATENCY_FLOOR:.0f} s)"
        floor = most <= LATENCY_FLOOR * (1.0 + 1e-9)
        origin = "the least" if floor else f"{LATENCY_FACTOR:.0f} × healthy p99{whose}"
        return f"within {most:.3g} s ({origin})"

    def kept(self, rows: RequestRows) -> Booleans:
        """Return which requests end within their group's limit; unfinished ones do not."""
        # A comparison with nan is false.
        within: Booleans = rows.latency <= _each(self.seconds, rows)
        return within

    def longest(self, rows: RequestRows) -> Floats | np.float64:
        """Return how long each request may stay unfinished before it is overdue, in seconds."""
        return _each(self.overdue, rows)

    def lost(self, rows: RequestRows, now: float) -> Booleans:
        """Return which requests are overdue if they are still unfinished at `now`."""
        older: Booleans = now - rows.at > self.longest(rows)
        return older

    def decided(self, rows: RequestRows, end: float) -> Booleans:
        """Return of which requests it is known at the end of the run how they fare.

        The others are unfinished and not overdue: they may still end well.
        """
        if not rows.unfinished.any():
            return rows.finished
        known: Booleans = rows.finished | self.lost(rows, end)
        return known


def _each(seconds: Floats, rows: RequestRows) -> Floats | np.float64:
    """Return each request's limit; the one there is, if there is one."""
    limits: Floats | np.float64 = seconds[0] if len(seconds) == 1 else seconds[rows.group]
    return limits


def latency_limits_of(trace: Trace, healthy_until: float) -> LatencyLimits:
    """Return the limits of each group from the requests that ended before any fault."""
    found: list[list[Floats]] = [[] for _ in trace.layout.groups]
    before = bisect_right(trace.requests["arrival"], healthy_until)
    for rows in request_rows(trace, 0, before):
        ok = rows.ok & (rows.at + rows.latency <= healthy_until)
        for group, latencies in enumerate(found):
            chosen = ok if len(found) == 1 else ok & (rows.group == group)
            latencies.append(rows.latency[chosen])
    seconds = np.array([_limit(each) for each in found])
    overdue = np.where(np.isinf(seconds), LATENCY_UNKNOWN, seconds)
    for group, consumers in enumerate(trace.layout.consumers):
        if consumers is not None:
            seconds[group] = overdue[group] = math.inf
    return LatencyLimits(seconds, overdue)


def _limit(healthy_latencies: list[Floats]) -> float:
    if not any(map(len, healthy_latencies)):
        return math.inf
    latencies = np.concatenate(healthy_latencies)
    healthy_latencies.clear()
    usual = float(np.quantile(latencies, 0.99, overwrite_input=True))
    return max(LATENCY_FLOOR, LATENCY_FACTOR * usual)


KEPT = 0.95
"""Share of the healthy goodput that counts as recovered."""

UNHARMED_KEPT = 0.99
"""Share of the healthy goodput that has to be kept for a run to count as unharmed."""

SIGMAS = 3.0

WINDOW = 10.0
"""Seconds for which goodput has to stay up to count as recovered."""

FEWEST = 20
"""Requests a window should hold; at low rates it is lengthened until it does on average."""


@dataclass(frozen=True)
class Baseline:
    """How well requests did before the first fault.

    Args:
        share: good requests of all decided ones; 1 if there was no request to judge by.
        requests: how many were decided.
        fallbacks: how many of those a fallback answered in time.
    """

    share: float
    requests: int
    fallbacks: int

    def expects(self, requests: Integers, kept: float = KEPT) -> Floats:
        """Return how many of `requests` have to be good for the run to be as well as before."""
        expected: Floats = self.share * requests.astype(np.float64)
        if not self.requests:
            return kept * expected
        likely = (self.share * self.requests + 1.0) / (self.requests + 2.0)
        doubt = 1.0 + np.minimum(1.0, requests / self.requests)
        variance = requests * likely * (1.0 - likely) * doubt
        enough: Floats = np.minimum(kept * expected, expected - SIGMAS * np.sqrt(variance))
        return enough


Count = TypeVar("Count", int, Integers)


class Tally(NamedTuple, Generic[Count]):
    """Requests of a phase, or of some windows with a number for each.

    Args:
        good: ended ok in time.
        decided: can be judged; missing ones among them.
        fallbacks: answered by a fallback in time.
    """

    good: Count
    decided: Count
    fallbacks: Count


class Marks:
    """Which requests are marked, in several ways: a bit each, and how many before any place.

    Args:
        ways: how many ways there are.
        many: how many requests there are.
    """

    def __init__(self, ways: int, many: int) -> None:
        self._bits = np.zeros((ways, many // 8 + 1), np.uint8)
        self._before = np.zeros((ways, 0), np.int32)
        self.totals = [0] * ways

    def put(self, place: int, *marked: Booleans) -> None:
        """Mark the requests from a place on, a multiple of eight, in each way."""
        for bits, each in zip(self._bits, marked, strict=True):
            packed = np.packbits(each, bitorder="little")
            bits[place // 8 : place // 8 + len(packed)] = packed

    def close(self) -> None:
        """Count them, once all are put."""
        ones = _of_bytes()[0][self._bits]
        self._before = np.cumsum(ones, axis=1, dtype=np.int32)
        self.totals = self._before[:, -1].tolist()
        self._before -= ones

    def before(self, places: Integers) -> Integers:
        """Return how many are marked in each way before each place."""
        ones, below = _of_bytes()
        byte = places >> 3
        rest = self._bits.take(byte, axis=1) & below.take(places & 7)
        found: Integers = (self._before.take(byte, axis=1) + ones.take(rest)).astype(np.int64)
        return found

    def of(self, way: int, first: int, last: int) -> Booleans:
        """Return which of the requests from one up to another are marked in one way."""
        bits = np.unpackbits(self._bits[way, first // 8 : last // 8 + 1], bitorder="little")
        marked: Booleans = bits[first % 8 :][: last - first].view(np.bool_)
        return marked


@cache
def _of_bytes() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return how many bits of each byte are set, and which bits stand below each."""
    ones = np.array([byte.bit_count() for byte in range(256)], np.uint8)
    return ones, np.array([(1 << bit) - 1 for bit in range(8)], np.uint8)


@dataclass(frozen=True, eq=False)
class Waiting:
    """The users of a closed group who wait for overdue answers.

    Args:
        group: index of the group.
        spans: the waits, from when the answer is overdue.
        pace: requests a second that a user makes who does not.
    """

    group: int
    spans: Spans
    pace: float


@dataclass(frozen=True, eq=False)
class Health:
    """Which requests of a run, in order of arrival, are good, and which can be judged at all.

    Args:
        baseline: how well they did before the first fault.
        at: when each arrived.
        marks: which are good, can be judged, and have a fallback's answer, as in `Tally`.
        waiting: the users who ask for nothing because they wait, for each closed group.
        window: over how many seconds goodput is judged.
    """

    baseline: Baseline
    at: Floats
    marks: Marks
    waiting: tuple[Waiting, ...]
    window: float

    def within(self, starts: Floats, ends: Floats) -> Tally[Integers]:
        """Return the requests of each window `[start, end)`, in logarithmic time a window."""
        before = self.marks.before(self.at.searchsorted(np.concatenate((starts, ends))))
        many = len(starts)
        good, decided, fallbacks = before[:, many:] - before[:, :many]
        return Tally(good, decided + self.missing(starts, ends), fallbacks)

    @property
    def judged(self) -> int:
        """How many requests can be judged."""
        return self.marks.totals[1]

    def good(self, first: int, last: int) -> Booleans:
        """Return which of the requests from one up to another are good."""
        return self.marks.of(0, first, last)

    def missing(self, starts: Floats, ends: Floats, group: int | None = None) -> Integers:
        """Return how many requests users do not make in each window because they wait.

        Args:
            starts: of the windows.
            ends: of the windows.
            group: index of the client group whose users count; all if None.
        """
        if not self.waiting:
            return np.zeros(len(starts), np.int64)
        found = np.zeros(len(starts))
        for users in self.waiting:
            if group is None or users.group == group:
                seconds = users.spans.seconds_until(ends) - users.spans.seconds_until(starts)
                found += users.pace * np.maximum(seconds, 0.0)
        return np.rint(found).astype(np.int64)

    def is_kept(self, tally: Tally[Integers], kept: float = KEPT) -> Booleans:
        """Return for each window whether it has as many good requests as a healthy one."""
        enough: Booleans = tally.good >= self.baseline.expects(tally.decided, kept)
        return enough


def health_of(trace: Trace, at: Floats, limits: LatencyLimits, healthy_until: float) -> Health:
    """Return the health of a run's requests, judged by its own healthy phase.

    The baseline is what could be known when the first fault began: a request that was still
    waiting then may have been hurt by the fault, and does not speak for the time before it.

    Args:
        trace: the run.
        at: when each request arrived.
        limits: of each client group.
        healthy_until: the end of the healthy phase; 0 if there is none.
    """
    many, duration = len(at), trace.duration
    marks = Marks(len(Tally._fields), many)
    place = judged = judged_good = judged_fallbacks = 0
    for rows in request_rows(trace):
        in_time = limits.kept(rows)
        well, second_best = rows.ok & in_time, rows.degraded & in_time
        marks.put(place, well, limits.decided(rows, duration), second_best)
        place += len(rows)
        if rows.at[0] <= healthy_until:
            # A comparison with nan is false: an unfinished request has not ended.
            ended = rows.at + rows.latency <= healthy_until
            judged += int(np.count_nonzero(ended | limits.lost(rows, healthy_until)))
            judged_good += int(np.count_nonzero(ended & well))
            judged_fallbacks += int(np.count_nonzero(ended & second_best))
    marks.close()
    share = judged_good / judged if judged else 1.0
    waiting = tuple(
        Waiting(index, *_waiting(trace, index, limits, users, healthy_until))
        for index, users in enumerate(trace.layout.users)
        if users is not None
    )
    window = max(WINDOW, FEWEST * duration / many) if many else WINDOW
    baseline = Baseline(share, judged, judged_fallbacks)
    return Health(baseline, at, marks, waiting, window)


def _waiting(
    trace: Trace, group: int, limits: LatencyLimits, users: int, healthy_until: float
) -> tuple[Spans, float]:
    until, asked = healthy_until or trace.duration, 0
    begins, stops = [np.empty(0)], [np.empty(0)]
    for rows in request_rows(trace):
        mine = rows.group == group
        asked += int(np.count_nonzero(mine & (rows.at < until)))
        ends = np.where(rows.unfinished, trace.duration, rows.at + rows.latency)
        overdue = np.minimum(rows.at + limits.longest(rows), ends)
        late = mine & (overdue < ends)
        begins.append(overdue[late])
        stops.append(ends[late])
    spans = Spans(np.concatenate(begins), np.concatenate(stops))
    free = users * until - float(spans.seconds_until(np.array([until]))[0])
    return spans, asked / free if free > 0.0 else 0.0


def harmful(health: Health, faults: Sequence[FaultInfo], duration: float) -> Booleans:
    """Return which faults cost answers, while they last or just after.

    That is if fewer requests than 99 % of the healthy share, and than chance allows, are good
    among those that arrive while it is active, or in the 10 s after it (longer at low rates, but
    not longer than until the next fault).
    """
    active = merged((each.start, min(each.end, duration)) for each in faults)
    starts, ends = (np.array([getattr(each, side) for each in faults]) for side in ("start", "end"))
    ends = np.minimum(ends, duration)
    begins = np.array([*(start for start, _ in active), duration])
    # A fault that ends while another is active has no time of its own after it.
    over = np.isin(ends, [end for _, end in active])
    later = np.minimum(ends + health.window, begins[np.searchsorted(begins[:-1], ends)])
    after = np.where(over, later, ends)
    during = health.is_kept(health.within(starts, ends), UNHARMED_KEPT)
    return ~(during & health.is_kept(health.within(ends, after), UNHARMED_KEPT))
