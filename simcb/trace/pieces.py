"""Tables read piece by piece, so that what is worked out on the way stays small."""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from simcb.trace.tables import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 2**14
"""Rows of a piece: its columns fit into a processor's own memory. A multiple of eight."""

_kept_out: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def keep_out(mapped: mmap.mmap) -> None:
    """Let what is read of a mapped file in pieces leave memory again after each of them."""
    _kept_out.add(mapped)


def pieces(
    rows: Rows, first: int = 0, last: int | None = None, most: int = PIECE
) -> Iterator[tuple[int, Rows]]:
    """Yield the rows from `first` up to `last` piece by piece, each with its first row's number."""
    last = len(rows) if last is None else last
    for place in range(first, last, most):
        yield place, rows[place : min(place + most, last)]
        if _kept_out:
            _leave_memory()


def _leave_memory() -> None:
    for mapped in tuple(_kept_out):
        if hasattr(mapped, "madvise"):
            # The file keeps it, and so does the system while it has memory to spare.
            mapped.madvise(mmap.MADV_DONTNEED)


def column(rows: Rows, name: str) -> NDArray[Any]:
    """Return one column of a table by itself."""
    found = np.empty(len(rows), rows.dtype[name])
    for place, piece in pieces(rows):
        found[place : place + len(piece)] = piece[name]
    return found


def ascends(rows: Rows, name: str) -> bool:
    """Tell whether the moments in a column, of which none is nan, are in order."""
    last = -np.inf
    for _, piece in pieces(rows):
        moments = np.ascontiguousarray(piece[name])
        if moments[0] < last or (moments[1:] < moments[:-1]).any():
            return False
        last = moments[-1]
    return True
