"""An asyncio event loop whose seconds are those of a scenario."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Waits for a part of the seconds that it is asked to wait for.

    Args:
        scale: how many of them pass in one of the wall clock's.
    """

    def __init__(self, scale: float) -> None:
        super().__init__()
        self._scale = scale

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for what is ready, at most for `timeout` seconds of the scenario."""
        return super().select(None if timeout is None else timeout / self._scale)


class ScaledLoop(asyncio.SelectorEventLoop):
    """A loop in which `scale` seconds pass in one second of the wall clock.

    Whatever asks the loop for the time, or waits on it, lives in those seconds: `asyncio.sleep`,
    timeouts, and the libraries that are made of them.

    Args:
        scale: seconds of the loop in one of the wall clock.
        clock: the wall clock, seconds.
    """

    def __init__(self, scale: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._wall_clock = clock
        self._scale = scale
        self._begin = clock()
        super().__init__(_Selector(scale))

    def time(self) -> float:
        """Return the seconds since the loop was made."""
        return (self._wall_clock() - self._begin) * self._scale


def loop_factory(scale: float) -> Callable[[], Any]:
    """Return what makes a loop of so many seconds in one of the wall clock."""
    return lambda: ScaledLoop(scale)
