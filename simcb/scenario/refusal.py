"""A refused value: what is wrong with it and what to write instead.

This module is the one exception that units, forms and models raise while they read a value.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

from simcb.errors import FieldsError

_LONGEST_GUESSED_WORD = 64
_MOST_GUESSES = 500


class Refused(FieldsError, ValueError):
    """A value cannot be taken as it is.

    It is a `ValueError` as well, so that pydantic collects it beside the others instead of
    stopping at the first.

    Args:
        what: what is wrong, worded to follow the path of the value: "is missing".
        remedy: what to write instead.
        at: the key inside the refused object that is to blame, if one is; dots lead further in.
    """

    what: str
    remedy: str = ""
    at: str = ""

    def __str__(self) -> str:
        place = f"{self.at}: " if self.at else ""
        return f"{place}{self.what}; {self.remedy}" if self.remedy else f"{place}{self.what}"


def quoted(value: object) -> str:
    """Show a value for a message: short, on one line, control characters escaped."""
    return f"`{shown(value if isinstance(value, str) else repr(value), 60)}`"


def shown(text: str, longest: int = 400) -> str:
    """Escape whatever a terminal would act upon, and cut what is too long to read.

    Escape sequences, line breaks and direction marks of a hostile file must reach a
    terminal as visible characters.
    """
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    if cut.isprintable():
        return cut
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii")
        for c in cut
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the known word that resembles this one most, or an empty string."""
    if len(word) > _LONGEST_GUESSED_WORD:
        return ""
    by_folded = {name.casefold(): name for name in islice(known, _MOST_GUESSES)}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else ""


def choice_remedy(word: str, known: Iterable[str]) -> str:
    """Say which of the known words was probably meant, or list them all."""
    names = list(known)
    meant = did_you_mean(word, names)
    if meant:
        return f"did you mean `{meant}`?"
    if not names:
        return "there are none here"
    return "write " + ("" if len(names) == 1 else "one of: ") + listed(names)


def listed(names: Iterable[str], most: int = 20) -> str:
    """List names for a sentence, the first twenty of them."""
    every = list(names)
    text = ", ".join(shown(name, 80) for name in every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most} more"


def with_article(noun: str) -> str:
    """Return a noun as a message has it: `a fault`, `an error`, and several as they are."""
    if noun.endswith("s"):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
