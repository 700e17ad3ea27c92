"""interlock-cb 2.8: resilience4j's rules with an injected clock, so that nothing is rebound.

The call goes through `call_async`, never through `with`, whose bookkeeping is a context variable
that all simulated callers would share. `auto_transition` is a timer thread of the machine's own
time, and cannot be had here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable


class _Clock:
    def __init__(self, clock: Clock) -> None:
        self.monotonic = clock


class Interlock(CoroutineCalls):
    """An `interlock.CircuitBreaker`.

    Args:
        clock: returns the simulated seconds.
        window_type: COUNT_BASED or TIME_BASED.
        settings: the other parameters of its `Config`.
    """

    def __init__(self, clock: Clock, window_type: str = "COUNT_BASED", **settings: Any) -> None:
        module = library("interlock")
        kind = library("interlock.window").WindowType[window_type]
        self._breaker = module.CircuitBreaker(
            name="simulated",
            config=module.Config(window_type=kind, **settings),
            clock=_Clock(clock),
        )
        super().__init__(lambda: self._breaker.call_async(protected), module.CircuitOpenError)

    @property
    def state(self) -> str:
        """The state it is in; an open one is half open from the next call on."""
        return str(self._breaker.state)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {
        "window_size": threshold,
        "minimum_number_of_calls": threshold,
        "failure_rate_threshold": 1.0,
        "wait_duration_in_open": timeout,
        "permitted_calls_in_half_open": 1,
    }


def _window(rate: float, calls: int, minimum: int, timeout: float) -> dict[str, object]:
    return {
        "window_size": calls,
        "minimum_number_of_calls": minimum,
        "failure_rate_threshold": rate,
        "wait_duration_in_open": timeout,
    }


ADAPTER = Adapter(
    "interlock-cb",
    Interlock,
    "interlock.CircuitBreaker with its Config; takes a clock.",
    signature_of("interlock", "Config"),
    frozenset({"auto_transition"}),
    package="interlock-cb",
    comparable=Comparable(_comparable, window=_window),
    remark="a probe that never ends keeps it half open for ever",
)
