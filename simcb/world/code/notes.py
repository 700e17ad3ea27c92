"""What is worth telling of how client code ran, each thing once, with the request that had it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

MOST_NOTES = 8
"""Of one group; what happened most often is told."""
MOST_WORDS = 120
"""Characters of an exception's message."""


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

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each thing, the most frequent first."""
        ranked = sorted(self._found.items(), key=lambda item: -item[1].count)
        for what, found in ranked[:MOST_NOTES]:
            first = f"request {found.number} at {found.at:.3f} s"
            more = f", and {found.count - 1:,} more" if found.count > 1 else ""
            words = f" ({found.words})" if found.words else ""
            yield f"{self._group}: {first} {what}{words}{more}"
        if len(ranked) > MOST_NOTES:
            yield f"{self._group}: and {len(ranked) - MOST_NOTES} more kinds of end"


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


def named(error: BaseException, file: str) -> str:
    """Return an exception's type, and the last line of `file` that it came through."""
    kind = type(error)
    module = kind.__module__.partition(".")[0]
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    place = _line_of(error.__traceback__, file)
    return f"{name} at {place}" if place else name


def _line_of(trace: TracebackType | None, file: str) -> str:
    place = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            place = f"{file.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
