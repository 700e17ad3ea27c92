"""The breakers that client code makes, written down like the scenario's own.

Those of `simcb.breaker` make their permits themselves; others are heard through `simcb.adapters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from simcb.breaker import CircuitBreaker, CircuitState, Permit, Transition
from simcb.breaker.flights import Grant
from simcb.breaker.machine import Refusal
from simcb.client.answers import CALLER, ClientError
from simcb.trace import STATE_CODE, BreakerInfo
from simcb.world.clock import Clock
from simcb.world.code.hosts import Host
from simcb.world.code.requests import CodeAttempt
from simcb.world.foreign import Counts
from simcb.world.recorder import Recorder
from simcb.world.routing import Guard, LoadBalancer
from simcb.world.streams import AttemptStreams

_HELD: ContextVar[tuple[Permit | HeardCall, int] | None] = ContextVar("simcb.permit", default=None)
"""The permit that the running task got last, and the index of the breaker that gave it."""

MOST_BREAKERS = 1000
"""Breakers written down; code that makes one for each request makes as many as there are."""

_init, _admit = CircuitBreaker.__init__, CircuitBreaker._admit


class HeardCall:
    """A call that another package's breaker has let through.

    Args:
        before: what the task held before.
    """

    def __init__(self, before: tuple[Permit | HeardCall, int] | None) -> None:
        self.settled = False
        self.before = before


class HeardBreaker:
    """Another package's breaker that code has made, as far as it is heard.

    Args:
        name: what it is called.
        breaker: itself, which is kept so that no other takes its place.
    """

    def __init__(self, name: str, breaker: object) -> None:
        self.name = name
        self.breaker = breaker
        self.admitted = self.rejected = self.successes = self.failures = 0

    def snapshot(self) -> Counts:
        """Return what became of its calls."""
        counts = self.admitted, self.rejected, self.successes, self.failures
        return Counts(*counts, ignored=self.admitted - self.successes - self.failures)


class _Permitted(Grant):
    """What an attempt holds whose breaker is the code's own business."""

    def success(self) -> None:
        """Do nothing."""

    def failure(self) -> None:
        """Do nothing."""

    def ignore(self) -> None:
        """Do nothing."""


_PERMITTED = _Permitted()


class CodeGuard(Guard):
    """Lets every attempt pass, and says which of the code's breakers let it.

    Args:
        guards: told which breaker guards which call, by their indexes.
        call: the index of the call.
    """

    def __init__(self, guards: Callable[[int, int], None], call: int) -> None:
        self.index = -1
        self.replica = None
        self._guards = guards
        self._call = call

    def admit(self, balancer: LoadBalancer, node: AttemptStreams, number: int) -> Grant | None:
        """Return a permit for nothing; the index is that of the breaker which let the code pass."""
        held = _HELD.get()
        self.index = -1 if held is None or held[0].settled else held[1]
        if self.index >= 0:
            self._guards(self.index, self._call)
        return _PERMITTED


class _Made(NamedTuple):
    """A breaker that code has made, and its index in the run, -1 if it is not written down."""

    breaker: CircuitBreaker | HeardBreaker
    number: int


class CodeBreakers:
    """The breakers that the code of one run makes.

    Args:
        clock: the run's clock.
        recorder: where transitions are written down.
        current: returns the host whose code is running, if one's is.
        first: the index in the run of the first of them.
        call: the index of the call that a breaker is said to guard which guards none.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        current: Callable[[], Host | None],
        first: int,
        call: int,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._current = current
        self._first = first
        self._call = call
        self._made: dict[int, _Made] = {}
        self._calls: dict[int, int] = {}
        self.count = 0

    def create(self, breaker: CircuitBreaker, *args: Any, **named: Any) -> None:
        """Make a breaker, in the place of its constructor; one of the code's is written down."""
        _init(breaker, *args, **named)
        if self._current() is None:
            return
        index = self._enter(id(breaker), breaker)
        if index >= 0:

            def tell(change: Transition) -> None:
                self._write_change(index, change.before, change.after)

            breaker.add_listener(tell)

    def _write_change(self, index: int, before: CircuitState, after: CircuitState) -> None:
        host = self._current()
        if host is not None:
            with host.outside:
                codes = STATE_CODE[before], STATE_CODE[after]
                self._recorder.transition(self._clock.now, index, *codes)

    def _enter(self, key: int, breaker: CircuitBreaker | HeardBreaker) -> int:
        """Return the index of a new breaker, -1 if it is not written down."""
        index = self._first + self.count if self.count < MOST_BREAKERS else -1
        self.count += 1
        self._made[key] = _Made(breaker, index)
        return index

    def admit(self, breaker: CircuitBreaker, permit: Permit) -> Refusal | None:
        """Ask for a permit, in the place of the method; a rejection is written down."""
        host = self._current()
        if host is None:
            return _admit(breaker, permit)
        made = self._made.get(id(breaker))
        if made is None:
            if host.wires is not None:
                return _admit(breaker, permit)  # It has the machine's clock, which goes on.
            error = ClientError(
                f"the breaker {breaker.name!r} was made before the run, so it has the real clock",
                "make it where the run does: give `module:function` as a text, or a function "
                "that makes the breaker and returns the coroutine function",
            )
            host.halt(error)
            raise error
        refusal = _admit(breaker, permit)
        if refusal is None:
            _HELD.set((permit, made.number))
        else:
            self._write_rejected(made)
        return refusal

    def _write_rejected(self, made: _Made) -> None:
        attempt = CALLER.get(None)
        if isinstance(attempt, CodeAttempt) and made.number >= 0:
            attempt.rejected(self._slot(attempt, made), made.number)

    # What is heard of other packages' breakers; see `simcb.adapters.heard`.

    def made(self, breaker: object, name: str) -> None:
        """Hear that there is a breaker."""
        if self._current() is not None:
            package = type(breaker).__module__.partition(".")[0]
            self._enter(id(breaker), HeardBreaker(name or package, breaker))

    def changed(self, breaker: object, before: str, after: str) -> None:
        """Hear of a change of state, and write it down."""
        made = self._made.get(id(breaker))
        if made is not None and made.number >= 0 and before != after:
            self._write_change(made.number, CircuitState(before), CircuitState(after))

    def passed(self, breaker: object) -> None:
        """Hear that a call was let through."""
        made = self._made.get(id(breaker))
        if self._current() is not None and made is not None:
            assert isinstance(made.breaker, HeardBreaker)
            made.breaker.admitted += 1
            _HELD.set((HeardCall(_HELD.get()), made.number))

    def rejected(self, breaker: object) -> None:
        """Hear that a call was turned away, and write it down."""
        made = self._made.get(id(breaker))
        if self._current() is not None and made is not None:
            assert isinstance(made.breaker, HeardBreaker)
            made.breaker.rejected += 1
            self._write_rejected(made)

    def ended(self, breaker: object, *, good: bool) -> None:
        """Hear how a call has come out that was let through."""
        made, held = self._made.get(id(breaker)), _HELD.get()
        if self._current() is None or made is None:
            return
        assert isinstance(made.breaker, HeardBreaker)
        made.breaker.successes += good
        made.breaker.failures += not good
        if held is not None and isinstance(held[0], HeardCall) and held[1] == made.number:
            held[0].settled = True
            _HELD.set(held[0].before)

    def _slot(self, attempt: CodeAttempt, made: _Made) -> int:
        """Return which of the calls a breaker guards: as it has been seen, or by its name."""
        seen = self._calls.get(made.number)
        places = [site.index for site in attempt.sites]
        slot = places.index(seen) if seen in places else None
        if slot is None:
            slot = attempt.group.calls.get(made.breaker.name, 0)
            self.guards(made.number, places[slot])
        return slot

    def guards(self, breaker: int, call: int) -> None:
        """Take note of the call that a breaker guards: the first that it let through."""
        self._calls.setdefault(breaker, call)

    def written(
        self, names: set[str]
    ) -> Iterator[tuple[int, BreakerInfo, CircuitBreaker | HeardBreaker]]:
        """Yield the breakers that are written down, each with a name that no other has.

        Args:
            names: those that other breakers have.
        """
        numbers: dict[str, int] = {}
        for breaker, index in self._made.values():
            if index < 0:
                continue
            name = breaker.name
            while name in names:
                numbers[breaker.name] = numbers.get(breaker.name, 1) + 1
                name = f"{breaker.name}#{numbers[breaker.name]}"
            names.add(name)
            yield index, BreakerInfo(name, self._calls.get(index, self._call), -1), breaker
