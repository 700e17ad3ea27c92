"""Other people's breakers, unmodified, on the simulator's clock.

    breaker: {use: pybreaker, settings: {fail_max: 5, reset_timeout: 30}}

One short file each, which says how the library reads time and what else is part of its behaviour.
`protocol` says what the simulator asks of a breaker, and how to register one's own.
"""

from __future__ import annotations

from simcb.adapters.protocol import BUSY, Adapter, Breaker, CallFailed, Comparable
from simcb.adapters.registry import AdapterError, adapter, installed, names

__all__ = [
    "BUSY",
    "Adapter",
    "AdapterError",
    "Breaker",
    "CallFailed",
    "Comparable",
    "adapter",
    "installed",
    "names",
]
