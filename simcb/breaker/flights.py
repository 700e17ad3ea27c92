"""Calls in flight that are slow already, so that a hung service is noticed before its calls end.

Only a rule that is told so, `in_flight=True`, keeps a list of them. A call is counted by it at the
moment it has been out for `slow` seconds, as slow, and its end then adds nothing to that rule, not
even if it is ignored; to other rules it adds what any call does. There is no timer: what has become
slow is looked for whenever a call asks or ends, before anything else, and it is then that the
breaker opens, if what the rule has in its window by then is enough. The call that just ends is in
flight no more, and is judged by its end; one that is ignored is no occasion to look.

A permit says for itself which rules have counted it, and the lists are only an index to them: an
entry that an interrupt has left behind is found to be settled, or counted, and dropped. What has
been counted is forgotten, so permits that are never settled do not pile up.
"""

from __future__ import annotations

from collections import OrderedDict


class Grant:
    """What a call is let through with: it is told, once, how the call ended."""

    __slots__ = ()

    def success(self) -> object:
        """Hears that the call went well."""
        raise NotImplementedError

    def _succeed(self) -> object:
        """Hears the same in a simulation, where nothing is interrupted."""
        return self.success()

    def failure(self) -> object:
        """Hears that the call failed."""
        raise NotImplementedError

    def _fail(self) -> object:
        """Hears the same in a simulation."""
        return self.failure()

    def ignore(self) -> object:
        """Hears that the call was given up."""
        raise NotImplementedError


class Flight(Grant):
    """What there is to know of a call in flight: it is what a permit is, before it is settled."""

    __slots__ = ("_began", "_counted", "_generation")

    _began: float
    _counted: tuple[Flights, ...]
    _generation: int


class Flights:
    """The calls in flight that one rule has not counted, the longest out first.

    Args:
        slow: seconds from which a call is counted.
    """

    __slots__ = ("out", "slow")

    def __init__(self, slow: float) -> None:
        self.slow = slow
        # A plain dictionary is slow to find its first key when many before it were deleted.
        self.out: OrderedDict[Flight, None] = OrderedDict()

    def overdue(self, generation: int, now: float, but: Flight | None) -> Flight | None:
        """Returns the call that has been slow for longest, and drops those that are done with.

        Args:
            generation: that of the calls that count.
            now: seconds.
            but: the call that ends at this moment, if one does.
        """
        out = self.out
        while True:
            first = None
            for first in out:  # noqa: B007 - the first
                break
            if first is None:
                return None
            if first is but or first._generation != generation or self in first._counted:
                self.forget(first)
            else:
                return first if now - first._began >= self.slow else None

    def forget(self, permit: Flight) -> None:
        """Drops a call that has ended, or was counted."""
        self.out.pop(permit, None)
