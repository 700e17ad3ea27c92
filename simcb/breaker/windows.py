"""Exact counts over the last N calls or T seconds, at a cost that N and T do not change.

A window is asked about running totals: how many calls and how many of the kind it counts
there were up to now. It remembers what the totals were at earlier moments and subtracts, so
it is only a cache of past totals. Whatever is written into it is a function of the totals
before the present call, so writing it twice, or writing it for a call that is then given up,
changes nothing: an interrupt at any point leaves a window that is right.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from simcb.breaker.records import Reason
from simcb.breaker.rules import (
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    SlowCallRate,
    TripRule,
)

QUIET, COUNTING, TRIPPED = range(3)
"""What a window finds: nothing counted in it, something, or enough to open."""

FINEST = 10_000
"""How many distinct moments a time window keeps apart before it begins to merge them."""


class Window(Protocol):
    """One rule's memory of the generation."""

    reason: Reason
    slow: float
    """Seconds from which a call is counted; infinite when failures are counted instead."""
    needs_all: bool
    """Whether it has to hear of every success, also while it is quiet."""

    def look(self, calls: int, before: int, after: int, now: float, calm: bool) -> int:
        """Returns what the window finds at outcome number `calls`.

        Args:
            calls: outcomes of this generation, the present one included.
            before: how many of the counted kind there were before it.
            after: how many there are with it.
            now: seconds, never less than in an earlier question.
            calm: all windows were quiet until now; then it need not have heard of successes.
        """
        ...

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Returns how many outcomes are in the window, and how many of the counted kind.

        Args:
            calls: outcomes of this generation.
            total: how many of them are of the counted kind.
            now: seconds, never less than in an earlier question.
        """
        ...


class CountWindow:
    """The last `size` outcomes: a ring of running totals.

    Place k holds the total after outcome k, k + size, …, so the place the present outcome
    will take still holds the total from `size` outcomes ago. While it is quiet all its places
    hold the same total, and successes it has not heard of would write that total again.
    """

    __slots__ = ("minimum", "needs_all", "rate", "reason", "ring", "size", "slow", "written")

    def __init__(
        self, size: int, minimum: int, rate: float, reason: Reason, slow: float = float("inf")
    ) -> None:
        self.size = size
        self.minimum = minimum
        self.rate = rate
        self.reason = reason
        self.slow = slow
        self.needs_all = slow < float("inf")
        self.ring = [0] * size
        self.written = 0

    def look(self, calls: int, before: int, after: int, now: float, calm: bool) -> int:
        """Compares the share of the last `size` outcomes with the rate."""
        size = self.size
        ring = self.ring
        last = calls - 1
        # Lines that are whole: what a re-entrant call has written must not be written over.
        if calm and last > self.written: self.written = last  # fmt: skip  # noqa: E701
        if last - size > self.written: self.written = last - size  # fmt: skip  # noqa: E701
        while last > self.written: self.written += 1; ring[self.written % size] = before  # fmt: skip  # noqa: E501, E701, E702
        inside = calls if calls < size else size
        counted = after if calls < size else after - ring[calls % size]
        if not counted:
            return QUIET
        enough = inside >= self.minimum and counted / inside >= self.rate
        return TRIPPED if enough else COUNTING

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Takes what was before the window from the ring, as `look` does."""
        if calls < self.size:
            return calls, total
        return self.size, total - self.ring[calls % self.size]


class TimeWindow:
    """The outcomes less than `span` seconds old: a queue of the totals before each moment.

    The oldest moment still inside says what to subtract. Moments are kept apart exactly
    until there are more than `FINEST` of them; beyond that, outcomes within `span / FINEST`
    of each other are taken to have happened at the first of them, so that memory is bounded
    whatever the traffic.
    """

    __slots__ = ("minimum", "moments", "needs_all", "rate", "reason", "slow", "span", "threshold")

    def __init__(
        self,
        span: float,
        minimum: int,
        rate: float,
        reason: Reason,
        slow: float = float("inf"),
        threshold: int = 0,
    ) -> None:
        self.span = span
        self.minimum = minimum
        self.rate = rate
        self.reason = reason
        self.slow = slow
        self.threshold = threshold
        self.needs_all = not threshold  # a rate is a share of the successes, too
        self.moments: deque[tuple[float, int, int]] = deque()

    def look(self, calls: int, before: int, after: int, now: float, calm: bool) -> int:
        """Compares how many of the outcomes still inside the window are of the counted kind."""
        moments = self.moments
        span = self.span
        if not moments or (
            now != moments[-1][0]
            if len(moments) < FINEST
            else now - moments[-1][0] >= span / FINEST
        ):
            moments.append((now, calls - 1, before))
        # One line: nothing may come between finding the oldest moment too old and dropping it.
        while now - moments[0][0] >= span: moments.popleft()  # fmt: skip  # noqa: E701
        _, calls_then, total_then = moments[0]
        counted = after - total_then
        if not counted:
            return QUIET
        if self.threshold:
            return TRIPPED if counted >= self.threshold else COUNTING
        inside = calls - calls_then
        enough = inside >= self.minimum and counted / inside >= self.rate
        return TRIPPED if enough else COUNTING

    def read(self, calls: int, total: int, now: float) -> tuple[int, int]:
        """Drops what is too old, as `look` does, and counts what is left."""
        moments = self.moments
        while moments and now - moments[0][0] >= self.span: moments.popleft()  # fmt: skip  # noqa: E701
        _, calls_then, total_then = moments[0] if moments else (now, calls, total)
        return calls - calls_then, total - total_then


def windows_for(rules: tuple[TripRule, ...]) -> tuple[Window, ...]:
    """Builds the empty windows of one generation, in the order of the rules."""
    return tuple(_window_for(rule) for rule in rules if not isinstance(rule, ConsecutiveFailures))


def _window_for(rule: FailuresInWindow | FailureRate | SlowCallRate) -> Window:
    if isinstance(rule, FailuresInWindow):
        return TimeWindow(rule.window, 1, 1.0, rule.reason, threshold=rule.threshold)
    slow = rule.slow if isinstance(rule, SlowCallRate) else float("inf")
    if rule.window is not None:
        return TimeWindow(rule.window, rule.minimum_calls, rule.rate, rule.reason, slow)
    assert rule.calls is not None
    return CountWindow(rule.calls, rule.minimum_calls, rule.rate, rule.reason, slow)
