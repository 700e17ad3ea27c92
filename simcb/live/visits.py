"""Attempts as the service sees them that HTTP has brought, and where they are written down.

A caller's attempt and the service's are two, as in two processes. What the service knows of its
own, when work began and ended, is put into the caller's row when both are done with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simcb.scenario.calls import Call
from simcb.trace import Flag, Rows
from simcb.world.clock import Clock
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.streams import AttemptStreams, GroupStreams, StreamTree
from simcb.world.tasks import Attempt, Origin, Request, Site, Task, UserAttempt

_FROM_SERVICE = int(Flag.HUNG | Flag.DROPPED | Flag.LOST | Flag.DEGRADED | Flag.THROTTLED)

Heard = Callable[["Visit", int], None]


class Visit(Attempt):
    """An attempt in the hands of a service.

    Attributes:
        origin: the caller's attempt; None if it comes from outside.
        hear: told of the outcome's code.
        answered: when the service was done with it, seconds.
    """

    __slots__ = ("answered", "hear", "origin")

    def __init__(
        self,
        site: Site,
        task: Task,
        node: AttemptStreams,
        replica: Replica,
        origin: Attempt | None,
        hear: Heard,
        now: float,
    ) -> None:
        self.prepare(site, task, node, 0, 0.0, None, -1, now, replica)
        self.since = now
        self.origin = origin
        self.hear = hear
        self.answered = now
        # Who is inside is known by the row, so those without one have numbers of their own.
        self.attempt_row = -2 - task.number if origin is None else origin.attempt_row
        self.sent = True

    def tell_origin(self) -> None:
        """Let the caller's attempt know what the service did with it."""
        origin = self.origin
        if origin is not None:
            origin.arrive, origin.begin, origin.freed = self.arrive, self.begin, self.freed
            origin.flags |= self.flags & _FROM_SERVICE


class DoorSite(Site):
    """Where a service's answers go out, for one of its callers.

    Args:
        caller: its name, by which faults on a link know it.
        recorder: where a row is closed whose caller has gone.
    """

    def __init__(self, caller: str, recorder: Recorder) -> None:
        self.index = -1
        self.caller = caller
        self._recorder = recorder

    def answer(self, attempt: Attempt, outcome: int) -> None:
        """Send the answer out, or write it off if nobody waits for it."""
        assert isinstance(attempt, Visit)
        attempt.finished = True
        attempt.owed = False
        if attempt.settled:
            self._recorder.close_attempt(attempt)
        else:
            attempt.hear(attempt, outcome)


class Ledger(Recorder):
    """Writes down callers' attempts; those of services only as a part of these."""

    def __init__(self, clock: Clock, most_rows: int | None = None) -> None:
        super().__init__(clock, most_rows)
        self._parted: dict[int, Visit] = {}
        self.changed: Callable[[float, int, int, int], None] = lambda *_: None
        """Told of a breaker's change of state, as `transition` is."""

    def transition(self, at: float, breaker: int, before: int, after: int) -> None:
        """Write down a breaker's change of state, and tell of it."""
        super().transition(at, breaker, before, after)
        self.changed(at, breaker, before, after)

    def part(self, visit: Visit) -> None:
        """Take note that a visit's caller has gone, whose row waits for the service."""
        visit.settled = True
        self._parted[visit.attempt_row] = visit

    def close_attempt(self, attempt: Attempt) -> None:
        """Write down an attempt that its caller and its worker are done with."""
        if not isinstance(attempt, Visit):
            super().close_attempt(attempt)
        elif self._parted.pop(attempt.attempt_row, None) is not None:
            attempt.tell_origin()
            assert attempt.origin is not None
            super().close_attempt(attempt.origin)

    def freeze(self, breakers: Sequence[int]) -> dict[str, Rows]:
        """Return the tables by name; what is open is written as in flight."""
        for visit in self._parted.values():
            visit.tell_origin()
        return super().freeze(breakers)


class Outside(Origin):
    """Who asks from outside in the place of a client group.

    Args:
        priority: of its requests.
    """

    def __init__(self, priority: int) -> None:
        self.index = -1
        self.priority = priority

    def close(self, request: Request, outcome: int) -> None:
        """Do nothing: the request is in no table."""

    def task(self, number: int, now: float) -> UserAttempt:
        """Return a user of the request of that number, who asks now."""
        request, task = Request(), UserAttempt()
        request.prepare(self, number, (), now)
        task.prepare(request, ())
        return task


class OutsideStreams(GroupStreams):
    """The streams of requests from outside; a sticky fault strikes a user by their number.

    Attributes:
        users: the users of those requests that say whose they are.
    """

    def __init__(self, tree: StreamTree, service: str) -> None:
        super().__init__(tree, f"outside/{service}", None)
        self.users: dict[int, int] = {}
        self.node = AttemptStreams(self, f"outside/{service}/0", service, Call())

    def draw(self, label: str, request: int) -> float:
        """Return the draw that a request's user has for a sticky fault."""
        return super().draw(label, self.users.get(request, request))
