"""`simcb.breaker` itself, through the same three methods as all the others."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable
from typing import Any

from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed
from simcb.breaker import CircuitBreaker, CircuitOpenError, FailureRate, Permit


class Ours:
    """A `simcb.breaker.CircuitBreaker`.

    Args:
        clock: returns the simulated seconds.
        settings: the constructor's own parameters.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        self._breaker = CircuitBreaker(clock=clock, **settings)

    @property
    def state(self) -> str:
        """The state it is in."""
        return self._breaker.state.value

    def enter(self) -> Permit | None:
        """Take a permit, if there is one."""
        try:
            return self._breaker.acquire()
        except CircuitOpenError:
            return None

    def leave(self, entry: Permit, error: BaseException | None) -> None:
        """Settle the permit; a cancellation is neither a success nor a failure."""
        if error is None:
            entry.success()
        elif isinstance(error, CancelledError):
            entry.ignore()
        else:
            entry.failure(error)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)

    def listen(self, listener: Callable[[str, str], object]) -> None:
        """Call a function with the old and the new state of every change."""
        self._breaker.add_listener(lambda each: listener(each.before.value, each.after.value))


def _window(rate: float, calls: int, minimum: int, timeout: float) -> dict[str, object]:
    trip = FailureRate(rate, calls=calls, minimum_calls=minimum)
    return {"trip": trip, "recovery_timeout": timeout}


ADAPTER = Adapter(
    "simcb",
    Ours,
    "simcb.breaker.CircuitBreaker; takes a clock.",
    comparable=Comparable(renamed("failure_threshold", "recovery_timeout"), window=_window),
)
