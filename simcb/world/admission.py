"""What is let in, to a replica before its queue or through a caller's bulkhead.

A gate knows the time, what it has let in and what became of it, and nothing of the attempts
themselves.
"""

from __future__ import annotations

from simcb.scenario.adapting import Limit
from simcb.scenario.admission import AdaptiveLimit, Admission, ConcurrencyLimit, Delay, RateLimit
from simcb.world.adapting import adapting
from simcb.world.tokens import Tokens


class Gate:
    """What stands before one replica's queue; one that is open lets everybody in.

    Args:
        retry_after: seconds after which an attempt that is turned away may come again; 0 if it is
            told nothing.
    """

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after

    def take_over(self, before: Gate, now: float) -> None:
        """Go on from where another of the same kind is at `now`."""

    def has_room(self, now: float) -> bool:
        """Tell whether an attempt that comes now is let in."""
        return True

    def enter(self, now: float) -> None:
        """Take note of an attempt that is let in."""

    def leave(self, now: float, since: float, how: int) -> None:
        """Take note that one that was let in at `since` has left, and how: see `adapting`."""


class TokenGate(Gate):
    """A token bucket, filled at a rate.

    Args:
        rate: tokens a second.
        burst: the most that are kept, as many as at first.
        retry_after: see `Gate`.
    """

    def __init__(self, rate: float, burst: float, retry_after: float) -> None:
        super().__init__(retry_after)
        self._tokens = Tokens(rate, burst)

    def take_over(self, before: Gate, now: float) -> None:
        """Begin with the other's tokens."""
        assert isinstance(before, TokenGate)
        self._tokens.take_over(before._tokens, now)

    def has_room(self, now: float) -> bool:
        """Tell whether there is a token."""
        return self._tokens.due_in(now) == 0.0

    def enter(self, now: float) -> None:
        """Take a token."""
        self._tokens.take(now)


class PlacesGate(Gate):
    """So many attempts at once.

    Args:
        limit: how many.
        retry_after: see `Gate`.
    """

    def __init__(self, limit: int, retry_after: float) -> None:
        super().__init__(retry_after)
        self._limit = self._free = limit

    def take_over(self, before: Gate, now: float) -> None:
        """Count who has been let in by the other."""
        assert isinstance(before, PlacesGate)
        self._free -= before._limit - before._free

    def has_room(self, now: float) -> bool:
        """Tell whether a place is free."""
        return self._free > 0

    def enter(self, now: float) -> None:
        """Take a place."""
        self._free -= 1

    def leave(self, now: float, since: float, how: int) -> None:
        """Give a place back."""
        self._free += 1


class AdaptiveGate(Gate):
    """As many attempts at once as a limit says that adapts itself.

    Args:
        limit: the limit.
        retry_after: see `Gate`.
    """

    def __init__(self, limit: Limit, retry_after: float) -> None:
        super().__init__(retry_after)
        self._limit = adapting(limit)
        self._inside = 0

    def has_room(self, now: float) -> bool:
        """Tell whether fewer are inside than the limit says."""
        return self._inside < self._limit.places(now)

    def enter(self, now: float) -> None:
        """Take a place."""
        self._inside += 1
        self._limit.entered(self._inside)

    def leave(self, now: float, since: float, how: int) -> None:
        """Give a place back, and let the limit learn from it."""
        self._inside -= 1
        self._limit.left(now, since, how, self._inside)


def gate_of(spec: Admission | None) -> Gate | None:
    """Return the gate of one replica, or None if it lets everybody in."""
    if spec is None:
        return None
    retry_after = spec.retry_after or 0.0
    if isinstance(spec, RateLimit):
        return TokenGate(spec.rate, spec.tokens, retry_after)
    if isinstance(spec, ConcurrencyLimit):
        return PlacesGate(spec.limit, retry_after)
    if isinstance(spec, AdaptiveLimit):
        return AdaptiveGate(spec.limit, retry_after)
    if isinstance(spec, Delay):
        return Gate(retry_after)  # it is the queue that throws out
    raise TypeError(f"admission of kind {spec.kind} has no gate")


def gate_after(before: Gate | None, spec: Admission | None, now: float) -> Gate | None:
    """Return the gate of a replica whose admission becomes another at `now`."""
    gate = gate_of(spec)
    if gate is not None and before is not None and type(gate) is type(before):
        gate.take_over(before, now)
    return gate
