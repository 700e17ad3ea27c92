"""pybreaker 1.4: `call` and the decorator hold a lock while the protected function runs.

It reads `datetime.now(UTC)` when it opens and when a call meets it open; the name is rebound in
its module. The call is held open by `calling()`, which runs the very code of `call` but gives
the lock back before the block: the lock is a turn that a call takes here from its beginning to
its end. So protected calls go one at a time in each process, as they do with the decorator in a
program of threads, and nothing else bounds the probes. A call that is cut short ends with an
exception like any other, and is a failure to it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import BUSY, Adapter, Clock, Comparable, renamed
from simcb.adapters.rebinding import Rebound, virtual_datetime


class PyBreaker:
    """A `pybreaker.CircuitBreaker`, one call at a time.

    Args:
        clock: returns the simulated seconds.
        settings: the constructor's own parameters.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        module = library("pybreaker")
        self._time = Rebound((module, "datetime", virtual_datetime(clock)))
        self._rejection = module.CircuitBreakerError
        self._breaker = module.CircuitBreaker(**settings)
        self._held = False

    @property
    def state(self) -> str:
        """The state that its storage has."""
        return str(self._breaker.current_state).replace("-", "_")

    def enter(self) -> object:
        """Begin a call if no other holds the lock."""
        if self._held:
            return BUSY
        call: AbstractContextManager[None] = self._breaker.calling()
        with self._time:
            try:
                call.__enter__()
            except self._rejection:
                return None
        self._held = True
        return call

    def leave(self, entry: AbstractContextManager[None], error: BaseException | None) -> None:
        """End the call and give the lock back."""
        self._held = False
        with self._time:
            try:
                entry.__exit__(type(error) if error else None, error, None)
            except BaseException as raised:
                if raised is not error and not isinstance(raised, self._rejection):
                    raise

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


ADAPTER = Adapter(
    "pybreaker",
    PyBreaker,
    "pybreaker.CircuitBreaker; reads datetime.now, which is rebound in its module.",
    signature_of("pybreaker", "CircuitBreaker"),
    frozenset({"exclude", "listeners", "state_storage", "name"}),
    package="pybreaker",
    comparable=Comparable(
        renamed("fail_max", "reset_timeout"), no_window="counts failures in a row"
    ),
    remark="holds a lock during the call, so calls of one process go one at a time",
    wall_clock=True,
)
