"""Rows that a run has no room for in memory: a temporary file, read by mapping it into memory.

The file has no name once it is open, so it goes with the process, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref

import numpy as np

from simcb.errors import FieldsError
from simcb.trace.pieces import keep_out
from simcb.trace.tables import Rows, Table

ROWS_HELD = 2**20
"""Rows of a table that are held in memory: of requests 23 MB, of attempts 65 MB. Where there are
more, all of them end up in a file."""

_LATE = 4096
"""Rows that are put right at once."""


class RowsFileError(FieldsError):
    """The rows of a long run cannot be kept outside of memory.

    Args:
        folder: where temporary files are made.
        megabytes: how much was written before.
        why: what the system says.
    """

    folder: str
    megabytes: float
    why: str

    def __str__(self) -> str:
        return (
            f"{self.folder}: cannot keep the rows of a long run there, after "
            f"{self.megabytes:,.0f} MB: {self.why}; make room, name a larger disk with TMPDIR, "
            "or shorten the run"
        )


class RowsFile:
    """The rows of one table that have left memory, in order; made when the first do.

    Args:
        table: whose rows they are.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.row_size = table.row.size
        self._file: int | None = None
        self._written = 0
        self._late = bytearray()
        self._late_rows: list[int] = []

    def take(self, packed: bytearray | memoryview, rows: int) -> None:
        """Write the first rows of `packed` behind those that are there.

        Raises:
            RowsFileError: there is no room for them, or no place for temporary files.
        """
        with memoryview(packed) as whole, whole[: rows * self.row_size] as taken:
            self._write(self._written, taken)
        self._written += rows * self.row_size

    def late(self, row: int) -> tuple[bytearray, int]:
        """Return where to pack a row that left before it was whole: in what, and at which place."""
        if len(self._late_rows) == _LATE:
            self._put_right()
        self._late_rows.append(row)
        self._late += bytes(self.row_size)
        return self._late, len(self._late_rows) - 1

    def rows(self) -> Rows:
        """Return the rows, mapped into memory; none is taken after that.

        Raises:
            RowsFileError: as for `take`, or they cannot be mapped.
        """
        self._put_right()
        try:
            mapped = mmap.mmap(self._opened(), self._written)
        except (OSError, ValueError) as error:
            raise self._problem(error) from None
        rows = np.frombuffer(mapped, dtype=self._table.dtype)
        keep_out(mapped)
        return rows

    def _put_right(self) -> None:
        with memoryview(self._late) as late:
            for place, row in enumerate(self._late_rows):
                begin = place * self.row_size
                self._write(row * self.row_size, late[begin : begin + self.row_size])
        self._late_rows.clear()
        self._late.clear()

    def _opened(self) -> int:
        if self._file is None:
            with tempfile.TemporaryFile(prefix="simcb-") as file:
                self._file = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._file)
        return self._file

    def _write(self, place: int, data: memoryview) -> None:
        try:
            file = self._opened()
            os.lseek(file, place, os.SEEK_SET)
            while data:
                data = data[os.write(file, data) :]
        except OSError as error:
            raise self._problem(error) from None

    def _problem(self, error: Exception) -> RowsFileError:
        why = getattr(error, "strerror", None) or str(error)
        return RowsFileError(_folder(), self._written / 1e6, why)


def _folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "the temporary folder")
