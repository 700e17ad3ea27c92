"""nopanic 0.3: a failure rate over a time window in buckets, with an injected clock.

Nothing is rebound. Reading its state makes an open breaker half open at the end of its timeout,
as the next call would.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed


class NoPanic(CoroutineCalls):
    """A `nopanic.circuit_breaker`.

    Args:
        clock: returns the simulated seconds.
        settings: its own parameters.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        module = library("nopanic")
        self._breaker = module.circuit_breaker(clock=clock, name="simulated", **settings)
        super().__init__(lambda: self._breaker.acall(protected), module.CircuitOpen)

    @property
    def state(self) -> str:
        """The state that the next call would see."""
        return str(self._breaker.state)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)

    def listen(self, listener: Callable[[str, str], object]) -> None:
        """Call a function with the old and the new state of every change."""
        self._breaker.on_state_change = lambda _, old, new: listener(old, new)


ADAPTER = Adapter(
    "nopanic",
    NoPanic,
    "nopanic.circuit_breaker; takes a clock.",
    signature_of("nopanic", "circuit_breaker"),
    frozenset({"on", "name", "on_state_change"}),
    package="nopanic",
    comparable=Comparable(
        renamed("min_calls", "reset_timeout"),
        "opens when half of the last 30 s failed, not in a row",
        no_window="its window is of time",
    ),
    remark="a probe that never ends keeps it half open for ever",
)
