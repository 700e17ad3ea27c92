"""Plain scalars of a file: which text is a null, a flag, a number or a word.

The rules are those of YAML 1.2's core schema, and what older rules read otherwise is
refused with both spellings: `010` is neither 8 nor 10 here. This module must not know YAML's
structure.
"""

from __future__ import annotations

import math
import re

from simcb.scenario.refusal import Refused, quoted

_FIXED: dict[str, bool | None] = {
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-9]{1,2})+(?:\.[0-9]*)?")
_MOST_DIGITS = 400


def resolve_plain(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar means.

    Raises:
        Refused: nothing is written, or the number is one that YAML's versions disagree on,
            or is not finite.
    """
    if text == "":
        raise Refused("has no value", "write one, or `null` for none")
    if text in _FIXED:
        return _FIXED[text]
    if text[0] not in "+-.0123456789":
        return text
    if _LEADING_ZERO.fullmatch(text):
        bare = text.lstrip("+-").lstrip("0") or "0"
        raise Refused(
            f"{quoted(text)} has a leading zero", f'write `{bare[:60]}`, or "{text[:60]}" for text'
        )
    if _SEXAGESIMAL.fullmatch(text):
        raise Refused(
            f"{quoted(text)} may be a time, a number or text",
            f'write a duration like `1m30s`, or "{text[:60]}" for text',
        )
    if _NOT_FINITE.fullmatch(text):
        raise Refused(f"{quoted(text)} is not finite", "write a finite number")
    return _number(text)


def _number(text: str) -> int | float | str:
    if _BASED.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text, 0)
    if not _FLOAT.fullmatch(text):
        return text
    if len(text) > _MOST_DIGITS:
        raise Refused(f"{quoted(text)} has too many digits", "write fewer")
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise Refused(f"{quoted(text)} is not finite", "write a smaller number")
    return number
