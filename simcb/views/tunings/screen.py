"""A tune on one screen: the winner, what it beats, how far it can be moved, and the rest."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from simcb.studies.limits import in_words
from simcb.studies.sweep.calibration import WORKER_MEGABYTES
from simcb.studies.tune import CONTENDERS, WALKS, TunePlan, TuneProgress, TuneResult
from simcb.views.answer import Page
from simcb.views.safe_text import markdown_cell, one_line, to_ascii
from simcb.views.sweeps.screen import rough_clock
from simcb.views.tables.grid import Grid
from simcb.views.tunings.answer import TuneAnswer
from simcb.views.tunings.findings import findings
from simcb.views.tunings.grids import (
    check_grid,
    check_title,
    differing,
    fitting,
    front_grid,
    front_title,
    left_out,
    reach_grid,
)
from simcb.views.tunings.regrets import explained


def as_screen(answer: TuneAnswer, page: Page) -> Text:
    """Return the answer for a terminal."""
    result = answer.result
    first, *more = findings(result)
    head = Text(first, "bold")
    for line in (*more, title(result)):
        head.append(f"\n  {line}", "")
    blocks = [head]
    shown = fitting(result, page.width) if result.check is not None else 0
    for heading, grid in tables(result, shown):
        table = grid.text(ascii_only=page.ascii_only)
        blocks.append(Text(f"{heading}\n").append(table) if heading else table)
    blocks.extend(Text(line) for line in notes(result, shown))
    if answer.repeat:
        blocks.append(Text("repeat: ", "dim").append(one_line(answer.repeat, 4000)))
    text = Text("\n\n").join(blocks).append("\n")
    return Text(to_ascii(text.plain)) if page.ascii_only else text


def as_markdown(answer: TuneAnswer) -> str:
    """Return the answer as Markdown."""
    result = answer.result
    lines = [f"### {markdown_cell(title(result))}", *map(markdown_cell, findings(result))]
    for heading, grid in tables(result):
        lines += [markdown_cell(heading)] * bool(heading) + [grid.markdown()]
    lines += map(markdown_cell, notes(result))
    if answer.repeat:
        lines.append(f"```console\n{one_line(answer.repeat, 4000).replace('```', '')}\n```")
    return "\n\n".join(lines) + "\n"


def tables(result: TuneResult, shown: int | None = None) -> Iterator[tuple[str, Grid]]:
    """Yield the tables of a tune, each with its heading or none.

    Args:
        result: the tune.
        shown: how many scenarios stand side by side; all if None.
    """
    if result.reach:
        yield "", reach_grid(result)
    if len(result.aims) > 1 and len(result.front) > 1:
        yield front_title(result), front_grid(result)
    if result.check is not None:
        yield check_title(result.check), check_grid(result, shown)


def title(result: TuneResult) -> str:
    """Return what was tuned, in a line."""
    names = ", ".join(one_line(storm.name, 40) for storm in result.storms[:6])
    more = f" and {len(result.storms) - 6} more" if len(result.storms) > 6 else ""
    aims = ", ".join(f"{aim.better.value} {aim}" for aim in result.aims)
    return (
        f"{names}{more}: {aims}, seed {result.seed}, {result.searched} settings searched, "
        f"{len(result.trials) - result.searched} more around the best, up to "
        f"{result.replicates} replicates"
    )


def notes(result: TuneResult, shown: int | None = None) -> tuple[str, ...]:
    """Return what a reader has to know besides.

    Args:
        result: the tune.
        shown: how many scenarios the table of contenders shows; all if None.
    """
    lines = []
    if result.check is not None and (hidden := left_out(result, shown)):
        lines.append(hidden)
    if result.check is not None:
        lines += differing(result.check)
    if result.reach or result.check is not None:
        lines.append(explained(result))
        lines += _filled(result)
    refused = [trial for trial in result.trials if trial.refused]
    if refused:
        what = one_line(refused[0].refused, 200)
        lines.append(f"{len(refused)} settings are refused by a scenario; the first: {what}")
    if result.lost:
        first = result.lost[0]
        where = one_line(result.storms[first.cell.scenario].name, 60)
        lines.append(
            f"{len(result.lost)} runs could not be made and are missing; the first, of {where}: "
            f"{one_line(first.reason, 200)}"
        )
    if not result.complete:
        lines.append("interrupted: this is the best so far, and nothing was checked")
    return tuple(lines)


def _filled(result: TuneResult) -> list[str]:
    """Return what runs counted as in which an aim had no number, a line for each kind."""
    lines = []
    for place, aim in enumerate(result.aims):
        here = [each for each in result.filled if each.aim == place]
        for what, counts, as_what in (
            ("never came", [each.never for each in here], "the scenario's duration"),
            ("was undefined", [each.undefined for each in here], "the worst known there"),
        ):
            where = [
                f"{count} of {each.runs} runs of {one_line(result.storms[each.storm].name, 40)}"
                for each, count in zip(here, counts, strict=True)
                if count
            ]
            if where:
                more = f" and in {len(where) - 3} more scenarios" if len(where) > 3 else ""
                listed = ", ".join(where[:3])
                lines.append(f"{aim} {what} in {listed}{more}: each counts as {as_what}")
    return lines


def size_lines(plan: TunePlan, seconds: float, workers: int) -> str:
    """Return what a dry run says: settings, runs, time and memory, at most."""
    scenarios = f"{len(plan.storms)} scenario{'s' if len(plan.storms) > 1 else ''}"
    memory = workers * (WORKER_MEGABYTES + plan.largest_run)
    lines = (
        f"settings  {plan.trials:,} searched, {plan.around:,} around each of up to {WALKS} bests, "
        f"{CONTENDERS} contenders",
        f"runs      at most {plan.runs:,} in {scenarios}; usually less than half of that",
        f"requests  at most about {in_words(plan.requests)}",
        f"time      at most about {rough_clock(seconds)} on {workers} workers",
        f"memory    at most {plan.megabytes:,.0f} MB for the results; at worst {memory:,.0f} MB "
        "for the workers",
    )
    return "".join(f"{line}\n" for line in lines)


def progress_words(now: TuneProgress) -> str:
    """Return what goes beside a progress bar: what is done, how fast, and the best so far."""
    words = [now.stage]
    if now.ran and now.seconds > 0.0:
        words.append(f"{now.ran} runs, {now.ran / now.seconds:.3g}/s")
        if now.stage == "searching" and now.done:
            left = now.seconds / now.done * (now.total - now.done)
            words.append(f"{rough_clock(left)} left")
    if now.best is not None:
        values = ", ".join(one_line(str(value), 20) for value in now.best.values)
        words.append(f"best so far {values}")
    return "; ".join(words)
