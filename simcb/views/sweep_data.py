"""A sweep's numbers in full: as JSON, as CSV (a line a setting, a line a run), as Parquet.

Lines come in a fixed order, so equal sweeps are equal bytes, however they were made; how much of
the work had been done before is no part of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simcb.errors import MissingExtraError
from simcb.metrics import ThresholdResult, Verdict, judge
from simcb.metrics.phase import FAULT, WHOLE
from simcb.scenario.units import Value, quantity_of
from simcb.studies.evaluation.cells import Column, Floats
from simcb.studies.evaluation.objective import Objective
from simcb.studies.evaluation.table import MISSING, VERDICTS, Outcome
from simcb.studies.sweep import Ranked, Standing, SweepResult, World
from simcb.views.data import clean_lines, estimate_object, number, number_cell, plain
from simcb.views.document import JsonValue, Row
from simcb.views.quantities import LONGEST, distinct_labels
from simcb.views.safe_text import csv_cell

_KEY_METRICS = (
    Column("success", FAULT, ""),
    Column("p99", FAULT, ""),
    Column("time_to_recover", WHOLE, ""),
)

MOST_BOXES = 4
MOST_WORDS = 8

_Numbers = NDArray[np.int64]
_Mask = NDArray[np.bool_]

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
        if isinstance(each, Standing):
            rank, name, values, outcome = None, each.name, each.values, each.outcome
        else:
            rank, name = each.rank, str(each.setting)
            values, outcome = result.settings[each.setting].values, result.outcome(each.setting)
        yield (
            *(rank or "", name),
            *("" if value is None else str(value) for value in values),
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
    yield ["setting", *paths, "replicate", "verdict", *names]
    for setting, (made, _) in enumerate(result.outcomes()):
        values = [csv_cell(str(value)) for value in made.values]
        verdicts = result.table.verdicts[setting].tolist()
        for replicate, cells in enumerate(_cells(result.table.values[setting])):
            yield [setting, *values, replicate, _verdict_word(verdicts[replicate]) or "", *cells]


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
    kinds |= dict.fromkeys(("verdict", *(axis.path for axis in result.axes)), arrow.string())
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


def regions(result: SweepResult, tied: Sequence[Ranked]) -> tuple[str, ...]:
    """Return the boxes that the settings of `tied` fill, the first setting's first.

    Numbers are given as a range, `5s … 19.5s`, words are listed. Boxes along a single axis
    share one text.
    """
    scales = [_Scale.of(result, index) for index in range(len(result.axes))]
    places = np.array([scale.places for scale in scales], np.int64).T
    left = [each.setting for each in tied]
    others = np.delete(places, left, axis=0)
    boxes: list[list[str]] = []
    while left and len(boxes) < MOST_BOXES:
        box = _box(scales, places, left, others)
        inside = _inside(box, places)
        boxes.append([s.text(places[inside, i]) for i, s in enumerate(scales)])
        left = [setting for setting in left if not inside[setting]]
    if len(scales) == 1:
        more = [f"{len(left)} more"] if left else []
        return (f"{scales[0].label} {', '.join([text for (text,) in boxes] + more)}",)
    words = ["; ".join(f"{s.label} {t}" for s, t in zip(scales, box, strict=True)) for box in boxes]
    return (*words, f"and {len(left)} more") if left else tuple(words)


@dataclass(frozen=True, eq=False)
class _Scale:
    """An axis's values in order, and which of them each setting has.

    Args:
        label: the axis's name.
        values: its values as text, those that are numbers from the least to the largest.
        ordered: whether they are numbers.
        places: for each setting, the place of its value.
    """

    label: str
    values: tuple[str, ...]
    ordered: bool
    places: tuple[int, ...]

    @classmethod
    def of(cls, result: SweepResult, index: int) -> _Scale:
        found = [setting.values[index] for setting in result.settings]
        values: list[Value] = list(dict.fromkeys(found))
        amounts = {value: quantity_of(value) for value in values}
        numbers = {value: each.number for value, each in amounts.items() if each}
        ordered = len(numbers) == len(values)
        if ordered:
            values.sort(key=lambda value: numbers[value])
        place = {value: at for at, value in enumerate(values)}
        texts = distinct_labels([str(value) for value in values])
        return cls(result.axes[index].label, texts, ordered, tuple(place[each] for each in found))

    def chosen(self, places: _Numbers) -> _Mask:
        """Return which values a box has that is just large enough for these places."""
        mask = np.zeros(len(self.values), np.bool_)
        if self.ordered:
            mask[places.min() : places.max() + 1] = True
        else:
            mask[places] = True
        return mask

    def text(self, places: _Numbers) -> str:
        texts = [self.values[place] for place in np.unique(places).tolist()]
        if self.ordered and len(texts) > 1:
            return f"{texts[0]} … {texts[-1]}"
        return ", ".join(texts[:MOST_WORDS])


def _box(
    scales: Sequence[_Scale], places: _Numbers, left: Sequence[int], others: _Numbers
) -> list[_Mask]:
    """Return a box around the first of the settings that are left, and no other setting.

    It takes in as many of them as it can, the nearest first; what does not fit into a box fits
    into no larger one.
    """
    members = [left[0]]
    box = _around(scales, places[members])
    for setting in sorted(left[1:], key=lambda s: int(abs(places[s] - places[left[0]]).sum())):
        if _inside(box, places[setting : setting + 1])[0]:
            continue
        larger = _around(scales, places[[*members, setting]])
        if not _inside(larger, others).any():
            members.append(setting)
            box = larger
    return box


def _around(scales: Sequence[_Scale], places: _Numbers) -> list[_Mask]:
    return [scale.chosen(places[:, index]) for index, scale in enumerate(scales)]


def _inside(box: Sequence[_Mask], places: _Numbers) -> _Mask:
    """Return which of some places lie in a box."""
    found: _Mask = np.all([mask[places[:, index]] for index, mask in enumerate(box)], axis=0)
    return found
