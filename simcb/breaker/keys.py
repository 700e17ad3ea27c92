"""The key under which an answer is remembered: the function's full name and its arguments.

Calls with one key get each other's answers, in other processes too if the store is shared. So
there may be only one function of the name, and an argument has to be a value: an address in
memory is somebody else's a moment later, and another one in the next process.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import CodeType, MethodType, ModuleType, NoneType
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from simcb.breaker.errors import UnkeyableError
from simcb.breaker.sharing import Shared

if TYPE_CHECKING:
    from inspect import Signature

Arguments = tuple[tuple[object, ...], dict[str, object]]

VALUES = frozenset(
    {NoneType, bool, int, float, complex, str, bytes}
    | {Decimal, UUID, date, datetime, time, timedelta, timezone, ZoneInfo}
)
"""Types whose `repr` is their value and nothing else, so `True`, `1` and `1.0` differ."""


def key_of(func: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> str:
    """Returns the key of a call; partials and the guards of this room are looked through.

    Raises:
        UnkeyableError: if what tells the answers apart is not known by its value.
    """
    work, given = _worker(func, (args, kwargs))
    name = check_name(work)
    if not _is_of_its_module(work):
        trouble = "does not lead to it, so there may be many of it with one name"
        raise UnkeyableError(name, "its name", trouble)
    texts = (f"{word}={_argument(name, word, value)}" for word, value in _named(work, given))
    return f"{name}({', '.join(texts)})"


def check_name(func: Callable[..., object]) -> str:
    """Returns a function's full name, if there may be only one function of it.

    Raises:
        UnkeyableError: of a method of an object, a lambda, or a function inside another.
    """
    work, _ = _worker(func, ((), {}))
    kind = type(work)
    name = f"{getattr(work, '__module__', kind.__module__)}."
    name += getattr(work, "__qualname__", kind.__qualname__)
    if not isinstance(getattr(work, "__self__", None), (ModuleType, NoneType)):
        raise UnkeyableError(name, "self", _trouble(work.__self__))
    if not hasattr(work, "__qualname__"):
        raise UnkeyableError(name, "self", _trouble(work))
    if "<" in name:
        trouble = "is that of a function made inside another, which may have captured anything"
        raise UnkeyableError(name, "its name", trouble)
    return name


def code_of(func: Callable[..., object]) -> CodeType | None:
    """Returns the code that a call comes down to, if it is Python's."""
    code = getattr(_worker(func, ((), {}))[0], "__code__", None)
    return code if isinstance(code, CodeType) else None


def _worker(func: Any, given: Arguments) -> tuple[Any, Arguments]:
    """Returns what does the work, and its arguments: without partials, and guards of ours."""
    while True:
        args, kwargs = given
        if isinstance(func, functools.partial):
            given = (*func.args, *args), {**func.keywords, **kwargs}
            func = func.func
        elif isinstance(func, MethodType) and isinstance(func.__self__, Shared) and args:
            func, given = args[0], (args[1:], kwargs)  # breaker.call(work, …)
        elif hasattr(func, "__wrapped__") and _is_ours(func):
            func = func.__wrapped__
        else:
            return func, given


def _is_ours(func: Any) -> bool:
    module: str = getattr(func, "__globals__", {}).get("__name__", "")
    return module.rpartition(".")[0] == __name__.rpartition(".")[0]


def _is_of_its_module(func: Any) -> bool:
    """Whether the function, or what is wrapped around it, is what its module has of its name."""
    found: Any = sys.modules.get(func.__module__)
    for part in func.__qualname__.split("."):
        found = getattr(found, part, None)
    while found is not None and found is not func:
        found = getattr(found, "__wrapped__", None)
    return found is not None


@functools.lru_cache(maxsize=1024)
def _signature(func: Callable[..., object]) -> Signature | None:
    from inspect import signature  # slow to import, and only who remembers answers needs it

    try:
        return signature(func, follow_wrapped=False)
    except (TypeError, ValueError):
        return None


def _named(func: Callable[..., object], given: Arguments) -> Iterator[tuple[str, object]]:
    """Yields the arguments by name, in the one way that all others come down to.

    A default that is no value is left out: there is one of it. Arguments that do not fit stay
    as they are: the call itself will say so.
    """
    (args, kwargs), signature = given, _signature(func)
    spread = dict(sorted(kwargs.items()))
    try:
        if signature is None:
            raise TypeError
        bound = signature.bind(*args, **spread).arguments
    except TypeError:
        yield from (("arguments", args), ("keywords", spread))
        return
    for word, parameter in signature.parameters.items():
        value = bound.get(word, parameter.default)
        if word in bound or type(value) in VALUES:
            yield word, value


def _argument(name: str, word: str, value: object) -> str:
    try:
        return _text(value, ())
    except _NoValueError as error:
        raise UnkeyableError(name, word, _trouble(error.args[0])) from None


class _NoValueError(Exception):
    """Something in an argument is not known by its value."""


def _trouble(value: object) -> str:
    return f"is told by no plain value, but by a {type(value).__qualname__}"


def _text(value: Any, outer: tuple[object, ...]) -> str:
    """Returns a value as text, the same in every process; `outer` are what it is inside of."""
    kind = type(value)
    if kind in VALUES and type(getattr(value, "tzinfo", None)) in VALUES:
        return repr(value)
    if isinstance(value, Enum):
        return f"{kind.__module__}.{kind.__qualname__}.{value.name}={_text(value.value, outer)}"
    if kind not in (list, tuple, dict, set, frozenset) or any(value is one for one in outer):
        raise _NoValueError(value)
    outer = (*outer, value)
    if kind is dict:
        pairs = (f"{_text(key, outer)}: {_text(one, outer)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    texts = [_text(one, outer) for one in value]
    return f"{kind.__name__}({', '.join(texts if kind in (list, tuple) else sorted(texts))})"
