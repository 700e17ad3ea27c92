"""Chosen numbers of a comparison: a line for each variant."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.studies.comparison import Comparison
from simcb.studies.evaluation.cells import Column
from simcb.views.compare import cell
from simcb.views.compare_findings import marked_name, notes
from simcb.views.document import Table
from simcb.views.safe_text import one_line


def variant_table(comparison: Comparison, numbers: Sequence[Column]) -> Table:
    """Return numbers with their intervals, one a column, and below what has to be said of them."""
    header = ("", *(one_line(str(each), 60) for each in numbers))
    rows = [
        (
            one_line(marked_name(comparison, place), 60),
            *(cell(result.summary, each.metric, each.phase, each.of) for each in numbers),
        )
        for place, result in enumerate(comparison.results)
    ]
    # The first note says what is in time, which only this number asks.
    first = 0 if any(each.metric == "answered" for each in numbers) else 1
    return Table(header, tuple(rows), notes=notes(comparison)[first:], breakable=True)
