"""Which attempt each hedge was made beside: a row of its own has it, and no column says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from simcb.trace import Flag, Rows, Trace, pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray


def hedges(trace: Trace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of hedges, and of each the row of the attempt made before it; -1 if none.

    The first hedge of a try is made exactly `hedge_after` after its first attempt, the next as
    long after that hedge, for the same request, caller and call with the same `retry`; if that
    changes, what holds when an attempt is made is how long the one after it waits.
    """
    rows = trace.attempts
    found = _places(rows, lambda piece: piece["flags"] & int(Flag.HEDGE))
    if not len(found):
        return found, found
    hedged = np.zeros(len(trace.requests), np.bool_)
    hedged[rows["request"][found]] = True
    made = _places(rows, lambda piece: hedged[piece["request"]])
    calls, start = rows["call"][made], rows["start"][made]
    after = np.array([call.hedge_after or 0.0 for call in trace.layout.calls])[calls]
    for index, call in enumerate(trace.layout.calls):
        for at, seconds in call.hedge_changes:
            after[(calls == index) & (start >= at)] = seconds
    due = np.concatenate((start + after, rows["start"][found]))
    places = np.concatenate((made, found))
    asking = np.arange(len(places)) >= len(made)
    same = [rows[word][places] for word in ("request", "parent", "call", "retry")]
    # Each hedge comes right behind the last attempt before it that one was due after.
    order = np.lexsort((~asking, places, due, *same))
    asking, places, due = asking[order], places[order], due[order]
    last = np.maximum.accumulate(np.where(asking, -1, np.arange(len(order))))
    alike = asking & (last >= 0) & (due == due[last])
    for column in same:
        alike &= column[order] == column[order][last]
    before = np.full(len(found), -1, dtype=np.int64)
    before[found.searchsorted(places[alike])] = places[last[alike]]
    return found, before


def _places(rows: Rows, test: Callable[[Rows], NDArray[Any]]) -> NDArray[np.int64]:
    """Return the places of the rows for which a test is true."""
    found = [place + np.flatnonzero(test(piece)) for place, piece in pieces(rows)]
    return np.concatenate(found) if found else np.empty(0, np.int64)
