"""opossum's circuit breaker (JavaScript), with the words of its options.

It opens when *more* than its percentage failed, looked at when a call fails. What it divides by
are the calls that were asked for, rejected ones included, in ten buckets of a second. At exactly
the end of its timeout it is half open, and one call passes; whatever result comes then decides, a
late one too. Its own timeout is the call's here. A promise cannot be cancelled: whoever leaves is
not heard of. Durations are in milliseconds.
"""

from __future__ import annotations

from simcb.adapters.models.windows import Buckets
from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable


class Opossum:
    """A breaker by opossum's rules.

    Args:
        clock: returns the simulated seconds.
        errorThresholdPercentage: percent of failed calls beyond which it opens.
        resetTimeout: milliseconds it stays open.
        volumeThreshold: calls below which it does not open.
        rollingCountTimeout: milliseconds that a call counts.
        rollingCountBuckets: buckets of that.
    """

    def __init__(
        self,
        clock: Clock,
        errorThresholdPercentage: float = 50.0,
        resetTimeout: float = 30_000.0,
        volumeThreshold: int = 0,
        rollingCountTimeout: float = 10_000.0,
        rollingCountBuckets: int = 10,
    ) -> None:
        if rollingCountBuckets < 1:
            raise ValueError("rollingCountBuckets is 1 or more")
        self._clock = clock
        self._percentage = errorThresholdPercentage
        self._timeout = resetTimeout / 1000
        self._volume = volumeThreshold
        width = rollingCountTimeout / 1000 / rollingCountBuckets
        self._window = Buckets(width, rollingCountBuckets, clock())
        self._opened = 0.0
        self._state = "closed"
        self._pending = False

    @property
    def state(self) -> str:
        """The state; a timer makes an open one half open."""
        if self._state == "open" and self._clock() >= self._opened + self._timeout:
            self._state, self._pending = "half_open", True
        return self._state

    def enter(self) -> object:
        """Let the call through if it is closed, or half open and this is the first."""
        self._window.add(self._clock(), 1, 0)
        if self.state != "closed" and not self._pending:
            return None
        self._pending = False
        return self

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count what came of a call, and let it decide if this is half open."""
        half_open = self.state == "half_open"
        if error is None:
            if half_open:
                self._state, self._pending = "closed", False
            return
        if not isinstance(error, CallFailed):
            return
        now = self._clock()
        self._window.add(now, 0, 1)
        found = self._window.totals(now)
        if found.calls < self._volume and not half_open:
            return
        share = found.failed / found.calls * 100 if found.calls else 100.0
        if half_open or (share > self._percentage and self._state != "open"):
            self._state, self._pending, self._opened = "open", False, now


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {"volumeThreshold": threshold, "resetTimeout": timeout * 1000}


ADAPTER = Adapter(
    "opossum",
    Opossum,
    "A model of opossum's circuit breaker (JavaScript).",
    model=True,
    comparable=Comparable(_comparable, "opens when more than half of the last 10 s failed"),
    remark="a cancelled probe keeps it half open for ever",
)
