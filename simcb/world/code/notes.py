"""What is worth telling of how client code ran, each thing once, with the request that had it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType

MOST_NOTES = 8
"""Of one group; what happened most often is told."""


class Notes:
    """The notes of one client group in one run.

    Args:
        group: its name.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        self._found: dict[str, list[float]] = {}

    def tell(self, what: str, number: int, now: float) -> None:
        """Take note that request `number` did `what` at `now`, seconds."""
        found = self._found.get(what)
        if found is None:
            self._found[what] = [1, number, now]
        else:
            found[0] += 1

    def sentences(self) -> Iterator[str]:
        """Yield a sentence for each thing, the most frequent first."""
        ranked = sorted(self._found.items(), key=lambda item: -item[1][0])
        for what, (count, number, now) in ranked[:MOST_NOTES]:
            many = f"{int(count):,} requests" if count > 1 else "a request"
            first = "first request" if count > 1 else "request"
            yield f"{self._group}: {many} {what}; {first} {int(number)} at {now:.3f} s"
        if len(ranked) > MOST_NOTES:
            yield f"{self._group}: and {len(ranked) - MOST_NOTES} more kinds of end"


def named(error: BaseException, file: str) -> str:
    """Return an exception's type and words, and the last line of `file` that it came through."""
    kind = type(error)
    module = kind.__module__.partition(".")[0]
    name = kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
    words = str(error).splitlines()
    place = _line_of(error.__traceback__, file)
    return f"{name}{f' ({words[0][:120]})' if words else ''}{f' at {place}' if place else ''}"


def _line_of(trace: TracebackType | None, file: str) -> str:
    place = ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            place = f"{file.rpartition('/')[2]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
