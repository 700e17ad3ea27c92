"""purgatory 3.0: a factory of breakers by name, whose state machine reads `time.time()`.

The module `time` is rebound in its domain model. It goes half open strictly after its timeout,
and then lets everything through. Any exception is a failure to it, a cancellation too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library, signature_of
from simcb.adapters.protocol import Adapter, Clock, Comparable, renamed
from simcb.adapters.rebinding import Rebound, VirtualTime

_STATES = {"closed": "closed", "opened": "open", "half-opened": "half_open"}
_NAME = "simulated"


class Purgatory(CoroutineCalls):
    """A breaker of a `purgatory.AsyncCircuitBreakerFactory`.

    Args:
        clock: returns the simulated seconds.
        settings: the factory's own parameters.
    """

    def __init__(self, clock: Clock, **settings: Any) -> None:
        model = library("purgatory.domain.model")
        self._factory = library("purgatory").AsyncCircuitBreakerFactory(**settings)
        self._contexts = self._factory.uow.contexts.breakers
        super().__init__(
            self._factory(_NAME)(protected),
            model.OpenedState,
            Rebound((model, "time", VirtualTime(clock))),
        )

    @property
    def state(self) -> str:
        """The state of its context, which is made with the first call."""
        context = self._contexts.get(_NAME)
        return "closed" if context is None else _STATES[context.state]

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._factory(_NAME)(function)


ADAPTER = Adapter(
    "purgatory",
    Purgatory,
    "purgatory.AsyncCircuitBreakerFactory; reads time.time, which is rebound in its model.",
    signature_of("purgatory", "AsyncCircuitBreakerFactory"),
    frozenset({"exclude", "uow"}),
    package="purgatory",
    comparable=Comparable(
        renamed("default_threshold", "default_ttl"), no_window="counts failures in a row"
    ),
    remark="lets everything through when half open; a late success then closes it",
    wall_clock=True,
)
