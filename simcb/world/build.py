"""From a scenario to a running world: every entity made and wired, in a fixed order.

Entities are made in the order of their names, not of the file, so permuting the file
changes nothing; a caller's calls keep the order in which it makes them.
"""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TypeVar

import numpy as np

import simcb
from simcb.breaker import CircuitBreaker, Transition
from simcb.scenario.arrivals import OpenArrivals
from simcb.scenario.calls import Call
from simcb.scenario.faults import Surge
from simcb.scenario.model import Scenario
from simcb.trace import (
    STATE_CODE,
    BreakerInfo,
    CallInfo,
    FaultInfo,
    Layout,
    ServiceInfo,
    Trace,
)
from simcb.world.arrivals import arrival_times
from simcb.world.calls import CallSite, Guard, ReplicaGuard
from simcb.world.clients import Group, PressLuck
from simcb.world.clock import Clock, Occurrence, Order
from simcb.world.conditions import Conditions, spells_of
from simcb.world.luck import Tree
from simcb.world.recorder import Recorder
from simcb.world.services import Replica, ServiceDesk
from simcb.world.streams import Streams

T = TypeVar("T")


def _by_name(entities: Mapping[str, T]) -> list[tuple[str, T]]:
    return sorted(entities.items(), key=lambda item: item[0])


class World:
    """One run's entities, ready to go.

    Args:
        scenario: what to simulate.
        seed: the user's seed.
        replicate: which replicate of that seed, from 0.
    """

    def __init__(self, scenario: Scenario, seed: int, replicate: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.replicate = replicate
        self.clock = Clock()
        self.recorder = Recorder()
        self._spells = spells_of(scenario.labelled_faults)
        self._streams = Streams(seed, replicate)
        self._tree = Tree(self._streams, scenario.services)
        self._calls: list[CallInfo] = []
        self._breakers: list[tuple[BreakerInfo, CircuitBreaker]] = []
        self._desks: dict[str, ServiceDesk] = {}
        self._services: list[ServiceInfo] = []
        self._replicas: list[Replica] = []
        for name, _ in _by_name(scenario.services):
            self._open_service(name)
        # Clients come first in the layout; a service's sites can only be made once every
        # service stands, because calls between services may go in any order.
        self._groups = [
            self._open_group(index, name)
            for index, (name, _) in enumerate(_by_name(scenario.clients))
        ]
        for name, _ in _by_name(scenario.services):
            self._connect_service(name)
        self._sample_event = Occurrence()
        self._progress: Callable[[float], None] | None = None

    def _open_service(self, name: str) -> None:
        service = self.scenario.services[name]
        first = len(self._replicas)
        for number in range(service.replicas):
            spells = [
                spell
                for spell in self._spells
                if spell.fault.on == name
                and not isinstance(spell.fault, Surge)
                and (spell.fault.replicas is None or number in spell.fault.replicas)
            ]
            index = first + number
            replica = Replica(self.clock, self.recorder, index, service, Conditions(spells))
            self._replicas.append(replica)
        self._services.append(ServiceInfo(name, first, service.replicas, service.workers))
        self._desks[name] = ServiceDesk(self._replicas[first:])

    def _open_group(self, index: int, name: str) -> Group:
        group = self.scenario.clients[name]
        path = f"clients/{name}"
        infos = self._call_infos(name, group.calls, from_client=True)
        assert isinstance(group.arrivals, OpenArrivals)
        surges = [
            spell
            for spell in self._spells
            if isinstance(spell.fault, Surge) and spell.fault.on == name
        ]
        return Group(
            self.clock,
            self.recorder,
            index,
            arrival_times(group.arrivals, surges, self._streams, path, self.scenario.duration),
            self._sites(infos, group.calls, instance=None),
            group.refresh,
            PressLuck(lambda press: self._tree.calls(f"{path}/{press}", group.calls)),
        )

    def _connect_service(self, name: str) -> None:
        calls = self.scenario.services[name].calls
        if not calls:
            return
        infos = self._call_infos(name, calls, from_client=False)
        for instance, replica in enumerate(self._desks[name].replicas):
            replica.sites = self._sites(infos, calls, instance)

    def _call_infos(self, caller: str, calls: Mapping[str, Call], *, from_client: bool) -> int:
        """Enter a caller's calls in the layout and return the index of the first."""
        first = len(self._calls)
        for service, call in calls.items():
            self._calls.append(CallInfo(caller, service, call.timeout, from_client))
        return first

    def _sites(
        self, first: int, calls: Mapping[str, Call], instance: int | None
    ) -> tuple[CallSite, ...]:
        """Make the call sites of one caller process; each has its own breakers."""
        return tuple(
            CallSite(
                self.clock,
                self.recorder,
                first + slot,
                slot,
                call,
                self._desks[service],
                self._guard(first + slot, call, instance),
            )
            for slot, (service, call) in enumerate(calls.items())
        )

    def _guard(self, index: int, call: Call, instance: int | None) -> Guard | None:
        policy = call.breaker
        if policy is None or not policy.enabled:
            return None
        info = self._calls[index]
        caller = info.caller if instance is None else f"{info.caller}.{instance}"
        count = len(self._desks[info.service].replicas) if policy.per_replica else 1
        first = len(self._breakers)
        made = []
        for number in range(count):
            guarded = f"{info.service}.{number}" if policy.per_replica else info.service
            breaker = CircuitBreaker(
                f"{caller}->{guarded}",
                failure_threshold=policy.failure_threshold,
                recovery_timeout=policy.recovery_timeout,
                clock=lambda: self.clock._now,
                listeners=(self._transition_writer(first + number),),
            )
            replica = self._desks[info.service].replicas[number].index if policy.per_replica else -1
            self._breakers.append((BreakerInfo(breaker.name, index, replica), breaker))
            made.append(breaker)
        return ReplicaGuard(made, first) if policy.per_replica else Guard(made[0], first)

    def _transition_writer(self, index: int) -> Callable[[Transition], None]:
        write = self.recorder.transition

        def listener(change: Transition) -> None:
            before, after = STATE_CODE[change.before.value], STATE_CODE[change.after.value]
            write(change.at, index, before, after)

        return listener

    def _sample(self, _: object) -> None:
        now = self.clock._now
        for replica in self._replicas:
            self.recorder.sample(
                now, replica.index, len(replica.queue), replica.busy, replica.capacity
            )
        if self._progress is not None:
            self._progress(now)
        self._samples += 1
        self._await_sample(self._samples * self.scenario.sample_every)

    def _await_sample(self, moment: float) -> None:
        self._sample_event.callbacks = self._sample_callbacks  # type: ignore[assignment]
        self.clock.at(moment, int(Order.SAMPLE), self._sample_event)

    def run(self, progress: Callable[[float], None] | None = None) -> Trace:
        """Run to the scenario's end and return what happened.

        Args:
            progress: called now and then with the simulated seconds done.
        """
        self._progress = progress
        self._samples = 0
        self._sample_callbacks = (self._sample,)
        self._await_sample(0.0)
        with _no_garbage_collection():
            self.clock.run(until=self.scenario.duration)
        for index, (_, breaker) in enumerate(self._breakers):
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
            layout=self._layout(),
            duration=self.scenario.duration,
            seed=self.seed,
            replicate=self.replicate,
            scenario=self.scenario.to_yaml(),
            versions=_versions(),
            **self.recorder.freeze(),
        )

    def _layout(self) -> Layout:
        return Layout(
            groups=tuple(name for name, _ in _by_name(self.scenario.clients)),
            services=tuple(self._services),
            calls=tuple(self._calls),
            breakers=tuple(info for info, _ in self._breakers),
            faults=tuple(
                FaultInfo(spell.label, spell.fault.kind, spell.fault.on, spell.start, spell.end)
                for spell in self._spells
            ),
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


def _versions() -> dict[str, str]:
    made_by = {"simcb": simcb.__version__, "simpy": version("simpy"), "numpy": np.__version__}
    return {**made_by, "python": platform.python_version()}


def simulate(
    scenario: Scenario,
    seed: int = 0,
    replicate: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Trace:
    """Run a scenario once in virtual time and return its trace.

    Args:
        scenario: what to simulate.
        seed: names the luck, together with `replicate`; any int.
        replicate: which replicate of that seed, from 0.
        progress: called now and then with the simulated seconds done.
    """
    return World(scenario, seed, replicate).run(progress)
