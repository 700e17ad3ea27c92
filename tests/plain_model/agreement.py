"""Whether two records tell the same story, and if not, where they part.

Rows are compared in the order in which things happened, so a difference is reported where
it begins and not where it ends up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from itertools import zip_longest

from plain_model.record import Record

TOLERANCE = 1e-9
"""Seconds by which two times may differ and still be the same."""


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        both_nan = one != one and other != other
        return both_nan or abs(one - other) <= TOLERANCE
    return one == other


def _rows(rows: Sequence[object]) -> list[tuple[object, ...]]:
    return [row if isinstance(row, tuple) else astuple(row) for row in rows]  # type: ignore[call-overload]


def differences(plain: Record, fast: Record, most: int = 3) -> list[str]:
    """Return the first differences of each table as text, none if the records agree.

    Args:
        plain: what the plain model says happened.
        fast: what the fast one says.
        most: how many differences to name for each table.
    """
    found: list[str] = []
    for table in ("requests", "attempts", "transitions", "samples"):
        ours, theirs = _rows(getattr(plain, table)), _rows(getattr(fast, table))
        named = 0
        for place, (one, other) in enumerate(zip_longest(ours, theirs)):
            same = one is not None and other is not None and all(map(_equal, one, other))
            if not same:
                found.append(f"{table}[{place}]:\n  plain {one}\n  fast  {other}")
                named += 1
            if named == most:
                break
    if plain.counters != fast.counters:
        found.append(f"counters:\n  plain {plain.counters}\n  fast  {fast.counters}")
    return found
