"""A document's data for programs: one JSON object, or a CSV table.

Keys are sorted and floats are written so that they read back to the same bits, so equal studies
are equal bytes. There is no NaN and no Infinity: what is undefined is null or an empty cell, a
time that never came is "never".
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from simcb.errors import MissingExtraError
from simcb.metrics import Estimate
from simcb.version import __version__
from simcb.views.document import Document, JsonValue, Row
from simcb.views.safe_text import csv_cell

SCHEMA_VERSION = 1


def as_object(document: Document) -> dict[str, JsonValue]:
    """Return the document as the plain data that `as_json` writes."""
    tags: dict[str, JsonValue] = {"tags": {**document.tags}} if document.tags else {}
    return {"schema_version": SCHEMA_VERSION, "simcb": __version__, **tags, **document.data()}


def as_json(document: Document, indent: int | None = None) -> str:
    """Return the document as JSON text in ASCII, on one line unless `indent` is given."""
    return json.dumps(
        as_object(document), sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=True
    )


def as_csv(document: Document) -> str:
    """Return the document's rows as CSV, a column `tag KEY` at the end for each tag."""
    return "".join(csv_lines(tagged_rows(document.rows(), document.tags)))


def tagged_rows(rows: Iterator[Row], tags: Mapping[str, str]) -> Iterator[Row]:
    """Yield rows below a header with a column `tag KEY` at the end for each tag."""
    for header in islice(rows, 1):
        yield (*header, *(f"tag {key}" for key in tags))
    for row in rows:
        yield (*row, *tags.values())


def number(value: float | None) -> float | str | None:
    """Return a measured value as JSON has it: null if undefined, "never" if it never came.

    Of a difference, "-never" is a time that came only because of the breaker.
    """
    if value is None:
        return None
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return float(value)


def plain(value: object, *names: str) -> dict[str, JsonValue]:
    """Return attributes of a value as plain data, measured ones as `number` writes them."""
    found = {name: getattr(value, name) for name in names}
    return {name: number(each) if type(each) is float else each for name, each in found.items()}


def estimate_object(found: Estimate) -> dict[str, JsonValue]:
    """Return a mean and its interval as plain data."""
    return plain(found, "mean", "low", "high", "n", "never", "alike")


def frame(content: object, columns: Iterable[str] | None = None) -> Any:  # pandas has no types
    """Return a pandas frame.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        from pandas import DataFrame  # type: ignore[import, unused-ignore]
    except ImportError:
        raise MissingExtraError("pandas", "notebook") from None
    return DataFrame(content, columns=None if columns is None else list(columns))


class _Line:
    """What a csv writer writes to: it hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """Yield rows as lines of CSV that no spreadsheet takes for formulas."""
    return clean_lines(map(_cell, row) for row in rows)


def clean_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield rows as lines of CSV whose cells are harmless already: millions of them."""
    writer = csv.writer(_Line(), lineterminator="\n")
    return map(writer.writerow, rows)


def _cell(value: str | int | float | bool | None) -> object:
    if isinstance(value, str):
        return csv_cell(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, int) else number_cell(value)


def number_cell(value: float | None) -> str:
    """Return a measured value as a cell: empty if undefined, `never` if it never came."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return repr(float(value))
