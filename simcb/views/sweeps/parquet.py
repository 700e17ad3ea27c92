"""A sweep's runs as a Parquet file: the same table as `cells.csv`, for millions of rows.

The library is asked for when the file is; without it everything else still works.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from simcb.errors import MissingExtraError
from simcb.studies.sweep import SweepResult
from simcb.studies.sweep.table import MISSING, VERDICTS

EXTRA = "parquet"
"""The extra of simcb that brings pyarrow."""


def demand_parquet() -> None:
    """Check that Parquet files can be written.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    _library()


def write_cells(result: SweepResult, path: Path) -> None:
    """Write a row for every run: setting, values, replicate, verdict, and every number.

    What is undefined is null, a time that never came infinite. Axes are text, as in a file.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow, parquet = _library()
    table, count = result.table, result.replicates
    rows = range(len(result.settings))
    columns: dict[str, Any] = {
        "setting": arrow.array([n for n in rows for _ in range(count)], arrow.int32())
    }
    for index, axis in enumerate(result.axes):
        values = [str(made.values[index]) for made in result.settings for _ in range(count)]
        columns[axis.path] = arrow.array(values, arrow.string())
    columns["replicate"] = arrow.array([r for _ in rows for r in range(count)], arrow.int32())
    codes = table.verdicts.ravel().tolist()
    verdicts = [None if code == MISSING else VERDICTS[code].value for code in codes]
    columns["verdict"] = arrow.array(verdicts, arrow.string())
    for index, column in enumerate(table.columns):
        numbers = table.values[:, :, index].ravel()
        known = [None if math.isnan(number) else number for number in numbers.tolist()]
        columns[str(column)] = arrow.array(known, arrow.float64())
    parquet.write_table(arrow.table(columns), path, compression="zstd")


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow  # type: ignore[import, unused-ignore]
        import pyarrow.parquet  # type: ignore[import, unused-ignore]
    except ImportError:
        raise MissingExtraError("pyarrow", EXTRA) from None
    return pyarrow, pyarrow.parquet
