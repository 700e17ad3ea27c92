"""What a tune says: the winner, what it beats, how far it can be moved, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from simcb.metrics import Estimate, Unit
from simcb.studies.evaluation.objective import Objective
from simcb.studies.tune import (
    NO_BREAKER,
    YOURS,
    Check,
    Contender,
    Reach,
    Trial,
    TuneResult,
)
from simcb.views.data import csv_lines
from simcb.views.document import Block, CheckResult, Document, Figure, Table, all_made
from simcb.views.files import write_text
from simcb.views.quantities import UNDEFINED, interval, quantity
from simcb.views.safe_text import one_line
from simcb.views.tune_data import (
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
    day_cells,
    day_front,
    day_front_table,
    family_lines,
    headline,
    storm_table,
)

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

MOST_OF_FRONT = 6
"""Settings of the front that are shown."""


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
    names = _listed(listed, 6 if len(listed) > 8 else 8)
    aims = ", ".join(f"{aim.better.value} {aim}" for aim in result.aims)
    return (
        f"{names}: {aims}, seed {result.seed}, {result.searched} settings searched, "
        f"{len(result.trials) - result.searched} more around the best, up to "
        f"{result.replicates} replicates"
    )


def notes(result: TuneResult) -> tuple[str, ...]:
    """Return what a reader has to know besides."""
    lines = []
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
        where = one_line(result.scenarios[first.cell.scenario].name, 60)
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
            names = [one_line(result.scenarios[each.scenario].name, 40) for each in here]
            where = [
                f"{count} of {each.runs} runs of {name}"
                for each, count, name in zip(here, counts, names, strict=True)
                if count
            ]
            if where:
                more = f" and in {len(where) - 3} more scenarios" if len(where) > 3 else ""
                listed = ", ".join(where[:3])
                lines.append(f"{aim} {what} in {listed}{more}: each counts as {as_what}")
    return lines


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
    header = ["front", *(axis.label for axis in result.axes), *(each.name for each in read)]
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
    rows = []
    for contender in check.contenders:
        row = [contender.marked_name or BEST]
        for index, read in enumerate(readings(result)):
            behind = contender.behind[index] if contender.behind else None
            row += [read.words(contender.worst[index]), read.words(behind) if behind else BEST]
        for place in shown:
            found = contender.scenarios[place].aims
            row += [_value(each, aim.unit) for aim, each in zip(result.aims, found, strict=True)]
        row += day_cells(contender) if check.winner.day else []
        row += ["kept" if contender.feasible else "missed"] * limited
        rows.append(tuple(row))
    return Table(
        tuple(one_line(cell, 40) for cell in header),
        tuple(rows),
        heading="The best beside others",
        title=f"on a fresh seed ({check.seed}; {check.replicates} runs of each in each scenario)",
        notes=() if result.family else _left_out(result, most),
    )


def differing(check: Check) -> list[str]:
    """Return what the libraries do otherwise than the rows marked with their names, in lines."""
    found: dict[str, list[str]] = {}
    for contender in check.contenders:
        if contender.differs:
            found.setdefault(contender.differs, []).append(contender.name)
    return [f"* {'; '.join(names)}: {differs}" for differs, names in found.items()]


def _left_out(result: TuneResult, shown: int) -> tuple[str, ...]:
    """Return which scenarios a table has no room for, as a line; nothing if it has all."""
    names = [one_line(result.scenarios[place].name, 40) for place in _by_weight(result)[shown:]]
    if not names:
        return ()
    less = ", where the best loses less" if shown else ""
    remedy = "a wider page, contenders.csv and --format json have all"
    return (f"no room for {_listed(names)}{less}; {remedy}",)


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _by_weight(result: TuneResult) -> list[int]:
    """Return the places of the scenarios, that in which the winner loses most first."""
    assert result.check is not None
    found = result.check.winner.scenarios
    losses = [
        max((each.mean or 0.0 for each in scenario.regret), default=0.0) for scenario in found
    ]
    return sorted(range(len(found)), key=lambda place: -losses[place])


def _about(result: TuneResult, aim: Objective) -> str:
    """Return an aim's name behind another word, where there are several."""
    return f" {aim}" if len(result.aims) > 1 else ""


def _value(found: Estimate, unit: Unit) -> str:
    if found.never:
        return f"never in {found.never}"
    return interval(found.mean, found.low, found.high, unit)


def _draw(result: TuneResult) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.tune import tune_figure

    return tune_figure(result)


USUAL = "pybreaker 5/60s"
"""The contender that most people run: the one named in the first lines."""

BEATS = "beats"


def findings(result: TuneResult) -> tuple[str, ...]:
    """Return the winner, and what it is worth, each as a line."""
    if result.winner is None:
        return ("no setting was run to the end",)
    values = ", ".join(
        f"{axis.label} = {shown_value(value)}"
        for axis, value in zip(
            result.axes, result.trials[result.winner].setting.values, strict=True
        )
    )
    lines = [headline(result, values)]
    if not result.feasible:
        limits = ", ".join(limit.text for limit in result.scenarios[0].limits)
        limits = limits or f"the ordinary day within {quantity(result.day_budget, Unit.SHARE)}"
        lines = [f"no setting keeps {limits}; the nearest: {values}"]
    if result.check is not None:
        lines += _won(result, result.check)
        lines += family_lines(result) if result.family else ()
    if result.reach:
        stretches = "; ".join(f"{each.axis.label} {stretch(each)}" for each in result.reach)
        near = quantity(result.tolerance, Unit.SHARE)
        lines.append(f"as good within {near}, one at a time: {stretches}")
    lines += [_at_the_edge(reach) for reach in result.reach if reach.beyond]
    return tuple(lines)


def _won(result: TuneResult, check: Check) -> list[str]:
    """Return how the winner compares with what people run, and who else comes up to it."""
    lines = []
    if result.feasible and not check.winner.feasible:
        lines.append(f"on a fresh seed it misses {', '.join(_missed(check.winner))}")
    others: dict[str, list[str]] = {}
    for contender in check.contenders[1:]:
        compared, why = _compared(check.winner, contender)
        if contender.name in (YOURS, NO_BREAKER if result.family else USUAL):
            difference = _difference(result, contender)
            lines.append(f"{compared} {contender.marked_name}{why}: {difference}")
        elif compared != BEATS:
            others.setdefault(compared, []).append(contender.marked_name)
    lines += [f"{compared} {'; '.join(names)}" for compared, names in others.items()]
    return lines


def _compared(winner: Contender, contender: Contender) -> tuple[str, str]:
    """Return in a word or two whether the winner beats a contender, and why whatever the aim."""
    if winner.feasible and not contender.feasible:
        return BEATS, f", which misses {', '.join(_missed(contender))}"
    if contender.feasible and not winner.feasible:
        return "loses to", f", which keeps {', '.join(_missed(winner))}"
    behind = contender.behind or ()
    sure = any(each.low is not None and each.low > 0.0 for each in behind)
    lost = any(each.high is not None and each.high < 0.0 for each in behind)
    if lost:
        return ("is good otherwise than" if sure else "loses to"), ""
    return (BEATS if sure else "cannot be told from"), ""


def _difference(result: TuneResult, contender: Contender) -> str:
    """Return by how much the winner is better, worse, or neither, for each aim."""
    many = len(result.scenarios) > 1
    better, worse = ("lower by", "higher by") if many else ("better by", "worse by")
    said: dict[str, list[str]] = {better: [], worse: [], "no different in": []}
    for read, behind in zip(readings(result), contender.behind or (), strict=True):
        if not behind.mean:
            said["no different in"].append(read.name)
        elif behind.mean > 0.0:
            said[better].append(f"{read.words(behind)} of {read.name}")
        else:
            said[worse].append(f"{read.words(_turned(behind))} of {read.name}")
    words = " and ".join(f"{how} {', '.join(what)}" for how, what in said.items() if what)
    return f"worst regret {words}" if many else words


def _turned(found: Estimate) -> Estimate:
    """Return an estimate of the opposite."""
    mean, low, high = (None if x is None else -x for x in (found.mean, found.high, found.low))
    return replace(found, mean=mean, low=low, high=high)


def _missed(contender: Contender) -> tuple[str, ...]:
    """Return the limits that a contender misses somewhere."""
    limits = (limit for scenario in contender.scenarios for limit in scenario.limits)
    return tuple(dict.fromkeys(one_line(limit.text, 80) for limit in limits if not limit.passed))


def _at_the_edge(reach: Reach) -> str:
    span, numbers = reach.axis.span, reach.axis.numbers or ()
    if reach.axis.values:
        by_number = dict(zip(numbers, reach.axis.values, strict=True))
        low, high = by_number[min(numbers)], by_number[max(numbers)]
    else:
        assert span is not None
        low, high = span.at(0.0), span.at(1.0)
    end = low if reach.beyond == "below" else high
    return (
        f"{reach.axis.label} = {shown_value(reach.value)} is at the edge of its range: "
        f"look {reach.beyond} {shown_value(end)}"
    )


def explained(result: TuneResult) -> str:
    """Return what a regret is, in a line."""
    pairs = zip(result.aims, readings(result), strict=True)
    alone = len(result.aims) == 1
    shares = [each.share if alone else f"{aim} {each.share}" for aim, each in pairs if each.share]
    how = f" ({'; '.join(shares)})" if shares else ""
    return (
        f"regret: what is lost to the best setting known for a scenario alone{how}; "
        "behind: how much more than the best loses"
    )
