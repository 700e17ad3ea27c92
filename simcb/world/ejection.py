"""What a caller makes of the breakers of a service's replicas together.

At most so many may be open at a time; when too few are not, all replicas are asked; and one that is
back gets a growing share of its turns.
"""

from __future__ import annotations

from collections.abc import Callable

from simcb.breaker import CircuitBreaker, CircuitState, Reason, Transition
from simcb.breaker.flights import Grant
from simcb.world.clock import Clock

_ROUNDING = 1e-9

Write = Callable[[float, str, str], None]


class OpenLimit:
    """Resets a breaker that opens while enough of its like are open.

    What comes to nothing is not told: a breaker that was closed stays so, its counts cleared. Nor
    does the call feel it at which it would have opened: it is to ask again, see `keeping`. An
    opening that is over at once, as its recovery timeout is 0, is none.

    Args:
        share: of all breakers that may be open.
        replicas: says how many there are of them in rotation.
    """

    def __init__(self, share: float, replicas: Callable[[], int]) -> None:
        self._share = share
        self._replicas = replicas
        self._breakers: list[CircuitBreaker] = []

    def listener(self, write: Write) -> Callable[[Transition], None]:
        """Return the listener of the breaker that is added next; `write` hears what lasts."""
        place = len(self._breakers)
        refused: CircuitState | None = None

        def hear(change: Transition) -> None:
            nonlocal refused
            before, refused = refused, None
            if change.reason is Reason.RESET and before is not None:
                if before is not CircuitState.CLOSED:
                    write(change.at, before.value, change.after.value)
            elif change.after is CircuitState.OPEN and self._is_too_many(place, change.at):
                refused = change.before
                self._breakers[place].reset()
            else:
                write(change.at, change.before.value, change.after.value)

        return hear

    def add(self, breaker: CircuitBreaker) -> None:
        """Count a breaker among them."""
        self._breakers.append(breaker)

    def _is_too_many(self, place: int, now: float) -> bool:
        """Tell whether one that has just opened is one more than may reject calls now."""
        rejecting = [_rejects(breaker, now) for breaker in self._breakers]
        return rejecting[place] and sum(rejecting) > self._share * self._replicas() + _ROUNDING


def _rejects(breaker: CircuitBreaker, now: float) -> bool:
    deadline = breaker.snapshot().next_probe_at
    return deadline is not None and deadline > now


def keeping(breaker: CircuitBreaker) -> Callable[[], Grant | None]:
    """Return what asks a breaker for a call, and again if it was reset while it was asked.

    It has opened when it was asked, of a call in flight or a probe that was out for too long, and
    more were open than may be.
    """

    def ask() -> Grant | None:
        permit = breaker._grant()
        if permit is None and breaker.state is CircuitState.CLOSED:
            permit = breaker._grant()
        return permit

    return ask


class Health:
    """What a caller knows of a service's replicas by its breakers, and what it does about that.

    Args:
        clock: the run's clock.
        replicas: how many there are.
        panic: the share of them that must not be open, or else all are asked; None for none.
        slow_start: seconds in which a replica that is back gets a growing share; None for at once.
    """

    def __init__(
        self, clock: Clock, replicas: int, panic: float | None, slow_start: float | None
    ) -> None:
        self._clock = clock
        self._panic = panic
        self._slow_start = slow_start
        self._until = [0.0] * replicas
        self._latest = 0.0
        self._back: dict[int, float] = {}
        self._credit: dict[int, float] = {}
        self._breakers: dict[int, CircuitBreaker] = {}

    def add(self, place: int, breaker: CircuitBreaker) -> None:
        """Take note of the breaker of a replica."""
        self._breakers[place] = breaker

    def hearing(self, place: int, write: Write) -> Write:
        """Return what hears of a replica's transitions that last, and tells `write` of them."""

        def hear(at: float, before: str, after: str) -> None:
            self._back.pop(place, None)
            deadline = self._breakers[place].snapshot().next_probe_at if after == "open" else None
            self._until[place] = 0.0 if deadline is None else deadline
            self._latest = max(self._latest, self._until[place])
            if after == "closed" and self._slow_start is not None:
                self._back[place], self._credit[place] = at, 0.0
            write(at, before, after)

        return hear

    def is_out(self, place: int) -> bool:
        """Whether a replica's breaker is open, and its deadline still to come."""
        return self._until[place] > self._clock.now

    def panics(self, count: int) -> bool:
        """Whether so few of the first `count` replicas are not open that all are asked."""
        now = self._clock.now
        if self._panic is None or now >= self._latest:
            return False
        well = sum(until <= now for until in self._until[:count])
        return well < self._panic * count - _ROUNDING

    def passes_over(self, place: int) -> bool:
        """Whether a replica that is just back leaves this turn to others.

        Each turn adds the share of its moment to a credit, which a turn that is taken uses up.
        """
        back = self._back.get(place)
        if back is None or self._slow_start is None:
            return False
        age = self._clock.now - back
        if age >= self._slow_start:
            del self._back[place]
            return False
        credit = self._credit[place] + age / self._slow_start
        over = credit < 1.0 - _ROUNDING
        self._credit[place] = credit if over else credit - 1.0
        return over
