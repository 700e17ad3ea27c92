"""asyncbreaker 2.1: aiobreaker's states with asynchronous storage; nothing bounds its probes.

It reads `datetime.now(timezone.utc)` in one module, where the name is rebound. Its timeout is a
`timedelta`: a file gives seconds. A late failure counts in the state that its call began in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed
from simcb.adapters.rebinding import Rebound, virtual_datetime


class AsyncBreaker(CoroutineCalls):
    """An `asyncbreaker.CircuitBreaker`.

    Args:
        clock: returns the simulated seconds.
        timeout_duration: how long it stays open, seconds; a minute if None.
        settings: the constructor's other parameters.
    """

    def __init__(
        self, clock: Clock, timeout_duration: float | None = None, **settings: Any
    ) -> None:
        module = library("asyncbreaker")
        if timeout_duration is not None:
            settings["timeout_duration"] = timedelta(seconds=timeout_duration)
        self._storage = module.MemoryStorage()
        self._breaker = module.CircuitBreaker(state_storage=self._storage, **settings)
        time = Rebound((library("asyncbreaker.timeutils"), "datetime", virtual_datetime(clock)))
        super().__init__(lambda: self._breaker.call(protected), module.CircuitError, time)

    @property
    def state(self) -> str:
        """The state that its storage has."""
        return str(self._storage.constructor_state_hint)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


ADAPTER = Adapter(
    "asyncbreaker",
    AsyncBreaker,
    "asyncbreaker.CircuitBreaker; reads datetime.now, which is rebound in its module.",
    signature_of("asyncbreaker", "CircuitBreaker"),
    frozenset({"exclude", "listeners", "state_storage", "name"}),
    package="asyncbreaker",
    comparable=Comparable(
        renamed("fail_max", "timeout_duration"), no_window="counts failures in a row"
    ),
    remark="lets everything through when half open",
    wall_clock=True,
)
