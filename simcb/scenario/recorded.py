"""Recorded arrivals and times: the numbers of a data file that lies beside a scenario.

A scenario names the file; whoever reads the scenario brings the numbers. This module holds
what a recording is and how its text is read; it must not know scenarios or folders.

The text is CSV, one row a line. Empty lines and lines that begin with `#` are skipped. A
first row with a word in it is the header: of several columns it names the one that is meant,
`timestamps`, `rates` or `times`, or the only one with a word for these in its name, like
`start_time`. Without a header there is one column. Each row is one request: a file that says by
another column that it has several rows for one is refused.

Timestamps count seconds from the beginning of a run, or are epoch stamps (seconds, or thousandths,
millionths or billionths of one: their size tells) or ISO 8601 ones, counted from the first.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Annotated, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from simcb.scenario.data_cells import Durations, Moments, PlainNumbers
from simcb.scenario.refusal import Refused, did_you_mean, listed, quoted, shown
from simcb.scenario.scalars import ScalarType, finite, is_number, seen
from simcb.scenario.units import HIGHEST_RATE, LONGEST_DURATION

MOST_DATA_BYTES = 64 * 1024 * 1024  # the largest data file, in bytes
MOST_ROWS = 10_000_000  # the most numbers in one data file

_HEADING = re.compile(r"[^\W\d].*")
_LONGEST_PATH = 255

_IDENTITIES = frozenset(
    ("id", "requestid", "reqid", "xrequestid", "traceid", "correlationid", "transactionid")
)
"""Columns, without dashes and underscores, whose value a request has for itself."""

_KINDS = frozenset(
    ("metric", "metricname", "event", "eventtype", "phase", "attempt", "try", "retry", "span")
)
"""Columns whose value tells the rows of one request apart."""


class Column(StrEnum):
    """What the numbers of a data file are: moments, rates per second, or times in seconds."""

    TIMESTAMPS = "timestamps"
    RATES = "rates"
    TIMES = "times"

    @property
    def most(self) -> float:
        """The greatest number it may hold."""
        return HIGHEST_RATE if self is Column.RATES else LONGEST_DURATION

    @property
    def names(self) -> tuple[str, str]:
        """What its header may be, in capitals or not."""
        return (self.value, self.value.removesuffix("s"))

    @property
    def words(self) -> frozenset[str]:
        """Words one of which the name of such a column has in it, if no other column's has."""
        return _WORDS[self]


_WORDS = {
    Column.TIMESTAMPS: frozenset(
        ("timestamp", "timestamps", "time", "ts", "epoch", "date", "datetime", "moment", "arrival",
         "arrivals", "start", "started", "arrived", "received")
    ),
    Column.RATES: frozenset(("rate", "rates", "rps", "qps", "requests", "count", "hits")),
    Column.TIMES: frozenset(
        ("times", "time", "duration", "durations", "latency", "latencies", "elapsed", "seconds")
    ),
}  # fmt: skip

_READINGS = {Column.TIMESTAMPS: Moments, Column.RATES: PlainNumbers, Column.TIMES: Durations}


@dataclass(frozen=True)
class Recording:
    """Numbers that were read from a data file, checked already."""

    numbers: tuple[float, ...]


Recall: TypeAlias = Callable[[str, Column], Recording]
"""Brings the numbers of a data file by its name, or raises `Refused`."""


def data_file(value: object) -> str:
    """Return the path of a data file, relative to the scenario's folder and never out of it.

    Raises:
        Refused: it is no such path.
    """
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{seen(value)} is not the name of a file", "write it like `calls.csv`")
    if len(value) > _LONGEST_PATH:
        raise Refused("is too long for a file's name", f"write at most {_LONGEST_PATH} letters")
    if value.startswith(("/", "~")) or {*"\\:"} & {*value} or not value.isprintable():
        raise Refused(
            f"{quoted(value)} is not a path beside the scenario",
            "put the file into the scenario's folder and write its name, like `calls.csv`",
        )
    if ".." in PurePosixPath(value).parts:
        raise Refused(
            f"{quoted(value)} leads out of the scenario's folder",
            "put the file into the scenario's folder and write its name",
        )
    return value


DataFile = Annotated[
    str,
    PlainValidator(data_file),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": _LONGEST_PATH,
            "pattern": r"^(?![/~])(?!(.*/)?\.\.(/|$))[^\\:]*$",
        }
    ),
]


@dataclass(frozen=True)
class Recorded(ScalarType):
    """Numbers that a scenario file does not hold itself: its reader brings them."""

    column: Column

    def _read(self, value: object, from_file: bool) -> tuple[float, ...]:
        if isinstance(value, Recording):
            return value.numbers
        if from_file:
            raise Refused("is read from `file`, not written here", "remove it")
        if not isinstance(value, (list, tuple)):
            raise Refused("is not a list of numbers", "give a tuple of floats")
        numbers: list[float] = []
        for index, item in enumerate(value):
            if not is_number(item):
                raise Refused(f"{seen(item)} is not a number", "give a tuple of floats")
            number = finite(item, "number")
            refused = _refusal(number, numbers[-1] if numbers else 0.0, self.column)
            if refused:
                raise Refused(f"number {index} ({number:g}) {refused.what}", refused.remedy)
            numbers.append(number)
        return tuple(numbers)


def read_recording(lines: Iterable[str], column: Column) -> Recording:
    """Return the numbers of a data file's lines, or raise `Refused`."""
    rows = _rows(lines)
    first = next(rows, None)
    if first is None:
        raise Refused("has no rows", f"write one of the {column} a line")
    place, is_header = _heading(first, column)
    numbers: list[float] = []
    before = 0.0
    single = _Single(first[1] if is_header and column is not Column.RATES else ())
    reading = _READINGS[column]()
    for row in rows if is_header else chain((first,), rows):
        single.check(row)
        number = reading.number(row[0], _cell(row, place))
        refused = _refusal(number, before, column)
        if refused:
            what = f"has {quoted(f'{number:.15g}')} in line {row[0]}, which {refused.what}"
            raise Refused(what, refused.remedy)
        numbers.append(number)
        before = number
        if len(numbers) > MOST_ROWS:
            raise Refused(f"has more than {MOST_ROWS} rows", "split it, or take a part of it")
    if not numbers:
        raise Refused("has no rows below its header", f"write one of the {column} a line")
    return Recording(tuple(numbers))


def recording_text(numbers: Iterable[float], column: Column) -> str:
    """Return the text of a data file that reads back to the same numbers."""
    return "\n".join((column.value, *map(repr, numbers), ""))


_Row: TypeAlias = tuple[int, list[str]]


def _rows(lines: Iterable[str]) -> Iterator[_Row]:
    """Yield each row that says something, with the number of its line."""
    reader = csv.reader(lines)
    try:
        for cells in reader:
            if any(map(str.strip, cells)) and not cells[0].lstrip().startswith("#"):
                yield reader.line_num, cells
    except csv.Error as error:
        what = f"is not CSV in line {reader.line_num} ({error})"
        raise Refused(what, "write one number a line") from None


def _heading(first: _Row, column: Column) -> tuple[int, bool]:
    """Return which column is meant, and whether the first row is a header."""
    cells = [cell.strip() for cell in first[1]]
    if not any(_HEADING.fullmatch(cell) and not _is_float(cell) for cell in cells):
        if len(cells) > 1:
            raise Refused(
                f"has {len(cells)} columns and no header",
                f"name the columns in its first line, one of them `{column}`",
            )
        return 0, False
    names = [cell.casefold() for cell in cells]
    meant = [index for index, name in enumerate(names) if name in column.names]
    others = {name for other in Column if other is not column for name in other.names}
    others -= column.words if len(names) == 1 else set()
    if not meant and len(names) > 1 and not others & set(names):
        near = [index for index, name in enumerate(names) if column.words & _words_in(name)]
        if len(near) > 1:
            both = listed(cells[index] for index in near)
            what = f"has {len(near)} columns that may hold {column} ({both})"
            raise Refused(what, f"name the one that is meant `{column}`")
        meant = near
    if len(meant) > 1:
        raise Refused(f"has {len(meant)} columns of {column}", "keep one of them")
    if meant or (len(names) == 1 and names[0] not in others):
        return (meant or [0])[0], True
    remedy = f"name one of them `{column}`"
    if others & set(names):
        remedy = (
            "add an `interval: 1m` to read rates, each for so long"
            if column is Column.TIMESTAMPS
            else "leave `interval` out to read timestamps"
            if column is Column.RATES
            else f"name the column of seconds `{column}`"
        )
    raise Refused(f"has no column `{column}` (it has: {listed(cells)})", remedy)


class _Single:
    """Checks that no request has several rows, by the columns that would tell.

    Args:
        header: the names of the columns.
    """

    def __init__(self, header: Iterable[str]) -> None:
        self._columns = [
            (place, name.strip(), plain in _IDENTITIES)
            for place, name in enumerate(header)
            if (plain := re.sub(r"[\s_.-]", "", name.casefold())) in _IDENTITIES | _KINDS
        ]
        self._seen: list[dict[str, int]] = [{} for _ in self._columns]

    def check(self, row: _Row) -> None:
        """Take note of a row, or raise `Refused`."""
        line, cells = row
        for (place, name, is_identity), seen_before in zip(self._columns, self._seen, strict=True):
            cell = cells[place].strip() if place < len(cells) else ""
            if not cell:
                continue
            if is_identity and cell in seen_before:
                raise Refused(
                    f"has {quoted(cell)} in lines {seen_before[cell]} and {line} of its column "
                    f"{quoted(name)}, and each row is one request",
                    "keep one row for each, or name the column otherwise if it is no request's",
                )
            if not is_identity and seen_before and cell not in seen_before:
                raise Refused(
                    f"has {quoted(next(iter(seen_before)))} and, in line {line}, {quoted(cell)} "
                    f"in its column {quoted(name)}, and each row is one request",
                    "keep the rows of one of them, or name the column otherwise",
                )
            if is_identity or not seen_before:
                seen_before[cell] = line


def _is_float(cell: str) -> bool:
    """Whether Python takes a word for a number, as it does `nan`."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _words_in(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", name))


def _cell(row: _Row, place: int) -> str:
    return row[1][place].strip() if place < len(row[1]) else ""


def _refusal(number: float, before: float, column: Column) -> Refused | None:
    """Say why a number cannot stand behind another, if it cannot."""
    if before <= number <= column.most:
        return None
    if number < 0.0:
        return Refused("is negative", "write numbers of 0 or more")
    if number > column.most and column is Column.RATES:
        return Refused("is too large", f"write at most {column.most:.0f} per second")
    if number > column.most:
        return Refused("is too large", "count the seconds from the beginning of the run, at 0")
    if column is Column.TIMESTAMPS:
        return Refused("is less than the one before it", "sort them, earliest first")
    return None


def recall_from(folder: Path | None) -> Recall:
    """Return what brings the numbers of the data files in a folder, each read once."""
    if folder is None:
        return nowhere

    @cache
    def recall(file: str, column: Column) -> Recording:
        return _read(folder, file, column)

    return recall


def nowhere(file: str, column: Column) -> Recording:
    """Refuse to bring any file: the scenario has no folder, or raise `Refused`."""
    raise Refused(
        "lies beside a scenario file, and this scenario is none",
        "write the scenario to a file in the same folder and read it from there",
    )


def recall_known(recordings: Mapping[tuple[str, Column], Recording]) -> Recall:
    """Return what brings the data files that a scenario has read already, and no others."""

    def recall(file: str, column: Column) -> Recording:
        if (file, column) not in recordings:
            raise Refused(
                f"{quoted(file)} was not read for its {column} with this scenario",
                "read the scenario anew, with this change among its `sets`",
            )
        return recordings[file, column]

    return recall


def without_numbers(file: str, column: Column) -> Recording:
    """Return a recording that is empty, for a scenario that is shown and not run."""
    return Recording(())


def _read(folder: Path, file: str, column: Column) -> Recording:
    """Return the numbers of one file."""
    try:
        home = folder.resolve()
        path = (home / file).resolve(strict=True)
        if not path.is_relative_to(home):
            raise Refused("is a link out of the scenario's folder", "copy the file into it")
        if path.is_dir():
            raise Refused("is a directory", "name a file in it")
        if not path.is_file():
            raise Refused("is not a regular file", "name a file with rows of numbers")
        with path.open(encoding="utf-8-sig", newline="") as opened:
            if os.fstat(opened.fileno()).st_size > MOST_DATA_BYTES:
                mebibytes = MOST_DATA_BYTES // 1024**2
                raise Refused(f"is larger than {mebibytes} MiB", "take a part of it")
            return read_recording(opened, column)
    except FileNotFoundError:
        near = did_you_mean(file, _names_in(folder))
        remedy = f"did you mean `{shown(near)}`?" if near else "put it beside the scenario"
        raise Refused("does not exist in the scenario's folder", remedy) from None
    except UnicodeDecodeError:
        raise Refused("is not UTF-8 text", "save it as UTF-8") from None
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise Refused(f"cannot be read ({shown(reason)})", "name another file") from None


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:
        return []
