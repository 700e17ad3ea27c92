"""What happened in order of time, of attempts that come part by part.

A moment is settled, and told in order, once no later attempt can have one before it; only what is
not settled yet is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from simcb.metrics.laws.case import Case
from simcb.metrics.rows import AttemptRows, Booleans
from simcb.metrics.spans import Floats, Integers

if TYPE_CHECKING:
    from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)
Columns: TypeAlias = "tuple[NDArray[Any], ...]"
Span: TypeAlias = tuple[Floats, Floats]
"""Begins and ends of spans of one kind, in seconds."""

LEAST = 1024
"""Rows that are worth looking at together."""


def settled(
    case: Case, of: Callable[[AttemptRows], Iterable[tuple[Key, Columns]]]
) -> Iterator[tuple[Key, Columns]]:
    """Yield the columns that `of` takes from each part, by its keys, once they are settled.

    The first of the columns is of moments. What is yielded for a key at once is in no order, but
    all of it is before what is yielded for it next.
    """
    waiting: defaultdict[Key, _Waiting] = defaultdict(_Waiting)
    for part in case.attempts():
        for key, columns in of(part):
            if found := waiting[key].add(columns, part.later):
                yield key, found
    for key, rest in waiting.items():
        yield key, rest.before(np.inf)


class _Waiting:
    """Columns of rows that are not settled."""

    def __init__(self) -> None:
        self._columns: list[Columns] = []
        self._kept = self._fresh = 0

    def add(self, columns: Columns, later: float) -> Columns | None:
        """Add rows, and return those that are settled; None while that is not worth looking."""
        self._columns.append(columns)
        self._fresh += len(columns[0])
        return self.before(later) if self._fresh >= max(LEAST, self._kept) else None

    def before(self, later: float) -> Columns:
        """Return the rows before a moment, and keep the others."""
        columns = [np.concatenate(each) for each in zip(*self._columns, strict=True)]
        past = columns[0] < later
        self._columns = [tuple(each[~past] for each in columns)]
        self._kept, self._fresh = len(self._columns[0][0]), 0
        return tuple(each[past] for each in columns)


@dataclass(frozen=True, eq=False)
class Stretches:
    """Neighbouring stretches of time, in each of which the same spans are open.

    Args:
        begin: when each begins, ascending, in seconds.
        end: when it ends, which is when the next begins.
        begun: whether a span began when the stretch did.
        open: of each kind of spans how many are open.
    """

    begin: Floats
    end: Floats
    begun: Booleans
    open: tuple[Integers, ...]


def stretches(
    case: Case, of: Callable[[AttemptRows], Iterable[tuple[Key, tuple[Span, ...]]]]
) -> Iterator[tuple[Key, Stretches]]:
    """Yield the stretches of time made by the spans that `of` takes from each part, by its keys.

    They are from the first moment of any span of a key to the last, in order. A key's spans may
    be of several kinds.
    """
    sweeps: defaultdict[Key, _Sweep] = defaultdict(_Sweep)
    changes = settled(case, lambda part: ((key, _changes(spans)) for key, spans in of(part)))
    for key, (moments, *steps) in changes:
        if len(moments):
            yield key, sweeps[key].over(moments, *steps)


def _changes(spans: tuple[Span, ...]) -> Columns:
    """Return the moments of spans, and of each kind how many more are open from each on."""
    moments = np.concatenate([each for span in spans for each in span])
    steps = np.zeros((len(spans), len(moments)), np.int8)
    place = 0
    for kind, (begins, ends) in zip(steps, spans, strict=True):
        kind[place : place + len(begins)] = 1
        kind[place + len(begins) : place + len(begins) + len(ends)] = -1
        place += len(begins) + len(ends)
    return moments, *steps


class _Sweep:
    """Spans that are open at the last moment that was told."""

    def __init__(self) -> None:
        self._now: Columns | None = None

    def over(self, moments: Floats, *steps: Integers) -> Stretches:
        """Return the stretches from there to the last of some moments, which are in no order."""
        order = np.argsort(moments, kind="stable")
        rising = np.maximum.reduce(steps) > 0
        columns = [each[order] for each in (moments, rising, *steps)]
        if self._now:
            columns = [np.concatenate(pair) for pair in zip(self._now, columns, strict=True)]
        moments, rising = columns[:2]
        last = np.flatnonzero(np.diff(moments, append=np.inf))
        moments = moments[last]
        begun = np.diff(np.cumsum(rising)[last], prepend=0) > 0
        levels = [np.cumsum(each, dtype=np.int64)[last] for each in columns[2:]]
        self._now = tuple(each[-1:] for each in (moments, begun, *levels))
        return Stretches(moments[:-1], moments[1:], begun[:-1], tuple(each[:-1] for each in levels))
