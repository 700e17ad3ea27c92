"""From a scenario to a running world: every entity made and wired, in a fixed order.

Entities are made in the order of their names, not of the file, so permuting the file
changes nothing; a caller's calls keep the order in which it makes them.
"""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from simcb.options import MOST_EVENTS, MOST_ROWS
from simcb.scenario.arrivals import Backlog, Closed
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.calls import Call
from simcb.scenario.faults import Surge
from simcb.scenario.model import Scenario
from simcb.trace import (
    BreakerInfo,
    CallInfo,
    CrashInfo,
    FaultInfo,
    Layout,
    ServiceInfo,
    Trace,
)
from simcb.version import __version__
from simcb.world.arrivals import arrival_times
from simcb.world.caching import CachedSite, Caches
from simcb.world.carrier import Carrier
from simcb.world.checking import Checker
from simcb.world.clients import ClosedGroup, Group, Instances, OpenGroup, UserAttemptStreams
from simcb.world.clock import Clock, Order
from simcb.world.conditions import Conditions, FaultWindow, drawn_faults, windows_of, windows_on
from simcb.world.consumers import ConsumerGroup
from simcb.world.guards import Guards, Made
from simcb.world.hedges import HedgingSite
from simcb.world.occurrence import Occurrence
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.rotation import Rotation
from simcb.world.routing import BALANCERS, Guard, LoadBalancer
from simcb.world.scaling import Autoscaler
from simcb.world.sites import CallSite
from simcb.world.stages import Stages, call_in, follow_calls, switched_on
from simcb.world.streams import Column, GroupStreams, Streams, StreamTree, sampler_of, uniform
from simcb.world.tasks import Server, Site
from simcb.world.workforce import Workforce

if TYPE_CHECKING:
    from simcb.world.code.loading import Source
    from simcb.world.code.notes import Note

T = TypeVar("T")

_PATIENCE = 200_000
_PATIENCE_PER_USER = 50
"""Events without delay in one moment: all users may ask, fail and be told at the same time, and
all messages of a queue may be taken and fail."""


def _by_name(entities: Mapping[str, T]) -> list[tuple[str, T]]:
    return sorted(entities.items(), key=lambda item: item[0])


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
        self._stages = Stages(scenario)
        self._first = self._stages.now
        self._users = {name: self._stages.users(name) for name in scenario.clients}
        most_users = max((each or 0 for each in self._users.values()), default=0)
        messages = sum(self._stages.messages(name) for name in scenario.clients)
        patience = _PATIENCE + _PATIENCE_PER_USER * (most_users + messages)
        self.clock = Clock(patience, max_events)
        self._carrier = carrier
        make = Recorder if carrier is None else carrier.recorder
        self.recorder = make(self.clock, max_rows)
        self._code = None
        if clients:
            # asyncio is slow to load, and only code needs it.
            from simcb.world.code.running import Code

            host = None if carrier is None else carrier.host
            self._code = Code(self.clock, self.recorder, clients, host)
        for at, stage in self._stages.later:
            self.clock.tell(at, int(Order.CONDITIONS), partial(self._follow, stage))
        self._streams = Streams(seed, replicate, most_users)
        self._windows = windows_of(drawn_faults(scenario, self._streams), scenario.duration)
        self.tree = StreamTree(self._streams, scenario.services)
        self._calls: list[CallInfo] = []
        self._wired: list[Call] = []
        self._guards = Guards(self.clock, self.recorder, self._streams)
        self._caches = Caches(self._streams, self._windows)
        self._balancers: dict[str, LoadBalancer] = {}
        self._rotation = Rotation(self._balancers)
        self._scalers: dict[str, Autoscaler] = {}
        self._services: list[ServiceInfo] = []
        self._replicas: list[Replica] = []
        for name, _ in _by_name(scenario.services):
            self._open_service(name)
        # Clients come first in the layout; a service's sites can only be made once every
        # service stands, because calls between services may go in any order.
        asking = _by_name(scenario.clients) if carrier is None or carrier.asked else ()
        self._groups = [self._open_group(index, name) for index, (name, _) in enumerate(asking)]
        for name, _ in _by_name(scenario.services):
            self._connect_service(name)
        self._checkers = [*self._check_replicas()]
        self._sample_event = Occurrence()
        self._progress: Callable[[float], None] | None = None

    def _open_service(self, name: str) -> None:
        service = self._first.services[name]
        first, most = len(self._replicas), self._stages.replicas(name)
        workers = self._stages.course(lambda stage: stage.services[name].workers)
        for number in range(most):
            windows = windows_on(self._windows, name, number)
            conditions = Conditions(windows)
            workforce = Workforce(windows, service.workers, workers[1:])
            self._replicas.append(
                Replica(self.clock, self.recorder, first + number, service, conditions, workforce)
            )
        self._services.append(
            ServiceInfo(
                name,
                first,
                most,
                max(count for _, count in workers),
                discipline=service.queue.discipline.value,
                blocking=service.blocking,
                on_abandon=service.on_abandon.value,
            )
        )
        servers: Sequence[Server] = self._replicas[first:]
        if self._carrier is not None:
            way = self._carrier.way
            servers = [way(name, number, each) for number, each in enumerate(self.replicas(name))]
        self._balancers[name] = BALANCERS[service.balance](servers)
        if service.scale is None:
            self._let_be(name, service.replicas)
            return
        self._scalers[name] = Autoscaler(
            self.clock,
            service,
            self._replicas[first:],
            partial(self._let_be, name),
            lambda replica: self._guards.renew(replica.index),
        )

    def _let_be(self, service: str, replicas: int) -> None:
        self._rotation.let_be(service, replicas, self.clock.now)

    def replicas(self, service: str) -> Sequence[Replica]:
        """Return the replicas of a service."""
        info = next(each for each in self._services if each.name == service)
        return self._replicas[info.first_replica : info.first_replica + info.replicas]

    def windows_on(self, service: str, number: int) -> list[FaultWindow]:
        """Return the scenario's fault windows that touch a replica of a service."""
        return windows_on(self._windows, service, number)

    def breakers(self) -> Iterator[tuple[str, Made]]:
        """Yield the breakers that have been made, by their names."""
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
        before = self._stages.now
        for group, (name, spec) in zip(self._groups, _by_name(stage.clients), strict=False):
            # A process that was idle until now has what it had from the beginning, like a full
            # bucket of the size that was, so it is made while that still holds.
            if spec.calls != before.clients[name].calls:
                group.instances.every()
        self._stages.now = stage
        for index, info in enumerate(self._calls):
            was, call = call_in(before, info), call_in(stage, info)
            self._guards.configure(index, was.breaker, call.breaker)
            self._caches.follow(index, call, self.clock.now)
        for group, (name, spec) in zip(self._groups, _by_name(stage.clients), strict=False):
            if spec == before.clients[name]:
                continue
            group.follow(spec)
            law = spec.arrivals
            if isinstance(group, ClosedGroup) and isinstance(law, Closed):
                group.let_be(law.users, self._thinking(name, law))
            elif isinstance(group, ConsumerGroup) and isinstance(law, Backlog):
                group.let_be(law)
            if spec.calls != before.clients[name].calls:
                for sites in group.instances.every():
                    follow_calls(sites, before.clients[name].calls, spec.calls)
        for name, service in stage.services.items():
            if service == before.services[name]:
                continue
            if name in self._scalers:
                self._scalers[name].follow(service)
            else:
                self._let_be(name, service.replicas)
            for replica in self.replicas(name):
                replica.follow(service)
                follow_calls(replica.sites, before.services[name].calls, service.calls)

    def _open_group(self, index: int, name: str) -> Group:
        spec = self._first.clients[name]
        law = spec.arrivals
        path = f"clients/{name}"
        users = self._users[name]
        streams = GroupStreams(self.tree, path, users)
        code = None
        if self._code is not None and self._code.has(name):
            code = self._code.add(name, spec.calls, users)
        first = self._call_infos(
            name, spec.calls, spec.instances, from_client=True, by_code=code is not None
        )
        draws = None
        if spec.instances > 1 and not spec.spread_in_turn:
            draws = self._streams.column(path, "instance", uniform)

        def sites_of(instance: int) -> tuple[Site, ...]:
            calls = self._stages.now.clients[name].calls
            return self._sites(first, calls, instance if spec.instances > 1 else None)

        user_attempts = UserAttemptStreams(lambda nth: streams.calls(f"{path}/{nth}", spec.calls))
        surges = [
            window
            for window in self._windows
            if isinstance(window.fault, Surge) and window.fault.on == name
        ]
        kind: type[Group] = OpenGroup if users is None else ClosedGroup
        if isinstance(law, Backlog):
            kind = ConsumerGroup
        instances = Instances(spec.instances, sites_of, draws)
        group = kind(self.clock, self.recorder, index, spec, instances, user_attempts)
        if isinstance(group, ConsumerGroup) and isinstance(law, Backlog):
            group.let_pull(law)
        if isinstance(group, OpenGroup):
            until = self.scenario.duration
            later = self._stages.course(lambda stage: stage.clients[name].arrivals)[1:]
            group.let_arrive(arrival_times(law, surges, self._streams, name, until, later))
        elif isinstance(group, ClosedGroup) and isinstance(law, Closed) and users:
            group.let_think(users, law.users, self._thinking(name, law))
        if code is not None:
            group.let_ask(code.attempt)
        return group

    def _thinking(self, name: str, law: Closed) -> Column:
        return self._streams.column(f"clients/{name}", "think", sampler_of(law.think))

    def _connect_service(self, name: str) -> None:
        calls = self._first.services[name].calls
        if not calls:
            return
        replicas = self.replicas(name)
        first = self._call_infos(name, calls, len(replicas), from_client=False)
        for instance, replica in enumerate(replicas):
            replica.sites = self._sites(first, calls, instance)

    def _check_replicas(self) -> Iterator[Checker]:
        """Begin the health checks of all replicas that have some."""
        for name, service in _by_name(self._first.services):
            spec = service.liveness
            if spec is None:
                continue
            path = f"services/{name}/liveness"
            streams = GroupStreams(self.tree, path, None)
            (calls,) = streams.calls(path, {spec.asks: Call()})
            own, others = self._balancers[name], self._balancers[spec.asks]
            asked = self.replicas(spec.asks)
            replicas = self.replicas(name)
            for place, replica in enumerate(replicas):
                assert replica.falls is not None
                yield Checker(
                    self.clock,
                    spec,
                    name,
                    (place, len(replicas)),
                    calls.attempt(0),
                    replica,
                    replica.falls,
                    lambda own=own, others=others, asked=asked: (
                        len(own.replicas),
                        asked[: len(others.replicas)],
                    ),
                )

    def _call_infos(
        self,
        caller: str,
        calls: Mapping[str, Call],
        processes: int,
        *,
        from_client: bool,
        by_code: bool = False,
    ) -> int:
        """Enter a caller's calls in the layout and return the index of the first."""
        first = len(self._calls)
        index = {name: first + slot for slot, name in enumerate(calls)}
        guarded = by_breaker(calls)
        together = {name: names for names in guarded.values() for name in names}
        for name, first_call in calls.items():
            service = first_call.target(name)
            every = self._stages.calls(caller, name, from_client=from_client)
            call = switched_on(first_call, every)
            self._wired.append(call)
            self._guards.expect(
                call.breakers(processes, self._stages.replicas(service)) if name in guarded else 0,
                tuple(index[each] for each in together.get(name, (name,))),
            )
            info = self._stages.call_info(
                caller, name, call, processes, from_client=from_client, by_code=by_code
            )
            self._calls.append(info)
        return first

    def _sites(
        self, first: int, calls: Mapping[str, Call], instance: int | None
    ) -> tuple[Site, ...]:
        """Make the call sites of one caller process; each has its own breakers and budgets."""
        return tuple(
            self._site(first + slot, slot, name, call, instance)
            for slot, (name, call) in enumerate(calls.items())
        )

    def _site(self, index: int, slot: int, name: str, call: Call, instance: int | None) -> Site:
        site = (CallSite if call.hedge is None else HedgingSite)(
            self.clock,
            self.recorder,
            self._calls[index].caller,
            index,
            slot,
            call,
            self._balancers[call.target(name)],
            self._guard(index, instance),
            self._caches.stale(index, call),
        )
        cache = self._caches.before(index, self._calls[index], call)
        return site if cache is None else CachedSite(self.clock, slot, call, site, cache)

    def _guard(self, index: int, instance: int | None) -> Guard | None:
        info, call = self._calls[index], self._wired[index]
        if self._code is not None and info.by_code:
            return self._code.guard(index)
        return self._guards.guard(index, info, call, instance, self._balancers[info.service])

    def _sample(self, _: object) -> None:
        now = self.clock.now
        for replica in self._replicas:
            capacity = self._rotation.capacity(replica)
            self.recorder.sample(now, replica.index, len(replica.queue), replica.busy, capacity)
        if self._progress is not None:
            self._progress(now)
        self._samples += 1
        self._await_sample(self._samples * self.scenario.sample_every)

    def _await_sample(self, moment: float) -> None:
        self._sample_event.callback = self._sample_callback
        self.clock.at(moment, int(Order.SAMPLE), self._sample_event)

    def run(self, progress: Callable[[float], None] | None = None) -> Trace:
        """Run to the scenario's end and return what happened.

        Args:
            progress: called now and then with the simulated seconds done.
        """
        if self._code is None:
            return self._run(progress, _no_garbage_collection())
        with self.coding():
            return self._run(progress, nullcontext())

    def coding(self) -> AbstractContextManager[None]:
        """Load clients' code, which runs within, and end what it leaves."""
        if self._code is None:
            return nullcontext()
        seed = f"{self.seed}/{self.replicate}/clients#random"
        call = next(index for index, each in enumerate(self._calls) if each.by_code)
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
        try:
            with collection:
                self.clock.run(until=self.scenario.duration)
        finally:
            self.close()
        return self.trace()

    def begin(self) -> None:
        """Let the first things of the run be due; from then on the clock says what happens."""
        self._samples = 0
        self._sample_callback = self._sample
        self._await_sample(0.0)

    def close(self) -> None:
        """End what is still under way."""
        self.clock.clear()
        self._guards.close()
        if self._code is not None:
            self._code.end()

    def trace(self) -> Trace:
        """Return what happened; the run is over."""
        if self._code is not None:
            self._guards.add(self._code.breakers.written)
        breakers = self._guards.made()
        for index, (_, breaker) in breakers.items():
            counts = breaker.snapshot()
            self.recorder.counter(
                index,
                counts.admitted,
                counts.rejected,
                counts.successes,
                counts.failures,
                counts.ignored,
                counts.stale,
            )
        return Trace(
            layout=self._layout([info for info, _ in breakers.values()]),
            duration=self.scenario.duration,
            seed=self.seed,
            replicate=self.replicate,
            scenario=self.scenario.to_yaml(),
            versions={**_versions(), **self._guards.packages},
            **self.recorder.freeze(tuple(breakers)),
        )

    def _course_of(self, info: ServiceInfo) -> ServiceInfo:
        """Return what the layout says of a service, with how many replicas it had when."""
        workers = self._stages.course(lambda stage: stage.services[info.name].workers)
        return replace(info, scaled=self._rotation.scaled(info.name, workers))

    def _layout(self, breakers: list[BreakerInfo]) -> Layout:
        groups = [name for name, _ in _by_name(self._first.clients)]
        users = tuple(self._users[name] for name in groups)
        consumers = tuple(map(self._stages.consumers, groups))
        return Layout(
            groups=tuple(groups),
            services=tuple(map(self._course_of, self._services)),
            calls=tuple(self._calls),
            breakers=tuple(breakers),
            faults=tuple(
                FaultInfo(
                    window.label, window.fault.kind, window.fault.on, window.start, window.end
                )
                for window in self._windows
            ),
            changes=self._stages.changes,
            crashes=tuple(
                CrashInfo(replica.index, *fall)
                for replica in self._replicas
                if replica.falls is not None
                for fall in replica.falls.each
            ),
            deadlines=tuple(map(self._stages.deadline, groups)),
            users=users if any(users) else (),
            consumers=consumers if any(consumers) else (),
            idle_breakers=self._guards.count - len(breakers),
            caches=self._caches.found(),
        )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause the cycle collector: a run's objects make no cycles, and looking costs a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
