"""What a tune says: the winner, what it beats, how far it can be moved, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from simcb.studies.evaluation.objective import Objective
from simcb.studies.tune import Check, Trial, TuneResult
from simcb.views.data import csv_lines
from simcb.views.document import Block, CheckResult, Document, Figure, Table, all_made, first_of
from simcb.views.files import write_text
from simcb.views.quantities import UNDEFINED
from simcb.views.safe_text import one_line
from simcb.views.tune_data import (
    at_least,
    contender_rows,
    overlay,
    readings,
    shown_value,
    stretch,
    trial_rows,
    tune_object,
    wider_stretch,
)
from simcb.views.tune_family import (
    DAY_COLUMNS,
    MOST_OF_FRONT,
    aim_words,
    day_cells,
    day_front,
    day_front_table,
    storm_table,
)
from simcb.views.tune_findings import findings, notes

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

PICTURE = "tune"
"""The name of a tune's figure."""

BEST = "best"
"""What the winner is called in tables."""

_CAPTION = (
    "What moving each value of the best costs, and how the best does on fresh random streams "
    "beside the others."
)


def tune_document(result: TuneResult, *, repeat: str = "") -> Document:
    """Return what a tune says; `repeat` is the command that gives the same again."""
    files = {
        "trials.csv": lambda path: write_text(path, csv_lines(trial_rows(result))),
        "contenders.csv": lambda path: write_text(path, csv_lines(contender_rows(result))),
    }
    if result.winner is not None:
        files["best.yaml"] = lambda path: write_text(path, [overlay(result, repeat)])
    document = Document(
        title(result),
        lambda: tune_object(result) | {"repeat": repeat},
        lambda: trial_rows(result),
        findings=findings(result),
        blocks=tuple(_blocks(result)),
        checks=_checks(result),
        facts={"seed": str(result.seed), "replicates": str(result.replicates)},
        repeat=repeat,
        files=files,
        sources=_sources(result),
    )
    return document.tagged(result.tags)


def _checks(result: TuneResult) -> tuple[CheckResult, ...]:
    group = f"tune of {', '.join(scenario.name for scenario in result.scenarios)}"
    limits = ", ".join(limit.text for limit in result.scenarios[0].limits)
    problem = "" if result.feasible else findings(result)[0]
    kept = (CheckResult(group, f"a setting keeps {limits}", problem, "limit"),) if limits else ()
    return (*kept, all_made(group, [each.reason for each in result.lost]))


def _blocks(result: TuneResult) -> Iterator[Block]:
    if result.reach:
        yield reach_table(result)
    if len(result.aims) > 1 and len(result.front) > 1:
        yield front_table(result)
    if result.check is not None and result.family:
        yield storm_table(result)
        if len(day_front(result)) > 1:
            yield day_front_table(result)
    if result.check is not None:
        yield contender_table(result)
    yield from notes(result)
    if result.winner is not None:
        yield Figure(PICTURE, partial(_draw, result), _CAPTION)


def _sources(result: TuneResult) -> dict[str, Callable[[], str]]:
    """Return what the tune was given and what it gives, as YAML."""
    found = {
        f"Scenario {number}, {scenario.name}": scenario.base.to_yaml
        for number, scenario in enumerate(result.scenarios, start=1)
    }
    if result.winner is None:
        return found
    return {"The best as an overlay, for simcb run -f": lambda: overlay(result)} | found


def title(result: TuneResult) -> str:
    """Return what was tuned, in a line."""
    listed = [one_line(scenario.name, 40) for scenario in result.scenarios]
    names = first_of(listed, 6 if len(listed) > 8 else 8)
    aims = ", ".join(f"{aim.better.value} {aim}" for aim in result.aims)
    return (
        f"{names}: {aims}, seed {result.seed}, {result.searched} settings searched, "
        f"{len(result.trials) - result.searched} more around the best, up to "
        f"{result.replicates} replicates"
    )


def reach_table(result: TuneResult) -> Table:
    """Return how far each of the winner's values can be moved, as a table."""
    read = readings(result)
    header = ["parameter", BEST, "as good", "not shown worse"]
    header += [f"max loss{_about(result, aim)}" for aim in result.aims]
    rows = []
    for reach, importance in zip(result.reach, result.importance, strict=True):
        losses = zip(read, reach.stakes, strict=True)
        rows.append(
            (
                one_line(reach.axis.path, 60),
                shown_value(reach.value),
                stretch(reach),
                wider_stretch(reach),
                *(each.amount(loss) for each, loss in losses),
                UNDEFINED if importance is None else f"{importance:.0%}",
            )
        )
    heading = "How far each value can be moved"
    return Table((*header, "importance"), tuple(rows), heading=heading)


def front_table(result: TuneResult) -> Table:
    """Return settings of the front as a table, the winner and others from end to end."""
    read = readings(result)
    header = ["front", *result.labels, *(each.name for each in read)]
    rows = []
    for trial in _shown_front(result):
        name = BEST if trial.number == result.winner else f"trial {trial.number}"
        values = [shown_value(value) for value in trial.setting.values]
        losses = zip(read, trial.worst, strict=True)
        rows.append((name, *values, *(each.amount(loss) for each, loss in losses)))
    more = len(result.front) - len(rows)
    rest = f"; {more} more are in trials.csv and in --format json" if more else ""
    title = f"the front, by worst regret: each is beaten by none in all aims{rest}"
    return Table(
        tuple(one_line(cell, 40) for cell in header), tuple(rows), title=title, heading="Front"
    )


def _shown_front(result: TuneResult) -> list[Trial]:
    """Return the settings of the front that are shown, in the order of the first aim."""
    front = sorted((result.trials[number] for number in result.front), key=lambda each: each.worst)
    if len(front) <= MOST_OF_FRONT:
        return front
    steps = [round(step * (len(front) - 1) / (MOST_OF_FRONT - 2)) for step in range(MOST_OF_FRONT)]
    kept = {front[place].number for place in steps[: MOST_OF_FRONT - 1]} | {result.winner}
    return [trial for trial in front if trial.number in kept]


def contender_table(result: TuneResult) -> Table:
    """Return the contenders on a fresh seed as a table, the winner first.

    The scenario in which the winner loses most is what decides, and the first; on a narrow page
    the others are left out, and named.
    """
    most = 0 if result.family else len(result.scenarios)
    forms = [_contenders(result, shown) for shown in range(most, -1, -1)]
    return replace(forms[0], narrower=tuple((each,) for each in forms[1:]))


def _contenders(result: TuneResult, most: int) -> Table:
    """Return the table of contenders with so many scenarios side by side."""
    check = result.check
    assert check is not None
    shown = _by_weight(result)[:most]
    header = ["contender"]
    for aim in result.aims:
        about = _about(result, aim)
        header += [f"worst regret{about}", f"behind{about}"]
    header += [f"{result.scenarios[place].name} {aim}" for place in shown for aim in result.aims]
    limited = bool(result.scenarios[0].limits)
    header += [name for name, _ in DAY_COLUMNS] if check.winner.day else []
    header += ["limits"] * limited
    header += ["runs"] * result.family
    rows = []
    for contender in check.contenders:
        row = [contender.marked_name or BEST]
        least = at_least(contender)
        for index, read in enumerate(readings(result)):
            behind = contender.behind[index] if contender.behind else None
            row.append(least + read.words(contender.worst[index]))
            row.append(least + read.words(behind) if behind else BEST)
        for place in shown:
            found = contender.scenarios[place].aims
            row += [aim_words(each, aim.unit) for aim, each in zip(result.aims, found, strict=True)]
        row += day_cells(contender) if check.winner.day else []
        row += ["kept" if contender.feasible else "missed"] * limited
        row += [f"{contender.runs}{', stopped early' * contender.stopped}"] * result.family
        rows.append(tuple(row))
    return Table(
        tuple(one_line(cell, 40) for cell in header),
        tuple(rows),
        heading="The best beside others",
        title=f"on a fresh seed ({check.seed}; up to {check.replicates} runs in each scenario)"
        if result.family
        else f"on a fresh seed ({check.seed}; {check.replicates} runs of each in each scenario)",
        notes=_early(check) if result.family else _left_out(result, most),
    )


def _early(check: Check) -> tuple[str, ...]:
    """Return what a row is that was stopped early, as a line; nothing if none was."""
    if not any(each.stopped for each in check.contenders):
        return ()
    return ("≥ at least: stopped early, as it was behind beyond doubt where it was run",)


def _left_out(result: TuneResult, shown: int) -> tuple[str, ...]:
    """Return which scenarios a table has no room for, as a line; nothing if it has all."""
    names = [one_line(result.scenarios[place].name, 40) for place in _by_weight(result)[shown:]]
    if not names:
        return ()
    less = ", where the best loses less" if shown else ""
    remedy = "a wider page, contenders.csv and --format json have all"
    return (f"no room for {first_of(names)}{less}; {remedy}",)


def _by_weight(result: TuneResult) -> list[int]:
    """Return the places of the scenarios, that in which the winner loses most first."""
    assert result.check is not None
    losses = result.check.winner.losses
    return sorted(range(len(losses)), key=lambda place: -losses[place])


def _about(result: TuneResult, aim: Objective) -> str:
    """Return an aim's name behind another word, where there are several."""
    return f" {aim}" if len(result.aims) > 1 else ""


def _draw(result: TuneResult) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.tune import tune_figure

    return tune_figure(result)
