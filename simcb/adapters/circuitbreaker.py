"""circuitbreaker 2.1: no lock, no bound on probes, and whatever ends last decides.

It has `monotonic` by that name in its module, which is rebound. `with` never rejects, so the
call goes as the decorator makes it: `opened` is asked first, then the coroutine is awaited inside
the `with`. A cancelled call leaves that with a `CancelledError`, which is no `Exception`: it
counts as a success, and closes the breaker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed
from simcb.adapters.rebinding import Rebound


class CircuitBreaker(CoroutineCalls):
    """A `circuitbreaker.CircuitBreaker` around a coroutine function.

    Args:
        clock: returns the simulated seconds.
        settings: the constructor's own parameters.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        module = library("circuitbreaker")
        self._time = Rebound((module, "monotonic", clock))
        with self._time:
            self._breaker = module.CircuitBreaker(name="simulated", **settings)
        # The decorator would also enter it in a list of the library's that keeps it for ever.
        guarded = self._breaker._decorate_async(protected)
        super().__init__(guarded, module.CircuitBreakerError, self._time)

    @property
    def state(self) -> str:
        """The state it shows, half open from the end of its timeout on."""
        with self._time:
            return str(self._breaker.state)

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


ADAPTER = Adapter(
    "circuitbreaker",
    CircuitBreaker,
    "circuitbreaker.CircuitBreaker; reads monotonic, which is rebound in its module.",
    signature_of("circuitbreaker", "CircuitBreaker"),
    frozenset({"expected_exception", "name", "fallback_function"}),
    package="circuitbreaker",
    comparable=Comparable(
        renamed("failure_threshold", "recovery_timeout"), no_window="counts failures in a row"
    ),
    remark="lets everything through when half open; a late result counts in whatever state",
)
