"""A sweep's derived files, beside its log: made anew from the numbers each time.

`summary.json`, `ranking.csv`, `cells.csv`, `map.png` and, if asked for, `cells.parquet`. Each
is put in its place in one step, and equal results give equal bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from simcb.studies.sweep import StoreError
from simcb.views.sweeps.answer import SweepAnswer
from simcb.views.sweeps.json_object import as_json
from simcb.views.sweeps.tidy import cell_lines, ranking_lines

SUMMARY = "summary.json"
RANKING = "ranking.csv"
CELLS = "cells.csv"
MAP = "map.png"
PARQUET = "cells.parquet"


def write_sweep(answer: SweepAnswer, directory: str | Path, *, parquet: bool = False) -> None:
    """Write what a sweep came to into its directory, replacing what an earlier end left.

    Raises:
        StoreError: the directory cannot be written; the log is as it was.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.
    """
    from simcb.views import plots
    from simcb.views.sweeps.figure import sweep_figure

    folder = Path(directory)
    result = answer.result
    try:
        put(folder / SUMMARY, text_of([as_json(answer, indent=2), "\n"]))
        put(folder / RANKING, text_of(ranking_lines(result)))
        put(folder / CELLS, text_of(cell_lines(result)))
        if result.known:
            plots.save(sweep_figure(result), folder / MAP)
        if parquet:
            from simcb.views.sweeps.parquet import write_cells

            put(folder / PARQUET, lambda path: write_cells(result, path))
    except OSError as error:
        why = f"cannot be written ({error.strerror or type(error).__name__})"
        remedy = "make room, and resume: every run is kept"
        raise StoreError(str(directory), why, remedy) from None


def text_of(pieces: Iterable[str]) -> Callable[[Path], None]:
    """Return what writes text into a file."""

    def write(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)

    return write


def put(path: Path, write: Callable[[Path], None]) -> None:
    """Put a file in its place in one step: there is the old one or the new one, never half."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
