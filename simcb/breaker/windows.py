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

FINEST = 10_000
"""How many distinct moments a time window keeps apart before it begins to merge them."""


class Window(Protocol):
    """One rule's memory of the generation."""

    reason: Reason
    slow: float
    """Seconds from which a call is counted; infinite when failures are counted instead."""

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Whether the rule trips at outcome number `calls`.

        Args:
            calls: outcomes of this generation, the present one included.
            before: how many of the counted kind there were before it.
            after: how many there are with it.
            now: seconds, never less than in an earlier question.
        """
        ...


class CountWindow:
    """The last `size` outcomes: a ring of running totals.

    Place k holds the total after outcome k, k + size, …, so the place the present outcome
    will take still holds the total from `size` outcomes ago.
    """

    __slots__ = ("minimum", "rate", "reason", "ring", "size", "slow", "written")

    def __init__(
        self, size: int, minimum: int, rate: float, reason: Reason, slow: float = float("inf")
    ) -> None:
        self.size = size
        self.minimum = minimum
        self.rate = rate
        self.reason = reason
        self.slow = slow
        self.ring = [0] * size
        self.written = -1

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Whether the share of the last `size` outcomes has reached the rate."""
        size = self.size
        ring = self.ring
        last = calls - 1
        # One line: a re-entrant call that has written further must not be written over.
        if last > self.written: ring[last % size], self.written = before, last  # fmt: skip  # noqa: E701
        if calls >= size:
            return (after - ring[calls % size]) / size >= self.rate
        return calls >= self.minimum and after / calls >= self.rate


class TimeWindow:
    """The outcomes less than `span` seconds old: a queue of the totals before each moment.

    The oldest moment still inside says what to subtract. Moments are kept apart exactly
    until there are more than `FINEST` of them; beyond that, outcomes within `span / FINEST`
    of each other are taken to have happened at the first of them, so that memory is bounded
    whatever the traffic.
    """

    __slots__ = ("minimum", "moments", "rate", "reason", "slow", "span", "threshold")

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
        self.moments: deque[tuple[float, int, int]] = deque()

    def trips(self, calls: int, before: int, after: int, now: float) -> bool:
        """Whether enough of the outcomes still inside the window are of the counted kind."""
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
        if self.threshold:
            return counted >= self.threshold
        inside = calls - calls_then
        return inside >= self.minimum and counted / inside >= self.rate


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
