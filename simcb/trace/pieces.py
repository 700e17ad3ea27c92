"""Tables read piece by piece, so that what is worked out on the way stays small."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.trace.tables import Rows

PIECE = 2**14
"""Rows of a piece: its columns fit into a processor's own memory. A multiple of eight."""


def pieces(
    rows: Rows, first: int = 0, last: int | None = None, most: int = PIECE
) -> Iterator[tuple[int, Rows]]:
    """Yield the rows from `first` up to `last` piece by piece, each with its first row's number."""
    last = len(rows) if last is None else last
    for place in range(first, last, most):
        yield place, rows[place : min(place + most, last)]
