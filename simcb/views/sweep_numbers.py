"""One number of a sweep over what was varied: as a grid where that is one, else line by line."""

from __future__ import annotations

from simcb.metrics import Estimate
from simcb.scenario.sweep import Kind
from simcb.studies.evaluation.objective import Objective
from simcb.studies.sweep import SweepResult
from simcb.views.document import Table
from simcb.views.quantities import interval, quantity
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import texts_of


def number_table(result: SweepResult, objective: Objective) -> Table:
    """Return a number of every setting as a table.

    A grid of two axes has the first down and the second across, means alone, and says below how
    wide their intervals are. Anything else has a line for each setting.
    """
    found = result.estimates(objective)
    texts = texts_of(result)
    values = [tuple(dict.fromkeys(each)) for each in texts]
    by_texts = dict(zip(zip(*texts, strict=True), found, strict=True))
    grid = result.design.kind is Kind.GRID and result.border is None
    if not (grid and len(values) == 2 and len(by_texts) == len(values[0]) * len(values[1])):
        header = (*result.labels, str(objective))
        lines = [
            (*(text[number] for text in texts), _with_interval(each, objective))
            for number, each in enumerate(found)
        ]
        return Table(tuple(one_line(each, 60) for each in header), tuple(lines))
    cells = {key: quantity(each.mean, objective.unit) for key, each in by_texts.items()}
    rows = [(down, *(cells[down, across] for across in values[1])) for down in values[0]]
    first, second = (one_line(each, 60) for each in result.labels)
    return Table(
        (first, *values[1]),
        tuple(rows),
        spans=((second, len(values[1])),),
        notes=(one_line(str(objective), 60) + _widest(found, objective),),
        breakable=True,
    )


def _with_interval(found: Estimate, objective: Objective) -> str:
    return interval(found.mean, found.low, found.high, objective.unit)


def _widest(found: list[Estimate], objective: Objective) -> str:
    """Say how far an interval reaches at most from its mean; nothing if there is none."""
    halves = [
        max(each.high - each.mean, each.mean - each.low)
        for each in found
        if each.mean is not None and each.low is not None and each.high is not None
    ]
    if not halves:
        return ""
    return f", means; their 95% intervals reach up to {quantity(max(halves), objective.unit)} away"
