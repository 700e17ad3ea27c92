"""Values as texts that are the same in every process, and no text for what has none.

What is known only by its address in memory is somebody else's a moment later.
"""

from __future__ import annotations

from types import FunctionType, NoneType
from typing import Any

from simcb.breaker.breaker import CircuitBreaker
from simcb.breaker.registry import BreakerRegistry
from simcb.breaker.sharing import Shared

VALUES = frozenset({NoneType, bool, int, float, complex, str, bytes})
"""Types whose `repr` is their value and nothing else."""

GUARDS = (CircuitBreaker, BreakerRegistry, Shared)
"""What a function may capture or be given without its answers depending on it."""

LOCAL = "<"
"""What is in the name of a function made inside another, of which there may be many."""


class Default:
    """A default of a function there is one of: it need not be known by its value."""

    def __init__(self, value: object) -> None:
        self.value = value


class AddressError(Exception):
    """Something in an argument is known by its address."""


def text_of(value: object, outer: tuple[object, ...]) -> str:
    """Returns the value as text, the same in every process; `outer` are the containers."""
    kind = type(value)
    if kind in VALUES:
        return repr(value)
    if kind in (list, tuple, dict, set, frozenset):
        if any(value is one for one in outer):
            return "..."
        return _container(value, (*outer, value))
    if isinstance(value, Default):
        try:
            return text_of(value.value, outer)
        except AddressError:
            return "<default>"
    if isinstance(value, GUARDS):
        return f"<{kind.__name__}>"  # not its state
    if isinstance(value, FunctionType) and LOCAL not in value.__qualname__:
        return f"<function {value.__module__}.{value.__qualname__}>"
    if kind.__repr__ is object.__repr__:
        raise AddressError(f"a {kind.__qualname__}")
    text = repr(value)
    if " at 0x" in text:
        raise AddressError(text)
    return text


def _container(value: Any, outer: tuple[object, ...]) -> str:
    if isinstance(value, dict):
        pairs = (f"{text_of(key, outer)}: {text_of(one, outer)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    texts = [text_of(one, outer) for one in value]
    if isinstance(value, list):
        return f"[{', '.join(texts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return f"{type(value).__name__}({{{', '.join(sorted(texts))}}})"
