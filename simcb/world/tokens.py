"""A token bucket that is filled at a rate, as time goes on."""

from __future__ import annotations

_WHOLE = 1.0 - 1e-9
"""What counts as a whole token: ten tenths, added one by one, are a little less than one."""


class Tokens:
    """`rate` tokens come a second, and `burst` at most are kept, as many as at first.

    Tokens may be taken before they have come; those who take them wait that long.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = self._level = burst
        self._filled = 0.0

    def take_over(self, before: Tokens, now: float) -> None:
        """Begin at `now` with the tokens that another bucket then has, as far as there is room."""
        self._level = min(self._burst, before._level_at(now))
        self._filled = now

    def _level_at(self, now: float) -> float:
        return min(self._burst, self._level + (now - self._filled) * self._rate)

    def due_in(self, now: float) -> float:
        """Return after how many seconds there is a token; 0 if there is one at `now`."""
        level = self._level_at(now)
        return 0.0 if level >= _WHOLE else (1.0 - level) / self._rate

    def take(self, now: float) -> None:
        """Take the next token."""
        self._level = self._level_at(now) - 1.0
        self._filled = now
