"""nopanic 0.3: a failure rate over a time window in buckets, with an injected clock.

Nothing is rebound. Reading its state makes an open breaker half open at the end of its timeout,
as the next call would.
"""

from __future__ import annotations

from inspect import Signature, signature
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library
from simcb.adapters.protocol import Adapter, Clock, Comparable


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


def _signature() -> Signature:
    return signature(library("nopanic").circuit_breaker)


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {"min_calls": threshold, "reset_timeout": timeout}


ADAPTER = Adapter(
    "nopanic",
    NoPanic,
    "nopanic.circuit_breaker; takes a clock.",
    _signature,
    frozenset({"on", "name", "on_state_change"}),
    package="nopanic",
    comparable=Comparable(_comparable, "opens when half of the last 30 s failed, not in a row"),
    remark="a probe that never ends keeps it half open for ever",
)
