"""Exact counts over the last N calls or T seconds, at a cost that N and T do not change.

A window is asked about running totals: how many calls and how many of the kind it counts
there were up to now. It remembers what the totals were at earlier moments and subtracts, so
it is only a cache of past totals. Whatever is written into it is a function of the totals
before the present call, so writing it twice, or writing it for a call that is then given up,
changes nothing: an interrupt at any point leaves a window that is right.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simcb.breaker.enums import Reason
from simcb.breaker.flights import Flights
from simcb.breaker.records import RuleReading
from simcb.breaker.settings import (
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    SlowCallRate,
    TripRule,
    counts_in_flight,
    slow_from,
    tripping_share,
)

NEVER = float("inf")

FINEST = 10_000
"""How many distinct moments a time window keeps apart before it begins to merge them."""


class Window:
    """One rule's memory of a closed breaker's calls.

    Args:
        minimum: with fewer outcomes in it the rule does not speak.
        rate: the share of the counted kind from which it trips.
        reason: why the breaker opens if it trips.
        fails: whether failures are counted.
        slow: seconds from which a call is counted, however it ended; infinite when none is.
        threshold: how many of the counted kind trip it; 0 if a rate does.

    Attributes:
        hears_all: whether it has to be asked about calls that it does not count, too, as a rate
            is a share of those as well.
        row: how many failures in a row it takes besides.
        flights: the calls in flight, if those count too.
    """

    __slots__ = (
        "fails",
        "flights",
        "hears_all",
        "minimum",
        "rate",
        "reason",
        "row",
        "slow",
        "threshold",
    )

    def __init__(
        self,
        minimum: int,
        rate: float,
        reason: Reason,
        fails: bool,
        slow: float,
        threshold: int = 0,
    ) -> None:
        self.minimum = minimum
        self.rate = rate
        self.reason = reason
        self.fails = fails
        self.slow = slow
        self.threshold = threshold
        self.hears_all = not threshold
        self.row = 0
        self.flights: Flights | None = None

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Whether outcome number `calls` is enough to open the breaker.

        Args:
            calls: outcomes, the present one included.
            before: how many of the counted kind there were before it.
            after: how many there are with it.
            now: seconds, never less than in an earlier question.
        """
        raise NotImplementedError

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Returns how many outcomes are in the window, and how many of the counted kind.

        Args:
            calls: outcomes.
            total: how many of them are of the counted kind.
            now: seconds, never less than in an earlier question.
        """
        raise NotImplementedError


class LateWindow(Window):
    """A window that began when `before` calls had been counted without it."""

    __slots__ = ("before", "window")

    def __init__(self, window: Window, before: int) -> None:
        self.window = window
        self.before = before
        self.reason, self.fails, self.slow = window.reason, window.fails, window.slow
        self.hears_all, self.row, self.threshold = window.hears_all, window.row, window.threshold
        self.minimum, self.rate, self.flights = window.minimum, window.rate, window.flights

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Asks the window about the calls since it began."""
        return self.window.trips(calls - self.before, before, after, now)

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Reads the window of the calls since it began."""
        return self.window.read(calls - self.before, total, now)


class CountWindow(Window):
    """The last `size` outcomes: a ring of running totals.

    It has a place more than outcomes: place k holds the total after outcome k, k + size + 1,
    and so on, so the total after the outcome before the present one is written while that from
    `size` outcomes ago is still there.
    """

    __slots__ = ("ring", "size", "written")

    def __init__(
        self, size: int, minimum: int, rate: float, reason: Reason, fails: bool, slow: float
    ) -> None:
        super().__init__(minimum, rate, reason, fails, slow)
        self.size = size
        self.ring = [0] * (size + 1)
        self.written = 0

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Compares the share of the last `size` outcomes with the rate."""
        size, ring, last = self.size, self.ring, calls - 1
        if last > self.written:  # what a re-entrant call has written must not be written over
            self.written = last
            ring[last % (size + 1)] = before
        counted = after - ring[(calls + 1) % (size + 1)]
        if not counted:
            return False
        inside = calls if calls < size else size
        return inside >= self.minimum and counted / inside >= self.rate

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Takes what was before the window from the ring, as `trips` does."""
        return min(calls, self.size), total - self.ring[(calls + 1) % (self.size + 1)]


class TimeWindow(Window):
    """The outcomes less than `span` seconds old: a queue of the totals before each moment.

    The oldest moment still inside says what to subtract. Moments are kept apart exactly
    until there are more than `FINEST` of them; beyond that, outcomes within `span / FINEST`
    of each other are taken to have happened at the first of them, so that memory is bounded
    whatever the traffic.
    """

    __slots__ = ("moments", "span")

    def __init__(
        self,
        span: float,
        minimum: int,
        rate: float,
        reason: Reason,
        fails: bool,
        slow: float,
        threshold: int = 0,
    ) -> None:
        super().__init__(minimum, rate, reason, fails, slow, threshold)
        self.span = span
        self.moments: deque[tuple[float, int, int]] = deque()

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Compares how many of the outcomes still inside the window are of the counted kind."""
        moments, span = self.moments, self.span
        if not moments or (
            now != moments[-1][0]
            if len(moments) < FINEST
            else now - moments[-1][0] >= span / FINEST
        ):
            moments.append((now, calls - 1, before))
        oldest = moments[0]
        while now - oldest[0] >= span:
            moments.popleft()
            oldest = moments[0]
        counted = after - oldest[2]
        if self.threshold:
            return counted >= self.threshold
        inside = calls - oldest[1]
        return inside >= self.minimum and counted / inside >= self.rate

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Drops what is too old, as `trips` does, and counts what is left."""
        moments = self.moments
        while moments and now - moments[0][0] >= self.span:
            moments.popleft()
        _, calls_then, total_then = moments[0] if moments else (now, calls, total)
        return calls - calls_then, total - total_then


class PeriodWindow(Window):
    """The outcomes since the counts were last cleared: each time a `span` is over since it closed.

    It remembers the totals before the first outcome of a period; which period that was says
    whether they are still to be subtracted. With a `row` the threshold is of failures in a row
    that are all of the period: those are the smaller number of both.
    """

    __slots__ = ("began", "since", "span")

    def __init__(
        self,
        since: float,
        span: float,
        minimum: int,
        rate: float,
        reason: Reason,
        fails: bool,
        slow: float,
        threshold: int = 0,
        row: int = 0,
    ) -> None:
        super().__init__(minimum, rate, reason, fails, slow, threshold)
        self.row = row
        self.since = since
        self.span = span
        self.began = (0, 0, 0)

    def _totals_then(self, calls: int, total: int, now: float) -> tuple[int, int, int]:
        """Returns the present period, and the totals before its first outcome."""
        period = int((now - self.since) / self.span)
        return self.began if period == self.began[0] else (period, calls, total)

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Compares the outcomes of the period with the rate, or with the threshold."""
        self.began = began = self._totals_then(calls - 1, before, now)
        counted = after - began[2]
        if self.threshold:
            return counted >= self.threshold
        inside = calls - began[1]
        return inside >= self.minimum and counted / inside >= self.rate

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Subtracts what was before the period, as `trips` does."""
        _, calls_then, total_then = self._totals_then(calls, total, now)
        return calls - calls_then, total - total_then


def windows_for(rules: tuple[TripRule, ...], since: float) -> tuple[Window, ...]:
    """Builds the empty windows of one generation, in the order of the rules."""
    return tuple(_window_for(rule, since) for rule in rules if has_window(rule))


MEMORIES = ("ring", "written", "moments", "since", "began", "flights")
"""What the windows of all kinds remember; all else follows from their rules."""


def heirs(
    counted: Sequence[tuple[TripRule, Window, int, int]],
    rules: tuple[TripRule, ...],
    since: float,
    calls: int,
) -> tuple[tuple[Window, ...], tuple[int, ...], tuple[int, ...]]:
    """Returns the windows of other rules, their totals, and how far ahead of the calls each is.

    One that looks at the same calls as one before goes on with its memory.

    Args:
        counted: the rules before, their windows, totals, and how far ahead those are.
        rules: the rules from now on.
        since: when the breaker closed.
        calls: outcomes since then.
    """
    left, windows, totals, ahead = [*counted], [], [], []
    for rule in rules:
        if not has_window(rule):
            continue
        window = _window_for(rule, since)
        old = next((one for one in left if _looks_at(one[0]) == _looks_at(rule)), None)
        if old is None:
            windows.append(LateWindow(window, calls) if calls else window)
            totals.append(0)
            ahead.append(0)
            continue
        left.remove(old)
        late = old[1] if isinstance(old[1], LateWindow) else None
        remembers = old[1] if late is None else late.window
        for name in MEMORIES:
            if hasattr(remembers, name):
                setattr(window, name, getattr(remembers, name))
        windows.append(window if late is None else LateWindow(window, late.before))
        totals.append(old[2])
        ahead.append(old[3])
    return (*windows,), (*totals,), (*ahead,)


def _looks_at(rule: TripRule) -> tuple[object, ...]:
    """Which calls a rule counts, and among which."""
    words = ("slow", "calls", "window", "every", "in_flight")
    return type(rule), *(getattr(rule, word, None) for word in words)


def has_window(rule: TripRule) -> bool:
    """Whether a rule counts more than the failures in a row until now."""
    return not isinstance(rule, ConsecutiveFailures) or rule.every is not None


def _window_for(rule: TripRule, since: float) -> Window:
    if isinstance(rule, (FailureRate, SlowCallRate)):
        window = _rate_window(rule, since)
        window.flights = Flights(slow_from(rule)) if counts_in_flight(rule) else None
        return window
    many, every, reason = rule.threshold, rule.every, rule.reason
    if every is not None:
        row = many if isinstance(rule, ConsecutiveFailures) else 0
        return PeriodWindow(since, every, 1, 1.0, reason, True, NEVER, many, row)
    assert isinstance(rule, FailuresInWindow)
    assert rule.window is not None
    return TimeWindow(rule.window, 1, 1.0, reason, True, NEVER, many)


def _rate_window(rule: FailureRate | SlowCallRate, since: float) -> Window:
    fails, slow = isinstance(rule, FailureRate), slow_from(rule)
    rate, least, reason = tripping_share(rule), rule.minimum_calls, rule.reason
    if rule.every is not None:
        return PeriodWindow(since, rule.every, least, rate, reason, fails, slow)
    if rule.window is not None:
        return TimeWindow(rule.window, least, rate, reason, fails, slow)
    assert rule.calls is not None
    return CountWindow(rule.calls, least, rate, reason, fails, slow)


def reading(rule: TripRule, calls: int, counted: int, streak: int) -> RuleReading:
    """Returns the record of what a rule has counted among so many calls."""
    if isinstance(rule, ConsecutiveFailures):
        counted = min(counted, streak)
    if isinstance(rule, (ConsecutiveFailures, FailuresInWindow)):
        return RuleReading(rule, counted, rule.threshold, counted, None)
    rate = counted / calls if calls else None
    return RuleReading(rule, calls, rule.minimum_calls, counted, rate)
