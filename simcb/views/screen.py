"""A document as one screen of a terminal: what it comes to first, then why, then the numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from rich.cells import cell_len
from rich.text import Text

from simcb.views.document import (
    FAILED,
    PASSED,
    WIDEST_PROSE,
    Block,
    Document,
    Entries,
    Figure,
    Page,
    Table,
    Tone,
)
from simcb.views.safe_text import one_line, to_ascii

GOOD, BAD = "#56B4E9", "#D55E00"
STYLES = {Tone.GOOD: f"bold {GOOD}", Tone.FAIR: "bold #F0E442", Tone.BAD: f"bold {BAD}"}

_LONGEST = 10_000
_LONGEST_COMMAND = 4000
_GAP = 2


def as_screen(document: Document, page: Page) -> Text:
    """Return the document for a terminal of the page's width."""
    blocks = [_opening(document, page)] if document.verdicts or document.findings else []
    for block in document.blocks:
        blocks.extend(_written(block, page))
    if document.summary:
        blocks.append(Text(_safe(document.summary)))
    commands = [
        Text(f"{name}: ", "dim").append(one_line(command, _LONGEST_COMMAND))
        for name, command in document.commands
    ]
    if commands:
        blocks.append(Text("\n").join(commands))
    text = Text("\n\n").join(blocks).append("\n")
    return in_ascii(text) if page.ascii_only else text


def _safe(text: str) -> str:
    """Return text that a terminal shows and does not act upon."""
    return one_line(text, _LONGEST)


def _opening(document: Document, page: Page) -> Text:
    lines = []
    for verdict in document.verdicts:
        about, words = _safe(verdict.about or document.title), _safe(verdict.words)
        lines.append(Text().append(words, STYLES[verdict.tone]))
        if cell_len(f"{words}  {about}") <= page.prose_width:
            lines[-1].append(f"  {about}")
        else:
            below = textwrap.wrap(about, page.prose_width - 2)
            lines.extend(Text(f"  {line}") for line in below)
        for sentence in filter(None, (*verdict.sentences, verdict.reason)):
            wrapped = textwrap.wrap(_safe(sentence), page.prose_width - 2)
            lines.extend(Text(f"  {line}") for line in wrapped)
    if document.findings:
        first, *more = document.findings
        lines.extend(Text(line, "bold") for line in _hanging(first, "", page))
        for sentence in (*more, document.title):
            lines.extend(Text(line) for line in _hanging(sentence, "  ", page))
    return Text("\n").join(lines)


def _hanging(sentence: str, indent: str, page: Page) -> list[str]:
    """Return a sentence in lines, all but the first further to the right."""
    further = f"{indent}    "
    return textwrap.wrap(
        _safe(sentence), page.prose_width, initial_indent=indent, subsequent_indent=further
    )


def _written(block: Block, page: Page) -> Iterator[Text]:
    """Yield a block as one or more pieces that a blank line parts."""
    if isinstance(block, str):
        yield Text(_safe(block))
    elif isinstance(block, Entries):
        lines = [line for name, words in block.items for line in _entry(name, words, page)]
        yield _signs_coloured(Text("\n").join(lines))
    elif isinstance(block, Figure):
        if block.sketch is not None:
            yield block.sketch(min(page.width, WIDEST_PROSE))
    else:
        for form in fitting(block, page.width):
            parts = split(form, min(page.width, form.widest or page.width))
            yield from (_signs_coloured(table_text(part, page)) for part in parts)


def _entry(name: str, words: str, page: Page, style: str = "") -> list[Text]:
    name = _safe(name)
    wrapped = textwrap.wrap(f"{name}  {_safe(words)}", page.prose_width, subsequent_indent="    ")
    first, *rest = wrapped
    head = Text(first)
    if first.startswith(name):
        head = Text().append(name, style).append(first.removeprefix(name), "dim")
    return [head, *(Text(line, "dim") for line in rest)]


def fitting(table: Table, width: int) -> tuple[Table, ...]:
    """Return a table, or the first narrower form of it that fits a page, or the narrowest."""
    forms = ((table,), *table.narrower)
    fit = (form for form in forms if max(map(table_width, form)) <= width)
    return next(fit, forms[-1])


def table_width(table: Table) -> int:
    """Return the columns of a terminal that a table takes."""
    widths = _widths(table)
    return sum(widths) + _GAP * (len(widths) - 1)


def table_text(table: Table, page: Page) -> Text:
    """Return a table aligned for a terminal, one line a row.

    A sign's counterpart in ASCII may be wider, so cells are translated before they are measured.
    """

    def shown(cell: str) -> str:
        return to_ascii(_safe(cell)) if page.ascii_only else _safe(cell)

    table = replace(
        table,
        header=tuple(map(shown, table.header)),
        rows=tuple(tuple(map(shown, row)) for row in table.rows),
        spans=tuple((shown(text), count) for text, count in table.spans),
    )
    widths = _widths(table)
    lines = [Text(_safe(table.title))] if table.title else []
    if table.spans:
        lines.append(_span_line(table, widths))
    if any(table.header):
        lines.append(_line(table, table.header, widths, "bold"))
    rows = [_line(table, row, widths, "") for row in table.rows]
    if table.sections:
        lines = [Text("  ").append_text(line) for line in lines]
        rows = list(_sectioned(table, rows, page))
    notes = (line for note in table.notes for line in textwrap.wrap(_safe(note), page.width))
    return Text("\n").join([*lines, *rows, *(Text(line, "dim") for line in notes)])


def _sectioned(table: Table, rows: Sequence[Text], page: Page) -> Iterator[Text]:
    """Yield rows below what their sections are about."""
    left = iter(rows)
    narrow = replace(page, width=page.prose_width)
    for name, words, count in table.sections:
        yield from _entry(name, ". ".join(words), narrow, "bold")
        for _ in range(count):
            yield Text("  ").append_text(next(left))


def _widths(table: Table) -> list[int]:
    """Return the columns of the terminal each column takes, the gap to its left not counted."""
    cells = zip(table.header, *table.rows, strict=True)
    widths = [max(map(cell_len, column)) for column in cells]
    first = 1
    for text, count in table.spans:
        inside = sum(widths[first : first + count]) + _GAP * (count - 1)
        widths[first + count - 1] += max(0, cell_len(text) + 2 - inside)
        first += count
    return widths


def _line(table: Table, cells: Sequence[str], widths: Sequence[int], style: str) -> Text:
    line = Text()
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        blank = " " * (width - cell_len(cell))
        padded = f"{cell}{blank}" if table.is_left(column) else f"{blank}{cell}"
        gap = " " * _GAP if column else ""
        line.append(gap + padded, "dim" if column in table.faint else style)
    line.rstrip()
    return line


def _span_line(table: Table, widths: Sequence[int]) -> Text:
    line = " " * widths[0]
    first = 1
    for text, count in table.spans:
        rule = sum(widths[first : first + count]) + _GAP * (count - 1) - cell_len(text) - 2
        line += f"{' ' * _GAP}{'─' * (rule // 2)} {text} {'─' * (rule - rule // 2)}"
        first += count
    return Text(line.rstrip(), "bold")


def split(table: Table, width: int) -> tuple[Table, ...]:
    """Return a table that may be broken as several, each no wider than `width` if a column is.

    All of them have the names. Columns below the same heading stay together if they can.
    """
    if not table.breakable:
        return (table,)
    groups = []
    first = 1
    for count in [count for _, count in table.spans] or [1] * (len(table.header) - 1):
        groups.append(list(range(first, first + count)))
        first += count
    packed = _packed(groups, lambda columns: table_width(_part(table, columns)) <= width)
    if len(packed) < 2:
        return (table,)
    parts = [replace(_part(table, columns), notes=()) for columns in packed]
    return (*parts[:-1], replace(parts[-1], notes=table.notes))


def _part(table: Table, columns: Sequence[int]) -> Table:
    """Return a table with the names and some of the other columns."""
    kept = (0, *columns)
    spans = []
    first = 1
    for text, count in table.spans:
        spans.append((text, sum(first <= column < first + count for column in columns)))
        first += count
    return replace(
        table,
        header=tuple(table.header[column] for column in kept),
        rows=tuple(tuple(row[column] for column in kept) for row in table.rows),
        spans=tuple((text, count) for text, count in spans if count),
        faint=frozenset(place for place, column in enumerate(kept) if column in table.faint),
        words=frozenset(place for place, column in enumerate(kept) if column in table.words),
    )


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


def _signs_coloured(text: Text) -> Text:
    for sign, style in ((PASSED, GOOD), (FAILED, f"bold {BAD}")):
        text.highlight_words([sign, to_ascii(sign)], style)
    return text


def in_ascii(text: Text) -> Text:
    """Return the text in ASCII; what has no counterpart of the same width loses its style."""
    pieces = Text()
    edges = {edge for span in text.spans for edge in (span.start, span.end)}
    starts = sorted({0, len(text), *edges})
    for start, end in pairwise(starts):
        piece = text[start:end]
        style = piece.spans[-1].style if piece.spans else ""
        pieces.append(to_ascii(piece.plain), style)
    return pieces
