"""pyresilience 0.4: the decorator `resilient` with its circuit breaker and nothing else.

The breaker reads `_monotonic`, its executor `time.monotonic` for slow calls; both are rebound.
What a call comes to counts in whatever state it finds, and a cancelled call counts as nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable
from simcb.adapters.rebinding import Rebound, VirtualTime


class PyResilience(CoroutineCalls):
    """A coroutine function decorated by `pyresilience.resilient`.

    Args:
        clock: returns the simulated seconds.
        settings: the parameters of its `CircuitBreakerConfig`.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        module = library("pyresilience")
        self._decorate = module.resilient(circuit_breaker=module.CircuitBreakerConfig(**settings))
        guarded = self._decorate(protected)
        self._breaker = guarded._executor._circuit_breaker
        self._time = Rebound(
            (library("pyresilience._circuit_breaker"), "_monotonic", clock),
            (library("pyresilience._executor"), "time", VirtualTime(clock)),
        )
        super().__init__(guarded, module.CircuitOpenError, self._time)

    @property
    def state(self) -> str:
        """The state; reading it makes an open one half open at the end of its timeout."""
        with self._time:
            return str(self._breaker.state.value)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._decorate(function)


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {
        "failure_threshold": threshold,
        "recovery_timeout": timeout,
        "success_threshold": 1,
    }


def _window(rate: float, calls: int, minimum: int, timeout: float) -> dict[str, object]:
    return {
        "sliding_window_size": calls,
        "minimum_calls": minimum,
        "failure_rate_threshold": rate,
        "recovery_timeout": timeout,
    }


ADAPTER = Adapter(
    "pyresilience",
    PyResilience,
    "pyresilience.resilient with a CircuitBreakerConfig; reads monotonic, rebound in its modules.",
    signature_of("pyresilience", "CircuitBreakerConfig"),
    frozenset({"error_types", "ignore_on"}),
    package="pyresilience",
    comparable=Comparable(_comparable, window=_window),
    remark="lets everything through when half open; a late result counts in whatever state",
)
