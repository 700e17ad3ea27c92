"""A cache in front of a call: asked first, filled by good answers, lost in a flush.

The cache is one for all processes of a caller; that several ask for the same key at once, and
wait for one answer together, is found out by each process for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.scenario.calls import Call, LookAside
from simcb.scenario.faults import Flush
from simcb.trace import CacheInfo, CallInfo
from simcb.world.clock import Clock
from simcb.world.conditions import FaultWindow
from simcb.world.occurrence import Callback, Occurrence
from simcb.world.policies import Cache
from simcb.world.samplers import uniform
from simcb.world.sites import CallSite
from simcb.world.streams import Column, Streams
from simcb.world.tasks import OK, Attempt, Site, Task

_NEXT = 0
"""Before all orders: after the present event, before all others of the moment."""


class FreshCache(Cache):
    """What a caller keeps of a service's answers.

    Args:
        spec: how long, as the file has it.
        windows: the flushes that strike it.
        streams: where the draws come from that say which keys a flush loses.
        path: what they are named by.

    Attributes:
        hits, joined, misses: lookups that it answered, that had to wait for an answer that was
            under way, and that had to ask.
    """

    def __init__(
        self, spec: LookAside, windows: Sequence[FaultWindow], streams: Streams, path: str
    ) -> None:
        super().__init__(spec.ttl)
        self.hits = self.joined = self.misses = 0
        self._flushes: list[tuple[FaultWindow, Column]] = [
            (window, streams.column(path, f"fault:{window.label}", uniform)) for window in windows
        ]

    def serves(self, key: float, now: float) -> bool:
        """Tell whether there is an answer that is young enough, and was not lost since."""
        if not super().serves(key, now):
            return False
        stored = self._stored[key]
        return not any(
            window.start <= now and stored < window.end and draws.at(int(key)) < window.reach
            for window, draws in self._flushes
        )


class Caches:
    """The caches of a run's calls, each shared by all processes of its caller.

    Args:
        streams: where the draws come from.
        windows: the faults of the run.
    """

    def __init__(self, streams: Streams, windows: Sequence[FaultWindow]) -> None:
        self._streams = streams
        self._flushes = [window for window in windows if isinstance(window.fault, Flush)]
        self._stale: dict[int, Cache] = {}
        self._fresh: dict[int, FreshCache] = {}

    def stale(self, index: int, call: Call) -> Cache | None:
        """Return what the fallback of a call, by its index in the layout, has; None without one."""
        if call.fallback is None or call.fallback.cache is None:
            return None
        return self._stale.setdefault(index, Cache(call.fallback.cache.ttl))

    def before(self, index: int, info: CallInfo, call: Call) -> FreshCache | None:
        """Return the cache in front of a call; None if there is none."""
        if call.cache is None:
            return None
        if index not in self._fresh:
            mine = [
                window
                for window in self._flushes
                if window.fault.service == info.service and window.caller in (None, info.caller)
            ]
            path = f"caches/{info.name}"
            self._fresh[index] = FreshCache(call.cache, mine, self._streams, path)
        return self._fresh[index]

    def follow(self, index: int, call: Call, now: float) -> None:
        """Let the caches of a call, by its index in the layout, keep answers as it says now."""
        fallback = None if call.fallback is None else call.fallback.cache
        if fallback is not None and index in self._stale:
            self._stale[index].follow(fallback.ttl, now)
        if call.cache is not None and index in self._fresh:
            self._fresh[index].follow(call.cache.ttl, now)

    def found(self) -> tuple[CacheInfo, ...]:
        """Return what the caches in front of calls were asked, by the calls' indexes."""
        return tuple(
            CacheInfo(index, cache.hits, cache.joined, cache.misses)
            for index, cache in sorted(self._fresh.items())
        )


class _Flight(Attempt):
    """One call for a key, on behalf of all who wait for it.

    Attributes:
        key: the key.
        task: for whom the call is made; the first of those who wait.
        waiting: who waits for it.
    """

    __slots__ = ("key", "waiting")

    site: CachedSite
    key: float
    waiting: list[Task]

    def begin_for(self, site: CachedSite, key: float, waiting: list[Task]) -> None:
        """Be the call that `waiting` wait for, made for the first of them."""
        task = waiting[0]
        self.settled = False
        self.number = task.number
        self.request_row = task.request_row
        self.attempt_row = task.attempt_row
        self.sites = ()
        self.streams = task.streams
        self.step = 0
        self.current = None
        self.permit = None
        self.over = False
        self.degraded = False
        self.told = 0.0
        self.site = site
        self.task = task
        self.key = key
        self.waiting = waiting
        for each in waiting:
            each.current = self

    def proceed(self) -> None:
        """Hear that the call was answered."""
        self.site.landed(self, OK)

    def break_off(self, outcome: int) -> None:
        """Hear that it failed."""
        self.site.landed(self, outcome)


class CachedSite(Site):
    """A call site behind a cache.

    Args:
        clock: the run's clock.
        slot: the call's place among its caller's calls.
        call: the policy as the file has it.
        behind: the call site that is asked for what the cache does not have.
        cache: the cache.
    """

    def __init__(
        self, clock: Clock, slot: int, call: Call, behind: CallSite, cache: FreshCache
    ) -> None:
        self.index = behind.index
        self.caller = behind.caller
        self._clock = clock
        self._slot = slot
        self._share = call.share
        self._behind = behind
        self._cache = cache
        assert call.cache is not None
        self._coalesce = call.cache.coalesce
        self._flights: dict[float, _Flight] = {}

    def follow(self, call: Call) -> None:
        """Ask as a call says, from now on; the cache keeps what it has.

        Who waits for another's call goes on waiting for it. A call that began while each made its
        own is joined by nobody.
        """
        assert call.cache is not None
        self._coalesce = call.cache.coalesce
        self._share = call.share
        self._behind.follow(call)

    def is_open(self, now: float) -> bool:
        """Tell whether the breaker behind the cache is open until later than now."""
        return self._behind.is_open(now)

    def ask(self, task: Task) -> None:
        """Look the answer up, or make the call, or wait for one that is made for the same key."""
        streams, cache = task.streams[self._slot], self._cache
        if self._share < 1 and streams.needed.at(task.number) >= self._share:
            task.proceed()
            return
        key = streams.item.at(task.number)
        if cache.serves(key, self._clock.now):
            cache.hits += 1
            task.proceed()
            return
        if self._coalesce:
            flight = self._flights.get(key)
            if flight is not None:
                cache.joined += 1
                flight.waiting.append(task)
                task.current = flight
                return
        cache.misses += 1
        self._fly(key, [task])

    def _fly(self, key: float, waiting: list[Task]) -> None:
        flight = _Flight.__new__(_Flight)
        flight.begin_for(self, key, waiting)
        if self._coalesce:
            self._flights[key] = flight
        self._behind.ask(flight)

    def landed(self, flight: _Flight, outcome: int) -> None:
        """Fill the cache, and let whoever the call was made for go on; others go on after that."""
        self._end(flight)
        if outcome == OK and not flight.degraded:
            self._cache.store(flight.key, self._clock.now)
        flight.over = True
        leader, others = flight.task, flight.waiting[1:]
        if others:
            flight.waiting = others
            flight.answer = outcome
            self._clock.at(self._clock.now, _NEXT, _Landing(self.tell, flight))
        _go_on(leader, flight, outcome)

    def _end(self, flight: _Flight) -> None:
        """Let nobody join a call any more."""
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]

    def tell(self, landing: _Landing) -> None:
        """Let all who waited besides go on."""
        flight = landing.flight
        for task in flight.waiting:
            if not task.over:
                _go_on(task, flight, flight.answer)

    def abandon(self, attempt: Attempt) -> None:
        """Take note that somebody no longer waits; who made the call is followed by the next."""
        flight = attempt
        assert isinstance(flight, _Flight)
        if flight.over or not flight.task.over:
            return
        self._end(flight)
        flight.stop()
        if len(flight.waiting) > 1:
            self._clock.at(self._clock.now, _NEXT, _Landing(self.take_over, flight))

    def take_over(self, landing: _Landing) -> None:
        """Make the call anew, for the next of those who waited for one that was given up."""
        key = landing.flight.key
        waiting = [task for task in landing.flight.waiting if not task.over]
        if not waiting:
            return
        flight = self._flights.get(key)
        if flight is None:
            self._fly(key, waiting)
            return
        flight.waiting += waiting
        for task in waiting:
            task.current = flight


def _go_on(task: Task, flight: _Flight, outcome: int) -> None:
    task.current = None
    if outcome == OK:
        if flight.degraded:
            task.degraded = True
        task.proceed()
    else:
        task.break_off(outcome)


class _Landing(Occurrence):
    """A call that is over and for which several have waited."""

    __slots__ = ("flight",)

    def __init__(self, callback: Callback, flight: _Flight) -> None:
        super().__init__(callback)
        self.flight = flight
