"""A scenario's world that the wall clock drives."""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping
from contextvars import copy_context

from simcb.live.hosting import SocketHost
from simcb.live.visits import Ledger
from simcb.live.ways import Post, Way, Ways
from simcb.options import MOST_ROWS
from simcb.scenario.model import Scenario
from simcb.trace import Trace
from simcb.world import World
from simcb.world.clock import Clock
from simcb.world.code.hosts import Unheard
from simcb.world.code.loading import Source
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica


class Stage:
    """The world of a scenario, whose clock is an event loop's.

    What is due happens at its own moment, however late the loop comes to it: lateness of one
    event moves no other.

    Args:
        scenario: what is on it, until its end.
        loop: whose seconds are those of the scenario.
        seed: random seed.
        replicate: which replicate of it.
        asked: whether the scenario's client groups ask.
        post: sends an attempt over the network.
        failed: told of what ends it before its end.
        clients: the code that the requests of a group run, in place of its calls.
    """

    def __init__(
        self,
        scenario: Scenario,
        loop: AbstractEventLoop,
        *,
        seed: int,
        replicate: int = 0,
        asked: bool,
        post: Post,
        failed: Callable[[BaseException], None],
        clients: Mapping[str, Source] | None = None,
    ) -> None:
        self.scenario = scenario
        self.asked = asked
        self.lateness = 0.0
        """The most that the loop came late to what was due, seconds of the scenario."""
        self._loop = loop
        self._failed = failed
        self._timer: TimerHandle | None = None
        self._begun: float | None = None
        self._context = copy_context()
        self.ways = Ways(self, loop, post)
        self.coded: SocketHost | None = None
        """What runs clients' code, if there is any."""
        self.world = World(scenario, seed, replicate, None, MOST_ROWS, clients, carrier=self)
        self.clock = self.world.clock

    # What the world asks for.

    def recorder(self, clock: Clock, most_rows: int | None) -> Recorder:
        """Return where attempts are written down."""
        self.ledger = Ledger(clock, most_rows)
        return self.ledger

    def way(self, service: str, number: int, replica: Replica) -> Way:
        """Return what stands for a replica where it is called."""
        return Way(self.ways, service, number, replica)

    def host(self, unheard: Unheard) -> SocketHost:
        """Return what runs the code of client groups."""
        self.coded = SocketHost(self, self._loop, unheard, self._failed)
        return self.coded

    # Time.

    @property
    def begun(self) -> bool:
        """Whether the scenario has begun."""
        return self._begun is not None

    def begin(self) -> None:
        """Let the scenario begin now."""
        self._begun = self._loop.time()
        self.world.begin()
        self.arm()

    def now(self) -> float:
        """Return the seconds since it began; what is due then may not have happened yet."""
        return 0.0 if self._begun is None else self._loop.time() - self._begun

    def sync(self) -> float:
        """Let all happen that is due, and return the moment, seconds of the scenario."""
        if self._begun is None:
            return 0.0
        clock, end = self.clock, self.scenario.duration
        now = min(self.now(), end)
        due = clock.due()
        if due <= now:
            self.lateness = max(self.lateness, now - due)
            clock.advance(math.nextafter(now, math.inf) if now < end else end)
        clock.now = now
        return now

    def arm(self) -> None:
        """Wait for what is due next; called after anything that may have put something there."""
        if self._begun is None:
            return
        due = self._begun + self.clock.due()
        timer = self._timer
        if timer is not None:
            if timer.when() <= due:
                return
            timer.cancel()
        # Not in the context of a client's code, which may be what has put something there.
        context, ring = self._context, self._ring
        self._timer = None if math.isinf(due) else self._loop.call_at(due, ring, context=context)

    def _ring(self) -> None:
        self._timer = None
        try:
            self.sync()
        except Exception as error:
            self._failed(error)
        else:
            if self.clock.now < self.scenario.duration:
                self.arm()

    def end(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
        self.ways.close()
        self.world.close()

    def trace(self) -> Trace:
        """Return what happened, as a simulation's trace; it has ended."""
        return self.world.trace()
