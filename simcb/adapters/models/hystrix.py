"""Hystrix's circuit breaker (Java), with the words of its properties.

Every half second the health of the last ten is looked at, in whole half seconds: it opens at
`>=` of a whole percentage, if there were enough calls. Its sleep window has to be *over*; then one
call passes, and whatever result comes while half open decides, a late one too. A cancelled call
reopens it. Closing forgets what was counted. Durations are in milliseconds.
"""

from __future__ import annotations

from simcb.adapters.models.windows import Buckets
from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable


class Hystrix:
    """A breaker by Hystrix's rules.

    Args:
        clock: returns the simulated seconds.
        requestVolumeThreshold: calls below which it does not open.
        errorThresholdPercentage: percent of failed calls from which it opens.
        sleepWindowInMilliseconds: how long it stays open.
        rollingStatsTimeInMilliseconds: how long a call counts.
        healthSnapshotIntervalInMilliseconds: how often that is looked at.
    """

    def __init__(
        self,
        clock: Clock,
        requestVolumeThreshold: int = 20,
        errorThresholdPercentage: int = 50,
        sleepWindowInMilliseconds: float = 5000.0,
        rollingStatsTimeInMilliseconds: float = 10_000.0,
        healthSnapshotIntervalInMilliseconds: float = 500.0,
    ) -> None:
        width = healthSnapshotIntervalInMilliseconds / 1000
        count = int(rollingStatsTimeInMilliseconds / healthSnapshotIntervalInMilliseconds)
        if count < 1:
            raise ValueError("the rolling time is shorter than the interval of snapshots")
        self._clock = clock
        self._volume = requestVolumeThreshold
        self._percentage = errorThresholdPercentage
        self._sleep = sleepWindowInMilliseconds / 1000
        self._width, self._count = width, count
        self.state = "closed"
        self._restart()

    def _restart(self) -> None:
        self._begin = self._clock()
        self._window = Buckets(self._width, self._count, self._begin, complete=True)
        self._seen = 0
        self._opened = 0.0

    def _look(self) -> None:
        """Look at the snapshots since the last time."""
        now = self._clock()
        last = self._window.index(now)
        while self._seen < last:
            # Without a call in between they only grow emptier.
            self._seen = last if self._seen < last - self._count else self._seen + 1
            moment = self._begin + self._seen * self._width
            found = self._window.totals(moment)
            bad = found.calls and int(found.failed / found.calls * 100) >= self._percentage
            if self.state == "closed" and bad and found.calls >= self._volume:
                self.state, self._opened = "open", moment

    def enter(self) -> object:
        """Let the call through unless it is open, or half open with its one call out."""
        self._look()
        if self.state == "closed":
            return self
        if self.state == "open" and self._clock() > self._opened + self._sleep:
            self.state = "half_open"
            return self
        return None

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count what came of a call, and let it decide if this is half open."""
        self._look()
        if error is None or isinstance(error, CallFailed):
            self._window.record(self._clock(), error is not None)
        if self.state != "half_open":
            return
        if error is None:
            self.state = "closed"
            self._restart()
        else:
            self.state, self._opened = "open", self._clock()


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {"requestVolumeThreshold": threshold, "sleepWindowInMilliseconds": timeout * 1000}


ADAPTER = Adapter(
    "hystrix",
    Hystrix,
    "A model of Hystrix's circuit breaker (Java).",
    model=True,
    comparable=Comparable(
        _comparable, "opens when half of the last 10 s failed, looked at every half second"
    ),
    remark="a late result decides while it is half open",
)
