"""A table of text: a header, rows, and the two ways to write it.

The first column holds names and is aligned left, all others hold numbers and are aligned
right unless they are said to be words. This module must not know what is in the cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from simcb.views.safe_text import markdown_cell, to_ascii

_BETWEEN = 2

MOST_NAMED = 8
"""How many columns that a page is too narrow for are named."""


@dataclass(frozen=True)
class Grid:
    """A table, its cells already text.

    Args:
        header: one text a column, the first for the names.
        rows: the lines, each as long as the header.
        spans: headings over neighbouring columns, (text, columns) from the second column on.
        faint: columns shown in the background, counted from 0.
        words: further columns that are aligned left.
        note: what has to be said below, such as what the table leaves out.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spans: tuple[tuple[str, int], ...] = ()
    faint: frozenset[int] = frozenset()
    words: frozenset[int] = frozenset()
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"row {row!r} has not the {len(self.header)} cells of the header")

    @property
    def widths(self) -> tuple[int, ...]:
        """Columns of the terminal each column takes, the gap to its left not counted."""
        cells = zip(self.header, *self.rows, strict=True)
        widths = [max(cell_len(cell) for cell in column) for column in cells]
        first = 1
        for text, count in self.spans:
            inside = sum(widths[first : first + count]) + _BETWEEN * (count - 1)
            widths[first + count - 1] += max(0, cell_len(text) + 2 - inside)
            first += count
        return tuple(widths)

    @property
    def width(self) -> int:
        """Columns of the terminal the whole table takes."""
        widths = self.widths
        return sum(widths) + _BETWEEN * (len(widths) - 1)

    def split(self, width: int) -> tuple[Grid, ...]:
        """Return the table as several ones, each no wider than `width` as far as a column is.

        All of them have the names. Columns below the same heading stay together if they can.
        """
        groups = []
        first = 1
        for count in [count for _, count in self.spans] or [1] * (len(self.header) - 1):
            groups.append(list(range(first, first + count)))
            first += count
        packed = _packed(groups, lambda columns: self._of(columns).width <= width)
        if len(packed) < 2:
            return (self,)
        return tuple(
            replace(self._of(columns), note=self.note if columns is packed[-1] else "")
            for columns in packed
        )

    def _of(self, columns: Sequence[int]) -> Grid:
        """Return the table with the names and some of the other columns."""
        kept = (0, *columns)
        spans = []
        first = 1
        for text, count in self.spans:
            spans.append((text, sum(first <= column < first + count for column in columns)))
            first += count
        return Grid(
            tuple(self.header[column] for column in kept),
            tuple(tuple(row[column] for column in kept) for row in self.rows),
            tuple((text, count) for text, count in spans if count),
            frozenset(place for place, column in enumerate(kept) if column in self.faint),
            frozenset(place for place, column in enumerate(kept) if column in self.words),
        )

    def text(self, *, ascii_only: bool = False) -> Text:
        """Return the table aligned for a terminal, one line a row.

        A sign's counterpart in ASCII may be wider, so cells are translated before they are
        measured.
        """
        if ascii_only:
            return self._in_ascii().text()
        lines = []
        if self.spans:
            lines.append(self._span_line())
        lines.append(self._line(self.header, "bold"))
        lines.extend(self._line(row, "") for row in self.rows)
        lines.extend(Text(line, "dim") for line in self.note.splitlines())
        return Text("\n").join(lines)

    def _in_ascii(self) -> Grid:
        rows = tuple(tuple(map(to_ascii, row)) for row in self.rows)
        spans = tuple((to_ascii(text), count) for text, count in self.spans)
        return replace(self, header=tuple(map(to_ascii, self.header)), rows=rows, spans=spans)

    def _line(self, cells: tuple[str, ...], style: str) -> Text:
        line = Text()
        for column, (cell, width) in enumerate(zip(cells, self.widths, strict=True)):
            blank = " " * (width - cell_len(cell))
            padded = f"{cell}{blank}" if self._is_left(column) else f"{blank}{cell}"
            gap = " " * _BETWEEN if column else ""
            line.append(gap + padded, "dim" if column in self.faint else style)
        line.rstrip()
        return line

    def _is_left(self, column: int) -> bool:
        return column == 0 or column in self.words

    def _span_line(self) -> Text:
        widths = self.widths
        line = " " * widths[0]
        first = 1
        for text, count in self.spans:
            inside = sum(widths[first : first + count]) + _BETWEEN * (count - 1)
            rule = inside - cell_len(text) - 2
            left = rule // 2
            line += f"{' ' * _BETWEEN}{'─' * left} {text} {'─' * (rule - left)}"
            first += count
        return Text(line.rstrip(), "bold")

    def markdown(self) -> str:
        """Return the table as a Markdown table; a span's text goes before each of its headers."""
        header = list(self.header)
        first = 1
        for text, count in self.spans:
            for column in range(first, first + count):
                header[column] = f"{text}, {header[column]}" if header[column] else text
            first += count
        rule = ["---" if self._is_left(column) else "---:" for column in range(len(header))]
        table = [header, *self.rows]
        written = [[markdown_cell(cell) for cell in row] for row in table]
        written.insert(1, rule)
        table_lines = "\n".join(f"| {' | '.join(row)} |" for row in written)
        return f"{table_lines}\n\n{markdown_cell(self.note)}" if self.note else table_lines


def _packed(groups: Sequence[list[int]], fits: Callable[[Sequence[int]], bool]) -> list[list[int]]:
    """Put neighbouring groups of columns together as long as they fit, and break what does not."""
    packs: list[list[int]] = []
    for group in groups:
        if packs and fits([*packs[-1], *group]):
            packs[-1] += group
        elif len(group) == 1 or fits(group):
            packs.append(list(group))
        else:
            packs += _packed([[column] for column in group], fits)
    return packs


def no_room(names: Sequence[str]) -> str:
    """Return the line that says which columns a page is too narrow for."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    named = ", ".join(names[:MOST_NAMED])
    return f"no room for {named}{more}; a wider page or --format csv has all"
