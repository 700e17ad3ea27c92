"""The client groups of a run, each wired to the services that it asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from simcb.scenario.arrivals import Backlog, Closed
from simcb.scenario.faults import Surge
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Scenario
from simcb.world.arrivals import arrival_times
from simcb.world.callers import Callers
from simcb.world.clients import ClosedGroup, Group, Instances, OpenGroup, UserAttemptStreams
from simcb.world.clock import Clock
from simcb.world.conditions import FaultWindow
from simcb.world.consumers import ConsumerGroup
from simcb.world.recorder import Recorder
from simcb.world.samplers import sampler_of, uniform
from simcb.world.stages import Stages, follow_calls
from simcb.world.streams import Column, GroupStreams, Streams, StreamTree
from simcb.world.tasks import Site

if TYPE_CHECKING:
    from simcb.world.code.running import Code


class ClientGroups:
    """Those who ask.

    Args:
        clock: the run's clock.
        recorder: where requests are written down.
        stages: the scenario as it is over the run.
        windows: the faults' windows, surges among them.
        callers: makes the sites of their calls.
        streams: where arrivals and thinking times come from.
        tree: where the streams of requests come from.
        code: clients' code, if there is any.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        stages: Stages,
        windows: Sequence[FaultWindow],
        callers: Callers,
        streams: Streams,
        tree: StreamTree,
        code: Code | None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._stages = stages
        self._windows = windows
        self._callers = callers
        self._streams = streams
        self._tree = tree
        self._code = code
        self._groups: dict[str, Group] = {}

    def open(self, index: int, name: str) -> None:
        """Let a group ask; its index is that of the layout."""
        spec = self._stages.now.clients[name]
        law = spec.arrivals
        path, users = f"clients/{name}", self._stages.users(name)
        streams = GroupStreams(self._tree, path, users)
        code = None
        if self._code is not None and self._code.has(name):
            code = self._code.add(name, spec.calls, users)
        user_attempts = UserAttemptStreams(lambda nth: streams.calls(f"{path}/{nth}", spec.calls))
        instances = self._instances(name, spec, by_code=code is not None)
        kind: type[Group] = OpenGroup if users is None else ClosedGroup
        if isinstance(law, Backlog):
            kind = ConsumerGroup
        group = kind(self._clock, self._recorder, index, spec, instances, user_attempts)
        if isinstance(group, ConsumerGroup) and isinstance(law, Backlog):
            group.let_pull(law)
        if isinstance(group, OpenGroup):
            group.let_arrive(self._arrivals(name))
        elif isinstance(group, ClosedGroup) and isinstance(law, Closed) and users:
            group.let_think(users, law.users, self._thinking(name, law))
        if code is not None:
            group.let_ask(code.attempt)
        self._groups[name] = group

    def _instances(self, name: str, spec: ClientGroup, *, by_code: bool) -> Instances:
        """Return a group's processes, each of which has its sites once it is first needed."""
        first = self._callers.enter(
            name, spec.calls, spec.instances, from_client=True, by_code=by_code
        )
        draws = None
        if spec.instances > 1 and not spec.spread_in_turn:
            draws = self._streams.column(f"clients/{name}", "instance", uniform)

        def sites_of(instance: int) -> tuple[Site, ...]:
            calls = self._stages.now.clients[name].calls
            return self._callers.sites(first, calls, instance if spec.instances > 1 else None)

        return Instances(spec.instances, sites_of, draws)

    def _arrivals(self, name: str) -> Iterator[list[float]]:
        law, *later = self._stages.course(lambda stage: stage.clients[name].arrivals)
        surges = [
            window
            for window in self._windows
            if isinstance(window.fault, Surge) and window.fault.on == name
        ]
        until = self._stages.now.duration
        return arrival_times(law[1], surges, self._streams, name, until, later)

    def _thinking(self, name: str, law: Closed) -> Column:
        return self._streams.column(f"clients/{name}", "think", sampler_of(law.think))

    def clear(self) -> None:
        """Forget the processes of all groups; the run is over."""
        for group in self._groups.values():
            group.instances.clear()

    def complete(self, stage: Scenario) -> None:
        """Make all processes of the groups whose calls another stage changes.

        One that was idle until now has what it had from the beginning, like a full bucket of the
        size that was, so it is made while that still holds.
        """
        for name, group in self._groups.items():
            if stage.clients[name].calls != self._stages.now.clients[name].calls:
                group.instances.every()

    def follow(self) -> None:
        """Let all be as the stage has it that holds from now on."""
        before, now = self._stages.before.clients, self._stages.now.clients
        for name, group in self._groups.items():
            spec, was = now[name], before[name]
            if spec == was:
                continue
            group.follow(spec)
            law = spec.arrivals
            if isinstance(group, ClosedGroup) and isinstance(law, Closed):
                group.let_be(law.users, self._thinking(name, law))
            elif isinstance(group, ConsumerGroup) and isinstance(law, Backlog):
                group.let_be(law)
            if spec.calls != was.calls:
                for sites in group.instances.every():
                    follow_calls(sites, was.calls, spec.calls)
