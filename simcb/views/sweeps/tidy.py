"""A sweep as CSV: the ranking, a line a setting; and every run, a line a cell.

Lines come in a fixed order and numbers are written so that they read back to the same bits,
so equal sweeps are equal bytes, however they were made.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from simcb.metrics import Verdict
from simcb.studies.sweep import SweepResult
from simcb.studies.sweep.columns import value_of
from simcb.studies.sweep.table import MISSING, VERDICTS
from simcb.views.formats.tidy import number_cell
from simcb.views.safe_text import csv_cell


class _Line:
    """What a csv writer writes to: it hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def line_writer() -> Any:  # the library's own type has no name
    """Return a csv writer whose `writerow` returns the line."""
    return csv.writer(_Line(), lineterminator="\n")


def ranking_lines(result: SweepResult) -> Iterator[str]:
    """Yield the lines of the ranking: values, objective, difference to the best, verdicts."""
    writer = line_writer()
    objective = str(result.objective)
    header = ["rank", "setting", *(csv_cell(axis.path) for axis in result.axes), "tied"]
    header += [f"{objective} {word}" for word in ("mean", "low", "high")]
    header += [f"behind {word}" for word in ("mean", "low", "high")]
    header += ["runs", *(verdict.value for verdict in Verdict)]
    yield writer.writerow(header)
    for each in result.ranking:
        outcome = result.outcome(each.setting)
        row = [str(each.rank), str(each.setting)]
        row += [csv_cell(str(value)) for value in result.settings[each.setting].values]
        row.append("yes" if each.tied else "no")
        for found in (each.estimate, each.behind):
            numbers = (None,) * 3 if found is None else (found.mean, found.low, found.high)
            row += map(number_cell, numbers)
        row += [str(outcome.runs), *(str(outcome.verdicts.get(v, 0)) for v in Verdict)]
        yield writer.writerow(row)


def cell_lines(result: SweepResult) -> Iterator[str]:
    """Yield a line for every run: its setting, replicate, verdict, and every number of it."""
    writer = line_writer()
    names = [csv_cell(str(column)) for column in result.table.columns]
    paths = [csv_cell(axis.path) for axis in result.axes]
    yield writer.writerow(["setting", *paths, "replicate", "verdict", *names])
    for setting, (made, _) in enumerate(result.outcomes()):
        values = [csv_cell(str(value)) for value in made.values]
        verdicts = result.table.verdicts[setting].tolist()
        for replicate, numbers in enumerate(result.table.values[setting].tolist()):
            code = verdicts[replicate]
            verdict = "" if code == MISSING else VERDICTS[code].value
            cells = [number_cell(value_of(number)) for number in numbers]
            yield writer.writerow([str(setting), *values, str(replicate), verdict, *cells])
