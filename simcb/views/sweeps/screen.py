"""A sweep on one screen: the best setting first, then what cannot be told from it, then ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.text import Text

from simcb.metrics import METRICS, Verdict
from simcb.studies.limits import in_words
from simcb.studies.sweep import (
    TOLERANCE,
    Kind,
    Plan,
    Progress,
    Ranked,
    SweepResult,
)
from simcb.studies.sweep.calibration import WORKER_MEGABYTES, TimeEstimate
from simcb.views.answer import Page
from simcb.views.safe_text import markdown_cell, one_line, to_ascii
from simcb.views.sweeps.answer import SweepAnswer, asked_next, thresholds_of
from simcb.views.sweeps.findings import findings, texts_of, written
from simcb.views.tables.grid import Grid, no_room
from simcb.views.tables.quantities import UNDEFINED, clock, difference, quantity

SAME = "="
"""The mark of a setting that cannot be told from the best."""

_EXTRA = 4
"""How early the first of `asked_next` leaves a table for which there is no room."""


def as_screen(answer: SweepAnswer, page: Page) -> Text:
    """Return the answer for a terminal."""
    grid, left_out = fitting_grid(answer, page.width)
    table = grid.text(ascii_only=page.ascii_only)
    for line in below(answer, left_out):
        table.append(f"\n{one_line(line, 400)}", "dim")
    blocks = [_head(answer), table]
    blocks.extend(Text(line) for line in notes(answer.result))
    if answer.repeat:
        blocks.append(Text("repeat: ", "dim").append(one_line(answer.repeat, 4000)))
    text = Text("\n\n").join(blocks).append("\n")
    return Text(to_ascii(text.plain)) if page.ascii_only else text


def as_markdown(answer: SweepAnswer) -> str:
    """Return the answer as Markdown."""
    result = answer.result
    lines = [f"### {markdown_cell(title(result))}", *map(markdown_cell, findings(result))]
    lines += [ranking_grid(answer).markdown(), *map(markdown_cell, below(answer))]
    lines += map(markdown_cell, notes(result))
    if answer.repeat:
        lines.append(f"```console\n{one_line(answer.repeat, 4000).replace('```', '')}\n```")
    return "\n\n".join(lines) + "\n"


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


def _head(answer: SweepAnswer) -> Text:
    first, *more = findings(answer.result)
    text = Text(first, "bold")
    for line in (*more, title(answer.result)):
        text.append(f"\n  {line}", "")
    return text


def ranking_grid(answer: SweepAnswer, shown: Sequence[Ranked] | None = None) -> Grid:
    """Return settings of the ranking, the first ones if none are given, with all columns."""
    return _grid(_columns(answer, shown))


def fitting_grid(answer: SweepAnswer, width: int) -> tuple[Grid, tuple[str, ...]]:
    """Return the same table no wider than a page, and the headers of what was left out.

    First axes are named by the last word of their path, then columns go: those that people
    ask for next, the last of them first. Ranks, values and the objective always stay.
    """
    columns = _columns(answer)
    if _grid(columns).width > width:
        columns = [replace(each, header=each.short or each.header) for each in columns]
    left_out: list[str] = []
    while _grid(columns).width > width and any(each.droppable for each in columns):
        least = max(columns, key=lambda each: each.droppable)
        columns.remove(least)
        left_out.insert(0, least.header)
    return _grid(columns), tuple(left_out)


def below(answer: SweepAnswer, left_out: Sequence[str] = ()) -> tuple[str, ...]:
    """Return what has to be said under the table: its mark, and what it does not show."""
    result = answer.result
    lines = []
    tied = len(result.tied) > len(result.bests)
    shown = min(answer.top, len(result.ranking))
    if tied:
        lines.append(f"{SAME} cannot be told from the best within {TOLERANCE:.0%}")
    more = len(result.ranking) - shown
    if more:
        hidden = sum(each.tied for each in result.ranking[shown:])
        of_them = f", {hidden} of them {SAME}" if hidden and tied else ""
        lines.append(f"and {more} more{of_them}; --top {len(result.ranking)} shows all")
    unseen = [each.estimate.unseen for each in result.ranking[:shown] if each.estimate.unseen]
    if unseen and not result.objective.is_collapse and result.replicates > 1:
        lines.append(
            f"without an interval: alike in all replicates, which what differs in up to "
            f"{max(unseen):.0%} of runs may be by chance"
        )
    if left_out:
        lines.append(no_room(left_out))
    return tuple(lines)


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


def _columns(answer: SweepAnswer, shown: Sequence[Ranked] | None = None) -> list[_TableColumn]:
    result = answer.result
    shown = result.ranking[: answer.top] if shown is None else shown
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
        columns.append(_TableColumn(str(column), cells, _EXTRA + place))
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


def _grid(columns: Sequence[_TableColumn]) -> Grid:
    header = tuple(one_line(each.header, 60) for each in columns)
    return Grid(header, tuple(zip(*(each.cells for each in columns), strict=True)))


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


def rough_clock(seconds: float) -> str:
    """Write a length of time as roughly as one knows it: `40s`, `12m`, `3h20m`."""
    if seconds < 1.0:
        return "1s"
    if seconds < 90.0:
        return f"{seconds:.0f}s"
    if seconds < 5400.0:
        return f"{seconds / 60:.0f}m"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}h{minutes:02d}m"


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
