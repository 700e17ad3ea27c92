"""Who waits for answers: users' requests, and the attempts, which make calls of their own.

`Site`, `Server` and `Origin` are what they know of whoever makes a call, answers it, and asked
first; those import this module, not the reverse.
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.breaker.flights import Grant
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace import Flag
from simcb.world.clock import Waiter
from simcb.world.streams import AttemptStreams, CallStreams

NAN = float("nan")
OK = ATTEMPT_CODE[AttemptOutcome.OK]
ERROR = ATTEMPT_CODE[AttemptOutcome.ERROR]
TIMEOUT = ATTEMPT_CODE[AttemptOutcome.TIMEOUT]
REFUSED = ATTEMPT_CODE[AttemptOutcome.REFUSED]
REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]
SHED = ATTEMPT_CODE[AttemptOutcome.SHED]
ABANDONED = ATTEMPT_CODE[AttemptOutcome.ABANDONED]
THROTTLED = ATTEMPT_CODE[AttemptOutcome.THROTTLED]
IN_FLIGHT = ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]
REQUEST_OK = REQUEST_CODE[RequestOutcome.OK]
REQUEST_DEGRADED = REQUEST_CODE[RequestOutcome.DEGRADED]
REQUEST_FAILED = REQUEST_CODE[RequestOutcome.FAILED]
DEGRADED = int(Flag.DEGRADED)


class Site:
    """One caller process's policy towards one service; see `CallSite`."""

    index: int
    caller: str

    def ask(self, task: Task) -> None:
        """Make the call for `task`, which hears of the result when there is one."""
        raise NotImplementedError

    def is_open(self, now: float) -> bool:
        """Tell whether its breaker, or that of every replica, is open until later than now."""
        raise NotImplementedError

    def answer(self, attempt: Attempt, outcome: int) -> None:
        """Send the service's answer back to the caller."""
        raise NotImplementedError

    def expire(self, attempt: Attempt) -> None:
        """End the caller's wait: the answer has not come in time."""
        raise NotImplementedError

    def abandon(self, attempt: Attempt) -> None:
        """Stop waiting for an attempt whose outcome nobody wants any more."""
        raise NotImplementedError


class Server:
    """One process of a service; see `Replica`."""

    index: int
    loses_attempts: bool

    def offer(self, attempt: Attempt, now: float) -> int:
        """Take an attempt in, to work or to wait; return 0, or why not: an outcome's code."""
        raise NotImplementedError

    def loses(self, attempt: Attempt, now: float) -> bool:
        """Tell whether the network loses an attempt sent now."""
        raise NotImplementedError

    def load(self) -> int:
        """Return how many attempts it has, waiting or in work."""
        raise NotImplementedError

    def would_answer(
        self,
        caller: str,
        node: AttemptStreams,
        number: int,
        timeout: float | None,
        ways: float,
        now: float,
    ) -> bool:
        """Tell whether an attempt sent now would have been answered well and in time."""
        raise NotImplementedError

    def answered(self, attempt: Attempt, outcome: int) -> None:
        """Complete an attempt whose own calls are over."""
        raise NotImplementedError

    def abandoned(self, attempt: Attempt) -> None:
        """Learn that an attempt's caller has gone."""
        raise NotImplementedError


class Origin:
    """A client group, from which requests come; see `Group`."""

    index: int
    priority: int

    def close(self, request: Request, outcome: int) -> None:
        """End a request."""
        raise NotImplementedError


class Task(Waiter):
    """Somebody who makes calls one after the other and then succeeds or fails.

    What they begin with is set by `prepare` of the subclasses and by no constructor: one is made
    for every try of every request, and to pack arguments for a constructor is felt.

    Attributes:
        number: the request's number in its group, the index into every stream.
        request_row: row of the user's request in the trace.
        attempt_row: row of the attempt on whose behalf the calls are made, or -1.
        sites: the calls to make, in order; `streams` has a node for each.
        current: the attempt waited for, if any.
        permit: what a breaker around the whole of the present call granted, if there is one.
        over: nobody wants the outcome any more.
        degraded: a fallback answered one of the calls.
        told: how long the last throttled answer asks it to wait, seconds; 0 for nothing.
        tried: the places of the replicas that the present call has asked, as bits, if its retries
            go elsewhere.
    """

    __slots__ = (
        "attempt_row",
        "current",
        "degraded",
        "number",
        "over",
        "permit",
        "request_row",
        "sites",
        "step",
        "streams",
        "told",
        "tried",
    )

    number: int
    request_row: int
    attempt_row: int
    sites: Sequence[Site]
    streams: Sequence[CallStreams]
    step: int
    current: Attempt | None
    permit: Grant | None
    over: bool
    degraded: bool
    told: float
    tried: int

    def proceed(self) -> None:
        """Make the next call, or deliver if there is none left."""
        step = self.step
        if step == len(self.sites):
            self.deliver()
        else:
            self.step = step + 1
            site = self.sites[step]
            site.ask(self)

    def deliver(self) -> None:
        """Go on after the last call was answered."""
        raise NotImplementedError

    def break_off(self, outcome: int) -> None:
        """Go on after a call failed for good; `outcome` is the code of its last attempt."""
        raise NotImplementedError

    def stop(self) -> None:
        """Make no more calls and wait for none: nobody wants the outcome."""
        self.over = True
        if self.permit is not None:
            self.permit.ignore()
            self.permit = None
        attempt = self.current
        if attempt is not None:
            attempt.site.abandon(attempt)


class Request(Waiter):
    """What a user wants: asked once or, with refreshes, several times.

    The first good answer to any user attempt ends it; it fails when all of them have failed.

    Attributes:
        user_attempts: how often the user has asked.
        alive: the user attempts that have not failed.
        cause: code of the attempt outcome that settled it last.
        open_place: where the recorder finds it among those that are not over.
    """

    __slots__ = (
        "alive",
        "cause",
        "group",
        "number",
        "open_place",
        "request_row",
        "sites",
        "start",
        "user_attempts",
    )

    open_place: int

    def prepare(self, group: Origin, number: int, sites: Sequence[Site], start: float) -> None:
        """Be a group's request number `number`, made at `start`, which nobody has asked yet."""
        self.settled = False
        self.since = start
        self.group = group
        self.number = number
        self.sites = sites
        self.start = start
        self.request_row = -1
        self.user_attempts = 0
        self.alive: list[UserAttempt] = []
        self.cause = IN_FLIGHT


class UserAttempt(Task):
    """One time a user asked: the calls of the request, made once."""

    __slots__ = ("request",)

    def prepare(self, request: Request, streams: Sequence[CallStreams]) -> None:
        """Be one more time that a user asks, before its first call."""
        self.settled = False
        self.number = request.number
        self.request_row = request.request_row
        self.attempt_row = -1
        self.sites = request.sites
        self.streams = streams
        self.step = 0
        self.current = None
        self.permit = None
        self.over = False
        self.degraded = False
        self.request = request

    def deliver(self) -> None:
        """Give the user the answer."""
        request = self.request
        request.cause = OK
        request.group.close(request, REQUEST_DEGRADED if self.degraded else REQUEST_OK)

    def break_off(self, outcome: int) -> None:
        """Show the user an error, unless they are asking for the same once more."""
        self.over = True
        request = self.request
        request.cause = outcome
        if len(request.alive) > 1:
            request.alive.remove(self)
        else:
            del request.alive[:]
            request.group.close(request, REQUEST_FAILED)


class Attempt(Task):
    """One try at one call; the event of its own next step, and a task itself.

    Attributes:
        site: where its caller makes it.
        task: who waits for it.
        node: its streams.
        retry: 0 for the first try, 1 for the first retry, …
        waited: seconds of backoff before it.
        entry: what the breaker granted for it, to be settled once.
        breaker: index of that breaker, or -1.
        start: when its caller made it; `since` is when it was sent.
        end: when its caller's wait ended, else nan.
        arrive, begin, freed: when it reached the replica, got a worker, released it; else nan.
        asked: when its own work was done and the calls it makes began.
        outcome: code of what its caller saw.
        flags: bits of `Flag`.
        sent: it has left its caller.
        owed: the network or the service still has it and may change its row.
        fails: the answer will be an error.
        finished: the service has answered it, lost it or stopped working on it.
        answer: code of the answer that is on its way back.
        retry_after: of a throttled one, how long its caller is told to wait, seconds; 0 if it is
            told nothing.
        open_place: where the recorder finds it among those of which more is to be written.
    """

    __slots__ = (
        "answer",
        "arrive",
        "asked",
        "begin",
        "breaker",
        "end",
        "entry",
        "fails",
        "finished",
        "flags",
        "freed",
        "node",
        "open_place",
        "outcome",
        "owed",
        "replica",
        "replica_index",
        "retry",
        "retry_after",
        "sent",
        "site",
        "start",
        "task",
        "waited",
    )

    asked: float
    answer: int
    open_place: int
    retry_after: float

    def prepare(
        self,
        site: Site,
        task: Task,
        node: AttemptStreams,
        retry: int,
        waited: float,
        entry: Grant | None,
        breaker: int,
        start: float,
        replica: Server | None,
    ) -> None:
        """Be an attempt that `task` makes at `start` through `site`; see the attributes."""
        self.settled = False
        self.number = task.number
        self.request_row = task.request_row
        self.sites = ()
        self.streams = ()
        self.step = 0
        self.current = None
        self.permit = None
        self.over = False
        self.degraded = False
        self.site = site
        self.task = task
        self.node = node
        self.retry = retry
        self.waited = waited
        self.entry = entry
        self.breaker = breaker
        self.start = start
        self.replica = replica
        self.replica_index = -1
        never = NAN
        self.end = never
        self.arrive = never
        self.begin = never
        self.freed = never
        self.outcome = IN_FLIGHT
        self.flags = node.flags
        self.sent = False
        self.owed = False
        self.fails = False
        self.finished = False

    def deliver(self) -> None:
        """Answer: the service's own calls were answered."""
        assert self.replica is not None
        if self.degraded:
            self.flags |= DEGRADED
        self.replica.answered(self, OK)

    def break_off(self, outcome: int) -> None:
        """Answer with an error: a call this service depends on failed."""
        assert self.replica is not None
        self.replica.answered(self, ERROR)


def time_out(attempt: Attempt) -> None:
    """End the wait of an attempt's caller: the answer has not come in time."""
    attempt.site.expire(attempt)
