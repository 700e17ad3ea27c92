"""The calls of a run: what the layout says of each, and the sites where processes make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.calls import Call
from simcb.trace import CallInfo
from simcb.world.caching import CachedSite, Caches
from simcb.world.clock import Clock
from simcb.world.guards import Guards
from simcb.world.hedges import HedgingSite
from simcb.world.recorder import Recorder
from simcb.world.routing import Guard, LoadBalancer
from simcb.world.sites import CallSite
from simcb.world.stages import Stages, call_in, switched_on
from simcb.world.tasks import Site

if TYPE_CHECKING:
    from simcb.world.code.running import Code


class Callers:
    """All calls of a run, in the order of the layout.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        stages: the scenario as it is over the run.
        balancers: who chooses among the replicas of each service.
        guards: the breakers around the calls.
        caches: what is in front of them.
        code: clients' code, if there is any.

    Attributes:
        infos: what the layout says of each call.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        stages: Stages,
        balancers: Mapping[str, LoadBalancer],
        guards: Guards,
        caches: Caches,
        code: Code | None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._stages = stages
        self._balancers = balancers
        self._guards = guards
        self._caches = caches
        self._code = code
        self.infos: list[CallInfo] = []
        self._wired: list[Call] = []

    def enter(
        self,
        caller: str,
        calls: Mapping[str, Call],
        processes: int,
        *,
        from_client: bool,
        by_code: bool = False,
    ) -> int:
        """Enter a caller's calls in the layout and return the index of the first."""
        first = len(self.infos)
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
            self.infos.append(info)
        return first

    def sites(
        self, first: int, calls: Mapping[str, Call], instance: int | None
    ) -> tuple[Site, ...]:
        """Make the call sites of one caller process; each has its own breakers and budgets.

        Args:
            first: the index of the first of its calls.
            calls: as they are now.
            instance: the number of the process, None if there is but one.
        """
        return tuple(
            self._site(first + slot, slot, name, call, instance)
            for slot, (name, call) in enumerate(calls.items())
        )

    def _site(self, index: int, slot: int, name: str, call: Call, instance: int | None) -> Site:
        site = (CallSite if call.hedge is None else HedgingSite)(
            self._clock,
            self._recorder,
            self.infos[index].caller,
            index,
            slot,
            call,
            self._balancers[call.target(name)],
            self._guard(index, instance),
            self._caches.stale(index, call),
        )
        cache = self._caches.before(index, self.infos[index], call)
        return site if cache is None else CachedSite(self._clock, slot, call, site, cache)

    def _guard(self, index: int, instance: int | None) -> Guard | None:
        info, call = self.infos[index], self._wired[index]
        if self._code is not None and info.by_code:
            return self._code.guard(index)
        return self._guards.guard(index, info, call, instance, self._balancers[info.service])

    def follow(self) -> None:
        """Let breakers and caches be as the stage has them that holds from now on."""
        before, now = self._stages.before, self._stages.now
        for index, info in enumerate(self.infos):
            was, call = call_in(before, info), call_in(now, info)
            self._guards.configure(index, was.breaker, call.breaker)
            self._caches.follow(index, call, self._clock.now)
