"""The callers' side of the network: an attempt becomes a request of HTTP, and hears its answer."""

from __future__ import annotations

import secrets
from asyncio import AbstractEventLoop, Task
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import NamedTuple, Protocol

from simcb.client.answers import Send
from simcb.live.visits import Ledger, Visit
from simcb.world.code.requests import CodeCall
from simcb.world.replicas import Replica
from simcb.world.sites import CallSite
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import ABANDONED, DEGRADED, TIMEOUT, Attempt, Server

ATTEMPT = "simcb-attempt"
"""The header by which an attempt of the scenario's own callers is known at the door."""


class Reply(NamedTuple):
    """What HTTP says has become of an attempt.

    Args:
        outcome: its code.
        failed: the service failed itself, not one that it depends on.
        retry_after: seconds it asks to be left alone; 0 if it says nothing.
        degraded: the service had to fall back on something.
    """

    outcome: int
    failed: bool = False
    retry_after: float = 0.0
    degraded: bool = False


Post = Callable[[str, dict[str, str], Send | None], Awaitable[Reply]]
"""(service, headers, what sends it if that is a client's own) -> what becomes of the request."""


class Driven(Protocol):
    """What drives the clock; see `Stage`."""

    @property
    def ledger(self) -> Ledger:
        """Where attempts are written down."""

    def sync(self) -> float:
        """Let all happen that is due, and return the moment."""

    def arm(self) -> None:
        """Wait for what is due next."""


class _Hop:
    """An attempt on its way to a service and back."""

    __slots__ = ("origin", "task", "visit")

    def __init__(self, origin: Attempt) -> None:
        self.origin = origin
        self.task: Task[None] | None = None
        self.visit: Visit | None = None


class Ways:
    """All attempts under way.

    Args:
        stage: what drives the clock.
        loop: where requests are sent.
        post: sends one.
    """

    def __init__(self, stage: Driven, loop: AbstractEventLoop, post: Post) -> None:
        self._stage = stage
        self._loop = loop
        self._post = post
        # Nobody outside can guess it, and have an attempt answered that is not theirs.
        self._token = secrets.token_hex(8)
        self._hops: dict[int, _Hop] = {}
        # No request of a client's code is under way where an attempt is carried.
        self._context = copy_context()
        self.times: list[tuple[float, float]] = []
        """When attempts and answers came, and how long they had been on their ways, seconds."""

    def send(self, attempt: Attempt, service: str) -> None:
        """Send an attempt to the door of a service."""
        hop = self._hops[attempt.attempt_row] = _Hop(attempt)
        send, task = None, attempt.task
        if isinstance(task, CodeCall):
            send, task.send = task.send, None
        carry = self._carry(hop, service, send)
        hop.task = self._loop.create_task(carry, context=self._context.copy())

    async def _carry(self, hop: _Hop, service: str, send: Send | None) -> None:
        origin = hop.origin
        row = origin.attempt_row
        reply = await self._post(service, {ATTEMPT: f"{self._token}-{row}"}, send)
        now = self._stage.sync()
        if self._hops.get(row) is not hop:
            return  # The caller has left at this very moment.
        if reply.outcome in (ABANDONED, TIMEOUT):
            hop.task = None  # It is this one, which has nothing more to break off.
            assert isinstance(origin.site, CallSite)
            if reply.outcome == TIMEOUT:
                origin.site.expire(origin)
            else:
                origin.site.abandon(origin)
                origin.task.break_off(ABANDONED)
            self._stage.arm()
            return
        del self._hops[row]
        if hop.visit is not None:
            hop.visit.tell_origin()
            self.times.append((now, now - hop.visit.answered))
        if reply.degraded:
            origin.flags |= DEGRADED
        origin.fails = reply.failed
        origin.retry_after = reply.retry_after
        origin.site.answer(origin, reply.outcome)
        self._stage.arm()

    def knows(self, name: str) -> bool:
        """Tell whether a request brings an attempt of the scenario's own callers."""
        return name.partition("-")[0] == self._token

    def arrived(self, name: str) -> Attempt | None:
        """Return the attempt that a request of ours brings; None if its caller has gone."""
        hop = self._hops.get(int(name.partition("-")[2]))
        return None if hop is None else hop.origin

    def met(self, visit: Visit) -> None:
        """Take note of what the service has of an attempt that has arrived."""
        hop = self._hops[visit.attempt_row]
        hop.visit = visit
        self.times.append((visit.since, visit.since - hop.origin.since))

    def leave(self, attempt: Attempt) -> None:
        """Break the connection of an attempt whose caller has gone."""
        hop = self._hops.pop(attempt.attempt_row, None)
        if hop is None:
            return
        if hop.task is not None:
            hop.task.cancel()
        visit = hop.visit
        if visit is None or visit.finished:
            attempt.owed = False
            if visit is not None:
                visit.tell_origin()
            self._stage.ledger.close_attempt(attempt)
        else:
            self._stage.ledger.part(visit)

    def close(self) -> None:
        """Give up on all that are under way; what the services did with them is kept."""
        for hop in self._hops.values():
            if hop.task is not None:
                hop.task.cancel()
            if hop.visit is not None:
                hop.visit.tell_origin()
        self._hops.clear()


class Way(Server):
    """What stands for a replica where it is called: the connection to it.

    Args:
        ways: what sends.
        service: the name of the service.
        number: the replica's number in it.
        replica: what is at the other end.
    """

    def __init__(self, ways: Ways, service: str, number: int, replica: Replica) -> None:
        self.index = replica.index
        self.number = number
        # A loss is the door's: it takes the request and never answers.
        self.loses_attempts = False
        self._ways = ways
        self._service = service
        self._replica = replica

    def offer(self, attempt: Attempt, now: float) -> int:
        """Send an attempt; whether it is turned away is heard later."""
        attempt.owed = True
        self._ways.send(attempt, self._service)
        return 0

    def abandoned(self, attempt: Attempt) -> None:
        """Learn that an attempt's caller has gone."""
        self._ways.leave(attempt)

    def load(self) -> int:
        """Return how many attempts the replica has, waiting or in work."""
        return self._replica.load()

    def would_answer(
        self,
        caller: str,
        node: AttemptStreams,
        number: int,
        timeout: float | None,
        ways: float,
        now: float,
    ) -> bool:
        """Tell whether the replica would have answered; see `Replica`."""
        return self._replica.would_answer(caller, node, number, timeout, ways, now)
