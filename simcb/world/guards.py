"""The breakers of a scenario's calls, made when they are first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import Any, Protocol

from simcb.adapters import Adapter, adapter
from simcb.breaker import CircuitBreaker, Transition
from simcb.breaker.permit import ADMITTED, FAILURES, IGNORED, REJECTED, STALE, SUCCESSES
from simcb.scenario.breakers import Breaker
from simcb.scenario.calls import Call
from simcb.trace import STATE_CODE, BreakerInfo, CallInfo
from simcb.world.clock import Clock
from simcb.world.ejection import Health, OpenLimit
from simcb.world.foreign import ForeignBreaker
from simcb.world.recorder import Recorder
from simcb.world.routing import Guard, LoadBalancer, ReplicaGuard
from simcb.world.samplers import uniform
from simcb.world.streams import Column, Streams


class Counted(Protocol):
    """A breaker that other code made, as far as it is asked when the run is over."""

    def snapshot(self) -> Any:
        """Return what became of its calls, under the names of `simcb.breaker`."""


Made = CircuitBreaker | ForeignBreaker | Counted

_IN_ORDER = ADMITTED, REJECTED, SUCCESSES, FAILURES, IGNORED, STALE


def counts_of(breaker: Made) -> tuple[int, ...]:
    """Return what became of a breaker's calls, in the order of the trace's counters."""
    if type(breaker) is CircuitBreaker:
        # Without what a snapshot reads besides, of as many breakers as there are processes.
        return tuple([breaker._counts[kind] for kind in _IN_ORDER])
    seen = breaker.snapshot()
    return (
        seen.admitted,
        seen.rejected,
        seen.successes,
        seen.failures,
        seen.ignored,
        seen.stale,
    )


class Guards:
    """What stands around the calls of one run.

    Args:
        clock: the run's clock.
        recorder: where transitions are written down.
        streams: where breakers' own draws come from.

    Attributes:
        count: how many breakers there are, made or not.
        packages: the packages that others come from, with their versions.
    """

    def __init__(self, clock: Clock, recorder: Recorder, streams: Streams) -> None:
        self._clock = clock
        self._recorder = recorder
        self._streams = streams
        self.count = 0
        self.packages: dict[str, str] = {}
        self._first: list[int] = []
        self._together: list[tuple[int, ...]] = []
        self._made: dict[int, tuple[BreakerInfo, Made]] = {}
        self._shared: dict[tuple[int, int | None], Guard] = {}
        self._limits: dict[int, OpenLimit] = {}
        self._health: dict[int, tuple[Health, int]] = {}
        self._later: dict[int, list[Breaker]] = {}

    def expect(self, breakers: int, calls: tuple[int, ...]) -> None:
        """Keep so many indexes for the breakers of the next call of the layout.

        Args:
            breakers: how many; none if they are those of an earlier call.
            calls: the indexes of the calls that these breakers guard, that of the first first.
        """
        self._first.append(self.count)
        self._together.append(calls)
        self.count += breakers

    def add(self, written: Callable[[set[str]], Iterable[tuple[int, BreakerInfo, Made]]]) -> None:
        """Add breakers that were made elsewhere, each with its index and a name of its own."""
        for index, info, breaker in [*written({info.name for info, _ in self._made.values()})]:
            self._made[index] = (info, breaker)
            self.count += 1

    def made(self) -> dict[int, tuple[BreakerInfo, Made]]:
        """Return the breakers that were made, in the order of their indexes."""
        return dict(sorted(self._made.items()))

    def close(self) -> None:
        """End what other packages' breakers have begun."""
        for _, breaker in self._made.values():
            if isinstance(breaker, ForeignBreaker):
                breaker.close()

    def clear(self) -> None:
        """Forget all breakers; nobody asks for them any more."""
        self._made.clear()
        self._shared.clear()
        self._limits.clear()
        self._health.clear()

    def guard(
        self,
        index: int,
        info: CallInfo,
        call: Call,
        instance: int | None,
        balancer: LoadBalancer,
    ) -> Guard | None:
        """Return the breakers of one caller process around one call; None if it has none.

        Args:
            index: the call's index in the layout.
            info: what the layout says of it.
            call: the policy as the file has it.
            instance: the number of the process, None if there is but one.
            balancer: the service that answers.
        """
        policy = call.breaker
        if policy is None or not policy.enabled:
            return None
        if not policy.shared and policy.group is None:
            return self._new_guard(index, instance, info, policy, balancer)
        first = self._together[index][0]
        who = first, None if policy.shared else instance
        if who not in self._shared:
            self._shared[who] = self._new_guard(*who, info, policy, balancer)
        return self._shared[who]

    def configure(self, call: int, before: Breaker | None, policy: Breaker | None) -> None:
        """Give the breakers around a call, by its index, other settings; their state they keep."""
        if policy == before or policy is None or policy.use is not None:
            return
        self._later.setdefault(call, []).append(policy)
        for info, breaker in self._made.values():
            if info.call == call and isinstance(breaker, CircuitBreaker):
                _configure(breaker, policy)

    def renew(self, replica: int) -> None:
        """Let the breakers of one replica, by its index, begin anew: it is another process now.

        Those of other packages know of no such thing, and keep their state.
        """
        for info, breaker in self._made.values():
            if info.replica == replica and isinstance(breaker, CircuitBreaker):
                breaker.reset()

    def _new_guard(
        self,
        index: int,
        instance: int | None,
        info: CallInfo,
        policy: Breaker,
        balancer: LoadBalancer,
    ) -> Guard:
        caller = info.caller if instance is None else f"{info.caller}.{instance}"
        name = f"{caller}->{policy.group or info.label or info.service}"
        first, place = self._first[index], instance or 0
        if not policy.per_replica:
            place += first

            def make_one() -> CircuitBreaker | ForeignBreaker:
                breaker = BreakerInfo(name, index, -1, self._together[index][1:])
                return self._new_breaker(place, breaker, policy)

            return Guard(make_one, place)
        replicas = balancer.every
        first += place * len(replicas)
        if policy.max_open is not None:
            limit = OpenLimit(policy.max_open, lambda: len(balancer.replicas))
            self._limits.update(dict.fromkeys(range(first, first + len(replicas)), limit))

        def make(number: int) -> CircuitBreaker | ForeignBreaker:
            breaker = BreakerInfo(f"{name}.{number}", index, replicas[number].index)
            return self._new_breaker(first + number, breaker, policy)

        health = None
        if policy.panic is not None or policy.slow_start is not None:
            health = Health(self._clock, len(replicas), policy.panic, policy.slow_start)
            self._health |= {first + number: (health, number) for number in range(len(replicas))}
        keeps = policy.max_open is not None
        return ReplicaGuard(make, len(replicas), first, health, keeps)

    def _new_breaker(
        self, index: int, info: BreakerInfo, policy: Breaker
    ) -> CircuitBreaker | ForeignBreaker:
        """Make a breaker with the run's clock and random draws of its own."""
        make = self._shipped_breaker if policy.use is None else self._foreign_breaker
        breaker = make(index, info.name, policy, _Draws(self._streams, info.name))
        if isinstance(breaker, CircuitBreaker):
            for each in self._later.get(info.call, ()):
                _configure(breaker, each)
        self._made[index] = (info, breaker)
        return breaker

    def _shipped_breaker(
        self, index: int, name: str, policy: Breaker, random: Callable[[], float]
    ) -> CircuitBreaker:
        write, limit = self._transition_writer(index), self._limits.get(index)
        health, number = self._health.get(index, (None, 0))
        if health is not None:
            write = health.hearing(number, write)

        def tell(change: Transition) -> None:
            write(change.at, change.before.value, change.after.value)

        breaker = CircuitBreaker(
            name,
            **_settings(policy),
            clock=self._clock.read,
            born=0.0,  # it is made when it is first asked, and yet as old as the run
            random=random,
            listeners=(tell if limit is None else limit.listener(write),),
        )
        if limit is not None:
            limit.add(breaker)
        if health is not None:
            health.add(number, breaker)
        return breaker

    def _foreign_breaker(
        self, index: int, name: str, policy: Breaker, random: Callable[[], float]
    ) -> ForeignBreaker:
        found = adapter(policy.use or "")
        self.packages |= _package_of(found)
        breaker = found.build(self._clock.read, policy.settings or {}, random)
        return ForeignBreaker(name, breaker, self._clock, self._transition_writer(index))

    def _transition_writer(self, index: int) -> Callable[[float, str, str], None]:
        write = self._recorder.transition
        return lambda at, before, after: write(at, index, STATE_CODE[before], STATE_CODE[after])


class _Draws:
    """A breaker's own draws: most ask for none, and a stream is dear to make."""

    def __init__(self, streams: Streams, name: str) -> None:
        self._streams = streams
        self._name = name
        self._column: Column | None = None
        self._number = 0

    def __call__(self) -> float:
        if self._column is None:
            self._column = self._streams.column(f"breakers/{self._name}", "recovery", uniform)
        number = self._number
        self._number = number + 1
        return self._column.at(number)


def _configure(breaker: CircuitBreaker, policy: Breaker) -> None:
    breaker.configure(**_settings(policy))


@lru_cache(maxsize=256)
def _settings(policy: Breaker) -> dict[str, Any]:
    """Return the shipped breaker's parameters as a policy has them."""
    return {
        "trip": policy.rules(),
        "recovery": policy.recovery_policy(),
        "half_open": policy.half_open_policy(),
    }


@cache
def _package_of(breaker: Adapter) -> dict[str, str]:
    return {breaker.package: breaker.version} if breaker.package else {}
