"""What the models count calls in."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Totals(NamedTuple):
    """Calls in a window."""

    calls: int
    failed: int
    slow: int


class LastCalls:
    """The last so many calls.

    Args:
        size: how many.
    """

    def __init__(self, size: int) -> None:
        self._calls: deque[tuple[bool, bool]] = deque(maxlen=size)

    def record(self, now: float, failed: bool, slow: bool = False) -> None:
        """Count a call."""
        self._calls.append((failed, slow))

    def totals(self, now: float) -> Totals:
        """Return what is in the window."""
        failed = sum(failed for failed, _ in self._calls)
        return Totals(len(self._calls), failed, sum(slow for _, slow in self._calls))


class Buckets:
    """Calls by the bucket of time in which they ended, the last so many buckets.

    Args:
        width: seconds of a bucket.
        count: buckets of the window.
        begin: when the first bucket began.
        complete: whether the present bucket counts only once it is over.
    """

    def __init__(self, width: float, count: int, begin: float = 0.0, *, complete: bool = False):
        self._width = width
        self._count = count
        self._begin = begin
        self._complete = complete
        self._buckets: deque[list[int]] = deque()

    def index(self, now: float) -> int:
        """Return which bucket a moment is in, counted from 0."""
        return int((now - self._begin) / self._width)

    def record(self, now: float, failed: bool, slow: bool = False) -> None:
        """Count a call."""
        self.add(now, 1, int(failed), int(slow))

    def add(self, now: float, calls: int, failed: int, slow: int = 0) -> None:
        """Count so much in the present bucket."""
        index = self.index(now)
        if not self._buckets or self._buckets[-1][0] != index:
            self._buckets.append([index, 0, 0, 0])
        bucket = self._buckets[-1]
        bucket[1] += calls
        bucket[2] += failed
        bucket[3] += slow

    def totals(self, now: float) -> Totals:
        """Return what is in the window."""
        last = self.index(now) - int(self._complete)
        while self._buckets and self._buckets[0][0] <= last - self._count:
            self._buckets.popleft()
        inside = [each for each in self._buckets if each[0] <= last]
        return Totals(*(sum(each[column] for each in inside) for column in (1, 2, 3)))
