"""The version of simcb, apart from the package's window so that any room may say it."""

from __future__ import annotations

import os
from importlib.machinery import EXTENSION_SUFFIXES

__version__ = "0.2.0"

PURE = os.environ.get("SIMCB_PURE", "0") not in ("", "0")
"""Whether the sources run though there may be compiled modules beside them."""

if PURE:
    from simcb.pure import load_sources

    load_sources()


def is_compiled() -> bool:
    """Return whether the world that runs is compiled."""
    heap = os.path.join(os.path.dirname(__file__), "world", "heap")
    return not PURE and any(os.path.exists(heap + suffix) for suffix in EXTENSION_SUFFIXES)
