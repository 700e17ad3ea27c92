"""Another package's breaker in the world: asked for permits like the shipped one.

What it does is its own; here its state is written down after every step, its calls are counted,
and callers wait who are told to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from simcb.adapters import BUSY, AdapterError, Breaker, CallFailed
from simcb.breaker.flights import Grant
from simcb.errors import FieldsError
from simcb.trace import STATE_CODE
from simcb.world.clock import Clock
from simcb.world.occurrence import Occurrence

_NEXT = 0
"""SimPy's urgent priority: after the present event, before all others of the moment."""


class Counts(NamedTuple):
    """What became of the calls that asked a breaker, under the shipped one's names."""

    admitted: int
    rejected: int
    successes: int
    failures: int
    ignored: int
    stale: int = 0


class BusyError(FieldsError):
    """A breaker lets its callers wait for each other.

    Args:
        breaker: the breaker, where the caller has to `wait`.
    """

    breaker: ForeignBreaker


class ForeignPermit(Grant):
    """A call that was let through, to be settled once."""

    __slots__ = ("breaker", "entry")

    def __init__(self, breaker: ForeignBreaker, entry: object) -> None:
        self.breaker = breaker
        self.entry = entry

    def success(self) -> None:
        """Report that the call went well."""
        self.breaker.settle(self, _SUCCESS, None)

    def failure(self) -> None:
        """Report that the call failed."""
        self.breaker.settle(self, _FAILURE, CallFailed())

    def ignore(self) -> None:
        """Report that the call was given up."""
        self.breaker.settle(self, _IGNORED, _cancelled())


_SUCCESS, _FAILURE, _IGNORED = range(3)


class ForeignBreaker:
    """A breaker behind the protocol of `simcb.adapters`.

    Args:
        name: its name in the run.
        breaker: the breaker itself.
        clock: the run's clock.
        note: told of each change of state: the moment, the state before and after.
    """

    def __init__(
        self, name: str, breaker: Breaker, clock: Clock, note: Callable[[float, str, str], None]
    ) -> None:
        self._name = name
        self._breaker = breaker
        self._clock = clock
        self._note = note
        self._state = breaker.state
        self._out: dict[ForeignPermit, None] = {}
        self._admitted = self._rejected = 0
        self._ended = [0, 0, 0]
        self._waiting: deque[Occurrence] = deque()
        self._serving = False
        self._turn = False
        """Whether who asks next is the first of those that wait."""
        self._again = False
        """Whether who waits next was the first of them, and still is."""

    def _grant(self) -> ForeignPermit | None:
        """Return a permit for one call; None if the breaker lets no call through.

        Raises:
            BusyError: the caller has to wait first.
        """
        turn, self._turn = self._turn, False
        if self._waiting and not turn:
            raise BusyError(self)
        try:
            entry = self._breaker.enter()
        except Exception as error:
            raise self._broken("enter()", error) from error
        if entry is BUSY:
            self._again = turn
            raise BusyError(self)
        self._look()
        if entry is None:
            self._rejected += 1
            return None
        self._admitted += 1
        permit = ForeignPermit(self, entry)
        self._out[permit] = None
        return permit

    def wait(self, caller: Occurrence) -> None:
        """Let a caller who found it busy ask again later, first come first served."""
        if self._again:
            self._waiting.appendleft(caller)
        else:
            self._waiting.append(caller)

    def settle(self, permit: ForeignPermit, how: int, error: BaseException | None) -> None:
        """End a call, and let those ask who have waited."""
        del self._out[permit]
        self._ended[how] += 1
        try:
            self._breaker.leave(permit.entry, error)
        except Exception as raised:
            raise self._broken("leave()", raised) from raised
        self._look()
        if self._waiting and not self._serving:
            self._serving = True
            self._clock.at(self._clock.now, _NEXT, Occurrence(self._serve))

    def _serve(self, _: object) -> None:
        """Let those ask who wait, until the first of them has to go on waiting."""
        self._serving = False
        while self._waiting and not self._again:
            caller = self._waiting.popleft()
            self._turn = True
            assert caller.callback is not None
            caller.callback(caller)
            self._turn = False
        self._again = False

    def _look(self) -> None:
        try:
            state = self._breaker.state
        except Exception as error:
            raise self._broken("state", error) from error
        if state != self._state:
            if state not in STATE_CODE:
                raise self._broken("state", ValueError(f"{state!r} is none of {[*STATE_CODE]}"))
            self._note(self._clock.now, self._state, state)
            self._state = state

    def _broken(self, what: str, error: Exception) -> AdapterError:
        kind, when = type(self._breaker).__name__, self._clock.now
        why = f"`{what}` of {kind} raised {type(error).__name__}: {error}"
        return AdapterError(f"{why} at {when:g} s, for {self._name}; mend its adapter")

    def snapshot(self) -> Counts:
        """Return its counts."""
        return Counts(self._admitted, self._rejected, *self._ended)

    def close(self) -> None:
        """Give up the calls that the end of the run cut off; nothing of it is recorded."""
        for permit in self._out:
            with suppress(Exception):
                self._breaker.leave(permit.entry, _cancelled())
        self._out.clear()


def _cancelled() -> BaseException:
    # asyncio is slow to load, and only other packages' breakers need it.
    from asyncio import CancelledError

    return CancelledError()
