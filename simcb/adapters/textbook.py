"""The minimal breaker of countless articles, and the commonest mistake made with one.

Written here, so that people see what it does when many callers meet it at once. It reads the
wall clock, as the articles do; in the simulator that never jumps, so that defect is not shown.
"""

from __future__ import annotations

from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed


class Textbook:
    """Counts failures in a row, without a lock, and lets everybody through when half open.

    The count begins anew when it is half open, so it takes as many failures again to open it, and
    a success closes it in whatever state it finds it.

    Args:
        clock: returns the simulated seconds.
        failure_threshold: failures in a row that open it.
        recovery_timeout: seconds after the last failure until it is half open.
    """

    def __init__(
        self, clock: Clock, failure_threshold: int = 5, recovery_timeout: float = 30.0
    ) -> None:
        self._clock = clock
        self._threshold = failure_threshold
        self._timeout = recovery_timeout
        self._failures = 0
        self._failed_at = 0.0
        self.state = "closed"

    def enter(self) -> object:
        """Let the call through unless it is open; after the timeout it is half open."""
        if self.state == "open":
            if self._clock() - self._failed_at < self._timeout:
                return None
            self.state, self._failures = "half_open", 0
        return self

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count what came of a call; a cancellation is an exception like any other to it."""
        if error is None:
            self.state, self._failures = "closed", 0
            return
        self._failures += 1
        self._failed_at = self._clock()
        if self._failures >= self._threshold:
            self.state = "open"


class Unawaited(Textbook):
    """The same around a coroutine function that it does not await.

    The call returns a coroutine at once, which is a success; whatever the coroutine comes to when
    it is awaited, outside, the breaker never hears of. It never opens.
    """

    def enter(self) -> object:
        """Let the call through and count a success."""
        entry = super().enter()
        if entry is not None:
            super().leave(entry, None)
        return entry

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Hear nothing: the result is awaited outside."""


ADAPTER = Adapter(
    "textbook",
    Textbook,
    "The minimal breaker of countless articles, written here; reads the wall clock.",
    comparable=Comparable(
        renamed("failure_threshold", "recovery_timeout"), no_window="counts failures in a row"
    ),
    wall_clock=True,
    remark="lets everything through when half open; a late result counts in whatever state",
)

UNAWAITED = Adapter(
    "unawaited",
    Unawaited,
    "The same around a coroutine function that nobody awaits inside it: the common mistake.",
    comparable=Comparable(
        renamed("failure_threshold", "recovery_timeout"), no_window="counts failures in a row"
    ),
    wall_clock=True,
    remark="never hears how a call ends, so it never opens",
)
