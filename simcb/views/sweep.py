"""What a sweep says: the best setting, what cannot be told from it, and the ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from simcb.metrics import METRICS, Verdict
from simcb.studies.limits import in_words
from simcb.studies.sweep import TOLERANCE, Kind, Plan, Progress, Ranked, SweepResult
from simcb.studies.sweep.calibration import WORKER_MEGABYTES, TimeEstimate
from simcb.views.data import csv_lines
from simcb.views.document import Document, Figure, Table, no_room
from simcb.views.files import write_text
from simcb.views.quantities import UNDEFINED, clock, difference, quantity, rough_clock
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import (
    asked_next,
    cell_lines,
    ranking_rows,
    sweep_object,
    thresholds_of,
    write_parquet,
)
from simcb.views.sweep_findings import findings, texts_of, written

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

MAP = "map"
"""The name of a sweep's figure."""

SAME = "="
"""The mark of a setting that cannot be told from the best."""

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
    figures = (Figure(MAP, partial(_draw, result)),) if result.known else ()
    files = {
        "ranking.csv": lambda path: write_text(path, csv_lines(ranking_rows(result))),
        "cells.csv": lambda path: write_text(path, cell_lines(result)),
    }
    if parquet:
        files["cells.parquet"] = lambda path: write_parquet(result, path)
    return Document(
        title(result),
        lambda: sweep_object(result) | {"repeat": repeat},
        lambda: ranking_rows(result),
        findings=findings(result),
        blocks=(ranking_table(result, result.ranking[:top]), *notes(result), *figures),
        repeat=repeat,
        files=files,
    )


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
            f"{first.cell.replicate} of {one_line(where, 200)}: {one_line(first.reason, 200)}"
        )
    if not result.complete:
        lines.append("interrupted: the settings that are incomplete have fewer replicates")
    return tuple(lines)


def ranking_table(result: SweepResult, shown: Sequence[Ranked]) -> Table:
    """Return settings of the ranking as a table.

    On a narrow page axes are first named by the last word of their path, then columns go: those
    that people ask for next, the last of them first. Ranks, values and the objective always stay.
    """
    columns, below = _columns(result, shown), _below(result, shown)
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


def _below(result: SweepResult, shown: Sequence[Ranked]) -> list[str]:
    """Return what has to be said under the table: its mark, and what it does not show."""
    lines = []
    tied = len(result.tied) > len(result.bests)
    if tied:
        lines.append(f"{SAME} cannot be told from the best within {TOLERANCE:.0%}")
    if more := result.ranking[len(shown) :]:
        hidden = sum(each.tied for each in more)
        of_them = f", {hidden} of them {SAME}" if hidden and tied else ""
        lines.append(f"and {len(more)} more{of_them}; --top {len(result.ranking)} shows all")
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
    mark = SAME if len(result.tied) > len(result.bests) else ""
    outcomes = [result.outcome(each.setting) for each in shown]
    columns = []
    if result.bests:
        ranks = (f"{each.rank or UNDEFINED}{mark if each.tied else ''}" for each in shown)
        columns.append(_TableColumn("rank", tuple(ranks)))
    for index, (axis, texts) in enumerate(zip(result.axes, texts_of(result), strict=True)):
        cells = tuple(texts[each.setting] for each in shown)
        columns.append(_TableColumn(axis.label, cells, short=_short_name(result, index)))
    objectives = tuple(written(each.estimate, result) for each in shown)
    columns.append(_TableColumn(str(result.objective), objectives))
    if result.bests:
        columns.append(_TableColumn("behind", tuple(_behind(each, result) for each in shown), 1))
    for place, column in enumerate(asked_next(result)):
        unit = METRICS[column.metric].unit
        cells = tuple(quantity(each.value(column.metric, column.phase), unit) for each in outcomes)
        columns.append(_TableColumn(str(column), cells, _FIRST_TO_GO + place))
    collapsed = [f"{each.verdicts.get(Verdict.COLLAPSED, 0)} of {each.runs}" for each in outcomes]
    columns.append(_TableColumn("collapsed", tuple(collapsed), 3))
    if result.scenario.thresholds:
        held = [[one.passed for one in thresholds_of(result, each.setting)] for each in shown]
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
    return Table(header, rows, notes=tuple(map(one_line, notes)))


def _behind(each: Ranked, result: SweepResult) -> str:
    found = each.behind
    if found is None:
        return "best" if each.rank else UNDEFINED
    if found.never:
        # Infinities of both signs have no mean: sometimes the one never came, then the other.
        sign = "±" if found.mean is None else "-" if found.mean < 0.0 else ""
        return f"{sign}never in {found.never}"
    return difference(found.mean, found.low, found.high, result.objective.unit)


def size_lines(plan: Plan, found: TimeEstimate) -> str:
    """Return what a dry run says: settings, runs, time and memory."""
    size = found.size
    more = "" if plan.border is None else ", and as many more as the border asks for"
    workers = found.workers * (WORKER_MEGABYTES + size.largest.megabytes)
    lines = (
        f"settings  {size.settings:,}{more}",
        f"runs      {size.cells:,} ({plan.replicates} replicates each)",
        f"requests  about {in_words(size.requests)}",
        f"time      about {rough_clock(found.seconds)} on {found.workers} workers",
        f"memory    {size.parent_megabytes:,.0f} MB for the results; at worst "
        f"{workers:,.0f} MB for the workers",
    )
    return "".join(f"{line}\n" for line in lines)


def progress_words(now: Progress) -> str:
    """Return what goes beside a progress bar: rate, time left, best so far."""
    words = []
    if now.ran and now.seconds > 0.0:
        rate = now.ran / now.seconds
        words = [f"{rate:.3g} runs/s", f"{rough_clock((now.total - now.done) / rate)} left"]
    if now.lost:
        words.append(f"{now.lost} lost")
    if now.best is not None:
        setting, found = now.best
        values = ", ".join(one_line(str(value), 20) for value in setting.values)
        words.append(f"best so far {values}: {found.mean:.4g}")
    return "; ".join(words)


def _draw(result: SweepResult) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.sweep import sweep_figure

    return sweep_figure(result)
