"""Other packages' breakers in somebody's code: heard as they change, turn away and let pass.

Each package has its own way of telling: listeners, a hook, or one place through which every step
goes. Nothing of what its breakers do is changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, Protocol

from simcb.adapters.extra import library

Names = Iterator[tuple[Any, str, object]]
"""(class, name, value) each, for `Rebound`."""


class Ear(Protocol):
    """Whoever hears what breakers do; states go by the shipped breaker's names."""

    def made(self, breaker: object, name: str) -> None:
        """Hear that there is a breaker."""

    def changed(self, breaker: object, before: str, after: str) -> None:
        """Hear of a change of state."""

    def passed(self, breaker: object) -> None:
        """Hear that a call was let through."""

    def rejected(self, breaker: object) -> None:
        """Hear that a call was turned away."""

    def ended(self, breaker: object, *, good: bool) -> None:
        """Hear how a call that was let through has come out."""


def heard(ear: Ear) -> Names:
    """Yield what has to be bound otherwise so that an ear hears the packages installed."""
    for package, names in _WAYS.items():
        if find_spec(package) is not None:
            yield from names(ear)


def _word(state: Any) -> str:
    """Return a state's word: of an enum, of an object with a name or a state, or a text."""
    named = getattr(state, "state", state)
    return str(getattr(named, "name", named)).lower().replace("-", "_").replace("opened", "open")


class _Listener:
    """Hears a breaker of pybreaker or aiobreaker."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear

    def before_call(self, breaker: Any, function: Any, *args: Any, **named: Any) -> None:
        self._ear.passed(breaker)

    def success(self, breaker: Any) -> None:
        self._ear.ended(breaker, good=True)

    def failure(self, breaker: Any, error: BaseException) -> None:
        self._ear.ended(breaker, good=False)

    def state_change(self, breaker: Any, before: Any, after: Any) -> None:
        self._ear.changed(breaker, _word(before), _word(after))


class _AsyncListener:
    """Hears a breaker of asyncbreaker."""

    def __init__(self, ear: Ear) -> None:
        self._listener = _Listener(ear)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        tell = getattr(self._listener, name)

        async def hear(*args: Any, **named: Any) -> None:
            tell(*args, **named)

        return hear


def _with_listener(breakers: Any, listener: object, ear: Ear) -> Names:
    """Yield what gives each new breaker a listener."""
    make = breakers.__init__

    def init(breaker: Any, *args: Any, **named: Any) -> None:
        make(breaker, *args, **named)
        breaker.add_listener(listener)
        ear.made(breaker, breaker.name or "")

    yield breakers, "__init__", init


def _turning_away(opened: Any, ear: Ear, rejection: type[BaseException]) -> Names:
    """Yield what hears an open state turn a call away."""
    before = opened.before_call

    def before_call(state: Any, *args: Any, **named: Any) -> Any:
        try:
            return before(state, *args, **named)
        except rejection as error:
            # pybreaker's runs the probe inside, whose failure comes from further down.
            trace = error.__traceback__ and error.__traceback__.tb_next
            if trace is not None and trace.tb_next is None:
                ear.rejected(state._breaker)
            raise

    yield opened, "before_call", before_call


def _of_pybreaker(ear: Ear) -> Names:
    module = library("pybreaker")
    yield from _with_listener(module.CircuitBreaker, _Listener(ear), ear)
    yield from _turning_away(module.CircuitOpenState, ear, module.CircuitBreakerError)


def _of_aiobreaker(ear: Ear) -> Names:
    module = library("aiobreaker")
    yield from _with_listener(module.CircuitBreaker, _Listener(ear), ear)
    opened = library("aiobreaker.state").CircuitOpenState
    yield from _turning_away(opened, ear, module.CircuitBreakerError)


def _of_asyncbreaker(ear: Ear) -> Names:
    module = library("asyncbreaker")
    yield from _with_listener(module.CircuitBreaker, _AsyncListener(ear), ear)
    opened = library("asyncbreaker.states.open").CircuitOpenState
    before = opened.before_call

    async def before_call(state: Any, *args: Any, **named: Any) -> None:
        try:
            await before(state, *args, **named)
        except library("asyncbreaker.errors").CircuitError:
            ear.rejected(state._breaker)
            raise

    yield opened, "before_call", before_call


def _of_purgatory(ear: Ear) -> Names:
    """Yield what hears the contexts, through which every step of a breaker goes."""
    model = library("purgatory.domain.model")
    context = model.Context
    make, change, begin = context.__init__, context.set_state, context.__enter__
    fail, end = context.handle_exception, context.handle_end_request

    def init(self: Any, *args: Any, **named: Any) -> None:
        make(self, *args, **named)
        ear.made(self, self.name)

    def set_state(self: Any, state: Any) -> None:
        before = self.state
        change(self, state)
        ear.changed(self, _word(before), _word(self.state))

    def enter(self: Any) -> Any:
        try:
            entered = begin(self)
        except model.OpenedState:
            ear.rejected(self)
            raise
        ear.passed(self)
        return entered

    def handle_exception(self: Any, error: BaseException) -> None:
        fail(self, error)
        ear.ended(self, good=False)

    def handle_end_request(self: Any) -> None:
        end(self)
        ear.ended(self, good=True)

    yield context, "__init__", init
    yield context, "__enter__", enter
    for each in (set_state, handle_exception, handle_end_request):
        yield context, each.__name__, each


def _of_nopanic(ear: Ear) -> Names:
    """Yield what hears changes of state; it tells nobody what it turns away."""
    breakers = library("nopanic").CircuitBreaker
    make = breakers.__init__

    def init(breaker: Any, *args: Any, **named: Any) -> None:
        # Its default was taken when it was loaded, before the clock was the run's.
        make(breaker, *args, **{"clock": time.monotonic, **named})
        own = breaker.on_state_change

        def changed(breaker: Any, before: str, after: str) -> None:
            ear.changed(breaker, _word(before), _word(after))
            if own is not None:
                own(breaker, before, after)

        breaker.on_state_change = changed
        ear.made(breaker, getattr(breaker, "name", None) or "")

    yield breakers, "__init__", init


_WAYS: dict[str, Callable[[Ear], Names]] = {
    "pybreaker": _of_pybreaker,
    "aiobreaker": _of_aiobreaker,
    "asyncbreaker": _of_asyncbreaker,
    "purgatory": _of_purgatory,
    "nopanic": _of_nopanic,
}
