"""Tells calls whose work ends when they return from those whose work only begins then."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Any, TypeGuard, cast
from weakref import ref

if TYPE_CHECKING:
    from concurrent.futures import Future

# The flags of a code object, as the language reference lists them; `inspect` has names for
# them and takes longer to import than this whole room.
GENERATOR = 0x20
AWAITABLE = 0x100
COROUTINE = 0x80 | AWAITABLE
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


PLAIN: dict[int, object] = {
    id(kind): kind
    for kind in (NoneType, bool, int, float, str, bytes, list, tuple, dict, set, frozenset)
}
"""The types known to be neither awaitable nor futures, by their identity.

A look at an identity runs no code of the type's or its metaclass's, and is quicker than a look
for `__await__`. A type found later is held weakly and leaves the table before it dies.
"""


def unfinished(result: object) -> bool:
    """Whether what a function returned has yet to end."""
    kind = type(result)
    number = id(kind)
    if number in PLAIN:
        return False
    if kind is GeneratorType:
        return bool(cast("GeneratorType[Any, Any, Any]", result).gi_code.co_flags & AWAITABLE)
    if getattr(kind, "__await__", None) is not None or is_thread_future(result):
        return True
    PLAIN[number] = ref(kind, lambda _: PLAIN.pop(number, None))
    return False


def is_thread_future(result: object) -> TypeGuard[Future[Any]]:
    """Whether this is a future of an executor's; before their module is loaded nothing is."""
    module = sys.modules.get("concurrent.futures._base")
    return module is not None and issubclass(type(result), module.Future)
