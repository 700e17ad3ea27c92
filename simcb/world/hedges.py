"""A call that asks once more when it has waited long enough, and takes the first good answer."""

from __future__ import annotations

import math

from simcb.scenario.calls import Call
from simcb.world.clock import Clock, Expiries, Order, Waiter
from simcb.world.policies import Cache, TokenBucket
from simcb.world.recorder import Recorder
from simcb.world.routing import Guard, LoadBalancer
from simcb.world.sites import CallSite
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import ABANDONED, OK, Attempt, Task


class _Race(Waiter):
    """One try of a call: the attempts of it that are under way, the first one's first.

    Attributes:
        hedges: how many were made besides the first.
    """

    __slots__ = ("attempts", "hedges", "retry", "task", "waited")

    def __init__(self, task: Task, retry: int, waited: float, since: float) -> None:
        self.settled = False
        self.since = since
        self.task = task
        self.retry = retry
        self.waited = waited
        self.attempts: list[Attempt] = []
        self.hedges = 0


class HedgingSite(CallSite):
    """A call site whose tries are races.

    A try has failed when all attempts of it have; what the last of them has heard is what it came
    to. Each attempt passes the throttle, the breaker and the limits by itself, has its own timeout,
    and is told to them like any other; of a race that is won the others are abandoned.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        caller: str,
        index: int,
        slot: int,
        call: Call,
        balancer: LoadBalancer,
        guard: Guard | None,
        cache: Cache | None,
    ) -> None:
        self._hedges: TokenBucket | None = None
        self._after = math.nan
        CallSite.__init__(self, clock, recorder, caller, index, slot, call, balancer, guard, cache)
        self._races: dict[Task, _Race] = {}

    def follow(self, call: Call) -> None:
        """Ask as a call says, from now on: a race makes no more hedges than are allowed by then.

        One that has made its last goes on without more, and a budget keeps what it has saved. A
        hedge whose wait has begun keeps it, as a timer that is set is not set anew.
        """
        CallSite.follow(self, call)
        hedge, before = call.hedge, self._hedges
        assert hedge is not None
        self._most = hedge.times
        if hedge.after != self._after:
            self._after = hedge.after
            again = self._ask_again
            self._timers: Expiries = self._clock.timers(hedge.after, Order.ASK, again)
        self._hedges = None if hedge.budget is None else TokenBucket(hedge.budget, hedge.saved)
        if self._hedges is not None and before is not None:
            self._hedges.take_over(before)

    def try_once(
        self, task: Task, retry: int, waited: float, node: AttemptStreams | None = None
    ) -> int | None:
        """Begin a race, or let one more attempt enter it, which has its own streams."""
        before = task.current
        if node is None and self._hedges is not None:
            self._hedges.earn()
        outcome = CallSite.try_once(self, task, retry, waited, node)
        made = task.current
        if outcome is None and made is not None and made is not before:
            race = self._races.get(task)
            if race is None:
                race = self._races[task] = _Race(task, retry, waited, self._clock.now)
                self._timers.add(race)
            race.attempts.append(made)
        return outcome

    def _ask_again(self, race: _Race) -> None:
        """Make one more attempt: those under way have not been answered for long enough."""
        task = race.task
        if self._hedges is not None and not self._hedges.spend(self._clock.now):
            return
        race.hedges += 1
        node = task.streams[self._slot].hedge(race.retry, race.hedges)
        outcome = self.try_once(task, race.retry, race.waited, node)
        made = outcome is not None or race.attempts[-1].node is node
        if made and race.hedges < self._most:
            race.since = self._clock.now
            self._timers.add(race)

    def _settle(self, attempt: Attempt, outcome: int) -> None:
        CallSite._settle(self, attempt, outcome)
        task = attempt.task
        race = self._races.get(task)
        if race is None:
            return
        if attempt in race.attempts:
            race.attempts.remove(attempt)
        if outcome == OK or not race.attempts:
            self._end(race)
        else:
            task.current = race.attempts[0]

    def _end(self, race: _Race) -> None:
        """End a race: who still runs is no longer waited for."""
        del self._races[race.task]
        race.settled = True
        for attempt in race.attempts:
            self._leave(attempt, ABANDONED)

    def abandon(self, attempt: Attempt) -> None:
        """Stop waiting for all attempts of a race whose outcome nobody wants any more."""
        race = self._races.get(attempt.task)
        if race is not None:
            self._end(race)

    def _after_failure(self, task: Task, retry: int, waited: float, outcome: int) -> None:
        """Go on as the policy says, unless another attempt of the same try may still be good."""
        if task not in self._races:
            CallSite._after_failure(self, task, retry, waited, outcome)
