"""Problems of a scenario: where, what, what to write instead, with the line and a caret.

This module must not know YAML or models.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from simcb.errors import SimcbError
from simcb.scenario.refusal import shown

MOST_PROBLEMS = 100
"""The most problems reported at once; a file with more has one cause for them all."""

_BEFORE_CARET = 60
_WIDEST_LINE = 100


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a scenario.

    Args:
        file: the file, or the override as it was given.
        line: counted from 1; None where there are no lines.
        column: counted from 1, in characters; None where there are no lines.
        path: the dotted path of the value, empty for the whole file.
        what: what is wrong.
        remedy: what to write instead; may be empty.
        source_line: the line's text; empty if there is none to show.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    what: str
    remedy: str
    source_line: str = ""

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


class ScenarioError(SimcbError):
    """A scenario cannot be read; it holds every problem found.

    Args:
        problems: all of them, in the order of the file.
        omitted: how many more there are beyond the first hundred.
    """

    def __init__(self, problems: tuple[Problem, ...], omitted: int = 0) -> None:
        super().__init__(problems, omitted)
        self.problems = problems
        self.omitted = omitted

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.omitted:
            lines.append(f"… and {self.omitted} more problems")
        return "\n".join(lines)


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
