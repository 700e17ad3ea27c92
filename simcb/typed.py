"""Whether a value read from a file is what an annotation says it is."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints


def mistyped(value: object, hint: Any, place: str) -> Iterator[str]:
    """Yield the places in a value that are not of their annotated types.

    Knows what plain data is made of: frozen dataclasses, tuples, dictionaries, unions, and
    single values. A whole number is a number, a truth value is none.

    Args:
        value: what is looked at, down to its smallest part.
        hint: its type, resolved.
        place: what to call it.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if all(any(mistyped(value, each, place)) for each in arguments):
            yield place
    elif origin is tuple and isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from mistyped(item, arguments[0], f"{place}.{number}")
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from mistyped(key, arguments[0], f"{place}.{key}")
            yield from mistyped(item, arguments[1], f"{place}.{key}")
    elif is_dataclass(hint) and isinstance(hint, type) and isinstance(value, hint):
        hints = get_type_hints(hint)
        for each in fields(hint):
            yield from mistyped(getattr(value, each.name), hints[each.name], f"{place}.{each.name}")
    elif not _is_single(value, hint):
        yield place


def _is_single(value: object, hint: Any) -> bool:
    if not isinstance(hint, type):
        return False
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)
