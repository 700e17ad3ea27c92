"""aiobreaker 1.2: pybreaker's states for coroutines, without its lock, so nothing bounds probes.

It reads `datetime.utcnow()` where it opens and where a call meets it open, and `datetime.now()`
for what it tells of itself; the name is rebound in both of its modules. Its timeout is a
`timedelta`: a file gives seconds. A cancelled call is neither a success nor a failure to it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed
from simcb.adapters.rebinding import Rebound, virtual_datetime


class AioBreaker(CoroutineCalls):
    """An `aiobreaker.CircuitBreaker`.

    Args:
        clock: returns the simulated seconds.
        timeout_duration: how long it stays open, seconds; a minute if None.
        settings: the constructor's other parameters.
    """

    def __init__(
        self, clock: Clock, timeout_duration: float | None = None, **settings: Any
    ) -> None:
        module, now = library("aiobreaker"), virtual_datetime(clock)
        if timeout_duration is not None:
            settings["timeout_duration"] = timedelta(seconds=timeout_duration)
        self._breaker = module.CircuitBreaker(**settings)
        time = Rebound(
            (library("aiobreaker.circuitbreaker"), "datetime", now),
            (library("aiobreaker.state"), "datetime", now),
        )
        super().__init__(
            lambda: self._breaker.call_async(protected), module.CircuitBreakerError, time
        )

    @property
    def state(self) -> str:
        """The state that its storage has."""
        return str(self._breaker.current_state.name).lower()

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


ADAPTER = Adapter(
    "aiobreaker",
    AioBreaker,
    "aiobreaker.CircuitBreaker; reads datetime.utcnow, which is rebound in its modules.",
    signature_of("aiobreaker", "CircuitBreaker"),
    frozenset({"exclude", "listeners", "state_storage", "name"}),
    package="aiobreaker",
    comparable=Comparable(
        renamed("fail_max", "timeout_duration"), no_window="counts failures in a row"
    ),
    remark="lets everything through when half open",
    wall_clock=True,
)
