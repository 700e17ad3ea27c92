"""Closed loops: virtual users who wait for an answer, think, and ask again.

A load test of so many users asks less as soon as answers are slow, which no rate says. It is one
where nearly all users are in the midst of what they do all the time; a test at a given rate has
more of them than it needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcb.measurements.shapes import rounded
from simcb.measurements.values import Users
from simcb.scenario.units import LONGEST_DURATION, format_duration

_NEARLY_ALL = 0.9
"""The share of all users from which on a loop is shown to be closed."""

_PARALLEL = 0.05
"""By which part of a user's cycle its answers may take longer than it, by what rounding does."""

_NO_THINK = 0.01
"""The part of a user's cycle below which it does not think."""


@dataclass(frozen=True)
class Loop:
    """What is known of users who may wait for each other's answers.

    Args:
        counted: how many there were, and how many were active.
        rate: requests per second, of all of them.
        held: mean seconds of an answer.
    """

    counted: Users
    rate: float
    held: float

    @property
    def active(self) -> float:
        """How many were in the midst of an iteration on average: at least those who waited."""
        return min(max(self.counted.active or 0.0, self.rate * self.held), self.counted.most)

    @property
    def users(self) -> int:
        """How many users make the same of it."""
        return max(1, round(self.active))

    @property
    def think(self) -> float:
        """Seconds from an answer to the next request, so that the rate is the measured one."""
        cycle = self.users / self.rate
        think = cycle - self.held
        return min(think, LONGEST_DURATION) if think >= _NO_THINK * cycle else 0.0

    @property
    def parallel(self) -> bool:
        """Whether a user waits for several answers at a time, which no user of a scenario does."""
        return self.rate * self.held > (1.0 + _PARALLEL) * (self.counted.active or self.active)

    @property
    def shown(self) -> bool:
        """Whether the data show that it is closed."""
        return self.active >= _NEARLY_ALL * self.counted.most and not self.parallel

    @property
    def words(self) -> dict[str, object]:
        """The arrivals of a scenario that say it; the pauses' spread is unknown, so exponential."""
        mean = format_duration(rounded(self.think, 4))
        think: object = {"kind": "exponential", "mean": mean} if self.think else "0s"
        return {"kind": "closed", "users": self.users, "think": think}

    @property
    def why(self) -> str:
        """Whether it is closed, and by what one knows, in a sentence."""
        most, known = f"{self.counted.most:,}", self.counted.active is not None
        how = self.counted.how if known else "requests per second times their mean time"
        least = "" if known else "at least "
        told = f"{least}{self.active:.3g} of {most} virtual users were active on average ({how})"
        if self.parallel:
            waited = f"{self.rate * self.held:.3g}"
            return f"{told}, and waited for {waited} answers: no closed loop of one after the other"
        return f"{told}: {'a closed loop' if self.shown else 'no closed loop is shown by that'}"

    @property
    def check(self) -> str:
        """What the loop comes to: users divided by the time of their cycle, as a formula."""
        cycle = self.think + self.held
        times = f"{rounded(self.think, 3):g} s + {rounded(self.held, 3):g} s"
        return (
            f"{self.users:,} / ({times}) = {self.users / cycle:.4g}/s, {self.rate:.4g}/s measured"
        )
