"""What a sweep says: the best setting, what cannot be told from it, and the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from simcb.metrics import METRICS, Verdict
from simcb.scenario.sweep import Kind
from simcb.scenario.units import Value
from simcb.studies.sweep import TOLERANCE, Ranked, Standing, SweepResult
from simcb.views.data import csv_lines, tagged_rows
from simcb.views.document import Document, Figure, Table, all_made, no_room
from simcb.views.files import write_text
from simcb.views.quantities import (
    LONGEST,
    UNDEFINED,
    clock,
    difference,
    quantity,
)
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import (
    asked_next,
    cell_lines,
    ranking_rows,
    sweep_measures,
    sweep_object,
    texts_of,
    thresholds_of,
    write_parquet,
)
from simcb.views.sweep_explorer import sweep_explorer
from simcb.views.sweep_findings import findings, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

MAP = "map"
"""The name of a sweep's figure."""

SAME = "="
"""The mark of a setting that cannot be told from the best."""

BETTER = "+"
"""The mark of what the settings are held against, where it is shown to be better than the best."""

MOST_SETTINGS = 1000
"""Settings of the ranking that a page has."""

_FIRST_TO_GO = 4
"""How early the first of `asked_next` leaves a table for which there is no room."""


def sweep_document(
    result: SweepResult, *, repeat: str = "", top: int = 10, parquet: bool = False
) -> Document:
    """Return what a sweep says.

    Args:
        result: what came out.
        repeat: the command that gives the same again.
        top: how many settings the table shows.
        parquet: whether its directory has `cells.parquet` as well.
    """
    found, ranking = findings(result), ranking_table(result, result.ranking[:top])
    if top < len(result):
        ranking = replace(ranking, in_full=lambda: in_full(result))
    caption = f"{result.objective} over what was varied."
    figures = (Figure(MAP, partial(_draw, result), caption),) if result.known else ()
    files = {
        "ranking.csv": lambda path: write_text(
            path, csv_lines(tagged_rows(ranking_rows(result), result.tags))
        ),
        "cells.csv": lambda path: write_text(path, cell_lines(result)),
    }
    if parquet:
        files["cells.parquet"] = lambda path: write_parquet(result, path)
    document = Document(
        title(result),
        lambda: sweep_object(result, None if result.bests else found[0]) | {"repeat": repeat},
        lambda: ranking_rows(result),
        findings=found,
        blocks=(ranking, *notes(result), *figures),
        checks=(all_made(result.scenario.name, result.reasons_lost),),
        facts={"seed": str(result.seed), "replicates": str(result.replicates)},
        repeat=repeat,
        files=files,
        sources={"The scenario that was varied": result.scenario.to_yaml},
        explorer=partial(sweep_explorer, result),
        measures=lambda: sweep_measures(result),
    )
    return document.tagged(result.tags)


def title(result: SweepResult) -> str:
    """Return what was swept, in a line."""
    made = {Kind.GRID: "", Kind.ZIP: ", zipped", Kind.LHS: ", a Latin hypercube"}
    return (
        f"{one_line(result.scenario.name, 80)}, {clock(result.scenario.duration)}, "
        f"seed {result.seed}, {len(result)} settings × {result.replicates} replicates"
        f"{made[result.design.kind]}"
    )


def notes(result: SweepResult) -> tuple[str, ...]:
    """Return what a reader has to know besides: refinement and cells that are missing."""
    lines = []
    if result.border is not None:
        share = len(result) / result.fine_settings
        lines.append(
            f"refined along {result.border.objective} = "
            f"{quantity(result.border.value, result.border.objective.unit)}: {len(result)} "
            f"settings in place of the {result.fine_settings:,} of the fine grid ({share:.0%})"
        )
    if result.lost:
        first = result.lost[0]
        values = result.values_of(first.cell.setting)
        where = " ".join(f"{path}={value}" for path, value in values.items())
        lines.append(
            f"{len(result.lost)} runs could not be made and are missing; the first, replicate "
            f"{first.cell.replicate} of {one_line(where, 200)}: {one_line(first.reason, 400)}"
        )
    lines += [
        f"{len(each.lost)} runs of {each.contender.name} could not be made and are missing; "
        f"the first: {one_line(each.lost[0].reason, 200)}"
        for each in result.contenders
        if each.lost
    ]
    if not result.complete:
        lines.append("interrupted: the settings that are incomplete have fewer replicates")
    return tuple(lines)


def in_full(result: SweepResult) -> Table:
    """Return the ranking for a page, with as many settings as one can hold."""
    remedy = "--format csv has all"
    return ranking_table(result, result.ranking[:MOST_SETTINGS], remedy)


def ranking_table(result: SweepResult, shown: Sequence[Ranked], remedy: str = "") -> Table:
    """Return settings of the ranking as a table.

    On a narrow page axes are first named by the last word of their path, then columns go: those
    that people ask for next, the last of them first. Ranks, values and the objective always stay.

    Args:
        result: the sweep.
        shown: its settings that are shown.
        remedy: what shows the others, if not `--top`.
    """
    columns, below = _columns(result, shown), _below(result, shown, remedy)
    forms = [_table(columns, below)]
    columns = [replace(each, header=each.short or each.header) for each in columns]
    forms.append(_table(columns, below))
    left_out: list[str] = []
    while any(each.droppable for each in columns):
        least = max(columns, key=lambda each: each.droppable)
        columns.remove(least)
        left_out.insert(0, least.header)
        forms.append(_table(columns, [*below, no_room(left_out)]))
    return replace(forms[0], narrower=tuple((each,) for each in forms[1:]))


def _below(result: SweepResult, shown: Sequence[Ranked], remedy: str) -> list[str]:
    """Return what has to be said under the table: its marks, and what it does not show."""
    lines = []
    tied = bool(_mark(result))
    if tied:
        lines.append(f"{SAME} cannot be told from the best within {TOLERANCE:.0%}")
    if any(each.better for each in result.standings):
        lines.append(f"{BETTER} is better than the best of the settings")
    if more := result.ranking[len(shown) :]:
        hidden = sum(each.tied for each in more)
        of_them = f", {hidden} of them {SAME}" if hidden and tied else ""
        remedy = remedy or f"--top {len(result.ranking)} shows all"
        lines.append(f"and {len(more):,} more{of_them}; {remedy}")
    unseen = [each.estimate.unseen for each in shown if each.estimate.unseen]
    if unseen and not result.objective.is_collapse and result.replicates > 1:
        lines.append(
            f"without an interval: alike in all replicates, which what differs in up to "
            f"{max(unseen):.0%} of runs may be by chance"
        )
    return lines


@dataclass(frozen=True)
class _TableColumn:
    """A column of the ranking.

    Args:
        header: its name.
        cells: one for each row.
        droppable: how early it goes if there is no room, the largest first; 0 for never.
        short: a shorter name, if it has one.
    """

    header: str
    cells: tuple[str, ...]
    droppable: int = 0
    short: str = ""


def _columns(result: SweepResult, shown: Sequence[Ranked]) -> list[_TableColumn]:
    # What the settings are held against stands beside the best, and so at hand in a long table.
    first = sum(each.rank == 1 for each in shown) or len(shown)
    rows: list[Ranked | Standing] = [*shown[:first], *result.standings, *shown[first:]]
    outcomes = [
        each.outcome if isinstance(each, Standing) else result.outcome(each.setting)
        for each in rows
    ]
    columns = []
    if result.bests or result.standings:
        mark = _mark(result)
        names = (each.name if isinstance(each, Standing) else each.rank for each in rows)
        ranks = (
            f"{name or UNDEFINED}{_marked(each, mark)}"
            for name, each in zip(names, rows, strict=True)
        )
        columns.append(_TableColumn("rank", tuple(ranks)))
    for index, (label, texts) in enumerate(zip(result.labels, texts_of(result), strict=True)):
        values = tuple(
            _value(each.values[index]) if isinstance(each, Standing) else texts[each.setting]
            for each in rows
        )
        columns.append(_TableColumn(label, values, short=_short_name(result, index)))
    objectives = tuple(written(each.estimate, result) for each in rows)
    columns.append(_TableColumn(str(result.objective), objectives))
    if result.bests:
        columns.append(_TableColumn("behind", tuple(_behind(each, result) for each in rows), 1))
    for place, column in enumerate(asked_next(result)):
        unit = METRICS[column.metric].unit
        cells = tuple(quantity(each.value(column.metric, column.phase), unit) for each in outcomes)
        columns.append(_TableColumn(str(column), cells, _FIRST_TO_GO + place))
    collapsed = [f"{each.verdicts.get(Verdict.COLLAPSED, 0)} of {each.runs}" for each in outcomes]
    columns.append(_TableColumn("collapsed", tuple(collapsed), 3))
    if result.scenario.thresholds:
        held = [[one.passed for one in thresholds_of(result, each)] for each in outcomes]
        kept = tuple(f"{sum(each)} of {len(each)}" for each in held)
        columns.append(_TableColumn("thresholds", kept, 2))
    return columns


def _short_name(result: SweepResult, index: int) -> str:
    """Return the last word of an axis's path, or nothing if another axis has it too."""
    names = [axis.path.rpartition(".")[2] for axis in result.axes]
    return names[index] if names.count(names[index]) == 1 else ""


def _table(columns: Sequence[_TableColumn], notes: Sequence[str]) -> Table:
    header = tuple(one_line(each.header, 60) for each in columns)
    rows = tuple(zip(*(each.cells for each in columns), strict=True))
    return Table(header, rows, heading="Settings", notes=tuple(map(one_line, notes)))


def _value(value: Value | None) -> str:
    return UNDEFINED if value is None else one_line(str(value), LONGEST)


def _mark(result: SweepResult) -> str:
    """Return the mark of what cannot be told from the best, if anything but the best has it."""
    tied = len(result.tied) + sum(each.tied for each in result.standings)
    return SAME if tied > len(result.bests) else ""


def _marked(each: Ranked | Standing, same: str) -> str:
    """Return a row's mark: as good as the best, better, or neither."""
    if isinstance(each, Standing) and each.better:
        return BETTER
    return same if each.tied else ""


def _behind(each: Ranked | Standing, result: SweepResult) -> str:
    found = each.behind
    if found is None:
        return "best" if isinstance(each, Ranked) and each.rank else UNDEFINED
    if found.never:
        # Infinities of both signs have no mean: sometimes the one never came, then the other.
        sign = "±" if found.mean is None else "-" if found.mean < 0.0 else ""
        return f"{sign}never in {found.never}"
    return difference(found.mean, found.low, found.high, result.objective.unit)


def _draw(result: SweepResult) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.sweep import sweep_figure

    return sweep_figure(result)
