"""Files of measurements, read within limits whatever is in them."""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcb.errors import FieldsError
from simcb.measurements.values import Measured
from simcb.plain_files import open_plain
from simcb.scenario.refusal import choice_remedy, listed, quoted, shown

MOST_BYTES = 4 * 2**30  # the largest file of lines, in bytes
MOST_JSON_BYTES = 128 * 2**20  # the largest file that is one JSON value, in bytes
MOST_LINE = 2**20  # the longest line, in letters
MOST_JSON_LINE = 2**24  # the longest line that is a JSON value, in letters
_HEAD = 2**16


class MeasurementError(FieldsError):
    """A file of measurements cannot be read, or says too little.

    Args:
        place: the file, and the line if there is one.
        what: what is wrong with it.
        remedy: what to do.
    """

    place: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{shown(self.place)}: {self.what}; {self.remedy}"


@dataclass(frozen=True)
class Where:
    """Which requests are meant: those whose fields fit all patterns.

    Args:
        patterns: (field, pattern) with the wildcards `*` and `?`.
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def admits(self, fields: Mapping[str, object], place: str) -> bool:
        """Tell whether a request is meant.

        Raises:
            MeasurementError: it has no such field.
        """
        for name, pattern in self.patterns:
            if name not in fields:
                has = listed(fields) if fields else "none to choose by"
                remedy = choice_remedy(name, [*fields]) if fields else "leave --where out"
                what = f"has no field {quoted(name)} (it has: {has})"
                raise MeasurementError(place, what, remedy)
            if not fnmatch.fnmatchcase(str(fields[name]), pattern):
                return False
        return True


class Source:
    """A file of measurements.

    Args:
        path: where it is.

    Raises:
        MeasurementError: it is no regular file, too large, or no text.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.line = 0
        try:
            self._file = open_plain(path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise self.error(f"cannot be read ({reason})", "name another file") from None
        self._text = io.TextIOWrapper(self._file, "utf-8-sig", "replace")
        try:
            self.head = self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> str:
        """Return the beginning of the file, or raise `MeasurementError`."""
        self.size = self._file.seek(0, io.SEEK_END)
        self._file.seek(0)
        head = self._file.read(_HEAD)
        if self.size > MOST_BYTES:
            raise self.error(f"is larger than {MOST_BYTES >> 30} GiB", "take a part of it")
        if head.startswith(b"\x1f\x8b"):
            raise self.error("is compressed", "unpack it with gunzip")
        if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head:
            raise self.error("is no UTF-8 text", "give the text form of these measurements")
        text = head.decode("utf-8-sig", "replace")
        if not text.strip():
            raise self.error("is empty", "name a file with measurements")
        return text

    def has(self, word: str) -> bool:
        """Tell whether a file of one JSON value has a word in it, at any depth."""
        if word in self.head or self.size <= _HEAD or self.size > MOST_JSON_BYTES:
            return word in self.head
        self._file.seek(0)
        return word.encode() in self._file.read()

    @property
    def place(self) -> str:
        """The file, and the line that was read last."""
        return f"{self.name}:{self.line}" if self.line else self.name

    def error(self, what: str, remedy: str) -> MeasurementError:
        """Return the error that names the present place."""
        return MeasurementError(self.place, what, remedy)

    def lines(self, longest: int = MOST_LINE) -> Iterator[str]:
        """Yield the lines, without their ends.

        Args:
            longest: how many letters one may have.

        Raises:
            MeasurementError: one is too long.
        """
        self._text.seek(0)
        self.line = 0
        while line := self._text.readline(longest):
            self.line += 1
            if len(line) >= longest:
                raise self.error(f"is longer than {longest:,} letters", "write a request a line")
            yield line.rstrip("\r\n")

    def rows(self) -> Iterator[list[str]]:
        """Yield the rows of a CSV file, without empty ones.

        Raises:
            MeasurementError: it is no CSV.
        """
        try:
            yield from filter(None, csv.reader(self.lines()))
        except csv.Error as error:
            raise self.error(f"is not CSV ({error})", "give the file as it was written") from None

    def table(self, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Yield the rows of a CSV file by the names of its first.

        Raises:
            MeasurementError: a column that is needed is missing.
        """
        rows = self.rows()
        header = [name.strip() for name in next(rows, [])]
        for name in needed:
            if name not in header:
                raise self.error(f"has no column {quoted(name)}", "give the file as it was written")
        for row in rows:
            yield dict(zip(header, row, strict=False))

    def json(self) -> Any:
        """Return the one JSON value of the file.

        Raises:
            MeasurementError: it is none, or nested too deep, or too large.
        """
        if self.size > MOST_JSON_BYTES:
            most = f"{MOST_JSON_BYTES >> 20} MiB"
            raise self.error(f"is one JSON value larger than {most}", "take a part of it")
        self._file.seek(0)
        return self.parsed(self._file.read().decode("utf-8-sig", "replace"))

    def json_lines(self) -> Iterator[Any]:
        """Yield the JSON values of a file with one a line, or the one value of the whole file."""
        self._file.seek(0)
        first = self._file.readline(MOST_JSON_LINE).decode("utf-8-sig", "replace")
        if not first.lstrip().startswith("{") or not first.rstrip().endswith("}"):
            whole = self.json()
            yield from whole if isinstance(whole, list) else [whole]
            return
        for line in self.lines(MOST_JSON_LINE):
            if line.strip():
                yield self.parsed(line)

    def parsed(self, text: str) -> Any:
        """Return what a JSON text says, or raise `MeasurementError`."""
        try:
            value = _DECODER.decode(text)
        except RecursionError:
            raise self.error("nests too deep", "give the file as it was written") from None
        except ValueError as error:
            reason = getattr(error, "msg", None) or str(error)
            at = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
            what = f"is not JSON ({shown(reason, 80)}{at})"
            raise self.error(what, "give the file as it was written") from None
        return value

    def number(self, value: object, what: str, *, least: float = 0.0) -> float:
        """Return a finite number that a field holds, written as one or as text.

        Raises:
            MeasurementError: it is none.
        """
        number = number_in(value)
        if number is None or number < least:
            problem = f"has {quoted(value)} as {what}, which is no number of {least:g} or more"
            raise self.error(problem, "give the file as it was written")
        return number

    def mapping(self, value: object, what: str) -> dict[str, Any]:
        """Return a JSON object, or raise `MeasurementError`."""
        if not isinstance(value, dict):
            raise self.error(f"has no object as {what}", "give the file as it was written")
        return value

    def items(self, value: object, what: str) -> list[Any]:
        """Return a JSON list, or raise `MeasurementError`."""
        if not isinstance(value, list):
            raise self.error(f"has no list as {what}", "give the file as it was written")
        return value

    def close(self) -> None:
        """Close the file."""
        self._text.close()


@dataclass(frozen=True)
class Format:
    """A format of measurements: a module has one as its `FORMAT`.

    Args:
        name: what it is called.
        fits: tells from the beginning of a file whether it is of this format.
        read: returns what a file says of the requests that are meant.
        read_between: returns what several files say of the time between them, the earliest first,
            or None if each file is about a time of its own; takes the seconds from the first to
            the last, None if the files have to say so.
    """

    name: str
    fits: Callable[[Source], bool]
    read: Callable[[Source, Where], Measured]
    read_between: Callable[[Sequence[Source], Where, float | None], Measured] | None = None


def number_in(value: object) -> float | None:
    """Return the finite number that a value is, or that its text says; None if there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def choose_all(source: Source, where: Where) -> None:
    """Refuse to choose among requests that a file gives only in sum.

    Raises:
        MeasurementError: something is to be chosen.
    """
    where.admits({}, source.name)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
