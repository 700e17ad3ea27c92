"""A sweep's numbers in full: as JSON, as CSV (a line a setting, a line a run), as Parquet.

Lines come in a fixed order, so equal sweeps are equal bytes, however they were made; how much of
the work had been done before is no part of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simcb.errors import MissingExtraError
from simcb.metrics import METRICS, ThresholdResult, Verdict, judge
from simcb.metrics.phase import FAULT, WHOLE
from simcb.studies.evaluation.cells import Column, Floats
from simcb.studies.evaluation.objective import COLLAPSE, Objective
from simcb.studies.evaluation.table import MISSING, VERDICTS, Outcome
from simcb.studies.sweep import Ranked, Standing, SweepResult, World
from simcb.views.data import clean_lines, estimate_object, number, number_cell, plain
from simcb.views.document import JsonValue, Measure, Row
from simcb.views.quantities import LONGEST, distinct_labels
from simcb.views.safe_text import csv_cell

_KEY_METRICS = (
    Column("success", FAULT, ""),
    Column("p99", FAULT, ""),
    Column("time_to_recover", WHOLE, ""),
)

PARQUET_EXTRA = "parquet"
"""The extra of simcb that brings pyarrow."""


def asked_next(result: SweepResult) -> tuple[Column, ...]:
    """Return what people ask next of a setting, besides what it is ranked by."""
    known = result.table.index
    return tuple(c for c in _KEY_METRICS if c in known and c != result.objective.column)


def thresholds_of(result: SweepResult, outcome: Outcome) -> tuple[ThresholdResult, ...]:
    """Return how the scenario's thresholds fare in a setting."""
    return judge(result.scenario.thresholds, outcome)


def sweep_object(result: SweepResult, no_best: str | None) -> dict[str, JsonValue]:
    """Return a sweep as plain data; `no_best` says why there is no best setting."""
    return {
        "scenario": result.scenario.name,
        **plain(result, "seed", "replicates", "complete"),
        "design": str(result.design),
        "axes": [
            {"path": axis.path, "values": [*axis.values], "policy": policy}
            for axis, policy in zip(result.axes, result.policies, strict=True)
        ],
        "objective": objective_object(result.objective),
        "refined": str(result.border) if result.border else None,
        "no_best": no_best,
        "best": result.best.setting if result.best is not None else None,
        "bests": [
            {"setting": each.setting, "world": _world_values(result, result.world_of(each.setting))}
            for each in result.bests
        ],
        "settings": [_setting(result, each) for each in result.ranking],
        "beside": [_beside(result, each) for each in result.standings],
        "lost": [
            plain(each.cell, "setting", "replicate") | {"reason": each.reason}
            for each in result.lost
        ],
    }


def _world_values(result: SweepResult, world: World) -> dict[str, JsonValue]:
    """Return a world's values by the paths of the axes that are no policy."""
    split = zip(result.axes, result.policies, strict=True)
    return dict(zip((axis.path for axis, policy in split if not policy), world, strict=True))


def _setting(result: SweepResult, each: Ranked) -> dict[str, JsonValue]:
    return {
        "rank": each.rank,
        "setting": each.setting,
        "values": {**result.values_of(each.setting)},
        "tied": each.tied if each.rank else None,
        **_came_to(result, each, result.outcome(each.setting)),
    }


def _beside(result: SweepResult, each: Standing) -> dict[str, JsonValue]:
    paths = (axis.path for axis in result.axes)
    return {
        "name": each.name,
        "setting": each.same_as,
        "world": _world_values(result, each.world),
        "values": dict(zip(paths, each.values, strict=True)),
        "tied": each.tied if each.behind else None,
        "better": each.better if each.behind else None,
        **_came_to(result, each, each.outcome),
    }


def _came_to(
    result: SweepResult, each: Ranked | Standing, outcome: Outcome
) -> dict[str, JsonValue]:
    return {
        "failure": outcome.failure.value if outcome.failure else None,
        "objective": {**estimate_object(each.estimate), "finite": number(each.estimate.finite)},
        "behind": estimate_object(each.behind) if each.behind else None,
        "collapse": estimate_object(outcome.collapse) if outcome.collapse else None,
        "verdicts": {verdict.value: count for verdict, count in outcome.verdicts.items()},
        "metrics": {
            str(column): number(outcome.value(column.metric, column.phase))
            for column in asked_next(result)
        },
        "thresholds": [
            plain(judged, "text", "value", "passed") for judged in thresholds_of(result, outcome)
        ],
    }


def sweep_measures(result: SweepResult) -> Iterator[Measure]:
    """Yield the numbers of the ranking: of each setting, and of what they are held against."""
    objective = result.objective
    rows: list[Ranked | Standing] = [*result.ranking, *result.standings]
    paths = [re.sub(r"\W", "_", axis.path, flags=re.ASCII) for axis in result.axes]
    for each in rows:
        number, outcome, values = _row_of(result, each)
        labels = {"scenario": result.scenario.name, "setting": number}
        labels |= {f"set_{path}": v for path, v in zip(paths, values, strict=True)}
        numbers = [(objective.column, each.estimate)]
        for column in asked_next(result):
            found = outcome.estimate(column.metric, column.phase)
            numbers += [(column, found)] if found else []
        for column, found in numbers:
            if column.metric in METRICS:
                metric = METRICS[column.metric]
                about = labels | {"phase": column.phase, "of": column.of}
                ends = found.mean, found.low, found.high
                yield Measure(column.metric, metric.unit.value, metric.summary, about, *ends)
        if (found := outcome.collapse) is not None:
            ends = found.mean, found.low, found.high
            yield Measure(COLLAPSE, "share", "Share of runs that collapse.", labels, *ends)


def _row_of(result: SweepResult, each: Ranked | Standing) -> tuple[str, Outcome, tuple[str, ...]]:
    """Return a row's number or name, everything it came to, and its values."""
    if isinstance(each, Standing):
        name, outcome, values = each.name, each.outcome, each.values
    else:
        name, outcome = str(each.setting), result.outcome(each.setting)
        values = result.settings[each.setting].values
    return name, outcome, tuple("" if value is None else str(value) for value in values)


def objective_object(objective: Objective) -> dict[str, JsonValue]:
    """Return what settings are judged by as plain data."""
    return {
        **plain(objective.column, "metric", "phase", "of"),
        "unit": objective.unit.value,
        "better": objective.better.value,
    }


def ranking_rows(result: SweepResult) -> Iterator[Row]:
    """Yield a setting's values and all that the table says of it, a line each, below a header.

    A setting that is not ranked has an empty rank; what the settings are held against comes
    last, its name in place of the setting's number. Of an objective that may be `never`: in how
    many replicates it is, and the mean of the others.
    """
    objective, more = str(result.objective), asked_next(result)
    yield (
        *("rank", "setting", *(axis.path for axis in result.axes), "tied"),
        *(f"{objective} {word}" for word in ("mean", "low", "high", "never", "finite", "alike")),
        *(f"behind {word}" for word in ("mean", "low", "high")),
        *("runs", *(verdict.value for verdict in Verdict), *map(str, more)),
        *(f"threshold {each.text}" for each in result.scenario.thresholds),
    )
    rows: list[Ranked | Standing] = [*result.ranking, *result.standings]
    for each in rows:
        found, behind = each.estimate, each.behind
        rank = each.rank if isinstance(each, Ranked) else None
        name, outcome, values = _row_of(result, each)
        yield (
            *(rank or "", name, *values),
            each.tied if rank or behind else "",
            *(found.mean, found.low, found.high, found.never, found.finite, found.alike),
            *((behind.mean, behind.low, behind.high) if behind else ("",) * 3),
            *(outcome.runs, *(outcome.verdicts.get(verdict, 0) for verdict in Verdict)),
            *(outcome.value(column.metric, column.phase) for column in more),
            *(one.passed for one in thresholds_of(result, outcome)),
        )


def cell_lines(result: SweepResult) -> Iterator[str]:
    """Yield a line for every run: its setting, replicate, verdict, and every number of it."""
    return clean_lines(_cell_rows(result))


def _cell_rows(result: SweepResult) -> Iterator[Sequence[object]]:
    names = [csv_cell(str(column)) for column in result.table.columns]
    paths = [csv_cell(axis.path) for axis in result.axes]
    keys = [csv_cell(f"tag {key}") for key in result.tags]
    tags = [*map(csv_cell, result.tags.values())]
    yield ["setting", *paths, "replicate", "verdict", *names, *keys]
    for setting, (made, _) in enumerate(result.outcomes()):
        values = [csv_cell(str(value)) for value in made.values]
        verdicts = result.table.verdicts[setting].tolist()
        for replicate, cells in enumerate(_cells(result.table.values[setting])):
            verdict = _verdict_word(verdicts[replicate]) or ""
            yield [setting, *values, replicate, verdict, *cells, *tags]


def cell_columns(result: SweepResult) -> dict[str, list[Any]]:
    """Return all runs as columns: setting, a value on each axis, replicate, verdict, numbers."""
    table, runs = result.table, range(result.replicates)
    columns: dict[str, list[Any]] = {"setting": [n for n in range(len(result)) for _ in runs]}
    for index, axis in enumerate(result.axes):
        columns[axis.path] = [made.values[index] for made in result.settings for _ in runs]
    columns["replicate"] = [*runs] * len(result)
    columns["verdict"] = [_verdict_word(code) for code in table.verdicts.ravel().tolist()]
    for index, column in enumerate(table.columns):
        columns[str(column)] = table.values[:, :, index].ravel().tolist()
    columns |= {f"tag {key}": [value] * table.verdicts.size for key, value in result.tags.items()}
    return columns


def _verdict_word(code: int) -> str | None:
    """Return the word of a verdict in a sweep's table; None if the run is missing."""
    return None if code == MISSING else VERDICTS[code].value


def _cells(numbers: Floats) -> list[list[object]]:
    """Return numbers as cells that a csv writer writes like `number_cell`, millions of them."""
    cells = numbers.astype(object)
    cells[np.isnan(numbers)] = None
    for infinite in (math.inf, -math.inf):
        cells[numbers == infinite] = number_cell(infinite)
    found: list[list[object]] = cells.tolist()
    return found


def demand_parquet() -> None:
    """Check that Parquet files can be written.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    _library()


def write_parquet(result: SweepResult, path: Path) -> None:
    """Write a row for every run: setting, values, replicate, verdict, and every number.

    What is undefined is null, a time that never came infinite. Axes are text, as in a file.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    arrow, parquet = _library()
    kinds = dict.fromkeys(("setting", "replicate"), arrow.int32())
    words = ("verdict", *(axis.path for axis in result.axes), *(f"tag {k}" for k in result.tags))
    kinds |= dict.fromkeys(words, arrow.string())
    table = {}
    for name, cells in cell_columns(result).items():
        kind = kinds.get(name, arrow.float64())
        if kind == arrow.string():
            cells = [None if cell is None else str(cell) for cell in cells]
        elif kind == arrow.float64():
            cells = [None if math.isnan(cell) else cell for cell in cells]
        table[name] = arrow.array(cells, kind)
    parquet.write_table(arrow.table(table), path, compression="zstd")


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow  # type: ignore[import, unused-ignore]
        import pyarrow.parquet  # type: ignore[import, unused-ignore]
    except ImportError:
        raise MissingExtraError("pyarrow", PARQUET_EXTRA) from None
    return pyarrow, pyarrow.parquet


def texts_of(result: SweepResult, longest: int = LONGEST) -> list[tuple[str, ...]]:
    """Return, for each axis, every setting's value as text."""
    return [
        distinct_labels([str(setting.values[index]) for setting in result.settings], longest)
        for index in range(len(result.axes))
    ]
