"""At most so many of the breakers of a service's replicas are open at a time."""

from __future__ import annotations

from collections.abc import Callable

from simcb.breaker import CircuitBreaker, CircuitState, Reason, Transition

_ROUNDING = 1e-9

Write = Callable[[float, str, str], None]


class OpenLimit:
    """Resets a breaker that opens while enough of its like are open.

    What comes to nothing is not told: a breaker that was closed stays so, its counts cleared.

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
            elif change.after is CircuitState.OPEN and self._open(change.at) > self._most():
                refused = change.before
                self._breakers[place].reset()
            else:
                write(change.at, change.before.value, change.after.value)

        return hear

    def add(self, breaker: CircuitBreaker) -> None:
        """Count a breaker among them."""
        self._breakers.append(breaker)

    def _most(self) -> float:
        return self._share * self._replicas() + _ROUNDING

    def _open(self, now: float) -> int:
        """Return how many of the breakers reject calls now."""
        deadlines = (breaker.snapshot().next_probe_at for breaker in self._breakers)
        return sum(deadline is not None and deadline > now for deadline in deadlines)
