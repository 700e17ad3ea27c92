"""What a study says, as one value: every output is a function of it, whatever the study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture
    from rich.text import Text

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
"""What JSON can say."""

Row = Iterable[str | int | float | bool | None]
"""A line of a CSV table; a float may be undefined (None, nan) or `never` (infinite)."""

PASSED, FAILED = "✓", "✗"
"""What a cell or an entry begins or ends with that was judged."""


class Tone(StrEnum):
    """How good or bad a verdict is."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"


@dataclass(frozen=True)
class Verdict:
    """What a study comes to in a few words, and why.

    Args:
        words: the verdict.
        tone: how good it is, where it is shown in colour.
        reason: what it rests on, in a sentence; "" if what follows says so.
        sentences: what else there is to say.
        about: of what it is the verdict; of the whole study if empty.
    """

    words: str
    tone: Tone
    reason: str
    sentences: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Table:
    """A table, its cells already text: names on the left, numbers aligned right.

    Args:
        header: one text a column, the first for the names.
        rows: the lines, each as long as the header.
        spans: headings over neighbouring columns, (text, columns) from the second column on.
        faint: columns shown in the background, counted from 0.
        words: further columns that are aligned left.
        title: what stands above it.
        heading: what it is called on a page that has headings.
        notes: what has to be said below, a line each.
        breakable: whether it may go on in a table below where a page is too narrow.
        widest: columns of a page of letters beyond which it goes on below on any; 0 for no limit.
        sections: what groups of rows are about, (name, words, rows) each.
        section_header: what these names and words are.
        narrower: what to show instead on a page it is too wide for: the first that fits.
        in_full: returns what to show instead where a long table is scrolled, if there is more.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spans: tuple[tuple[str, int], ...] = ()
    faint: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    title: str = ""
    heading: str = ""
    notes: tuple[str, ...] = ()
    breakable: bool = False
    widest: int = 0
    sections: tuple[tuple[str, tuple[str, ...], int], ...] = ()
    section_header: tuple[str, ...] = ()
    narrower: tuple[tuple[Table, ...], ...] = ()
    in_full: Callable[[], Table] | None = None

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"row {row!r} has not the {len(self.header)} cells of the header")

    def is_left(self, column: int) -> bool:
        """Tell whether a column holds words, which are aligned left."""
        return column == 0 or column in self.words


@dataclass(frozen=True)
class Entries:
    """A list: what each entry is called, and the words that follow it."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Args:
        name: of its file, without the ending.
        draw: draws it; only this loads matplotlib.
        caption: what it shows, in a sentence.
        sketch: the same in letters, for a terminal so many columns wide.
    """

    name: str
    draw: Callable[[], Picture]
    caption: str = ""
    sketch: Callable[[int], Text] | None = None


@dataclass(frozen=True)
class Explorer:
    """What a reader may look up setting by setting: on a page, with sliders.

    Args:
        axes: what can be moved: its name and its values, in order.
        table: what is shown of a setting, with the numbers of the one that is shown first.
        first: the places, on the axes, of that one.
        cells: for the places of each setting its headline and the numbers of the table's rows.
    """

    axes: tuple[tuple[str, tuple[str, ...]], ...]
    table: Table
    first: tuple[int, ...]
    cells: Mapping[tuple[int, ...], tuple[str, tuple[tuple[str, ...], ...]]]


Block = Table | Entries | Figure | str


@dataclass(frozen=True)
class CheckResult:
    """Something that was checked: a case of a test report.

    Args:
        group: what it is about; checks of a group stand together.
        name: what has to hold.
        problem: why it does not, with what was measured; "" if it holds.
        kind: a word for what was checked.
        broken: True if a problem is no bad result, but the lack of one that can be relied on.
    """

    group: str
    name: str
    problem: str = ""
    kind: str = "threshold"
    broken: bool = False


@dataclass(frozen=True)
class Measure:
    """A number that was measured, for a monitoring system.

    Args:
        name: the metric's.
        unit: the metric's.
        about: what it is, in a sentence.
        labels: what it is of.
        value: its mean; None if undefined, infinite for a time that never came.
        low: lower end of its interval, if it has one.
        high: upper end.
    """

    name: str
    unit: str
    about: str
    labels: Mapping[str, str]
    value: float | None
    low: float | None = None
    high: float | None = None


def all_made(group: str, lost: Sequence[str]) -> CheckResult:
    """Return the check that every run of a study could be made; `lost` has the reasons."""
    problem = f"{len(lost)} could not; the first: {lost[0]}" if lost else ""
    return CheckResult(group, "every run could be made", problem, "lost", broken=True)


@dataclass(frozen=True)
class Document:
    """What a study says.

    It opens with verdicts, or with findings where there is nothing to judge.

    Args:
        title: what was studied, in a line.
        data: returns everything, as JSON has it.
        rows: returns the table that CSV has, its header first.
        verdicts: how it went, that of the study itself first.
        findings: what was found, in sentences, the most important first.
        blocks: tables, lists, figures and remarks, in the order of reading.
        summary: the whole in a line: the last of a screen, the first of a page.
        card: what a small card has room for instead of these, if not all of them.
        checks: what was checked, for a test report.
        measures: returns what was measured, for a monitoring system.
        facts: what such a report has to know besides: name to value.
        tags: what the user called it, key to value: `tagged` puts them into a document.
        next: the command to give next.
        repeat: the command that gives the same document.
        files: what else the study leaves in its directory: name to what writes it.
        brief: the same on a first screen and on a card, if all of it is too much there.
        sources: the scenarios it is about, as they were run: what each is called to its YAML.
        explorer: returns what can be looked up setting by setting, if anything can.
        versions: what made it, name to version; this simcb if nothing else is known.
    """

    title: str
    data: Callable[[], dict[str, JsonValue]] = dict
    rows: Callable[[], Iterator[Row]] = lambda: iter(())
    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    summary: str = ""
    card: tuple[Block, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    measures: Callable[[], Iterator[Measure]] = lambda: iter(())
    facts: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    next: str = ""
    repeat: str = ""
    files: Mapping[str, Callable[[Path], object]] = field(default_factory=dict)
    brief: Document | None = None
    sources: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    explorer: Callable[[], Explorer | None] = lambda: None
    versions: Mapping[str, str] = field(default_factory=dict)

    def tagged(self, tags: Mapping[str, str]) -> Document:
        """Return the document with tags, which its title ends with as well."""
        if not tags:
            return self
        words = ", ".join(f"{key}={value}" for key, value in tags.items())
        brief = self.brief.tagged(tags) if self.brief else None
        return replace(self, title=f"{self.title} [{words}]", tags=dict(tags), brief=brief)

    @property
    def commands(self) -> tuple[tuple[str, str], ...]:
        """The commands that it ends with, each with what it is for."""
        named = (("next", self.next), ("repeat", self.repeat))
        return tuple(each for each in named if each[1])

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The figures among the blocks."""
        return tuple(block for block in self.blocks if isinstance(block, Figure))


WIDEST_PROSE = 100
"""Columns beyond which a line of sentences is hard to read."""


@dataclass(frozen=True)
class Page:
    """What a document is written on.

    Args:
        width: columns of the terminal.
        ascii_only: True if it shows no more than ASCII.
    """

    width: int = 100
    ascii_only: bool = False

    @property
    def prose_width(self) -> int:
        """After how many columns a sentence goes on in the next line."""
        return max(40, min(self.width, WIDEST_PROSE))


def first_of(names: Sequence[str], most: int = 8) -> str:
    """Return names for a sentence, the first of them where there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def no_room(names: Sequence[str]) -> str:
    """Return the line that says which columns a page is too narrow for."""
    return f"no room for {first_of(names)}; a wider page or --format csv has all"
