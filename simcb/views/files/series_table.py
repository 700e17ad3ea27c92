"""A run over time as CSV: a line a second, one column a quantity."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from simcb.metrics import series
from simcb.trace import Trace
from simcb.views.formats.tidy import number_cell
from simcb.views.safe_text import csv_cell


class _Line:
    """What a csv writer writes to: it hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def series_lines(traces: Iterable[tuple[str, Trace]], step: float = 1.0) -> Iterator[str]:
    """Yield the lines of `series.csv`: a header, then each variant's replicates in turn.

    An empty cell is a value that does not exist, such as a percentile of no requests.

    Args:
        traces: pairs of a variant's name and a trace; all of the same services.
        step: seconds a line.
    """
    writer = csv.writer(_Line(), lineterminator="\n")
    header = False
    for variant, trace in traces:
        names, columns = zip(*series(trace, step).columns(), strict=True)
        if not header:
            yield writer.writerow(["variant", "replicate", *map(csv_cell, names)])
            header = True
        for values in zip(*(column.tolist() for column in columns), strict=True):
            yield writer.writerow([csv_cell(variant), trace.replicate, *map(number_cell, values)])
