"""What a sweep says: the best setting, what cannot be told from it, and the ranking.

A range says that all settings within it are as good: a box is named only if no other setting
lies inside. If they do not fill one, they are named by several, the best setting's first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from simcb.metrics import METRICS, Estimate, Verdict
from simcb.scenario.axes import Axis
from simcb.scenario.sweep import Kind
from simcb.studies.sweep import TOLERANCE, Ranked, SweepResult, tolerance
from simcb.views.data import csv_lines
from simcb.views.document import Document, Figure, Table, all_made, no_room
from simcb.views.files import write_text
from simcb.views.quantities import (
    UNDEFINED,
    clock,
    difference,
    interval,
    quantity,
)
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import (
    asked_next,
    cell_lines,
    ranking_rows,
    regions,
    sweep_object,
    texts_of,
    thresholds_of,
    write_parquet,
)
from simcb.views.sweep_explorer import sweep_explorer

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
    found = findings(result)
    caption = f"{result.objective} over what was varied."
    figures = (Figure(MAP, partial(_draw, result), caption),) if result.known else ()
    files = {
        "ranking.csv": lambda path: write_text(path, csv_lines(ranking_rows(result))),
        "cells.csv": lambda path: write_text(path, cell_lines(result)),
    }
    if parquet:
        files["cells.parquet"] = lambda path: write_parquet(result, path)
    return Document(
        title(result),
        lambda: sweep_object(result, None if result.bests else found[0]) | {"repeat": repeat},
        lambda: ranking_rows(result),
        findings=found,
        blocks=(ranking_table(result, result.ranking[:top]), *notes(result), *figures),
        checks=(all_made(result.scenario.name, [each.reason for each in result.lost]),),
        facts={"seed": str(result.seed), "replicates": str(result.replicates)},
        repeat=repeat,
        files=files,
        sources={"The scenario that was varied": result.scenario.to_yaml},
        explorer=partial(sweep_explorer, result),
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
    return Table(header, rows, heading="Settings", notes=tuple(map(one_line, notes)))


def _behind(each: Ranked, result: SweepResult) -> str:
    found = each.behind
    if found is None:
        return "best" if each.rank else UNDEFINED
    if found.never:
        # Infinities of both signs have no mean: sometimes the one never came, then the other.
        sign = "±" if found.mean is None else "-" if found.mean < 0.0 else ""
        return f"{sign}never in {found.never}"
    return difference(found.mean, found.low, found.high, result.objective.unit)


def _draw(result: SweepResult) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.sweep import sweep_figure

    return sweep_figure(result)


_NO_MATTER = "what is varied does not matter for this"
_ARE = ("is no policy but the world", "are no policies but the world")

MOST_WORLDS = 8
"""Worlds whose best setting is named."""


def findings(result: SweepResult) -> tuple[str, ...]:
    """Return the best setting, and where those are that cannot be told from it, line by line.

    Where there is no one best, the first line says why, and what the settings come to.
    """
    if not result.known:
        return (f"no setting has a value of {result.objective}",)
    known = sum(each.estimate.n > 0 for each in result.ranking)
    best = result.best
    if best is not None:
        lines = [best_line(result, best), *_apart(result, result.ranking)]
    elif result.bests:
        lines = _best_of_each(result)
    else:
        lines = [f"no best: {why_none(result)}", _from_to(result)]
    if known < len(result):
        lines.append(f"{len(result) - known} of {len(result)} settings have no value of it")
    return tuple(lines)


def why_none(result: SweepResult) -> str:
    """Say why a sweep has no best setting, one for all or one for each world."""
    given = [
        axis.label for axis, policy in zip(result.axes, result.policies, strict=True) if not policy
    ]
    names = " and ".join(given)
    if len(given) == len(result.axes):
        return f"{names} {_ARE[len(given) > 1]}, so nothing is ranked"
    if all(result.failures):
        causes = dict.fromkeys(failure for failure in result.failures if failure)
        return f"every setting {' or '.join(causes)}"
    if given:
        return f"{names} {_ARE[len(given) > 1]}, and no two settings to compare share it"
    return f"no setting that answers anything has a value of {result.objective}"


def _from_to(result: SweepResult) -> str:
    """Say between which values the objective lies, and in which settings."""
    means = {each.setting: each for each in result.ranking if each.estimate.mean is not None}
    if not means:
        return f"{result.objective} is undecided between never and -never"
    numbers = {setting: each.estimate.mean or 0.0 for setting, each in means.items()}
    ends = [means[pick(numbers, key=numbers.__getitem__)] for pick in (min, max)]
    # In the settings' order, a curve rises or falls.
    ends.sort(key=lambda each: each.setting)
    words = [f"{written(each.estimate, result)} at {_named(result, each.setting)}" for each in ends]
    return f"{result.objective} {' to '.join(dict.fromkeys(words))}"


def best_line(result: SweepResult, best: Ranked) -> str:
    """Return the best setting of all, or of its world, in a line."""
    world = ", ".join(map(str, result.world_of(best.setting)))
    head = f"best for {world}" if world else "best"
    return f"{head}: {_named(result, best.setting)}: {_worth(best, result)}"


def _best_of_each(result: SweepResult) -> list[str]:
    """Say which setting is the best in each world, line by line."""
    split = list(zip(result.axes, result.policies, strict=True))
    chosen = [axis for axis, policy in split if policy]
    given = [axis.label for axis, policy in split if not policy]
    lines = [f"best for each {' and '.join(given)}, which {_ARE[len(given) > 1]}:"]
    for best in result.bests[:MOST_WORLDS]:
        world = result.world_of(best.setting)
        rivals = [each for each in result.ranking if result.world_of(each.setting) == world]
        more = _apart(result, rivals, short=True)
        lines.append(
            f"{', '.join(map(str, world))}: {_named(result, best.setting, chosen)}: "
            + "; ".join([_worth(best, result), *more])
        )
    left = len(result.bests) - MOST_WORLDS
    if left > 0:
        lines.append(f"and {left} more; --format csv has all")
    worlds = {result.world_of(number) for number in range(len(result))}
    if len(result.bests) < len(worlds):
        lines.append(
            f"none for {len(worlds) - len(result.bests)} others, where every setting fails"
        )
    return lines


def _apart(result: SweepResult, rivals: Sequence[Ranked], *, short: bool = False) -> list[str]:
    """Say which of the settings that meet one world can be told from the best of them."""
    tied = [each for each in rivals if each.tied]
    known = sum(each.estimate.n > 0 for each in rivals)
    if known < 2:
        return []
    if result.replicates == 1:
        return ["one replicate tells nothing of how sure this is; give --replicates 10"]
    if len(tied) == known:
        return [_none_apart(result, tied)]
    if len(tied) == 1:
        return ["every other setting can be told from it"]
    head = f"{len(tied)} of {known} settings cannot be told from it within {TOLERANCE:.0%}"
    if short:
        return [head]
    where = regions(result, tied)
    return [f"{head}: {where[0]}"] if len(where) == 1 else [f"{head}:", *where]


def _named(result: SweepResult, setting: int, axes: Sequence[Axis] | None = None) -> str:
    """Write a setting's values on all axes, or on some, with their names."""
    return ", ".join(
        f"{axis.label} = {texts[setting]}"
        for axis, texts in zip(result.axes, texts_of(result, 60), strict=True)
        if axes is None or axis in axes
    )


def _worth(each: Ranked, result: SweepResult) -> str:
    return f"{result.objective} {written(each.estimate, result)}"


def _none_apart(result: SweepResult, tied: Sequence[Ranked]) -> str:
    """Say why no setting can be told from the best: because none differs, or nobody knows."""
    numbers = [each.setting for each in tied]
    if len({result.table.series(number, result.objective) for number in numbers}) == 1:
        return f"no setting differs from it in any replicate: {_NO_MATTER}"
    never = [each.estimate.never for each in tied]
    behind = [each.behind for each in tied if each.behind is not None]
    ends = [abs(end) for each in behind for end in (each.low, each.high) if end is not None]
    if max(never) > min(never) or len(ends) < 2 * len(behind):
        differ = f"never in {min(never)} to {max(never)} of {result.replicates} replicates"
    elif max(ends) <= tolerance(tied[0].estimate, result.objective):
        return f"no setting differs from it by {TOLERANCE:.0%}: {_NO_MATTER}"
    else:
        differ = f"differences up to {quantity(max(ends), result.objective.unit)}"
    return f"too few replicates to tell them apart ({differ})"


def written(found: Estimate, result: SweepResult) -> str:
    """Write the objective of a setting, with its interval."""
    unit = result.objective.unit
    if not found.never:
        return interval(found.mean, found.low, found.high, unit)
    others = f", else {quantity(found.finite, unit)}" if found.finite is not None else ""
    return f"never in {found.never}{others}"
