"""Gives whatever holds a lock a new one in a forked child.

Only the forking thread lives on in the child, so a lock another thread held at that moment
would never be released. What the locks protect needs no repair: it changes in single steps,
and a fork comes between steps.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Renewable(Protocol):
    """Something with a lock."""

    def _renew_lock(self) -> None: ...


_renewables: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_in_child(thing: Renewable) -> None:
    """Remembers, weakly, to renew the lock of this object after a fork."""
    _renewables.add(thing)


def _renew_all() -> None:
    for thing in tuple(_renewables):
        thing._renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
