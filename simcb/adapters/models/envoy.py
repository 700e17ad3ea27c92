"""Envoy's outlier detection for one host, with the words of its cluster.

The fifth failure in a row ejects the host at once, for the base time as often as it has been
ejected lately. It comes back by itself, at the first sweep after that time, without a probe: there
is no half open. Each sweep that finds it in takes one off how often. It is meant with
`per_replica: true`: a breaker is one host, and knows no others, so `max_ejection_percent` and the
panic threshold, by which Envoy keeps enough hosts, are not here. A caller who leaves counts as
nothing. Durations are in seconds.
"""

from __future__ import annotations

from simcb.adapters.protocol import Adapter, CallFailed, Clock, Comparable, renamed


class Envoy:
    """A host under Envoy's outlier detection by failures in a row.

    Args:
        clock: returns the simulated seconds.
        consecutive_5xx: failures in a row that eject it.
        interval: seconds from one sweep to the next.
        base_ejection_time: seconds of the first ejection.
        max_ejection_time: the most; that of the base if it is longer.
    """

    def __init__(
        self,
        clock: Clock,
        consecutive_5xx: int = 5,
        interval: float = 10.0,
        base_ejection_time: float = 30.0,
        max_ejection_time: float = 300.0,
    ) -> None:
        if interval <= 0:
            raise ValueError("interval is more than 0")
        self._clock = clock
        self._threshold = consecutive_5xx
        self._interval = interval
        self._base = base_ejection_time
        self._most = max(max_ejection_time, base_ejection_time)
        self._failures = self._times = self._swept = 0
        self._ejected_at = 0.0
        self._state = "closed"

    @property
    def state(self) -> str:
        """`open` while it is ejected."""
        last = int(self._clock() / self._interval)
        while self._swept < last:
            self._swept += 1
            moment = self._swept * self._interval
            if self._state == "closed":
                self._times = max(0, self._times - 1)
                if not self._times:
                    self._swept = last
            elif moment >= self._ejected_at + min(self._base * self._times, self._most):
                self._state, self._failures = "closed", 0
        return self._state

    def enter(self) -> object:
        """Let the call through unless the host is ejected."""
        return None if self.state == "open" else self

    def leave(self, entry: object, error: BaseException | None) -> None:
        """Count a result; a late failure of an ejected host ejects it no further."""
        if error is None:
            self._failures = 0
        elif isinstance(error, CallFailed):
            self._failures += 1
            if self._failures >= self._threshold:
                self._failures = 0
                if self.state == "closed":
                    self._state, self._ejected_at = "open", self._clock()
                    self._times += 1


ADAPTER = Adapter(
    "envoy",
    Envoy,
    "A model of Envoy's outlier detection by failures in a row, for one host (C++).",
    model=True,
    comparable=Comparable(
        renamed("consecutive_5xx", "base_ejection_time"),
        "is open for longer each time, until a sweep every 10 s",
    ),
    remark="comes back without a probe",
)
