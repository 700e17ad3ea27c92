"""A tune on one screen: the winner, what it beats, how far it can be moved, and the rest."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from simcb.metrics import Estimate, Unit
from simcb.studies.limits import in_words
from simcb.studies.sweep.axes import Value
from simcb.studies.sweep.calibration import WORKER_MEGABYTES
from simcb.studies.sweep.objective import Objective
from simcb.studies.tune import (
    CONTENDERS,
    WALKS,
    YOURS,
    Check,
    Contender,
    Reach,
    TunePlan,
    TuneProgress,
    TuneResult,
)
from simcb.views.answer import Page
from simcb.views.safe_text import markdown_cell, one_line, to_ascii
from simcb.views.sweeps.screen import rough_clock
from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import UNDEFINED, interval, quantity
from simcb.views.tunings.answer import TuneAnswer
from simcb.views.tunings.regrets import explained, readings

BEST = "best"
"""What the winner is called in tables."""

MOST_SHOWN = 5
"""Scenarios shown side by side in a table."""

USUAL = "pybreaker 5/60s"
"""The contender that most people run: the one named in the first lines."""


def as_screen(answer: TuneAnswer, page: Page) -> Text:
    """Return the answer for a terminal."""
    result = answer.result
    first, *more = findings(result)
    head = Text(first, "bold")
    for line in (*more, title(result)):
        head.append(f"\n  {line}", "")
    blocks = [head]
    if result.reach:
        blocks.append(reach_grid(result).text(ascii_only=page.ascii_only))
    if result.check is not None:
        grid = fitting_grid(result, page.width)
        blocks.append(
            Text(check_title(result.check))
            .append("\n")
            .append(grid.text(ascii_only=page.ascii_only))
        )
    blocks.extend(Text(line) for line in notes(result))
    if answer.repeat:
        blocks.append(Text("repeat: ", "dim").append(one_line(answer.repeat, 4000)))
    text = Text("\n\n").join(blocks).append("\n")
    return Text(to_ascii(text.plain)) if page.ascii_only else text


def as_markdown(answer: TuneAnswer) -> str:
    """Return the answer as Markdown."""
    result = answer.result
    lines = [f"### {markdown_cell(title(result))}", *map(markdown_cell, findings(result))]
    if result.reach:
        lines.append(reach_grid(result).markdown())
    if result.check is not None:
        lines += [markdown_cell(check_title(result.check)), check_grid(result).markdown()]
    lines += map(markdown_cell, notes(result))
    if answer.repeat:
        lines.append(f"```console\n{one_line(answer.repeat, 4000).replace('```', '')}\n```")
    return "\n\n".join(lines) + "\n"


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


def findings(result: TuneResult) -> tuple[str, ...]:
    """Return the winner, and what it is worth, each as a line."""
    if result.winner is None:
        return ("no setting was run to the end",)
    values = ", ".join(
        f"{axis.label} = {_shown(value)}"
        for axis, value in zip(result.axes, result.best.values(), strict=True)
    )
    lines = [f"best: {values}"]
    if not result.feasible:
        limits = ", ".join(limit.text for limit in result.storms[0].limits)
        lines = [f"no setting keeps {limits}; the nearest: {values}"]
    if result.check is not None:
        lines += _won(result, result.check)
    if result.reach:
        stretches = "; ".join(f"{each.axis.label} {stretch(each)}" for each in result.reach)
        near = quantity(result.tolerance, Unit.SHARE)
        lines.append(f"as good within {near}, one at a time: {stretches}")
    return tuple(lines)


def _won(result: TuneResult, check: Check) -> list[str]:
    """Return how the winner compares with what people run."""
    many = len(result.storms) > 1
    lines = []
    for contender in check.contenders[1:]:
        if contender.name in (YOURS, USUAL) and contender.behind is not None:
            behind = ", ".join(
                f"{read.words(each)} of {read.name}"
                for read, each in zip(readings(result), contender.behind, strict=True)
            )
            what = "worst regret lower by " if many else "better by "
            if check.winner.feasible and not contender.feasible:
                missed = ", ".join(_missed(contender))
                lines.append(f"beats {contender.name}, which misses {missed}: {what}{behind}")
            else:
                lines.append(f"{_compared(contender)}: {what}{behind}")
    return lines


def _missed(contender: Contender) -> tuple[str, ...]:
    """Return the limits that a contender misses somewhere."""
    limits = (limit for storm in contender.storms for limit in storm.limits)
    return tuple(dict.fromkeys(one_line(limit.text, 80) for limit in limits if not limit.passed))


def _compared(contender: Contender) -> str:
    """Return in a word or two whether the winner beats a contender."""
    behind = contender.behind or ()
    sure = [each.low is not None and each.low > 0.0 for each in behind]
    lost = [each.high is not None and each.high < 0.0 for each in behind]
    if any(lost):
        return f"{'against' if any(sure) else 'loses to'} {contender.name}"
    return f"{'beats' if any(sure) else 'cannot be told from'} {contender.name}"


def stretch(reach: Reach) -> str:
    """Return the values that are as good as the winner's: `5s … 19.5s`, or a list of words."""
    good = [step.value for step in reach.steps if step.as_good or step.value == reach.value]
    return _values(reach, good, reach.low, reach.high)


def wider_stretch(reach: Reach) -> str:
    """Return the values that are not shown to be worse, those that are as good included."""
    good = [step.value for step in reach.steps if step.not_worse or step.value == reach.value]
    return _values(reach, good, reach.lowest, reach.highest)


def _values(reach: Reach, good: Sequence[Value], low: Value, high: Value) -> str:
    if reach.axis.numbers is None:
        return ", ".join(_shown(value) for value in good[:8])
    if low == high:
        return f"only {_shown(reach.value)}"
    return f"{_shown(low)} … {_shown(high)}"


def reach_grid(result: TuneResult) -> Grid:
    """Return how far each of the winner's values can be moved, as a table."""
    read = readings(result)
    header = ["parameter", BEST, "as good", "not shown worse"]
    header += [f"at stake{_about(result, aim)}" for aim in result.aims]
    rows = []
    for reach, importance in zip(result.reach, result.importance, strict=True):
        stakes = zip(read, reach.stakes, strict=True)
        rows.append(
            (
                one_line(reach.axis.path, 60),
                _shown(reach.value),
                stretch(reach),
                wider_stretch(reach),
                *(each.amount(stake) for each, stake in stakes),
                UNDEFINED if importance is None else f"{importance:.0%}",
            )
        )
    return Grid((*header, "importance"), tuple(rows))


def _about(result: TuneResult, aim: Objective) -> str:
    """Return an aim's name behind another word, where there are several."""
    return f" {aim}" if len(result.aims) > 1 else ""


def check_title(check: Check) -> str:
    """Return what the check was, in a line."""
    return f"on fresh luck (seed {check.seed}, {check.replicates} runs of each in each scenario)"


def fitting_grid(result: TuneResult, width: int) -> Grid:
    """Return the contenders as a table no wider than a page, with fewer scenarios if need be."""
    for shown in range(min(len(result.storms), MOST_SHOWN), 0, -1):
        grid = check_grid(result, shown)
        if grid.width <= width:
            return grid
    return check_grid(result, 0)


def check_grid(result: TuneResult, most: int = MOST_SHOWN) -> Grid:
    """Return the contenders on fresh luck as a table, the winner first.

    Args:
        result: a tune that was checked.
        most: how many scenarios to show side by side.
    """
    check = result.check
    assert check is not None
    shown = result.storms[:most]
    header = ["contender"]
    for aim in result.aims:
        about = _about(result, aim)
        header += [f"worst regret{about}", f"behind{about}"]
    header += [f"{storm.name} {aim}" for storm in shown for aim in storm.aims]
    if result.storms[0].limits:
        header.append("limits")
    rows = []
    for contender in check.contenders:
        row = [contender.name or BEST]
        for index, read in enumerate(readings(result)):
            behind = contender.behind[index] if contender.behind else None
            row += [read.words(contender.worst[index]), read.words(behind) if behind else BEST]
        for storm, found in zip(shown, contender.storms, strict=False):
            row += [
                _value(each, aim.unit) for aim, each in zip(storm.aims, found.aims, strict=True)
            ]
        if result.storms[0].limits:
            row.append("kept" if contender.feasible else "missed")
        rows.append(tuple(row))
    return Grid(tuple(one_line(cell, 40) for cell in header), tuple(rows))


def notes(result: TuneResult) -> tuple[str, ...]:
    """Return what a reader has to know besides."""
    lines = []
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


def _value(found: Estimate, unit: Unit) -> str:
    if found.never:
        return f"never in {found.never}"
    return interval(found.mean, found.low, found.high, unit)


def _shown(value: Value) -> str:
    return one_line(str(value), 40)
