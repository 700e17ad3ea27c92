"""What is worth telling of how client code ran, each thing once, with the request that had it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType
from typing import NamedTuple

MOST_NOTES = 8
"""Of one group; what happened most often is told."""
MOST_WORDS = 120
"""Characters of an exception's message."""


class Note(NamedTuple):
    """Something worth telling of how code ran.

    Args:
        kind: what was; the same in all runs that had it.
        text: the sentence, with the request that had it first.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text


class Notes:
    """The notes of one client group in one run.

    Args:
        group: its name.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._found: dict[str, _Found] = {}

    def tell(self, what: str, number: int, now: float, words: str = "") -> None:
        """Take note that request `number` did `what` at `now`, seconds.

        Args:
            what: what is counted together.
            number: the request's number in its group.
            now: when it was.
            words: what was said of it; that of the first is told.
        """
        found = self._found.get(what)
        if found is None:
            self._found[what] = _Found(number, now, words)
        else:
            found.count += 1

    def told(self) -> Iterator[Note]:
        """Yield a note for each thing, the most frequent first."""
        ranked = sorted(self._found.items(), key=lambda item: -item[1].count)
        for what, found in ranked[:MOST_NOTES]:
            first = f"request {found.number} at {found.at:.3f} s"
            more = f", and {found.count - 1:,} more" if found.count > 1 else ""
            words = f" ({found.words})" if found.words else ""
            yield Note(f"{self._group}: {what}", f"{self._group}: {first} {what}{words}{more}")
        if len(ranked) > MOST_NOTES:
            more = f"{self._group}: and {len(ranked) - MOST_NOTES} more kinds of end"
            yield Note(f"{self._group}: more", more)


class _Found:
    """How often something was, and the first time."""

    def __init__(self, number: int, at: float, words: str) -> None:
        self.count = 1
        self.number = number
        self.at = at
        self.words = words


def first_line(error: BaseException) -> str:
    """Return the beginning of what an exception says."""
    return next(iter(str(error).splitlines()), "")[:MOST_WORDS]


def named(error: BaseException, is_own: Callable[[str], bool]) -> str:
    """Return an exception's type, and the last line that it came through of files that are meant.

    Args:
        error: the exception.
        is_own: tells of a file whether it is meant.
    """
    kind = type(error)
    module = kind.__module__.partition(".")[0]
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    place, trace = "", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            place = place_of(code, trace.tb_lineno)
        trace = trace.tb_next
    return f"{name} at {place}" if place else name


def place_of(code: CodeType, line: int) -> str:
    """Return where a line is: in a file, or, where a notebook has it, in a function of a cell."""
    file = code.co_filename
    if os.path.isfile(file) and "ipykernel" not in file:
        return f"{os.path.basename(file)}:{line}"
    return f"{code.co_qualname}, line {line}{_cell(file)}"


def _cell(file: str) -> str:
    """Return which cell of a notebook a file stands for; "" if that is not known."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    named = getattr(getattr(shell, "compile", None), "format_code_name", lambda file: None)(file)
    return f" of {' '.join((named[0].lower(), *named[1:]))}" if named else ""
