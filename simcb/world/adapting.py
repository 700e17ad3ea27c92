"""Limits of how many attempts are under way at once that adapt themselves, at work.

They move when an attempt leaves, so they need no events of their own. The rules are written down
in `simcb.scenario.adapting`.
"""

from __future__ import annotations

from math import ceil, inf, sqrt

from simcb.scenario.adapting import Aimd, Gradient, Limit, MinRtt

ANSWERED = 0
DROPPED = 1
NEITHER = 2
"""What became of an attempt, for a limit: answered well, not or turned away, or it says nothing."""

_WARM_UP = 10  # windows of which the long-run mean is the plain mean
_ROUNDING = 1e-9
_LEAST_IN_A_ROW = 5  # windows at the least limit after which it measures anew


class Adapting:
    """A limit that moves once in a window of answers.

    Args:
        spec: the rule.
        initial: the limit at the beginning.
        window, samples: a window lasts so many seconds, and until it has so many samples.
    """

    def __init__(self, spec: Limit, initial: float, window: float, samples: int) -> None:
        self.limit = initial
        self._least, self._most = spec.least, spec.most
        self._window, self._samples = window, samples
        self._open(0.0, 0)

    def _open(self, now: float, inside: int) -> None:
        """Begin a window with so many attempts under way."""
        self._begun = now
        self._times: list[float] = []
        self._drops = 0
        self._peak = inside

    def places(self, now: float) -> int:
        """Return how many attempts may be under way at `now`."""
        return int(self.limit)

    def entered(self, inside: int) -> None:
        """Take note that so many are under way now that one more is."""
        if inside > self._peak:
            self._peak = inside

    def left(self, now: float, since: float, how: int, inside: int) -> None:
        """Take note that one which began at `since` has left, and `inside` others are there."""
        if how == NEITHER:
            return
        if how == DROPPED:
            self._drops += 1
        else:
            self._times.append(now - since)
        if now - self._begun >= self._window and len(self._times) + self._drops >= self._samples:
            self._move()
            self._open(now, inside)

    def _move(self) -> None:
        """Move the limit after a window."""
        raise NotImplementedError

    def _bound(self, limit: float) -> float:
        return max(self._least, min(self._most, limit))

    def _mean(self) -> float:
        return sum(self._times) / len(self._times)


class Sawtooth(Adapting):
    """A limit that grows by one and shrinks by a part.

    Args:
        spec: the rule.
    """

    def __init__(self, spec: Aimd) -> None:
        super().__init__(spec, spec.initial, spec.window, spec.samples)
        self._backoff = spec.backoff
        self._target = inf if spec.target is None else spec.target

    def _move(self) -> None:
        if self._drops or self._mean() > self._target:
            self.limit = self._bound(int(self.limit * self._backoff))
        elif 2 * self._peak >= self.limit:
            self.limit = self._bound(self.limit + 1)


class Slope(Adapting):
    """A limit that follows the long run's times over those of now.

    Args:
        spec: the rule.
    """

    def __init__(self, spec: Gradient) -> None:
        super().__init__(spec, spec.initial, spec.window, spec.samples)
        self._spec = spec
        self._usual = 0.0
        self._seen = 0

    def _move(self) -> None:
        if not self._times:
            return
        spec, short = self._spec, self._mean()
        self._seen += 1
        weight = 1.0 / self._seen if self._seen <= _WARM_UP else 2.0 / (spec.memory + 1)
        self._usual += (short - self._usual) * weight
        usual = self._usual
        if usual > 2.0 * short:
            self._usual *= 0.95
        if 2 * self._peak < self.limit:
            return
        gradient = max(0.5, min(1.0, spec.tolerance * usual / short)) if short > 0.0 else 1.0
        goal = self.limit * gradient + spec.headroom
        self.limit = self._bound(self.limit * (1.0 - spec.smoothing) + goal * spec.smoothing)


class Probing(Adapting):
    """A limit that follows the times measured with few under way over those of now.

    Args:
        spec: the rule.
    """

    def __init__(self, spec: MinRtt) -> None:
        super().__init__(spec, spec.least, spec.window, 1)
        self._spec = spec
        self._probe_at = 0.0
        self._probed: list[float] = []
        self._usual = 0.0
        self._in_a_row = 0

    def places(self, now: float) -> int:
        """Return how many attempts may be under way at `now`: few while it measures."""
        return self._least if now >= self._probe_at else int(self.limit)

    def left(self, now: float, since: float, how: int, inside: int) -> None:
        """Take note of one that has left: for the measurement, or as one of the window."""
        if now < self._probe_at:
            super().left(now, since, how, inside)
            if self._in_a_row >= _LEAST_IN_A_ROW:
                self._in_a_row = 0
                self._probe_at = now
        elif how == ANSWERED and since >= self._probe_at:
            self._probed.append(now - since)
            if len(self._probed) >= self._spec.probes:
                self._usual = self._percentile(self._probed)
                self._probed = []
                self._probe_at = now + self._spec.every
                self._open(now, inside)

    def _move(self) -> None:
        if not self._times:
            return
        times = self._percentile(self._times)
        usual = self._usual * (1.0 + self._spec.buffer)
        gradient = max(0.5, min(2.0, usual / times)) if times > 0.0 else 2.0
        limit = self.limit * gradient
        self.limit = int(self._bound(limit + sqrt(limit)))
        self._in_a_row = self._in_a_row + 1 if self.limit == self._least else 0

    def _percentile(self, times: list[float]) -> float:
        # Nine tenths of ten are nine, though they may come out as a little more.
        return sorted(times)[max(1, ceil(self._spec.percentile * len(times) - _ROUNDING)) - 1]


def adapting(spec: Limit) -> Adapting:
    """Return a limit at work."""
    if isinstance(spec, Aimd):
        return Sawtooth(spec)
    if isinstance(spec, Gradient):
        return Slope(spec)
    if isinstance(spec, MinRtt):
        return Probing(spec)
    raise TypeError(f"limit of kind {spec.kind} has no rule")
