"""What of a scenario is another at another time, where somebody changes it while it runs.

All of it is known before the run begins, so what has to be there at all, and how much of it at
most, is read off the stages; what follows a stage is told when it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from simcb.scenario.arrivals import Backlog, Closed
from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Scenario, Service
from simcb.trace import CallInfo, ChangeInfo
from simcb.world.caching import CachedSite
from simcb.world.sites import CallSite
from simcb.world.tasks import Site

T = TypeVar("T")

Course = Sequence[tuple[float, T]]
"""Moments in seconds, 0 first, and what holds from each until the next."""


class Stages:
    """A scenario as it is over the run.

    Args:
        scenario: with its changes.

    Attributes:
        changes: what is changed before the run's end, in order of time.
        now: the stage that holds at present; the first, until the world goes on to another.
        before: the one that held before it.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._stages = scenario.stages
        self.changes = tuple(
            ChangeInfo(label, each.at)
            for label, each in scenario.labelled_changes
            if each.at < scenario.duration
        )
        self.now = self.before = self._stages[0][1]

    def go_on(self, stage: Scenario) -> None:
        """Let another stage hold from now on."""
        self.before, self.now = self.now, stage

    @property
    def later(self) -> Course[Scenario]:
        """The stages after the first, each with its beginning."""
        return self._stages[1:]

    def course(self, of: Callable[[Scenario], T]) -> list[tuple[float, T]]:
        """Return something of every stage, from when on it is so; what stays the same, once."""
        found: list[tuple[float, T]] = []
        for at, stage in self._stages:
            value = of(stage)
            if not found or found[-1][1] != value:
                found.append((at, value))
        return found

    def every(self, of: Callable[[Scenario], T]) -> list[T]:
        """Return something of every stage, what stays the same once."""
        return [value for _, value in self.course(of)]

    def replicas(self, service: str) -> int:
        """Return the most replicas that a service ever has."""
        return max(self.every(lambda stage: stage.services[service].most_replicas))

    def users(self, group: str) -> int | None:
        """Return the most users that a closed group ever has; None for an open one."""
        laws = self.every(lambda stage: stage.clients[group].arrivals)
        return max((law.users for law in laws if isinstance(law, Closed)), default=None)

    def consumers(self, group: str) -> int | None:
        """Return the most consumers that a group ever has; None if it pulls from no queue."""
        laws = self.every(lambda stage: stage.clients[group].arrivals)
        return max((law.consumers for law in laws if isinstance(law, Backlog)), default=None)

    def messages(self, group: str) -> int:
        """Return how many messages are in a group's queue when the run begins."""
        law = self.now.clients[group].arrivals
        return law.initial if isinstance(law, Backlog) else 0

    def deadline(self, group: str) -> float | None:
        """Return the longest that a group's users ever stay, seconds; None if that is for ever."""
        deadlines = self.every(lambda stage: stage.clients[group].deadline)
        return None if None in deadlines else max(each or 0.0 for each in deadlines)

    def call_info(
        self,
        caller: str,
        name: str,
        call: Call,
        processes: int,
        *,
        from_client: bool,
        by_code: bool,
    ) -> CallInfo:
        """Return what the layout says of a call: of limits that change the loosest."""
        service = call.target(name)
        every = self.calls(caller, name, from_client=from_client)
        timeouts = [each.timeout for each in every]
        given = [each for each in timeouts if each is not None]
        replicas, guard = self.replicas(service), call.breaker
        places = [each.bulkhead.places(replicas) for each in every if each.bulkhead is not None]
        around = Around.ATTEMPT if guard is None or not guard.enabled else guard.around
        return CallInfo(
            caller,
            service,
            None if None in timeouts else max(given),
            from_client,
            processes=processes,
            network=call.network is not None,
            max_concurrent=max(places, default=None),
            max_wait=max(each.longest_wait for each in every),
            around=around.value,
            by_code=by_code,
            label="" if name == service else name,
            hedge_after=None if call.hedge is None else call.hedge.after,
            hedge_changes=tuple(self._hedges(caller, name, from_client=from_client)[1:]),
            shortest_timeout=min(given, default=None) if len({*timeouts}) > 1 else None,
        )

    def _hedges(self, caller: str, name: str, *, from_client: bool) -> list[tuple[float, float]]:
        """Return from when on the hedges of a call, which has some, wait for how long."""

        def after(stage: Scenario) -> float:
            hedge = _call(stage, caller, name, from_client).hedge
            return 0.0 if hedge is None else hedge.after

        return self.course(after)

    def calls(self, caller: str, name: str, *, from_client: bool) -> list[Call]:
        """Return a call as it ever is."""
        return self.every(lambda stage: _call(stage, caller, name, from_client))


def _call(stage: Scenario, caller: str, name: str, from_client: bool) -> Call:
    callers: Mapping[str, ClientGroup | Service] = stage.clients if from_client else stage.services
    return callers[caller].calls[name]


def switched_on(call: Call, ever: Sequence[Call]) -> Call:
    """Return a call with its breaker switched on, if it ever is."""
    breaker = call.breaker
    if breaker is None or not any(each.breaker and each.breaker.enabled for each in ever):
        return call
    return call.model_copy(update={"breaker": breaker.model_copy(update={"enabled": True})})


def call_in(stage: Scenario, info: CallInfo) -> Call:
    """Return a call of the layout as it is in a stage."""
    return _call(stage, info.caller, info.label or info.service, info.from_client)


def follow_calls(
    sites: Iterable[Site], before: Mapping[str, Call], calls: Mapping[str, Call]
) -> None:
    """Let a caller make its calls as they are from now on; those that code makes stay its own."""
    for site, (name, call) in zip(sites, calls.items(), strict=False):
        if isinstance(site, CallSite | CachedSite) and call != before[name]:
            site.follow(call)
