"""A document as Markdown, for a pull request or a wiki: the tables of the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcb.views.document import Block, Document, Entries, Figure, Table
from simcb.views.safe_text import markdown_cell, one_line

_ENDLESS = 10_000


def as_markdown(document: Document) -> str:
    """Return the document as Markdown, a blank line between its paragraphs and tables."""
    blocks = [f"### {markdown_cell(document.title)}"] if document.title else []
    if document.summary:
        blocks.append(f"**{markdown_cell(document.summary)}**")
    for verdict in document.verdicts:
        about = f"{verdict.about.capitalize()} " if verdict.about else ""
        words = f"{markdown_cell(about)}**{markdown_cell(verdict.words)}**"
        blocks.append(f"{words}: {markdown_cell(verdict.reason)}" if verdict.reason else words)
        blocks += map(markdown_cell, verdict.sentences)
    blocks += map(markdown_cell, document.findings)
    for block in document.blocks:
        blocks += _written(block)
    blocks += [_code(one_line(command, _ENDLESS)) for _, command in document.commands]
    return "\n\n".join(blocks) + "\n"


def _written(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield markdown_cell(block)
    elif isinstance(block, Entries):
        yield "\n".join(f"- {markdown_cell(f'{name}  {words}')}" for name, words in block.items)
    elif not isinstance(block, Figure):
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    """Yield a table with what stands around it; a span's text goes before each of its headers."""
    if table.title:
        yield markdown_cell(table.title)
    header, rows = list(table.header), list(table.rows)
    first = 1
    for text, count in table.spans:
        for column in range(first, first + count):
            header[column] = f"{text}, {header[column]}" if header[column] else text
        first += count
    left = [table.is_left(column) for column in range(len(header))]
    if table.sections:
        names = [name for name, _, count in table.sections for _ in range(count)]
        rows = [(name, *row) for name, row in zip(names, rows, strict=True)]
        header, left = [table.section_header[0], *header], [True, *left]
    yield _lines([header, *rows], left)
    if table.sections:
        about = [(name, *words) for name, words, _ in table.sections]
        yield _lines([table.section_header, *about], [True] * len(table.section_header))
    yield from map(markdown_cell, table.notes)


def _lines(rows: Sequence[Sequence[str]], left: Sequence[bool]) -> str:
    written = [[markdown_cell(cell) for cell in row] for row in rows]
    written.insert(1, ["---" if each else "---:" for each in left])
    return "\n".join(f"| {' | '.join(row)} |" for row in written)


def _code(line: str) -> str:
    """Return a fenced line of code, its fence longer than any run of backticks inside."""
    fence = "```"
    while fence in line:
        fence += "`"
    return f"{fence}console\n{line}\n{fence}"
