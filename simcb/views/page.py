"""A document as a page of HTML: one file that needs no network, to be read, sent and printed.

The page is inert. Its policy lets a browser fetch nothing, and apply only the style that is
in it. Every text is escaped; names come from a scenario's file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from html import escape
from importlib import resources
from itertools import count, islice
from pathlib import Path

from simcb.version import __version__
from simcb.views.document import (
    FAILED,
    PASSED,
    Block,
    Document,
    Entries,
    Explorer,
    Figure,
    Row,
    Table,
)
from simcb.views.files import OutputError, check_replaceable, replace_file, write_text
from simcb.views.html import Line, bodies_of, head_of, safe
from simcb.views.safe_text import one_line

ENDINGS = (".html", ".htm")

MOST_ROWS = 1000
"""Lines of a study's numbers in full that a page has."""

_LONGEST = 10_000


def save_page(document: Document, path: str | Path) -> Path:
    """Write a document as a page, and return the path; an old file is replaced in one step.

    Raises:
        OutputError: another ending than .html, or the file cannot be written.
    """
    path = check_page_path(path)
    text = page(document)
    try:
        replace_file(path, lambda made: write_text(made, [text]))
    except OSError as error:
        why = f"cannot be written ({error.strerror or type(error).__name__})"
        raise OutputError(str(path), why, "name another file") from None
    return path


def check_page_path(path: str | Path) -> Path:
    """Return `path` if a page can be written there.

    Raises:
        OutputError: another ending, no such directory, or no permission.
    """
    return check_replaceable(path, ENDINGS, "a page")


def page(document: Document) -> str:
    """Return a document as a page; equal documents give equal bytes."""
    title = document.title or document.summary or "simcb"
    style, explorer = _resource("page.css"), document.explorer()
    policy = f"default-src 'none'; style-src {_hash(style)}; img-src data:"
    if explorer is not None:
        policy += f"; script-src {_hash(_resource('explorer.js'))}"
    policy += "; base-uri 'none'; form-action 'none'"
    return "".join(
        [
            '<!doctype html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            '<meta name="referrer" content="no-referrer">\n',
            f"<title>{safe(title, 200)}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            f"<header>\n<h1>{safe(title)}</h1>\n{''.join(_opening(document))}</header>\n<main>\n",
            *_main(document, explorer),
            f"</main>\n<footer>{_made_with(document)}</footer>\n</body>\n</html>\n",
        ]
    )


def _resource(name: str) -> str:
    return resources.files("simcb.views").joinpath(name).read_text("utf-8")


def _explorer(explorer: Explorer) -> Iterator[str]:
    """Yield sliders, the numbers of the setting they stand at, and the script that moves them."""
    yield '<section id="explorer">\n<h2>Setting by setting</h2>\n'
    for (name, values), place in zip(explorer.axes, explorer.first, strict=True):
        yield (
            f'<p><label>{safe(name)} <input type="range" min="0" max="{len(values) - 1}" '
            f'value="{place}"> <output>{safe(values[place])}</output></label></p>\n'
        )
    yield f'<p class="lead">{safe(explorer.cells[explorer.first][0])}</p>\n'
    yield _table(explorer.table)
    yield "</section>\n"
    said = {
        "axes": [[one_line(value) for value in values] for _, values in explorer.axes],
        "cells": [
            [[*places], one_line(words), rows] for places, (words, rows) in explorer.cells.items()
        ],
    }
    # A browser ends a script at the first `</script`, whatever quotes it stands in.
    data = json.dumps(said, separators=(",", ":")).replace("<", "\\u003c")
    yield f'<script type="application/json" id="cells">{data}</script>\n'
    yield f"<script>{_resource('explorer.js')}</script>\n"


def _hash(text: str) -> str:
    """Return how a policy names the one style, or the one script, that it allows."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _made_with(document: Document) -> str:
    versions = document.versions or {"simcb": __version__}
    return "Made with " + safe(
        ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
    )


def _opening(document: Document) -> Iterator[str]:
    """Yield what the study comes to."""
    for verdict in document.verdicts:
        about = f"{safe(verdict.about)}: " if verdict.about else ""
        badge = f'<span class="badge {verdict.tone.value}">{safe(verdict.words)}</span>'
        yield f'<div class="verdict">\n<p>{about}{badge}</p>\n'
        yield from map(_paragraph, filter(None, (*verdict.sentences, verdict.reason)))
        yield "</div>\n"
    if document.findings:
        first, *more = document.findings
        yield f'<p class="lead">{safe(first)}</p>\n'
        yield from map(_paragraph, more)
    if document.summary and document.title:
        yield _paragraph(document.summary)


def _main(document: Document, explorer: Explorer | None) -> Iterator[str]:
    numbers = count(1)
    for block in document.blocks:
        yield from _written(block, numbers)
    if explorer is not None:
        yield from _explorer(explorer)
    for name, command in document.commands:
        yield f"<h2>{name.capitalize()}</h2>\n"
        yield f'<pre class="command"><code>{safe(command, _LONGEST)}</code></pre>\n'
    for name, text in document.sources.items():
        lines = "\n".join(safe(line, _LONGEST) for line in text().splitlines())
        yield f'<details class="source"><summary>{safe(name)}</summary>\n'
        yield f"<pre><code>{lines}</code></pre>\n</details>\n"
    yield from _everything(document.rows())


def _written(block: Block, numbers: Iterator[int]) -> Iterator[str]:
    if isinstance(block, str):
        yield _paragraph(block)
    elif isinstance(block, Entries):
        items = (
            f"<dt>{_marked(name)}</dt>\n<dd>{safe(words)}</dd>\n" for name, words in block.items
        )
        yield f"<dl>\n{''.join(items)}</dl>\n"
    elif isinstance(block, Figure):
        yield _figure(block, next(numbers))
    else:
        block = block.in_full() if block.in_full is not None else block
        yield "<section>\n"
        if block.heading:
            yield f"<h2>{safe(block.heading)}</h2>\n"
        yield _table(block)
        yield from (f'<p class="note">{safe(note)}</p>\n' for note in block.notes)
        yield "</section>\n"


def _figure(figure: Figure, number: int) -> str:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.inline import inline_svg

    label = one_line(figure.caption or figure.name)
    svg = inline_svg(figure.draw(), f"figure{number}", label)
    caption = f"<figcaption>{escape(label)}</figcaption>\n" if figure.caption else ""
    return f'<figure>\n<div class="scroll" tabindex="0">{svg}</div>\n{caption}</figure>\n'


def _table(table: Table) -> str:
    label = safe(table.heading or table.title or "numbers")
    caption = f"<caption>{safe(table.title)}</caption>\n" if table.title else ""
    *over, header = head_of(table)
    head = [_row(table, line, "colgroup", "colgroup") for line in over]
    head.append(_row(table, header, "col", "col"))
    bodies = []
    for about, lines in bodies_of(table):
        rows = [_row(table, line, "row") for line in lines]
        if about is not None:
            rows.insert(0, _row(table, [about], "rowgroup"))
        bodies.append(f"<tbody>\n{''.join(rows)}</tbody>\n")
    return (
        f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">\n<table>\n'
        f"{caption}<thead>\n{''.join(head)}</thead>\n{''.join(bodies)}</table>\n</div>\n"
    )


def _row(table: Table, line: Line, first: str, others: str = "") -> str:
    """Return a line of a table; its first cell heads it, the others may head columns."""
    cells = []
    for cell in line:
        scope = others if cell.column else first
        kinds = ["word"] if table.is_left(cell.column) else []
        if cell.column in table.faint:
            kinds.append("faint")
        tag = f'th scope="{scope}"' if scope and cell.text else "td"
        wide = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
        kind = f' class="{" ".join(kinds)}"' if kinds else ""
        cells.append(f"<{tag}{wide}{kind}>{_marked(cell.text)}</{tag[:2]}>")
    return f"<tr>{''.join(cells)}</tr>\n"


def _marked(text: str) -> str:
    """Return text whose sign, if it begins or ends with one, is seen as good or bad."""
    for sign, kind in ((PASSED, "kept"), (FAILED, "missed")):
        marked = f'<span class="{kind}">{sign}</span>'
        if text.startswith(sign):
            return marked + safe(text.removeprefix(sign))
        if text.endswith(sign):
            return safe(text.removesuffix(sign)) + marked
    return safe(text)


def _everything(rows: Iterator[Row]) -> Iterator[str]:
    """Yield the numbers in full, as CSV has them, out of sight until they are asked for."""
    header = next(rows, None)
    if header is None:
        return
    shown = [tuple(map(_number, row)) for row in islice(rows, MOST_ROWS)]
    more = sum(1 for _ in rows)
    names = tuple(map(str, header))
    words = frozenset(
        column for column in range(len(names)) if not any(_is_number(row[column]) for row in shown)
    )
    notes = (f"and {more:,} more lines; --format csv has all",) if more else ()
    table = Table(names, tuple(shown), words=words, notes=notes)
    yield '<details class="everything"><summary>All numbers</summary>\n'
    yield _table(table)
    yield from (f'<p class="note">{safe(note)}</p>\n' for note in notes)
    yield "</details>\n"


def _number(value: str | int | float | bool | None) -> str:
    """Return a cell of the numbers in full, to six digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return "" if value is None else str(value)
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return "" if math.isnan(value) else f"{value:.6g}"


def _is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:2] in ("-0", "-1")


def _paragraph(text: str) -> str:
    return f"<p>{safe(text)}</p>\n"
