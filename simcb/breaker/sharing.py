"""What there is one of in a process: neither copied nor pickled, with a new lock after a fork.

A copy would hold half of its state: a bulkhead's places would be counted twice and given back
once. And of a process that forks only the forking thread lives on in the child, so a lock that
another thread held at that moment would never be released.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import NoReturn, SupportsIndex
from weakref import ref


class Shared:
    """Refuses to be copied and pickled."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled, because its state is shared: "
            "hand on the object itself, and build one in each process"
        )


class Locked(Shared):
    """Has a lock, which a forked child renews."""

    __slots__ = ("__weakref__", "_lock")

    _lock: AbstractContextManager[object]

    def __init__(self) -> None:
        self._renew_lock()
        _living.add(self)

    def _renew_lock(self) -> None:
        raise NotImplementedError


class Living:
    """Remembers things weakly, and runs no code when one of them dies.

    A `WeakSet` is told of each death, and an interrupt that comes while it listens is lost:
    a callback has nobody to raise it to. So the dead are only found when their number may
    have grown to that of the living. Each step is a single one, so no lock is needed.
    """

    SPARE = 64
    """The dead that are kept however few live."""

    def __init__(self) -> None:
        self._things: dict[int, ref[Locked]] = {}
        self._most = self.SPARE

    def add(self, thing: Locked) -> None:
        """Remembers one more."""
        known = ref(thing)
        self._things[id(known)] = known
        if len(self._things) > self._most:
            self.all()
            self._most = 2 * len(self._things) + self.SPARE

    def all(self) -> list[Locked]:
        """Returns those that live, and forgets the others."""
        found = []
        for number, known in self._things.copy().items():
            thing = known()
            if thing is None:
                self._things.pop(number, None)
            else:
                found.append(thing)
        return found


_living = Living()


def _renew_all() -> None:
    for thing in _living.all():
        thing._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
