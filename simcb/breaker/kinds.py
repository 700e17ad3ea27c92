"""Tells functions whose work ends when they return from those whose work only begins then."""

from __future__ import annotations

import functools
from collections.abc import Callable

# The flags of a code object, as the language reference lists them; `inspect` has names for
# them and takes longer to import than this whole room.
GENERATOR = 0x20
COROUTINE = 0x80 | 0x100
ASYNC_GENERATOR = 0x200
LASTING = GENERATOR | COROUTINE | ASYNC_GENERATOR


def lasting(func: Callable[..., object]) -> int:
    """Returns which of the three kinds a callable is, or 0 if its work ends when it returns.

    Looks through `functools.partial` and into the `__call__` of an object.
    """
    while isinstance(func, functools.partial):
        func = func.func
    code = getattr(func, "__code__", None)
    if code is None:
        method = getattr(type(func), "__call__", None)  # noqa: B004 - its code is wanted
        code = getattr(method, "__code__", None)
    return getattr(code, "co_flags", 0) & LASTING


def is_plain(func: object) -> bool:
    """Whether it can be called for a result that is there when it returns."""
    return callable(func) and not lasting(func)
