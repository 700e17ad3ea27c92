"""The services of a run: their replicas, who is in rotation, and who checks and scales them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from simcb.scenario.calls import Call
from simcb.trace import CrashInfo, ServiceInfo
from simcb.world.callers import Callers
from simcb.world.carrier import Carrier
from simcb.world.checking import Checker
from simcb.world.clock import Clock
from simcb.world.conditions import Conditions, FaultWindow, windows_on
from simcb.world.guards import Guards
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.rotation import Rotation
from simcb.world.routing import BALANCERS, LoadBalancer
from simcb.world.scaling import Autoscaler
from simcb.world.stages import Stages, follow_calls
from simcb.world.streams import GroupStreams, StreamTree
from simcb.world.tasks import Server
from simcb.world.workforce import Workforce


class Services:
    """All services of a run.

    Args:
        clock: the run's clock.
        recorder: where what happens is written down.
        stages: the scenario as it is over the run.
        windows: the faults' windows.
        guards: the breakers, those of replicas that come back among them.
        carrier: takes attempts to the services; None where nothing leaves the process.

    Attributes:
        balancers: by the service's name.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        stages: Stages,
        windows: Sequence[FaultWindow],
        guards: Guards,
        carrier: Carrier | None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._stages = stages
        self._windows = windows
        self._guards = guards
        self._carrier = carrier
        self.balancers: dict[str, LoadBalancer] = {}
        self._rotation = Rotation(self.balancers)
        self._scalers: dict[str, Autoscaler] = {}
        self._infos: dict[str, ServiceInfo] = {}
        self._replicas: list[Replica] = []
        for name in sorted(stages.now.services):
            self._open(name)

    def _open(self, name: str) -> None:
        service = self._stages.now.services[name]
        first, most = len(self._replicas), self._stages.replicas(name)
        workers = self._workers(name)
        for number in range(most):
            windows = self.windows_on(name, number)
            place, conditions = first + number, Conditions(windows)
            workforce = Workforce(windows, service.workers, workers[1:])
            self._replicas.append(
                Replica(self._clock, self._recorder, place, service, conditions, workforce)
            )
        self._infos[name] = ServiceInfo(
            name,
            first,
            most,
            max(count for _, count in workers),
            discipline=service.queue.discipline.value,
            blocking=service.blocking,
            on_abandon=service.on_abandon.value,
        )
        servers: Sequence[Server] = self.replicas(name)
        if self._carrier is not None:
            way = self._carrier.way
            servers = [way(name, number, each) for number, each in enumerate(self.replicas(name))]
        self.balancers[name] = BALANCERS[service.balance](servers)
        if service.scale is None:
            self._let_be(name, service.replicas)
            return
        self._scalers[name] = Autoscaler(
            self._clock,
            service,
            self.replicas(name),
            partial(self._let_be, name),
            lambda replica: self._guards.renew(replica.index),
        )

    def _workers(self, name: str) -> list[tuple[float, int]]:
        return self._stages.course(lambda stage: stage.services[name].workers)

    def _let_be(self, service: str, replicas: int) -> None:
        self._rotation.let_be(service, replicas, self._clock.now)

    def replicas(self, service: str) -> Sequence[Replica]:
        """Return the replicas of a service."""
        info = self._infos[service]
        return self._replicas[info.first_replica : info.first_replica + info.replicas]

    def windows_on(self, service: str, number: int) -> list[FaultWindow]:
        """Return the scenario's fault windows that touch a replica of a service."""
        return windows_on(self._windows, service, number)

    def connect(self, callers: Callers) -> None:
        """Wire each service to those that it asks; all stand, so calls may go in any order."""
        for name, service in sorted(self._stages.now.services.items()):
            if not service.calls:
                continue
            replicas = self.replicas(name)
            first = callers.enter(name, service.calls, len(replicas), from_client=False)
            for instance, replica in enumerate(replicas):
                replica.sites = callers.sites(first, service.calls, instance)

    def follow(self) -> None:
        """Let all be as the stage has it that holds from now on."""
        before = self._stages.before.services
        for name, service in self._stages.now.services.items():
            if service == before[name]:
                continue
            if name in self._scalers:
                self._scalers[name].follow(service)
            else:
                self._let_be(name, service.replicas)
            for replica in self.replicas(name):
                replica.follow(service)
                follow_calls(replica.sites, before[name].calls, service.calls)

    def check(self, tree: StreamTree) -> Iterator[Checker]:
        """Begin the health checks of all replicas that have some."""
        services = self._stages.now.services
        for name in sorted(services):
            spec = services[name].liveness
            if spec is None:
                continue
            path = f"services/{name}/liveness"
            (calls,) = GroupStreams(tree, path, None).calls(path, {spec.asks: Call()})
            own, others = self.balancers[name], self.balancers[spec.asks]
            asked, replicas = self.replicas(spec.asks), self.replicas(name)
            for place, replica in enumerate(replicas):
                assert replica.falls is not None
                yield Checker(
                    self._clock,
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

    def sample(self, now: float) -> None:
        """Write down how long each replica's queue is, and how many workers it has and uses."""
        write, capacity = self._recorder.sample, self._rotation.capacity
        for replica in self._replicas:
            write(now, replica.index, len(replica.queue), replica.busy, capacity(replica))

    def close(self) -> None:
        """Forget who is still at their replicas; the run is over."""
        for replica in self._replicas:
            replica.close()

    def infos(self) -> tuple[ServiceInfo, ...]:
        """Return what the layout says of them, with how many replicas they had when."""
        return tuple(
            replace(info, scaled=self._rotation.scaled(name, self._workers(name)))
            for name, info in self._infos.items()
        )

    def crashes(self) -> tuple[CrashInfo, ...]:
        """Return when which replica fell, and why."""
        return tuple(
            CrashInfo(replica.index, *fall)
            for replica in self._replicas
            if replica.falls is not None
            for fall in replica.falls.each
        )
