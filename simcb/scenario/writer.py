"""A scenario as YAML text that reads back to an equal scenario.

The text has the file's own words and units, and leaves out what was never set. This module
needs no YAML library: it writes only a small, plain part of the notation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from simcb.scenario.reader import resolve_plain
from simcb.scenario.refusal import Refused

_PLAIN_ANYWHERE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_./%:>-]*[A-Za-z0-9_./%-])?")
_PLAIN_ON_A_LINE = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./%:{},;()<>= -]*[A-Za-z0-9_./%)}])?")
_WIDEST_LINE = 89
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_yaml(data: object) -> str:
    """Return a scenario's plain data as a file."""
    return "\n".join(_block(data, 0)) + "\n"


def _block(value: object, depth: int) -> Iterator[str]:
    """Yield the lines of a mapping or list, indented by two spaces a level."""
    margin = "  " * depth
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entry(f"{margin}{_scalar(key, _PLAIN_ANYWHERE)}:", item, depth)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)):
                yield f"{margin}- {flow(item)}"
            else:
                yield f"{margin}- {_scalar(item, _PLAIN_ON_A_LINE)}"


def _entry(head: str, value: object, depth: int) -> Iterator[str]:
    if not isinstance(value, (dict, list)):
        yield f"{head} {_scalar(value, _PLAIN_ON_A_LINE)}"
        return
    line = f"{head} {flow(value)}"
    if not value or (depth > 0 and _is_flat(value) and len(line) <= _WIDEST_LINE):
        yield line
    else:
        yield head
        yield from _block(value, depth + 1)


def _is_flat(value: dict[object, object] | list[object]) -> bool:
    """Whether a collection is easily read on one line: scalars, and one level below them."""
    items = list(value.values()) if isinstance(value, dict) else value
    inner = [item for item in items if isinstance(item, (dict, list))]
    scalars = [one for item in inner for one in (item.values() if isinstance(item, dict) else item)]
    if any(isinstance(one, (dict, list)) for one in scalars):
        return False
    return not inner or (isinstance(value, dict) and len(inner) < len(items))


def flow(value: object) -> str:
    """Return plain data on one line, collections in brackets."""
    if isinstance(value, dict):
        pairs = (f"{_scalar(k, _PLAIN_ANYWHERE)}: {flow(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _scalar(value, _PLAIN_ANYWHERE)


def _scalar(value: object, plain: re.Pattern[str]) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value)
    bare = plain.fullmatch(text) or _PLAIN_ANYWHERE.fullmatch(text)
    if bare and ": " not in text and _means_itself(text):
        return text
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _means_itself(text: str) -> bool:
    try:
        return resolve_plain(text) == text
    except Refused:
        return False


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable() and char != "\ufeff":
        return char
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
