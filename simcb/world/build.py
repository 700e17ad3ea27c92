"""From a scenario to a running world: every entity made and wired, in a fixed order.

Entities are made in the order of their names, not of the file, so permuting the file
changes nothing; a caller's calls keep the order in which it makes them.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from simcb.garbage import uncollected
from simcb.options import MOST_EVENTS, MOST_ROWS
from simcb.scenario.model import Scenario
from simcb.trace import (
    BreakerInfo,
    FaultInfo,
    Layout,
    Trace,
)
from simcb.version import __version__
from simcb.world.caching import Caches
from simcb.world.callers import Callers
from simcb.world.carrier import Carrier
from simcb.world.client_groups import ClientGroups
from simcb.world.clock import Clock, Order
from simcb.world.conditions import FaultWindow, drawn_faults, windows_of
from simcb.world.guards import Guards, Made, counts_of
from simcb.world.occurrence import Occurrence
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.services import Services
from simcb.world.stages import Stages
from simcb.world.streams import Streams, StreamTree

if TYPE_CHECKING:
    from simcb.world.code.loading import Source
    from simcb.world.code.notes import Note

_SAMPLE = int(Order.SAMPLE)
_PATIENCE = 200_000
_PATIENCE_PER_USER = 50
"""Events without delay in one moment: all users may ask, fail and be told at the same time, and
all messages of a queue may be taken and fail."""


class World:
    """One run's entities, ready to go; its arguments are those of `simulate`.

    Args:
        carrier: takes attempts to the services; None where nothing leaves the process.

    Attributes:
        tree: where the streams of requests come from.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        replicate: int,
        max_events: int | None = MOST_EVENTS,
        max_rows: int | None = MOST_ROWS,
        clients: Mapping[str, Source] | None = None,
        carrier: Carrier | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.replicate = replicate
        self._stages = stages = Stages(scenario)
        self._names = sorted(scenario.clients)
        self._users = tuple(map(stages.users, self._names))
        most_users = max((each or 0 for each in self._users), default=0)
        messages = sum(map(stages.messages, self._names))
        patience = _PATIENCE + _PATIENCE_PER_USER * (most_users + messages)
        self.clock = clock = Clock(patience, max_events)
        make = Recorder if carrier is None else carrier.recorder
        self.recorder = recorder = make(clock, max_rows)
        self._code = code = None
        if clients:
            # asyncio is slow to load, and only code needs it.
            from simcb.world.code.running import Code

            host = None if carrier is None else carrier.host
            self._code = code = Code(clock, recorder, clients, host)
        for at, stage in stages.later:
            clock.tell(at, int(Order.CONDITIONS), partial(self._follow, stage))
        streams = Streams(seed, replicate, most_users)
        self._windows = windows_of(drawn_faults(scenario, streams), scenario.duration)
        self.tree = StreamTree(streams, scenario.services)
        self._guards = Guards(clock, recorder, streams)
        self._caches = Caches(streams, self._windows)
        at_work = (clock, recorder, stages)
        self._services = Services(*at_work, self._windows, self._guards, carrier)
        balancers = self._services.balancers
        self._callers = Callers(*at_work, balancers, self._guards, self._caches, code)
        self._groups = ClientGroups(
            *at_work, self._windows, self._callers, streams, self.tree, code
        )
        # Clients come first in the layout; a service's calls can only be wired once every
        # service stands, because they may go in any order.
        for index, name in enumerate(self._names if carrier is None or carrier.asked else ()):
            self._groups.open(index, name)
        self._services.connect(self._callers)
        self._checkers = [*self._services.check(self.tree)]
        self._progress: Callable[[float], None] | None = None

    def replicas(self, service: str) -> Sequence[Replica]:
        """Return the replicas of a service."""
        return self._services.replicas(service)

    def windows_on(self, service: str, number: int) -> list[FaultWindow]:
        """Return the scenario's fault windows that touch a replica of a service."""
        return self._services.windows_on(service, number)

    def breakers(self) -> Iterator[tuple[str, Made]]:
        """Yield the breakers that have been made, by their names; after `run` there are none."""
        for info, breaker in self._every_breaker().values():
            yield info.name, breaker

    def breaker_name(self, index: int) -> str:
        """Return the name of a breaker that has been made, by its index."""
        return self._every_breaker()[index][0].name

    def _every_breaker(self) -> dict[int, tuple[BreakerInfo, Made]]:
        made = self._guards.made()
        if self._code is not None:
            names = {info.name for info, _ in made.values()}
            for index, info, breaker in self._code.breakers.written(names):
                made.setdefault(index, (info, breaker))
        return made

    def _follow(self, stage: Scenario) -> None:
        """Let everything be from now on as a stage has it."""
        self._groups.complete(stage)
        self._stages.go_on(stage)
        self._callers.follow()
        self._groups.follow()
        self._services.follow()

    def _sample(self, _: object) -> None:
        now = self.clock.now
        self._services.sample(now)
        if self._progress is not None:
            self._progress(now)
        self._samples += 1
        self.clock.at(self._samples * self.scenario.sample_every, _SAMPLE, self._next_sample)

    def run(self, progress: Callable[[float], None] | None = None) -> Trace:
        """Run to the scenario's end and return what happened.

        Args:
            progress: called now and then with the simulated seconds done.
        """
        if self._code is None:
            # Looking for garbage costs a fifth.
            return self._run(progress, uncollected())
        with self.coding():
            return self._run(progress, nullcontext())

    def coding(self) -> AbstractContextManager[None]:
        """Load clients' code, which runs within, and end what it leaves."""
        if self._code is None:
            return nullcontext()
        seed = f"{self.seed}/{self.replicate}/clients#random"
        call = next(index for index, each in enumerate(self._callers.infos) if each.by_code)
        return self._code.running(seed, self._guards.count, call)

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is worth telling of how clients' code ran."""
        return () if self._code is None else self._code.notes()

    def _run(
        self, progress: Callable[[float], None] | None, collection: AbstractContextManager[None]
    ) -> Trace:
        self._progress = progress
        self.begin()
        with collection:
            try:
                self.clock.run(until=self.scenario.duration)
            finally:
                self.close()
            trace = self.trace()
            # There may be hundreds of processes: they go now, and not when the collector comes.
            self._groups.clear()
            self._guards.clear()
            return trace

    def begin(self) -> None:
        """Let the first things of the run be due; from then on the clock says what happens."""
        self._samples = 0
        self._next_sample = Occurrence(self._sample)
        self.clock.at(0.0, _SAMPLE, self._next_sample)

    def close(self) -> None:
        """End what is still under way."""
        self.clock.clear()
        self._services.close()
        self._guards.close()
        if self._code is not None:
            self._code.end()

    def trace(self) -> Trace:
        """Return what happened; the run is over."""
        if self._code is not None:
            self._guards.add(self._code.breakers.written)
        breakers = self._guards.made()
        for index, (_, breaker) in breakers.items():
            self.recorder.counter(index, *counts_of(breaker))
        return Trace(
            layout=self._layout([info for info, _ in breakers.values()]),
            duration=self.scenario.duration,
            seed=self.seed,
            replicate=self.replicate,
            scenario=_written.of(self.scenario),
            versions={**_versions(), **self._guards.packages},
            **self.recorder.freeze(tuple(breakers)),
        )

    def _layout(self, breakers: list[BreakerInfo]) -> Layout:
        consumers = tuple(map(self._stages.consumers, self._names))
        return Layout(
            groups=tuple(self._names),
            services=self._services.infos(),
            calls=tuple(self._callers.infos),
            breakers=tuple(breakers),
            faults=tuple(
                FaultInfo(
                    window.label, window.fault.kind, window.fault.on, window.start, window.end
                )
                for window in self._windows
            ),
            changes=self._stages.changes,
            crashes=self._services.crashes(),
            deadlines=tuple(map(self._stages.deadline, self._names)),
            users=self._users if any(self._users) else (),
            consumers=consumers if any(consumers) else (),
            idle_breakers=self._guards.count - len(breakers),
            caches=self._caches.found(),
        )


class _Written:
    """The text of the scenario that ran last: its replicates mostly run one after the other."""

    def __init__(self) -> None:
        self._last: tuple[Scenario, str] | None = None

    def of(self, scenario: Scenario) -> str:
        """Return a scenario, which never changes, as a file."""
        last = self._last
        if last is None or last[0] is not scenario:
            self._last = last = scenario, scenario.to_yaml()
        return last[1]


_written = _Written()


@cache
def _versions() -> dict[str, str]:
    # Looking up a version reads files; a study of thousands of runs asks once for each.
    made_by = {"simcb": __version__, "simpy": version("simpy"), "numpy": np.__version__}
    return {**made_by, "python": platform.python_version()}


def simulate(
    scenario: Scenario,
    seed: int = 0,
    replicate: int = 0,
    progress: Callable[[float], None] | None = None,
    *,
    max_events: int | None = MOST_EVENTS,
    max_rows: int | None = MOST_ROWS,
    clients: Mapping[str, Source] | None = None,
    notes: list[Note] | None = None,
) -> Trace:
    """Run a scenario once in virtual time and return its trace.

    Args:
        scenario: what to simulate.
        seed: names the streams, together with `replicate`; any int.
        replicate: which replicate of that seed, from 0.
        progress: called now and then with the simulated seconds done.
        max_events: events and timers the run may have, 200 million unless said otherwise; None
            for any number.
        max_rows: requests and attempts the run may have together, 30 million unless said
            otherwise; None for any number.
        clients: the code that the requests of a group run, in place of its calls.
        notes: gets what is worth telling of how that code ran.

    Raises:
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        EventBudgetError: the run is not over after `max_events`.
        RowBudgetError: the run is not over after `max_rows`.
        TimeStandsStillError: something happens again and again without time going on.
    """
    world = World(scenario, seed, replicate, max_events, max_rows, clients)
    trace = world.run(progress)
    if notes is not None:
        notes += world.notes
    return trace
