"""Problems of a scenario: where, what, what to write instead, with the line and a caret."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from simcb.errors import FieldsError
from simcb.scenario.refusal import Refused, shown

MOST_PROBLEMS = 100
"""The most problems reported at once; a file with more has one cause for them all."""

_BEFORE_CARET = 60
_WIDEST_LINE = 100
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


@dataclass(frozen=True)
class Source:
    """A text that values come from: a file, or one override."""

    label: str  # what messages call it
    lines: tuple[str, ...] = ()  # empty for an override, which is shown by its label alone

    @classmethod
    def of(cls, label: str, text: str) -> Source:
        """Split a text into lines where YAML does."""
        return cls(label, tuple(_LINE_BREAK.split(text)))


@dataclass(frozen=True)
class Mark:
    """A place in a source; line and column are counted from 1."""

    source: Source
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a scenario."""

    file: str  # the file, or the override as it was given
    line: int | None  # counted from 1; None where there are no lines
    column: int | None  # counted from 1, in characters; None where there are no lines
    path: str  # the dotted path of the value, empty for the whole file
    what: str  # what is wrong
    remedy: str  # what to write instead; may be empty
    source_line: str = ""  # the line's text; empty if there is none to show

    def __str__(self) -> str:
        place = shown(self.file)
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        path = f"{shown(self.path)}: " if self.path else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        sentence = f"{place}: {path}{self.what}{remedy}"
        if self.column is None or not self.source_line.strip():
            return sentence
        return f"{sentence}\n{_with_caret(self.source_line, self.column)}"


class ScenarioError(FieldsError):
    """A scenario cannot be read; it holds every problem found.

    Args:
        problems: all of them, in the order of the file.
        omitted: how many more there are beyond the first hundred.
    """

    problems: tuple[Problem, ...]
    omitted: int = 0

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.omitted:
            lines.append(f"… and {self.omitted} more problems")
        return "\n".join(lines)


Location = tuple[str | int, ...]
"""Where a value stands: the keys and indices that lead to it."""


@dataclass(frozen=True)
class Finding:
    """Something that does not fit together, and where."""

    location: Location
    refused: Refused
    at_key: bool = False


class Findings:
    """Problems collected while a scenario is read."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether more problems would only be counted."""
        return len(self._problems) >= MOST_PROBLEMS

    def add(self, mark: Mark, path: str, refused: Refused) -> None:
        """Note a problem at a mark; beyond the hundredth it is only counted."""
        self._count += 1
        if self.full:
            return
        lines = mark.source.lines
        line = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
        placed = bool(lines)
        self._problems.append(
            Problem(
                mark.source.label,
                mark.line if placed else None,
                mark.column if placed else None,
                path,
                refused.what,
                refused.remedy,
                line,
            )
        )

    def raise_if_any(self) -> None:
        """Raise every problem found so far, in the order of lines, or raise `ScenarioError`."""
        if not self._problems:
            return
        files = {p.file: i for i, p in reversed(list(enumerate(self._problems)))}
        ordered = sorted(self._problems, key=lambda p: (files[p.file], p.line or 0, p.column or 0))
        raise ScenarioError(tuple(ordered), self._count - len(ordered))


def _with_caret(line: str, column: int) -> str:
    """Show a line with a caret below one of its characters, however the line is made."""
    at = min(column - 1, len(line))
    begin = max(0, at - _BEFORE_CARET)
    before = ("…" if begin else "") + _visible(line[begin:at])
    rest = line[at : begin + _WIDEST_LINE]
    after = _visible(rest) + ("…" if at + len(rest) < len(line) else "")
    return f"    {before}{after}\n    {' ' * _width(before)}^"


def _visible(text: str) -> str:
    return shown(text.replace("\t", "  "), 10_000)


def _width(text: str) -> int:
    """Count terminal columns: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
