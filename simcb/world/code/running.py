"""The code of a run's client groups, from loading it to ending what it left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simcb.adapters.heard import heard
from simcb.breaker import CircuitBreaker, Permit
from simcb.breaker.machine import Refusal
from simcb.client.answers import Caller
from simcb.world.clock import Clock
from simcb.world.code.breakers import MOST_BREAKERS, CodeBreakers, CodeGuard
from simcb.world.code.disguise import disguised
from simcb.world.code.loading import Source, own_modules, work_of
from simcb.world.code.loop import VirtualLoop
from simcb.world.code.notes import Note
from simcb.world.code.requests import CodeAttempt, CodeGroup
from simcb.world.recorder import Recorder


class Code:
    """The code of all groups that have any.

    Args:
        clock: the run's clock.
        recorder: where attempts are written down.
        sources: by the name of the group.
    """

    def __init__(self, clock: Clock, recorder: Recorder, sources: Mapping[str, Source]) -> None:
        self._clock = clock
        self._recorder = recorder
        self._sources = sources
        self._loop = VirtualLoop(clock, self._unheard)
        self._groups: dict[str, CodeGroup] = {}
        self.breakers = CodeBreakers(recorder, 0, 0)

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
        group = CodeGroup(name, calls, users, self._loop, self._clock, self._recorder)
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
        self.breakers = breakers = CodeBreakers(self._recorder, first_breaker, first_call)

        def create(breaker: CircuitBreaker, *args: Any, **named: Any) -> None:
            breakers.create(breaker, *args, **named)

        def admit(breaker: CircuitBreaker, permit: Permit) -> Refusal | None:
            return breakers.admit(breaker, permit)

        with (
            own_modules() as load,
            disguised(seed, create, admit, heard(breakers)),
            self._loop.hooked(),
        ):
            try:
                with self._loop.running():
                    for name, group in self._groups.items():
                        group.work = work_of(name, self._sources[name], load)
                if self._loop.halted is not None:
                    raise self._loop.halted
                yield
            finally:
                for group in self._groups.values():
                    group.over = True

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
