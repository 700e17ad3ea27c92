"""A sweep on one screen: the best setting first, then what cannot be told from it, then ranks."""

from __future__ import annotations

import math

from rich.text import Text

from simcb.metrics import METRICS, Estimate, Unit, Verdict
from simcb.metrics.phase import WHOLE
from simcb.studies.limits import in_words
from simcb.studies.sweep import Kind, Plan, Progress, Ranked, SweepResult
from simcb.studies.sweep.calibration import WORKER_MEGABYTES, TimeEstimate
from simcb.views.answer import Page
from simcb.views.safe_text import markdown_cell, one_line, to_ascii
from simcb.views.sweeps.answer import KEY_METRICS, SweepAnswer, region
from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import clock, interval, quantity

SAME = "="
"""The mark of a setting that cannot be told from the best."""


def as_screen(answer: SweepAnswer, page: Page) -> Text:
    """Return the answer for a terminal."""
    blocks = [_head(answer), ranking_grid(answer).text()]
    blocks.extend(Text(line) for line in notes(answer.result))
    if answer.repeat:
        blocks.append(Text("repeat: ", "dim").append(one_line(answer.repeat, 4000)))
    text = Text("\n\n").join(blocks).append("\n")
    return Text(to_ascii(text.plain)) if page.ascii_only else text


def as_markdown(answer: SweepAnswer) -> str:
    """Return the answer as Markdown."""
    result = answer.result
    lines = [f"### {markdown_cell(title(result))}", *map(markdown_cell, findings(result))]
    lines += [ranking_grid(answer).markdown(), *map(markdown_cell, notes(result))]
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


def findings(result: SweepResult) -> tuple[str, ...]:
    """Return the best setting and its region, each as a line."""
    best = result.best
    if best is None:
        return (f"no setting has a value of {result.objective}",)
    values = ", ".join(
        f"{axis.label} = {one_line(str(value), 40)}"
        for axis, value in zip(result.axes, result.settings[best.setting].values, strict=True)
    )
    lines = [f"best: {values}: {result.objective} {_written(best.estimate, result)}"]
    tied = result.tied
    if len(tied) == len(result) > 1:
        lines.append("no setting can be told from it: what is varied does not matter for this")
    elif len(tied) > 1:
        where = "; ".join(region(result, tied))
        lines.append(f"{len(tied)} of {len(result)} settings cannot be told from it: {where}")
    elif len(result) > 1 and result.replicates > 1:
        lines.append("every other setting can be told from it")
    elif len(result) > 1:
        lines.append("one replicate tells nothing of how sure this is; give --replicates 10")
    return tuple(lines)


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


def ranking_grid(answer: SweepAnswer) -> Grid:
    """Return the first settings of the ranking as a table."""
    result = answer.result
    extra = [key for key in KEY_METRICS if _is_shown(result, *key)]
    judged = bool(result.scenario.thresholds)
    header = ["rank", *(axis.label for axis in result.axes), str(result.objective), "behind"]
    header += [metric if phase == WHOLE else f"{metric}{{{phase}}}" for metric, phase in extra]
    header += ["collapsed", *(["thresholds"] if judged else [])]
    rows = []
    for each in result.ranking[: answer.top]:
        outcome = result.outcome(each.setting)
        collapsed = outcome.verdicts.get(Verdict.COLLAPSED, 0)
        row = [f"{each.rank}{SAME if each.tied else ''}"]
        row += [one_line(str(value), 30) for value in result.settings[each.setting].values]
        row += [_written(each.estimate, result), _behind(each, result)]
        row += [_mean(outcome.value(m, p), METRICS[m].unit) for m, p in extra]
        row.append(f"{collapsed} of {outcome.runs}")
        if judged:
            held = [threshold.passed for threshold in answer.thresholds(each.setting)]
            row.append(f"{sum(held)} of {len(held)}")
        rows.append(tuple(row))
    return Grid(tuple(one_line(cell, 60) for cell in header), tuple(rows))


def _is_shown(result: SweepResult, metric: str, phase: str) -> bool:
    column = result.objective.column
    if (metric, phase) == (column.metric, column.phase):
        return False
    return any((c.metric, c.phase, c.of) == (metric, phase, "") for c in result.table.columns)


def _written(found: Estimate, result: SweepResult) -> str:
    if found.never:
        return f"never in {found.never}" if math.inf == found.mean else "–"
    return interval(found.mean, found.low, found.high, result.objective.unit)


def _behind(each: Ranked, result: SweepResult) -> str:
    found = each.behind
    if found is None:
        return "best"
    return interval(found.mean, found.low, found.high, result.objective.unit)


def _mean(value: float | None, unit: Unit) -> str:
    return quantity(value, unit)


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
