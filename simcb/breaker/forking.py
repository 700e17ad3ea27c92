"""Gives whatever holds a lock a new one in a forked child.

Only the forking thread lives on in the child, so a lock another thread held at that moment
would never be released. What the locks protect needs no repair: it changes in single steps,
and a fork comes between steps.
"""

from __future__ import annotations

import os
from itertools import count
from typing import Protocol
from weakref import ref


class Renewable(Protocol):
    """Something with a lock."""

    def _renew_lock(self) -> None: ...


class Memory:
    """Remembers things weakly, and runs no code when one of them dies.

    A `WeakSet` is told of each death, and an interrupt that comes while it listens is lost:
    a callback has nobody to raise it to. So the dead are only found when their number may
    have grown to that of the living. Each step is a single one, so no lock is needed.
    """

    SPARE = 64
    """The dead that are kept however few live."""

    def __init__(self) -> None:
        self._things: dict[int, ref[Renewable]] = {}
        self._numbers = count()
        self._most = self.SPARE

    def add(self, thing: Renewable) -> None:
        """Remembers one more."""
        self._things[next(self._numbers)] = ref(thing)
        if len(self._things) > self._most:
            self.living()
            self._most = 2 * len(self._things) + self.SPARE

    def living(self) -> list[Renewable]:
        """Returns those that live, and forgets the others."""
        found = []
        for number, known in self._things.copy().items():
            thing = known()
            if thing is None:
                self._things.pop(number, None)
            else:
                found.append(thing)
        return found


_memory = Memory()


def renew_in_child(thing: Renewable) -> None:
    """Remembers, weakly, to renew the lock of this object after a fork."""
    _memory.add(thing)


def _renew_all() -> None:
    for thing in _memory.living():
        thing._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
