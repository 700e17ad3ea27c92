"""A document as HTML: a small card for a notebook, and what a card and a page have in common.

The card is one piece with its styles inside, no script and nothing to fetch. Every text on it
is escaped, for names come from a scenario's file; colours are left to the notebook's
theme but for the verdict's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from simcb.views.document import Block, Document, Entries, Figure, Table, Tone
from simcb.views.safe_text import one_line

COLORS = {
    Tone.GOOD: ("#56B4E9", "#000000"),
    Tone.FAIR: ("#F0E442", "#000000"),
    Tone.BAD: ("#D55E00", "#ffffff"),
}
"""Paper and ink of a verdict."""

_CARD = "max-width:60em;border:1px solid #8884;border-radius:6px;padding:.7em 1em;margin:.2em 0"
_BADGE = "border-radius:4px;padding:.1em .5em;font-weight:600"
_FAINT = "opacity:.65"
_NUMBER = "text-align:right;padding:.1em .7em;font-variant-numeric:tabular-nums"
_WORD = "text-align:left;padding:.1em .7em .1em 0"


def safe(text: str, longest: int = 1000) -> str:
    """Return text that HTML shows as it is, in an element or an attribute."""
    return escape(one_line(text, longest))


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: what it says.
        column: where it stands, from 0.
        columns: how many columns it takes.
    """

    text: str
    column: int
    columns: int = 1


Line = list[Cell]


def head_of(table: Table) -> list[Line]:
    """Return the lines above a table's body: its spans, if it has any, and its header."""
    lines = []
    if table.spans:
        column = 1
        over = [Cell("", 0)]
        for text, count in table.spans:
            over.append(Cell(text, column, count))
            column += count
        lines.append(over)
    return [*lines, _line(table.header)]


def bodies_of(table: Table) -> Iterator[tuple[Cell | None, list[Line]]]:
    """Yield the rows in groups, each below what its section is about, if it is in one."""
    first = 0
    for name, words, count in table.sections:
        about = Cell(f"{name}  {'. '.join(words)}", 0, len(table.header))
        yield about, [_line(row) for row in table.rows[first : first + count]]
        first += count
    if rest := table.rows[first:]:
        yield None, [_line(row) for row in rest]


def _line(texts: tuple[str, ...]) -> Line:
    return [Cell(text, column) for column, text in enumerate(texts)]


def card(document: Document) -> str:
    """Return a document as a card: what it comes to, and the blocks that a card has room for."""
    document = document.brief or document
    parts = [*_opening(document)]
    for block in document.card or document.blocks:
        parts += _written(block)
    return f'<div style="{_CARD}">{"".join(parts)}</div>'


def _opening(document: Document) -> Iterator[str]:
    if document.summary:
        yield _paragraph(document.summary)
    if document.verdicts:
        yield f"<div><b>{safe(document.title)}</b></div>"
    for verdict in document.verdicts:
        paper, ink = COLORS[verdict.tone]
        about = f"{safe(verdict.about)}: " if verdict.about else ""
        badge = f'<span style="{_BADGE};background:{paper};color:{ink}">{safe(verdict.words)}'
        yield f"<div>{about}{badge}</span> {safe(verdict.reason)}</div>"
        yield from map(_paragraph, verdict.sentences)
    if document.findings:
        first, *more = document.findings
        yield f"<div><b>{safe(first)}</b></div>"
        yield from map(_paragraph, filter(None, (document.title, *more)))


def _written(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield _paragraph(block)
    elif isinstance(block, Entries):
        yield from (_paragraph(f"{name}  {words}") for name, words in block.items)
    elif not isinstance(block, Figure):
        if block.title:
            yield _paragraph(block.title)
        yield _table(block)
        yield from map(_paragraph, block.notes)


def _table(table: Table) -> str:
    rows = [_row("th", table, line) for line in head_of(table)]
    for about, lines in bodies_of(table):
        if about is not None:
            rows.append(_row("th", table, [about]))
        rows += [_row("td", table, line) for line in lines]
    return f"<table>{''.join(rows)}</table>"


def _row(tag: str, table: Table, line: Line) -> str:
    return f"<tr>{''.join(_cell(tag, table, cell) for cell in line)}</tr>"


def _cell(tag: str, table: Table, cell: Cell) -> str:
    style = _WORD if table.is_left(cell.column) else _NUMBER
    faint = f";{_FAINT}" if cell.column in table.faint else ""
    wide = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
    return f'<{tag} style="{style}{faint}"{wide}>{safe(cell.text)}</{tag}>'


def _paragraph(text: str) -> str:
    return f"<div>{safe(text)}</div>"
