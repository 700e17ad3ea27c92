"""gobreaker v2's breaker (Go), with the words of its settings.

It trips when *more* than so many calls in a row failed: at the sixth by default. Its timeout has
to be *over*. When half open it lets `MaxRequests` calls through in all, and closes after as many
successes in a row. Counts begin anew in each generation, and a result of an earlier one changes
nothing: one before the last change of state, or with an `Interval` before its last end, for that
clears the counts of the closed state again and again. Go knows no cancelled call: whoever leaves
gets an error, which is a failure. `BucketPeriod` is not here. Durations are in seconds.
"""

from __future__ import annotations

from simcb.adapters.protocol import Adapter, Clock, Comparable


class GoBreaker:
    """A breaker by gobreaker's rules.

    Args:
        clock: returns the simulated seconds.
        ConsecutiveFailures: `ReadyToTrip` is true beyond so many failures in a row.
        MaxRequests: calls let through when half open; 0 is one.
        Interval: seconds after which the counts of the closed state are cleared; 0 for never.
        Timeout: seconds it stays open; 0 is a minute.
    """

    def __init__(
        self,
        clock: Clock,
        ConsecutiveFailures: int = 5,
        MaxRequests: int = 0,
        Interval: float = 0.0,
        Timeout: float = 0.0,
    ) -> None:
        self._clock = clock
        self._most_failures = ConsecutiveFailures
        self._most_requests = MaxRequests or 1
        self._interval = max(0.0, Interval)
        self._timeout = Timeout if Timeout > 0 else 60.0
        self._generation = 0
        self._go("closed")

    def _go(self, state: str) -> None:
        self.state = state
        self._renew(self._clock())

    def _renew(self, now: float) -> None:
        """Begin a generation."""
        self._generation += 1
        self._requests = self._failures = self._successes = 0
        self._expiry = now + (self._timeout if self.state == "open" else self._interval)

    def _look(self) -> None:
        """Do what time has brought."""
        now = self._clock()
        if now <= self._expiry:
            return
        if self.state == "open":
            self._go("half_open")
        elif self.state == "closed" and self._interval:
            self._renew(self._expiry)

    def enter(self) -> int | None:
        """Return the generation of the call; None if it is rejected."""
        self._look()
        full = self._requests >= self._most_requests
        if self.state == "open" or (self.state == "half_open" and full):
            return None
        self._requests += 1
        return self._generation

    def leave(self, entry: int, error: BaseException | None) -> None:
        """Count what came of a call of this generation."""
        self._look()
        if entry != self._generation:
            return
        if error is None:
            self._successes, self._failures = self._successes + 1, 0
            if self.state == "half_open" and self._successes >= self._most_requests:
                self._go("closed")
            return
        self._successes, self._failures = 0, self._failures + 1
        if self.state == "half_open" or self._failures > self._most_failures:
            self._go("open")


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {"ConsecutiveFailures": threshold - 1, "Timeout": timeout}


ADAPTER = Adapter(
    "gobreaker",
    GoBreaker,
    "A model of gobreaker v2 (Go).",
    model=True,
    comparable=Comparable(_comparable),
    remark="a caller who leaves counts as a failure",
)
