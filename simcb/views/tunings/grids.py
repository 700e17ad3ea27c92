"""The tables of a tune: how far the winner can be moved, its rivals, and the front."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.metrics import Estimate, Unit
from simcb.studies.sweep.objective import Objective
from simcb.studies.tune import Check, Trial, TuneResult
from simcb.views.safe_text import one_line
from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import UNDEFINED, interval
from simcb.views.tunings.findings import shown_value, stretch, wider_stretch
from simcb.views.tunings.regrets import readings

BEST = "best"
"""What the winner is called in tables."""

MOST_OF_FRONT = 6
"""Settings of the front that are shown."""


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
                shown_value(reach.value),
                stretch(reach),
                wider_stretch(reach),
                *(each.amount(stake) for each, stake in stakes),
                UNDEFINED if importance is None else f"{importance:.0%}",
            )
        )
    return Grid((*header, "importance"), tuple(rows))


def front_title(result: TuneResult) -> str:
    """Return what the table of the front shows, in a line."""
    more = len(result.front) - len(_shown_front(result))
    rest = f"; {more} more are in trials.csv and in --format json" if more else ""
    return f"the front, by worst regret: each is beaten by none in all aims{rest}"


def front_grid(result: TuneResult) -> Grid:
    """Return settings of the front as a table, the winner and others from end to end."""
    read = readings(result)
    header = ["front", *(axis.label for axis in result.axes), *(each.name for each in read)]
    rows = []
    for trial in _shown_front(result):
        name = BEST if trial.number == result.winner else f"trial {trial.number}"
        values = [shown_value(value) for value in trial.setting.values]
        losses = zip(read, trial.worst, strict=True)
        rows.append((name, *values, *(each.amount(loss) for each, loss in losses)))
    return Grid(tuple(one_line(cell, 40) for cell in header), tuple(rows))


def _shown_front(result: TuneResult) -> list[Trial]:
    """Return the settings of the front that are shown, in the order of the first aim."""
    front = sorted((result.trials[number] for number in result.front), key=lambda each: each.worst)
    if len(front) <= MOST_OF_FRONT:
        return front
    steps = [round(step * (len(front) - 1) / (MOST_OF_FRONT - 2)) for step in range(MOST_OF_FRONT)]
    kept = {front[place].number for place in steps[: MOST_OF_FRONT - 1]} | {result.winner}
    return [trial for trial in front if trial.number in kept]


def check_title(check: Check) -> str:
    """Return what the check was, in a line."""
    return f"on fresh luck (seed {check.seed}, {check.replicates} runs of each in each scenario)"


def fitting(result: TuneResult, width: int) -> int:
    """Return how many scenarios the table of contenders has room for on a page."""
    for shown in range(len(result.storms), 0, -1):
        if check_grid(result, shown).width <= width:
            return shown
    return 0


def check_grid(result: TuneResult, most: int | None = None) -> Grid:
    """Return the contenders on fresh luck as a table, the winner first.

    The scenario in which the winner loses most is what decides, and the first.

    Args:
        result: a tune that was checked.
        most: how many scenarios to show side by side; all if None.
    """
    check = result.check
    assert check is not None
    shown = _by_weight(result)[:most]
    header = ["contender"]
    for aim in result.aims:
        about = _about(result, aim)
        header += [f"worst regret{about}", f"behind{about}"]
    header += [f"{result.storms[place].name} {aim}" for place in shown for aim in result.aims]
    if result.storms[0].limits:
        header.append("limits")
    rows = []
    for contender in check.contenders:
        row = [contender.marked_name or BEST]
        for index, read in enumerate(readings(result)):
            behind = contender.behind[index] if contender.behind else None
            row += [read.words(contender.worst[index]), read.words(behind) if behind else BEST]
        for place in shown:
            found = contender.storms[place].aims
            row += [_value(each, aim.unit) for aim, each in zip(result.aims, found, strict=True)]
        if result.storms[0].limits:
            row.append("kept" if contender.feasible else "missed")
        rows.append(tuple(row))
    return Grid(tuple(one_line(cell, 40) for cell in header), tuple(rows))


def differing(check: Check) -> list[str]:
    """Return what the libraries do otherwise than the rows marked with their names, in lines."""
    found: dict[str, list[str]] = {}
    for contender in check.contenders:
        if contender.differs:
            found.setdefault(contender.differs, []).append(contender.name)
    return [f"* {'; '.join(names)}: {differs}" for differs, names in found.items()]


def left_out(result: TuneResult, shown: int | None) -> str:
    """Return which scenarios a table has no room for, as a line; "" if it has room for all."""
    if shown is None or shown >= len(result.storms):
        return ""
    names = [one_line(result.storms[place].name, 40) for place in _by_weight(result)[shown:]]
    less = ", where the best loses less" if shown else ""
    return (
        f"no room for {_listed(names)}{less}; a wider page, contenders.csv and "
        "--format json have all"
    )


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _by_weight(result: TuneResult) -> list[int]:
    """Return the storms' places, that in which the winner loses most first."""
    assert result.check is not None
    found = result.check.winner.storms
    losses = [max(each.mean or 0.0 for each in storm.regret) for storm in found]
    return sorted(range(len(found)), key=lambda place: -losses[place])


def _about(result: TuneResult, aim: Objective) -> str:
    """Return an aim's name behind another word, where there are several."""
    return f" {aim}" if len(result.aims) > 1 else ""


def _value(found: Estimate, unit: Unit) -> str:
    if found.never:
        return f"never in {found.never}"
    return interval(found.mean, found.low, found.high, unit)
