"""The key under which an answer is remembered, made of a function's name and its arguments.

Calls with one key get each other's answers, in other processes too if the store is shared.
So what tells answers apart has to be in the key, and by its value: an address in memory is
somebody else's a moment later, and another one in the next process. The object of a bound
method is an argument like any other. What cannot be told by its value is refused, and the
refusal says how to go on: it is a mistake in the program, which its first call shows.

It knows nothing of stores and answers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any

from simcb.breaker.breaker import CircuitBreaker
from simcb.breaker.bulkhead import Bulkhead
from simcb.breaker.errors import UnkeyableError

VALUES = frozenset({NoneType, bool, int, float, complex, str, bytes})
"""Types whose `repr` is their value and nothing else."""

GUARDS = (CircuitBreaker, Bulkhead)

CODE = (FunctionType, BuiltinFunctionType, type, ModuleType, *GUARDS)
"""What a function may capture without its answers depending on it, as far as one can tell."""


def key_of(
    func: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    *,
    decorated: bool,
) -> str:
    """Returns the key of a call.

    Args:
        func: what is called; partials, wrappers and bound methods are looked through.
        args: its positional arguments.
        kwargs: its arguments by name.
        decorated: whether it was decorated once, so that what it captured is always the same.

    Raises:
        UnkeyableError: if what tells the answers apart is not known by its value.
    """
    inner, args, kwargs = _innermost(func, args, kwargs)
    name = f"{inner.__module__}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
    code = _code(inner)
    words = code.co_varnames[: code.co_argcount] if code else ()
    texts = [
        _argument(name, words[place] if place < len(words) else f"argument {place + 1}", value)
        for place, value in enumerate(args)
    ]
    texts += [f"{word}={_argument(name, word, kwargs[word])}" for word in sorted(kwargs)]
    if not decorated and isinstance(inner, FunctionType):
        _check_captured(name, inner, set())
        texts += [f"{word}:={_argument(name, word, value)}" for word, value in _bound(inner)]
    return f"{name}({', '.join(texts)})"


def code_of(func: Callable[..., object]) -> CodeType | None:
    """Returns the code that a call comes down to, if it is Python's."""
    return _code(_innermost(func, (), {})[0])


def _code(func: object) -> CodeType | None:
    code = getattr(func, "__code__", None)
    if code is None:
        code = getattr(getattr(type(func), "__call__", None), "__code__", None)  # noqa: B004
    return code if isinstance(code, CodeType) else None


def _innermost(
    func: Any, args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[Any, tuple[object, ...], dict[str, object]]:
    """Returns the function a call comes down to, and its arguments with those it had already."""
    while True:
        if isinstance(func, functools.partial):
            args, kwargs = (*func.args, *args), {**func.keywords, **kwargs}
            func = func.func
        elif isinstance(func, MethodType):
            args = (func.__self__, *args)
            func = func.__func__
        elif getattr(func, "__wrapped__", None) is not None:
            func = func.__wrapped__
        else:
            break
    if isinstance(func, BuiltinFunctionType):
        if not isinstance(func.__self__, (ModuleType, NoneType)):
            args = (func.__self__, *args)
    elif not hasattr(func, "__qualname__") and not isinstance(func, GUARDS):
        args = (func, *args)  # an object that can be called
    return func, args, kwargs


def _bound(func: FunctionType) -> Iterable[tuple[str, object]]:
    """Returns the defaults of a function made inside another: `lambda user=user: …`."""
    if "<" not in func.__qualname__:
        return ()
    words = func.__code__.co_varnames[: func.__code__.co_argcount]
    defaults = func.__defaults__ or ()
    named = func.__kwdefaults__ or {}
    return (*zip(words[len(words) - len(defaults) :], defaults, strict=True), *named.items())


def _check_captured(name: str, func: FunctionType, seen: set[int]) -> None:
    """Refuses a function that has captured data, itself or in a function it has captured."""
    seen.add(id(func))
    for word, cell in zip(func.__code__.co_freevars, func.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not yet assigned
            continue
        inner, args, kwargs = _innermost(value, (), {}) if callable(value) else (value, (), {})
        if args or kwargs or not isinstance(inner, CODE):
            raise UnkeyableError(name, word, "is captured and no argument")
        if isinstance(inner, FunctionType) and id(inner) not in seen:
            _check_captured(name, inner, seen)


def _argument(name: str, word: str, value: object) -> str:
    try:
        return _text(value, ())
    except _AddressError as error:
        raise UnkeyableError(name, word, f"is told by its address only: {error}") from None


class _AddressError(Exception):
    """Something in an argument is known by its address."""


def _text(value: object, outer: tuple[object, ...]) -> str:
    """Returns the value as text, the same in every process; `outer` are the containers."""
    kind = type(value)
    if kind in VALUES:
        return repr(value)
    if kind in (list, tuple, dict, set, frozenset):
        if any(value is one for one in outer):
            return "..."
        return _container(value, (*outer, value))
    if isinstance(value, FunctionType) and "<" not in value.__qualname__:
        return f"<function {value.__module__}.{value.__qualname__}>"
    if kind.__repr__ is object.__repr__:
        raise _AddressError(f"a {kind.__qualname__}")
    text = repr(value)
    if " at 0x" in text:
        raise _AddressError(text)
    return text


def _container(value: Any, outer: tuple[object, ...]) -> str:
    if isinstance(value, dict):
        pairs = (f"{_text(key, outer)}: {_text(one, outer)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    texts = [_text(one, outer) for one in value]
    if isinstance(value, list):
        return f"[{', '.join(texts)}]"
    if isinstance(value, tuple):
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return f"{type(value).__name__}({{{', '.join(sorted(texts))}}})"
