"""Rows counted by stretch of time and by entity, in one pass over their pieces.

The edges of all phases cut a run into cells, and every phase is some of them. What is counted in
each cell once is known for each phase.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from simcb.metrics.health import LatencyLimits
from simcb.metrics.phase import Phase, Window
from simcb.metrics.rows import AttemptRows, Booleans, request_rows
from simcb.metrics.spans import Cells, Floats, Integers
from simcb.trace import Trace

if TYPE_CHECKING:
    from numpy.typing import NDArray


def edges_of(phases: Iterable[Phase]) -> Floats:
    """Return where the cells of some phases begin, ascending, and where the last ends."""
    return np.unique([moment for each in phases for window in each.windows for moment in window])


def cells_of(edges: Floats, windows: tuple[Window, ...]) -> tuple[Cells, list[int]]:
    """Return the cells of windows that begin and end at edges, and which of them begin one."""
    places = edges.searchsorted(np.array(windows, np.float64)).tolist()
    if len(places) == 1:
        return slice(*places[0]), [0]
    begins = accumulate((last - first for first, last in places[:-1]), initial=0)
    return np.concatenate([np.arange(first, last) for first, last in places]), list(begins)


class Counts:
    """Numbers of rows, by cell and entity, of each kind that has a name.

    Args:
        edges: where the cells begin, ascending, and where the last ends; what happens there is
            counted in the last.
        entities: how many services or client groups there are.
        names: the kinds of rows.
    """

    def __init__(self, edges: Floats, entities: int, names: Iterable[str]) -> None:
        self.edges = edges
        self._entities = entities
        self._names = tuple(names)
        self._found = np.zeros((len(self._names), len(edges) - 1, entities), np.int64)

    def add(
        self, at: Floats, entity: NDArray[np.int16], kinds: Mapping[str, Booleans | None]
    ) -> None:
        """Count a piece of rows.

        Args:
            at: their moments, ascending.
            entity: whose each is.
            kinds: which of them are of each kind; None for all.
        """
        inner = self.edges[1:-1]
        low, high = inner.searchsorted((at[0], at[-1]), side="right").tolist()
        borders = at.searchsorted(inner[low:high])
        some = {name: kind for name, kind in kinds.items() if kind is None or kind.any()}
        for index in range(self._entities):
            mine = entity == index if self._entities > 1 else None
            for name, kind in some.items():
                found = self._found[self._names.index(name), low : high + 1, index]
                _count(_both(kind, mine), borders, len(at), found)

    def within(self, cells: Cells) -> tuple[dict[str, int], ...]:
        """Return how many there are of each kind in some cells: of all, and of each entity."""
        of_each = self._found[:, cells].sum(axis=1).T.tolist()
        of_all = of_each[0] if len(of_each) == 1 else list(map(sum, zip(*of_each, strict=True)))
        return tuple(dict(zip(self._names, each, strict=True)) for each in (of_all, *of_each))

    def by_cell(self, name: str, entity: int | None = None) -> Integers:
        """Return how many there are in each cell, of one entity or of all."""
        found = self._found[self._names.index(name)]
        every = entity is None and self._entities > 1
        by_cell: Integers = found.sum(axis=1) if every else found[:, entity or 0]
        return by_cell


def _both(one: Booleans | None, other: Booleans | None) -> Booleans | None:
    return other if one is None else one if other is None else one & other


def _count(chosen: Booleans | None, borders: Integers, many: int, found: Integers) -> None:
    """Add to the numbers of some cells how many rows are chosen in each of them.

    Args:
        chosen: which rows; None for all.
        borders: the first row of each cell but the first.
        many: how many rows there are.
        found: the numbers.
    """
    before = borders
    if chosen is not None and len(borders):
        places = np.flatnonzero(chosen)
        many, before = len(places), places.searchsorted(borders)
    elif chosen is not None:
        many = int(np.count_nonzero(chosen))
    found[-1] += many
    found[:-1] += before
    found[1:] -= before


REQUESTS = (
    *("requests", "ok", "degraded", "failed", "unfinished"),
    *("finished", "decided", "answered"),
)


def request_counts(trace: Trace, edges: Floats, limits: LatencyLimits) -> Counts:
    """Return the requests of each client group: counted by outcome, and which can be judged."""
    counts = Counts(edges, len(trace.layout.groups), REQUESTS)
    for rows in request_rows(trace):
        kinds = {name: getattr(rows, name) for name in ("ok", "degraded", "failed", "unfinished")}
        kinds["finished"], kinds["decided"] = rows.finished, limits.decided(rows, trace.duration)
        kinds["answered"] = (rows.ok | rows.degraded) & limits.kept(rows)
        counts.add(rows.at, rows.group, {"requests": None, **kinds})
    return counts


ATTEMPTS = ("attempts", "reached", "rejected", "shed", "throttled", "unneeded", "hedged")


class AttemptCounts:
    """Attempts counted: for each service those at it, for each group those made for its requests.

    Where a request needs a service is said by `needing`, and `asking` are the attempts that reach
    it: of a service, by whomever, for each request that makes its first attempt there; of a group,
    its own, for each of its requests. These are counted by second.

    Args:
        trace: the run.
        edges: of the cells.
        seconds: those edges and every whole second.
    """

    def __init__(self, trace: Trace, edges: Floats, seconds: Floats) -> None:
        services, groups = len(trace.layout.services), len(trace.layout.groups)
        self.of_services = Counts(edges, services, ATTEMPTS)
        self.of_groups = Counts(edges, groups, ATTEMPTS)
        self.seconds_of_services = Counts(seconds, services, ("asking", "needing"))
        self.seconds_of_groups = Counts(seconds, groups, ("asking", "needing"))
        for wanted in request_rows(trace):
            self.seconds_of_groups.add(wanted.at, wanted.group, {"needing": None})

    def add(self, rows: AttemptRows, first: Booleans) -> None:
        """Count the next piece of attempts; `first` are their requests' first at the service."""
        at = rows.start
        kinds = {name: getattr(rows, name) for name in ATTEMPTS[1:]} | {"attempts": None}
        self.of_services.add(at, rows.service, kinds)
        self.of_groups.add(at, rows.group, kinds)
        asking = {"asking": rows.reached, "needing": first}
        self.seconds_of_services.add(at, rows.service, asking)
        self.seconds_of_groups.add(at, rows.group, {"asking": rows.reached & rows.from_client})
