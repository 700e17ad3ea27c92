"""When Python's collector of garbage need not look, or not at everything."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the collector meanwhile, for what leaves no circles behind."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def passed_over() -> Iterator[None]:
    """Let the collector pass over what is there now, meanwhile.

    Where something was frozen before, that and what is there now stay so.
    """
    frozen = gc.get_freeze_count()
    gc.freeze()
    try:
        yield
    finally:
        if not frozen:
            gc.unfreeze()
