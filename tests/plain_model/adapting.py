"""Limits that adapt themselves, told from their whole history whenever they are asked.

A history is a list of moments at which one came in, and at which one went out: since when it was
in, and how it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import NamedTuple

from simcb.outcomes import AttemptOutcome
from simcb.scenario.adapting import Aimd, Gradient, Limit, MinRtt


class Out(NamedTuple):
    """One that went out at `at`: `good` is None if it says nothing."""

    at: float
    since: float
    good: bool | None


def heard(outcome: AttemptOutcome) -> bool | None:
    """Return what an outcome says to its caller's limit."""
    match outcome:
        case AttemptOutcome.OK:
            return True
        case AttemptOutcome.TIMEOUT | AttemptOutcome.REFUSED | AttemptOutcome.THROTTLED:
            return False
    return None


@dataclass
class Window:
    """What happened since the limit last moved."""

    begun: float = 0.0
    inside: int = 0
    peak: int = 0
    drops: int = 0
    times: tuple[float, ...] = ()

    @property
    def mean(self) -> float:
        """The mean time of its answers."""
        return sum(self.times) / len(self.times)

    def after(self, now: float) -> Window:
        """Return the window that follows it."""
        return Window(now, self.inside, self.inside)


class Learner:
    """A limit and all that has happened to it."""

    def __init__(self, rule: Limit) -> None:
        self.rule = rule
        self.history: list[Out | None] = []
        self.read: tuple[int, int] = (-1, 0)  # how long it was when it was last read; the limit

    def come_in(self) -> None:
        """Remember that one came in."""
        self.history.append(None)

    def go_out(self, at: float, since: float, good: bool | None) -> None:
        """Remember that one went out."""
        self.history.append(Out(at, since, good))

    @property
    def inside(self) -> int:
        """How many are inside."""
        went_out = sum(event is not None for event in self.history)
        return len(self.history) - 2 * went_out

    def limit(self, now: float) -> int:
        """Return the limit at this moment."""
        if isinstance(self.rule, MinRtt):
            return self.probing(self.rule, now)
        if self.read[0] != len(self.history):
            match self.rule:
                case Aimd() as aimd:
                    limit = self.sawtooth(aimd)
                case Gradient() as gradient:
                    limit = self.slope(gradient)
                case _:
                    raise TypeError(self.rule)
            self.read = len(self.history), limit
        return self.read[1]

    def windows(self, length: float, samples: int) -> list[Window]:
        """Return all windows that are over, in their order."""
        over, window = [], Window()
        for event in self.history:
            if self.notice(window, event) and event is not None:
                long_enough = event.at - window.begun >= length
                if long_enough and window.drops + len(window.times) >= samples:
                    over.append(window)
                    window = window.after(event.at)
        return over

    def notice(self, window: Window, event: Out | None) -> bool:
        """Add an event to a window; tell whether it may end it."""
        if event is None:
            window.inside += 1
            window.peak = max(window.peak, window.inside)
            return False
        window.inside -= 1
        if event.good is None:
            return False
        if event.good:
            window.times += (event.at - event.since,)
        else:
            window.drops += 1
        return True

    def sawtooth(self, rule: Aimd) -> int:
        """One more after a good window, a part of it after a bad one."""
        limit = rule.initial
        for window in self.windows(rule.window, rule.samples):
            slow = bool(window.times) and rule.target is not None and window.mean > rule.target
            if window.drops or slow:
                limit = int(limit * rule.backoff)
            elif window.peak >= limit / 2:
                limit += 1
            limit = min(max(limit, rule.least), rule.most)
        return limit

    def slope(self, rule: Gradient) -> int:
        """Follow the long run over the short run."""
        limit, usual = float(rule.initial), 0.0
        measured = [w for w in self.windows(rule.window, rule.samples) if w.times]
        for nth, window in enumerate(measured, start=1):
            part = 1.0 / nth if nth <= 10 else 2.0 / (rule.memory + 1)
            usual += (window.mean - usual) * part
            before = usual
            usual *= 0.95 if before > 2.0 * window.mean else 1.0
            if window.peak >= limit / 2:
                ratio = rule.tolerance * before / window.mean if window.mean else 1.0
                goal = limit * min(max(ratio, 0.5), 1.0) + rule.headroom
                limit = limit * (1.0 - rule.smoothing) + goal * rule.smoothing
                limit = min(max(limit, rule.least), rule.most)
        return int(limit)

    def probing(self, rule: MinRtt, now: float) -> int:
        """Follow what was measured with few inside over what is seen now."""
        limit, probe_at, usual, in_a_row = rule.least, 0.0, 0.0, 0
        probed: list[float] = []
        window = Window()
        for event in self.history:
            if event is not None and event.at >= probe_at:
                window.inside -= 1
                if event.good and event.since >= probe_at:
                    probed.append(event.at - event.since)
                if len(probed) == rule.probes:
                    usual, probed = percentile(probed, rule.percentile), []
                    probe_at = event.at + rule.every
                    window = window.after(event.at)
            elif self.notice(window, event) and event is not None:
                if event.at - window.begun >= rule.window:
                    if window.times:
                        seen = percentile(window.times, rule.percentile)
                        ratio = usual * (1.0 + rule.buffer) / seen if seen else 2.0
                        goal = limit * min(max(ratio, 0.5), 2.0)
                        limit = int(min(max(goal + sqrt(goal), rule.least), rule.most))
                        in_a_row = in_a_row + 1 if limit == rule.least else 0
                    window = window.after(event.at)
                if in_a_row == 5:
                    in_a_row, probe_at = 0, event.at
        return rule.least if now >= probe_at else limit


def percentile(values: list[float] | tuple[float, ...], share: float) -> float:
    """Return the least value that so many are not above."""
    rank = max(1, ceil(share * len(values) - 1e-9))
    return sorted(values)[rank - 1]
