"""Polly v8's circuit breaker (.NET), with the words of its options.

The failure ratio trips at `>=` and is looked at when a call fails. The sampling duration is kept
in ten windows, each begun by the first call after the one before. At exactly the end of the break
one call passes, and all others are rejected until it ends. Whatever result comes while half open
decides, a late one too; one that comes while open changes nothing. An exception that is not
handled, a cancellation among them, is a success. Durations are in seconds.
"""

from __future__ import annotations

from collections import deque

from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable

_WINDOWS = 10


class Polly:
    """A breaker by Polly's rules.

    Args:
        clock: returns the simulated seconds.
        FailureRatio: share of failed calls from which it opens.
        MinimumThroughput: calls below which it does not open.
        SamplingDuration: seconds that a call counts.
        BreakDuration: seconds it stays open.
    """

    def __init__(
        self,
        clock: Clock,
        FailureRatio: float = 0.1,
        MinimumThroughput: int = 100,
        SamplingDuration: float = 30.0,
        BreakDuration: float = 5.0,
    ) -> None:
        if not 0 <= FailureRatio <= 1:
            raise ValueError("FailureRatio is 0 to 1")
        if MinimumThroughput < 2:
            raise ValueError("MinimumThroughput is 2 or more")
        if min(SamplingDuration, BreakDuration) < 0.5:
            raise ValueError("durations are half a second or more")
        self._clock = clock
        self._ratio = FailureRatio
        self._minimum = MinimumThroughput
        self._sampling = SamplingDuration
        self._break = BreakDuration
        self._windows: deque[list[float]] = deque()
        self._until = 0.0
        self.state = "closed"

    def enter(self) -> object:
        """Let the call through unless it is open, or half open with its one call out."""
        if self.state == "closed":
            return self
        if self.state == "open" and self._clock() >= self._until:
            self.state = "half_open"
            return self
        return None

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count what came of a call, and let it decide if this is half open."""
        failed = isinstance(error, CallFailed)
        if self.state == "half_open":
            if failed:
                self._open()
            else:
                self.state = "closed"
                self._windows.clear()
            return
        calls, failures = self._record(failed)
        bad = calls >= self._minimum and failures / calls >= self._ratio
        if self.state == "closed" and failed and bad:
            self._open()

    def _open(self) -> None:
        self.state, self._until = "open", self._clock() + self._break

    def _record(self, failed: bool) -> tuple[float, float]:
        """Count a call; return the calls and the failures of the sampling duration."""
        now = self._clock()
        if not self._windows or now - self._windows[-1][0] >= self._sampling / _WINDOWS:
            self._windows.append([now, 0, 0])
        self._windows[-1][1] += 1
        self._windows[-1][2] += failed
        while now - self._windows[0][0] >= self._sampling:
            self._windows.popleft()
        return sum(each[1] for each in self._windows), sum(each[2] for each in self._windows)


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {"MinimumThroughput": max(2, threshold), "BreakDuration": max(0.5, timeout)}


ADAPTER = Adapter(
    "polly",
    Polly,
    "A model of Polly v8's circuit breaker (.NET).",
    model=True,
    comparable=Comparable(_comparable, "opens when a tenth of the last 30 s failed, not in a row"),
    remark="a late result decides while it is half open",
)
