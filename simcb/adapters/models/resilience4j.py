"""resilience4j's state machine (Java), with the words of its configuration.

Rates trip at `>=`, also when a success fills the minimum; a call is slow if it took *more* than
its threshold; the wait in the open state has to be *over*, so at exactly its end a call is still
rejected. When half open so many calls are permitted in all, and their rates decide. A late
result counts in the state that it finds: one of before the opening is taken for a probe's.
A minimum of calls above a count window is clamped to it, without a word. An ignored call gives
its permission back. Rates are in percent, durations in milliseconds.
"""

from __future__ import annotations

from simcb.adapters.models.windows import Buckets, LastCalls, Totals
from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable


class Resilience4j:
    """A breaker by resilience4j's rules.

    Args:
        clock: returns the simulated seconds.
        failureRateThreshold: percent of failed calls from which it opens.
        slowCallRateThreshold: percent of slow calls from which it opens.
        slowCallDurationThreshold: milliseconds that a call has to exceed to be slow.
        slidingWindowType: COUNT_BASED or TIME_BASED.
        slidingWindowSize: calls, or seconds.
        minimumNumberOfCalls: calls below which it does not open.
        permittedNumberOfCallsInHalfOpenState: calls let through when half open, in all.
        waitDurationInOpenState: milliseconds it stays open.
        maxWaitDurationInHalfOpenState: milliseconds it stays half open at most; 0 for ever.
    """

    def __init__(
        self,
        clock: Clock,
        failureRateThreshold: float = 50.0,
        slowCallRateThreshold: float = 100.0,
        slowCallDurationThreshold: float = 60_000.0,
        slidingWindowType: str = "COUNT_BASED",
        slidingWindowSize: int = 100,
        minimumNumberOfCalls: int = 100,
        permittedNumberOfCallsInHalfOpenState: int = 10,
        waitDurationInOpenState: float = 60_000.0,
        maxWaitDurationInHalfOpenState: float = 0.0,
    ) -> None:
        if slidingWindowType not in ("COUNT_BASED", "TIME_BASED"):
            raise ValueError("slidingWindowType is COUNT_BASED or TIME_BASED")
        for rate in (failureRateThreshold, slowCallRateThreshold):
            if not 0 < rate <= 100:
                raise ValueError("a rate threshold is more than 0 and at most 100 percent")
        sizes = slidingWindowSize, minimumNumberOfCalls, permittedNumberOfCallsInHalfOpenState
        if min(sizes) < 1 or waitDurationInOpenState < 1:
            raise ValueError("sizes, numbers of calls and the wait are 1 or more")
        self._clock = clock
        self._rates = failureRateThreshold / 100, slowCallRateThreshold / 100
        self._slow = slowCallDurationThreshold / 1000
        self._counted = slidingWindowType == "COUNT_BASED"
        self._size = slidingWindowSize
        self._minimum = minimumNumberOfCalls
        if self._counted:
            self._minimum = min(minimumNumberOfCalls, slidingWindowSize)
        self._permitted = permittedNumberOfCallsInHalfOpenState
        self._wait = waitDurationInOpenState / 1000
        self._most_half_open = maxWaitDurationInHalfOpenState / 1000
        self._go("closed")

    def _go(self, state: str) -> None:
        self.state = state
        self._since = self._clock()
        self._left = self._permitted
        if state == "half_open":
            self._window: LastCalls | Buckets = LastCalls(self._permitted)
        elif state == "closed":
            self._window = LastCalls(self._size) if self._counted else Buckets(1.0, self._size)

    def enter(self) -> float | None:
        """Return when the call began; None if it is not permitted."""
        now = self._clock()
        if self.state == "half_open" and 0 < self._most_half_open < now - self._since:
            ended = self._since + self._most_half_open
            self._go("open")
            self._since = ended
        if self.state == "open":
            if now <= self._since + self._wait:
                return None
            self._go("half_open")
        if self.state == "half_open":
            if not self._left:
                return None
            self._left -= 1
        return now

    def leave(self, entry: float, error: BaseException | None) -> None:
        """Count what came of a call in the state that it finds."""
        if error is not None and not isinstance(error, CallFailed):
            if self.state == "half_open":
                self._left = min(self._left + 1, self._permitted)
            return
        now = self._clock()
        self._window.record(now, error is not None, now - entry > self._slow)
        if self.state == "open":
            return
        least = self._permitted if self.state == "half_open" else self._minimum
        found = self._window.totals(now)
        if found.calls < least:
            return
        if self._exceeded(found):
            self._go("open")
        elif self.state == "half_open":
            self._go("closed")

    def _exceeded(self, found: Totals) -> bool:
        failed, slow = found.failed / found.calls, found.slow / found.calls
        return failed >= self._rates[0] or slow >= self._rates[1]


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {
        "failureRateThreshold": 100,
        "slidingWindowSize": threshold,
        "minimumNumberOfCalls": threshold,
        "permittedNumberOfCallsInHalfOpenState": 1,
        "waitDurationInOpenState": timeout * 1000,
    }


ADAPTER = Adapter(
    "resilience4j",
    Resilience4j,
    "A model of resilience4j's state machine (Java).",
    model=True,
    comparable=Comparable(_comparable),
    remark="a late result is taken for a probe's",
)
