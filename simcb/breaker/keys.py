"""The key under which an answer is remembered, made of a function's name and its arguments.

Calls with one key get each other's answers, in other processes too if the store is shared.
So what tells answers apart has to be in the key, and by its value: an address in memory is
somebody else's a moment later, and another one in the next process. The object of a bound
method is an argument like any other, and what a function has captured tells answers apart as
much: the tenant, the URL, the client. What cannot be told by its value is refused, and the
refusal says how to go on: it is a mistake in the program. Only a decorated function may have
captured anything: it is told by a word of its own then, which no other function has.

However the same arguments are given, by place, by name or by default, the key is the same.
It knows nothing of stores and answers.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
)
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary
from zlib import crc32

from simcb.breaker.errors import UnkeyableError
from simcb.breaker.texts import GUARDS, LOCAL, VALUES, AddressError, Default, text_of

CODE = (FunctionType, BuiltinFunctionType, type, ModuleType)
"""What is told by its name: there is one of each name, but for what it has captured itself."""

# The flags of a code object with `*args` and with `**kwargs`.
MORE_PLACES, MORE_WORDS = 0x04, 0x08

Given = tuple[tuple[object, ...], dict[str, object]]
"""The arguments of a call: by place and by name."""


class Own(NamedTuple):
    """What stands for the captured data of one decorated function where its value is not known.

    Args:
        word: like no other function's, in any process.
        always: it is known already that some value is not, or changes with every call.
    """

    word: str
    always: bool


def key_of(
    func: Callable[..., object],
    args: tuple[object, ...],
    kwargs: dict[str, object],
    own: Own | None = None,
) -> str:
    """Returns the key of a call.

    Args:
        func: what is called; partials, wrappers and bound methods are looked through.
        args: its positional arguments.
        kwargs: its arguments by name.
        own: the function's own word, if it was decorated.

    Raises:
        UnkeyableError: if what tells the answers apart is not known by its value.
    """
    layers, (args, kwargs) = _unwrapped(func, (args, kwargs), _bound)
    texts = _given(layers[-1], args, kwargs)
    if own is not None and own.always:
        texts.append(own.word)
    else:
        try:
            texts += _captured(layers, {})
        except UnkeyableError:
            if own is None:
                raise
            texts.append(own.word)
    return f"{_told_name(layers[-1])}({', '.join(texts)})"


def own_of(func: Callable[..., object]) -> Own:
    """Returns a word for a function that is being decorated.

    Whether it is needed for a function of a module is left to each call: if the module holds
    the function under its name then, there is one of it, whatever it has captured.

    Raises:
        UnkeyableError: if not even the word could help, as with a method of an unknown object.
    """
    layers, (args, kwargs) = _unwrapped(func, ((), {}))
    _given(layers[-1], args, kwargs)
    always, seen = False, dict[int, Any]()
    if LOCAL in _name(layers[-1]):
        try:
            list(_captured(layers, seen))
            always = any(map(_changed, seen.values()))
        except UnkeyableError:
            always = True
    return Own(f"<{os.urandom(8).hex()}>", always)


def code_of(func: Callable[..., object]) -> CodeType | None:
    """Returns the code that a call comes down to, if it is Python's."""
    code = getattr(_unwrapped(func, ((), {}))[0][-1], "__code__", None)
    return code if isinstance(code, CodeType) else None


def _unwrapped(
    func: Any, given: Given, bound: Callable[[Any, Given], Given] = lambda _, given: given
) -> tuple[list[Any], Given]:
    """Returns the wrappers of a function and the function, and the arguments it comes down to.

    Those are the ones given and the ones it had already: of partials, and the object of a
    method. Each layer may bind them, because a wrapper can have parameters of its own.
    """
    layers = []
    while True:
        args, kwargs = given
        if isinstance(func, functools.partial):
            given = (*func.args, *args), {**func.keywords, **kwargs}
            func = func.func
        elif isinstance(func, MethodType):
            given = (func.__self__, *args), kwargs
            func = func.__func__
        elif getattr(func, "__wrapped__", None) is not None:
            given = bound(func, given)
            layers.append(func)
            func = func.__wrapped__
        elif not hasattr(func, "__qualname__") and not isinstance(func, GUARDS):
            given = (func, *args), kwargs  # an object that can be called
            func = type(func).__call__
        else:
            break
    if isinstance(func, (BuiltinFunctionType, MethodWrapperType)):
        if not isinstance(func.__self__, (ModuleType, NoneType)):
            given = (func.__self__, *given[0]), given[1]
    else:
        given = bound(func, given)
    return [*layers, func], given


def _name(func: Any) -> str:
    """Returns the full name, as far as the function has one."""
    kind = type(func).__qualname__
    name = getattr(func, "__qualname__", getattr(func, "__name__", kind))
    return f"{getattr(func, '__module__', None)}.{name}"


def _told_name(func: Any) -> str:
    """Returns what stands for code in a key: a lambda's name says nothing, so what it does."""
    name = _name(func)
    if isinstance(func, FunctionType) and name.endswith("<lambda>"):
        return f"{name} {_sum(func.__code__):08x}"
    return name


_sums: WeakKeyDictionary[CodeType, int] = WeakKeyDictionary()


def _sum(code: CodeType) -> int:
    """Returns a checksum of what the code does, the same in every process."""
    if code not in _sums:
        _sums[code] = crc32(repr(_does(code)).encode())
    return _sums[code]


def _does(code: CodeType) -> tuple[object, ...]:
    inner = [
        _does(one) if isinstance(one, CodeType) else text_of(one, ()) for one in code.co_consts
    ]
    return (code.co_code, code.co_names, code.co_varnames, code.co_freevars, inner)


# What was given.


class _Missing:
    """Stands for an argument that is neither given nor has a default."""


def _bound(func: Any, given: Given) -> Given:
    """Returns the arguments in the one way that all others come down to.

    By place whatever has one, and with the defaults. Arguments that do not fit stay as they
    are: the call itself will say so.
    """
    if not isinstance(func, FunctionType):
        return given
    code, (args, kwargs) = func.__code__, given
    places, words = code.co_argcount, code.co_varnames
    named = words[places : places + code.co_kwonlyargcount]
    if not places and not named:
        return given
    usual = (_Missing,) * (places - len(func.__defaults__ or ())) + (func.__defaults__ or ())
    usual_named, left = func.__kwdefaults__ or {}, kwargs.copy()
    local = LOCAL in func.__qualname__

    def told(value: object, default: object) -> object:
        if value is not default or local or value is _Missing or type(value) in VALUES:
            return value
        return Default(value)

    by_place = [told(*one) for one in zip(args, usual, strict=False)]
    by_place += args[places:]
    for place in range(len(args), places):
        by_name = place >= code.co_posonlyargcount
        value = left.pop(words[place], usual[place]) if by_name else usual[place]
        by_place.append(told(value, usual[place]))
    by_word = {}
    for word in named:
        default = usual_named.get(word, _Missing)
        by_word[word] = told(left.pop(word, default), default)
    too_many = len(args) > places and not code.co_flags & MORE_PLACES
    unknown = left and not code.co_flags & MORE_WORDS
    if too_many or unknown or any(one is _Missing for one in (*by_place, *by_word.values())):
        return given
    return (*by_place,), by_word | left


def _given(func: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> list[str]:
    name, code = _name(func), getattr(func, "__code__", None)
    words = code.co_varnames[: code.co_argcount] if code else ()
    texts = [
        _argument(name, words[place] if place < len(words) else f"argument {place + 1}", value)
        for place, value in enumerate(args)
    ]
    return texts + [f"{word}={_argument(name, word, kwargs[word])}" for word in sorted(kwargs)]


def _argument(name: str, word: str, value: object) -> str:
    try:
        return text_of(value, ())
    except AddressError as error:
        raise UnkeyableError(name, word, f"is told by its address only: {error}") from None


# What was captured.


def _captured(layers: list[Any], seen: dict[int, Any]) -> Iterator[str]:
    """Yields what the layers of a function have captured and tells its answers apart.

    `seen` is filled with all the code that has been looked at, by its identity.
    """
    name = _name(layers[-1])
    seen.update((id(layer), layer) for layer in layers)
    for layer in layers:
        for word, value in _held(layer):
            yield from _told(name, word, value, seen)


def _told(name: str, word: str, value: Any, seen: dict[int, Any]) -> Iterator[str]:
    """Yields the text of captured data, and of what captured code has captured in its turn."""
    if isinstance(value, GUARDS):
        return
    if isinstance(value, (type, ModuleType)):
        yield f"{word}:=<{_told_name(value)}>"
        return
    if not callable(value):
        yield f"{word}:={_fixed(name, word, value)}"
        return
    layers, (args, kwargs) = _unwrapped(value, ((), {}))
    for one in (*args, *kwargs.values()):
        if one is value:
            yield f"{word}:={_fixed(name, word, one)}"
        else:
            yield from _told(name, word, one, seen)
    if id(layers[-1]) not in seen:
        yield f"{word}:=<{_told_name(layers[-1])}>"
    for layer in layers:
        if id(layer) not in seen:
            seen[id(layer)] = layer
            for inner, one in (*_held(layer), *_defaults(layer)):
                yield from _told(name, inner, one, seen)


def _held(func: Any) -> Iterable[tuple[str, object]]:
    """Returns what a function has captured, or an object has that stands around a function."""
    if not isinstance(func, FunctionType):
        held = getattr(func, "__dict__", {}) if hasattr(func, "__wrapped__") else {}
        pairs = [(word, value) for word, value in held.items() if not word.startswith("__")]
    elif func.__closure__ is None or _is_its_modules(func):
        return ()
    else:
        pairs = []
        for word, cell in zip(func.__code__.co_freevars, func.__closure__, strict=True):
            with contextlib.suppress(ValueError):  # not yet assigned
                pairs.append((word, cell.cell_contents))
    wrapped = getattr(func, "__wrapped__", None)
    return [(word, value) for word, value in pairs if wrapped is None or value is not wrapped]


def _is_its_modules(func: FunctionType) -> bool:
    """Whether a module holds the function under its name, so that there is one of it."""
    found: Any = sys.modules.get(func.__module__)
    for part in func.__qualname__.split("."):
        found = getattr(found, part, None)
    while found is not None and found is not func:
        found = getattr(found, "__wrapped__", None)
    return found is not None


def _changed(func: Any) -> set[str]:
    """Returns what a function has captured and sets itself, so that no two calls have one key."""
    if not isinstance(func, FunctionType) or func.__closure__ is None:
        return set()
    import dis  # slow to import, and only decorating needs it

    steps = dis.get_instructions(func)
    stored = {step.argval for step in steps if step.opname == "STORE_DEREF"}
    return stored.intersection(func.__code__.co_freevars)


def _defaults(func: Any) -> Iterable[tuple[str, object]]:
    """Returns the defaults of a function made inside another: `lambda user=user: …`."""
    if not isinstance(func, FunctionType) or LOCAL not in func.__qualname__:
        return ()
    words = func.__code__.co_varnames[: func.__code__.co_argcount]
    defaults = func.__defaults__ or ()
    named = func.__kwdefaults__ or {}
    return (*zip(words[len(words) - len(defaults) :], defaults, strict=True), *named.items())


def _fixed(name: str, word: str, value: object) -> str:
    """Returns the text of captured data, which must not change while it is captured.

    An object's `repr` is only taken for all there is to it if the object is a value, which has
    a hash of its own. A client has one of its address, and a list none.
    """
    if not _is_fixed(value):
        kind = type(value).__name__
        raise UnkeyableError(name, word, f"is captured, and a {kind} is no fixed value")
    try:
        return text_of(value, ())
    except AddressError as error:
        trouble = f"is captured, and is told by its address only: {error}"
        raise UnkeyableError(name, word, trouble) from None


def _is_fixed(value: object) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(_is_fixed(one) for one in value)
    return isinstance(value, CODE) or type(value).__hash__ not in (None, object.__hash__)
