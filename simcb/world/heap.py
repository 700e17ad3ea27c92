"""What is to happen, in order of time, order and turn, and the moment that has come.

A turn is unique, so there is but one order, whatever the heap.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import Any


class Heap:
    """Events by time, order and turn; each is called back with itself when it is due.

    Attributes:
        now: seconds since the start of the run.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._entries: list[tuple[float, int, int, Any]] = []

    def push(self, time: float, order: int, turn: int, event: Any) -> None:
        """Let an event happen at `time`, among others of that moment in its order and turn."""
        heappush(self._entries, (time, order, turn, event))

    def advance(self, until: float) -> None:
        """Let everything happen that is due before `until`, seconds."""
        entries = self._entries
        while entries and entries[0][0] < until:
            self.now, _, _, event = heappop(entries)
            event.callback(event)

    def due(self) -> float:
        """Return when something happens next, seconds; inf if nothing does."""
        return self._entries[0][0] if self._entries else inf

    def clear(self) -> None:
        """Forget what has not happened: the garbage collector sees nothing in a compiled heap."""
        self._entries.clear()
