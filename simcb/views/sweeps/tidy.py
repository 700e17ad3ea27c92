"""A sweep as CSV: the ranking, a line a setting; and every run, a line a cell.

Lines come in a fixed order and numbers are written so that they read back to the same bits,
so equal sweeps are equal bytes, however they were made.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from simcb.metrics import Verdict
from simcb.studies.sweep import SweepResult
from simcb.studies.sweep.columns import Floats
from simcb.studies.sweep.table import MISSING, VERDICTS
from simcb.views.formats.tidy import number_cell
from simcb.views.safe_text import csv_cell
from simcb.views.sweeps.answer import asked_next, thresholds_of


class _Line:
    """What a csv writer writes to: it hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def line_writer() -> Any:  # the library's own type has no name
    """Return a csv writer whose `writerow` returns the line."""
    return csv.writer(_Line(), lineterminator="\n")


def ranking_lines(result: SweepResult) -> Iterator[str]:
    """Yield the lines of the ranking: a setting's values, and all that the table says of it.

    A setting that is not ranked has an empty rank. Of an objective that may be `never`: in how
    many replicates it is, and the mean of the others.
    """
    writer = line_writer()
    objective, more = str(result.objective), asked_next(result)
    header = ["rank", "setting", *(csv_cell(axis.path) for axis in result.axes), "tied"]
    header += [
        f"{objective} {word}" for word in ("mean", "low", "high", "never", "finite", "alike")
    ]
    header += [f"behind {word}" for word in ("mean", "low", "high")]
    header += ["runs", *(verdict.value for verdict in Verdict), *map(str, more)]
    header += [csv_cell(f"threshold {each.text}") for each in result.scenario.thresholds]
    yield writer.writerow(header)
    for each in result.ranking:
        outcome, found, behind = result.outcome(each.setting), each.estimate, each.behind
        row = [str(each.rank or ""), str(each.setting)]
        row += [csv_cell(str(value)) for value in result.settings[each.setting].values]
        row.append(("yes" if each.tied else "no") if each.rank else "")
        row += map(number_cell, (found.mean, found.low, found.high))
        row += [str(found.never), number_cell(found.finite), str(found.alike)]
        row += map(number_cell, (behind.mean, behind.low, behind.high) if behind else (None,) * 3)
        row += [str(outcome.runs), *(str(outcome.verdicts.get(v, 0)) for v in Verdict)]
        row += [number_cell(outcome.value(column.metric, column.phase)) for column in more]
        row += ["yes" if one.passed else "no" for one in thresholds_of(result, each.setting)]
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
        for replicate, cells in enumerate(_cells(result.table.values[setting])):
            code = verdicts[replicate]
            verdict = "" if code == MISSING else VERDICTS[code].value
            yield writer.writerow([str(setting), *values, str(replicate), verdict, *cells])


def _cells(numbers: Floats) -> list[list[object]]:
    """Return numbers as cells that a csv writer writes like `number_cell`, millions of them."""
    cells = numbers.astype(object)
    cells[np.isnan(numbers)] = None
    for infinite in (math.inf, -math.inf):
        cells[numbers == infinite] = number_cell(infinite)
    found: list[list[object]] = cells.tolist()
    return found
