"""A scenario's world that the wall clock drives."""

from __future__ import annotations

import math
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

from simcb.live.visits import Ledger
from simcb.live.ways import Post, Way, Ways
from simcb.options import MOST_ROWS
from simcb.scenario.model import Scenario
from simcb.trace import Trace
from simcb.world import World
from simcb.world.clock import Clock
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
    ) -> None:
        self.scenario = scenario
        self.asked = asked
        self.lateness = 0.0
        """The most that the loop came late to what was due, seconds of the scenario."""
        self._loop = loop
        self._failed = failed
        self._timer: TimerHandle | None = None
        self._begun: float | None = None
        self.ways = Ways(self, loop, post)
        self.world = World(scenario, seed, replicate, None, MOST_ROWS, carrier=self)
        self.clock = self.world.clock

    # What the world asks for.

    def recorder(self, clock: Clock, most_rows: int | None) -> Recorder:
        """Return where attempts are written down."""
        self.ledger = Ledger(clock, most_rows)
        return self.ledger

    def way(self, service: str, number: int, replica: Replica) -> Way:
        """Return what stands for a replica where it is called."""
        return Way(self.ways, service, number, replica)

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

    def sync(self) -> float:
        """Let all happen that is due, and return the moment, seconds of the scenario."""
        clock = self.clock
        if self._begun is None:
            return 0.0
        end = self.scenario.duration
        now = min(self._loop.time() - self._begun, end)
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
        self._timer = None if math.isinf(due) else self._loop.call_at(due, self._ring)

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
