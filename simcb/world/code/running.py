"""The code of a run's client groups, from loading it to ending what it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simcb.adapters.heard import heard
from simcb.breaker import CircuitBreaker, Permit
from simcb.breaker.machine import Refusal
from simcb.client.answers import Caller
from simcb.world.clock import Clock
from simcb.world.code.breakers import MOST_BREAKERS, CodeBreakers, CodeGuard
from simcb.world.code.hosts import Host, Unheard, VirtualHost
from simcb.world.code.loading import Source, own_modules, work_of
from simcb.world.code.notes import Note
from simcb.world.code.requests import CodeAttempt, CodeGroup
from simcb.world.recorder import Recorder


class Code:
    """The code of all groups that have any.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        sources: by the name of the group.
        host: makes what runs it; None for virtual time.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        sources: Mapping[str, Source],
        host: Callable[[Unheard], Host] | None = None,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._sources = sources
        make = host or (lambda unheard: VirtualHost(clock, unheard))
        self._host = make(self._unheard)
        self._groups: dict[str, CodeGroup] = {}
        self.breakers = self._breakers(0, 0)

    def has(self, group: str) -> bool:
        """Tell whether a group's requests run code."""
        return group in self._sources

    def add(self, name: str, services: Mapping[str, object], users: int | None) -> CodeGroup:
        """Return what the requests of a group share, which are to run its code.

        Args:
            name: the group.
            services: those that it calls, in order.
            users: how many users a closed group has.
        """
        calls = {service: place for place, service in enumerate(services)}
        group = CodeGroup(name, calls, users, self._host, self._clock, self._recorder)
        self._groups[name] = group
        return group

    def guard(self, call: int) -> CodeGuard:
        """Return what stands where a call's breaker would."""
        return CodeGuard(lambda breaker, call: self.breakers.guards(breaker, call), call)

    @contextmanager
    def running(self, seed: str, first_breaker: int, first_call: int) -> Iterator[None]:
        """Load the code, run it within, and end what it left.

        Args:
            seed: what its chance is seeded with.
            first_breaker: the index of the first breaker that it makes.
            first_call: the index of the call that breakers guard which guard none.
        """
        self.breakers = breakers = self._breakers(first_breaker, first_call)

        def create(breaker: CircuitBreaker, *args: Any, **named: Any) -> None:
            breakers.create(breaker, *args, **named)

        def admit(breaker: CircuitBreaker, permit: Permit) -> Refusal | None:
            return breakers.admit(breaker, permit)

        with own_modules() as load, self._host.open(seed, create, admit, heard(breakers)):
            try:
                with self._host.running():
                    for name, group in self._groups.items():
                        group.work = work_of(name, self._sources[name], load)
                if self._host.halted is not None:
                    raise self._host.halted
                yield
            finally:
                self.end()

    def end(self) -> None:
        """Write down nothing more: the run is over."""
        for group in self._groups.values():
            group.over = True

    def _breakers(self, first: int, call: int) -> CodeBreakers:
        return CodeBreakers(self._clock, self._recorder, self._host.current, first, call)

    def _unheard(self, owner: Caller | None, error: BaseException) -> None:
        if isinstance(owner, CodeAttempt):
            owner.unheard(error)

    def notes(self) -> tuple[Note, ...]:
        """Return what is worth telling of how it ran."""
        found = [each for group in self._groups.values() for each in group.notes.told()]
        if self.breakers.count > MOST_BREAKERS:
            many = (
                f"the code made {self.breakers.count:,} breakers, of which the first "
                f"{MOST_BREAKERS:,} are shown; one that is made for each request never opens"
            )
            found.insert(0, Note("breakers", many))
        return tuple(found)
