"""A document as HTML: a small card for a notebook.

The card is one piece with its styles inside, no script and nothing to fetch. Every text on it
is escaped, for names come from a scenario's file; colours are left to the notebook's
theme but for the verdict's.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import islice

from simcb.views.document import Block, Document, Entries, Figure, Table, Tone
from simcb.views.safe_text import one_line

_COLORS = {
    Tone.GOOD: ("#56B4E9", "#000000"),
    Tone.FAIR: ("#F0E442", "#000000"),
    Tone.BAD: ("#D55E00", "#ffffff"),
}
_CARD = "max-width:60em;border:1px solid #8884;border-radius:6px;padding:.7em 1em;margin:.2em 0"
_BADGE = "border-radius:4px;padding:.1em .5em;font-weight:600"
_FAINT = "opacity:.65"
_NUMBER = "text-align:right;padding:.1em .7em;font-variant-numeric:tabular-nums"
_WORD = "text-align:left;padding:.1em .7em .1em 0"


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
        yield f"<div><b>{_safe(document.title)}</b></div>"
    for verdict in document.verdicts:
        paper, ink = _COLORS[verdict.tone]
        about = f"{_safe(verdict.about)}: " if verdict.about else ""
        badge = f'<span style="{_BADGE};background:{paper};color:{ink}">{_safe(verdict.words)}'
        yield f"<div>{about}{badge}</span> {_safe(verdict.reason)}</div>"
        yield from map(_paragraph, verdict.sentences)
    if document.findings:
        first, *more = document.findings
        yield f"<div><b>{_safe(first)}</b></div>"
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
    rows = []
    if table.spans:
        over = [_cell("th", table, 0, "")]
        over += [_cell("th", table, 1, text, count) for text, count in table.spans]
        rows.append(over)
    rows.append([_cell("th", table, *each) for each in enumerate(table.header)])
    body = iter([_cell("td", table, *each) for each in enumerate(row)] for row in table.rows)
    for name, words, count in table.sections:
        about = f"{name}  {'. '.join(words)}"
        rows.append([_cell("th", table, 0, about, len(table.header))])
        rows += islice(body, count)
    rows += body
    lines = (f"<tr>{''.join(row)}</tr>" for row in rows)
    return f"<table>{''.join(lines)}</table>"


def _cell(tag: str, table: Table, column: int, text: str, columns: int = 1) -> str:
    style = _WORD if table.is_left(column) else _NUMBER
    faint = f";{_FAINT}" if column in table.faint else ""
    wide = f' colspan="{columns}"' if columns > 1 else ""
    return f'<{tag} style="{style}{faint}"{wide}>{_safe(text)}</{tag}>'


def _paragraph(text: str) -> str:
    return f"<div>{_safe(text)}</div>"


def _safe(text: str) -> str:
    return escape(one_line(text, 1000))
