"""Who waits for answers: tasks, and the attempt, which is awaited and may be a task itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from simcb.breaker import Permit
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.trace import Flag
from simcb.world.clock import Waiter
from simcb.world.recorder import IN_FLIGHT, NAN

if TYPE_CHECKING:
    from simcb.world.luck import AttemptLuck, CallLuck
    from simcb.world.replicas import Replica
    from simcb.world.sites import CallSite

OK = ATTEMPT_CODE[AttemptOutcome.OK]
ERROR = ATTEMPT_CODE[AttemptOutcome.ERROR]
TIMEOUT = ATTEMPT_CODE[AttemptOutcome.TIMEOUT]
REFUSED = ATTEMPT_CODE[AttemptOutcome.REFUSED]
REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]
SHED = ATTEMPT_CODE[AttemptOutcome.SHED]
ABANDONED = ATTEMPT_CODE[AttemptOutcome.ABANDONED]
DEGRADED = int(Flag.DEGRADED)


class Task(Waiter):
    """Somebody who makes calls one after the other and then succeeds or fails.

    Attributes:
        number: the request's number in its group, the index into every stream.
        request_row: row of the user's request in the trace.
        attempt_row: row of the attempt on whose behalf the calls are made, or -1.
        sites: the calls to make, in order; `luck` has a node for each.
        current: the attempt waited for, if any.
        permit: what a breaker around the whole of the present call granted, if there is one.
        over: nobody wants the outcome any more.
        degraded: a fallback answered one of the calls.
    """

    number: int
    request_row: int
    attempt_row: int = -1
    sites: Sequence[CallSite] = ()
    luck: Sequence[CallLuck] = ()
    step: int = 0
    current: Attempt | None = None
    permit: Permit | None = None
    over: bool = False
    degraded: bool = False

    def proceed(self) -> None:
        """Make the next call, or deliver if there is none left."""
        step = self.step
        if step == len(self.sites):
            self.deliver()
        else:
            self.step = step + 1
            self.sites[step].ask(self)

    @abstractmethod
    def deliver(self) -> None:
        """Go on after the last call was answered."""

    @abstractmethod
    def break_off(self, outcome: int) -> None:
        """Go on after a call failed for good; `outcome` is the code of its last attempt."""

    def stop(self) -> None:
        """Make no more calls and wait for none: nobody wants the outcome."""
        self.over = True
        if self.permit is not None:
            self.permit.ignore()
            self.permit = None
        attempt = self.current
        if attempt is not None:
            attempt.site.abandon(attempt)


class Attempt(Task):
    """One try at one call; SimPy's event of its own next step, and a task itself.

    Attributes:
        task: who waits for it.
        entry: what the breaker granted for it, to be settled once.
        sent: it has left its caller.
        owed: the network or the service still has it and may change its row.
        arrive, begin, freed: when it reached the replica, got a worker, released it; else nan.
        asked: when its own work was done and the calls it makes began.
        fails: the answer will be an error.
        finished: the service has answered it, lost it or stopped working on it.
        answer: code of the answer that is on its way back.
    """

    end: float = NAN
    arrive: float = NAN
    begin: float = NAN
    freed: float = NAN
    asked: float = NAN
    outcome: int = IN_FLIGHT
    flags: int = 0
    sent: bool = False
    owed: bool = False
    fails: bool = False
    finished: bool = False
    answer: int = OK
    replica: Replica | None = None
    replica_index: int = -1

    def __init__(
        self,
        site: CallSite,
        task: Task,
        node: AttemptLuck,
        retry: int,
        waited: float,
        entry: Permit | None,
        breaker: int,
        now: float,
    ) -> None:
        self.site = site
        self.task = task
        self.node = node
        self.number = task.number
        self.request_row = task.request_row
        self.retry = retry
        self.waited = waited
        self.entry = entry
        self.breaker = breaker
        self.start = now

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
