"""A sweep setting by setting: every setting's numbers by phase, to be looked up with sliders."""

from __future__ import annotations

import math

from simcb.metrics import METRICS
from simcb.metrics.phase import WHOLE
from simcb.scenario.sweep import Kind
from simcb.studies.sweep import Ranked, SweepResult
from simcb.views.document import Explorer, Table
from simcb.views.quantities import UNDEFINED, interval
from simcb.views.run_tables import BY_PHASE
from simcb.views.safe_text import one_line
from simcb.views.sweep_data import texts_of

MOST_SETTINGS = 400
"""Settings that can be looked up: the best; each is some kilobytes of a page."""


def sweep_explorer(result: SweepResult) -> Explorer | None:
    """Return a sweep's settings to be looked up; None if there is only one.

    Of a full grid each axis can be moved; of anything else, the rank.
    """
    shown = result.ranking[:MOST_SETTINGS]
    if len(shown) < 2:
        return None
    texts = texts_of(result)
    values = [tuple(dict.fromkeys(each)) for each in texts]
    grid = result.design.kind is Kind.GRID and result.border is None
    grid = grid and math.prod(map(len, values)) == len(shown)
    if grid:
        axes = tuple(zip(result.labels, values, strict=True))
        places = [
            tuple(each.index(text[one.setting]) for each, text in zip(values, texts, strict=True))
            for one in shown
        ]
    else:
        names = tuple(
            ", ".join(f"{a} = {t[one.setting]}" for a, t in zip(result.labels, texts, strict=True))
            for one in shown
        )
        axes, places = (("place in the ranking", names),), [(n,) for n in range(len(shown))]
    phases = tuple(dict.fromkeys(c.phase for c in result.table.columns if c.phase != WHOLE))
    phases = (*phases, WHOLE)
    cells = {
        place: (_headline(result, one), _numbers(result, one, phases))
        for place, one in zip(places, shown, strict=True)
    }
    rows = zip(BY_PHASE, cells[places[0]][1], strict=True)
    table = Table(
        ("", *(one_line(phase, 28) for phase in phases)),
        tuple((name, *numbers) for name, numbers in rows),
    )
    return Explorer(axes, table, places[0], cells)


def _headline(result: SweepResult, one: Ranked) -> str:
    outcome = result.outcome(one.setting)
    rank = f"rank {one.rank} of {len(result)}" if one.rank else "not ranked"
    same = ", cannot be told from the best" if one.tied else ""
    went = ", ".join(f"{verdict.value} in {count}" for verdict, count in outcome.verdicts.items())
    return f"{rank}{same}; {went or 'in no run'} of {outcome.runs}"


def _numbers(
    result: SweepResult, one: Ranked, phases: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """Return a setting's numbers with their intervals, a row for each metric."""
    outcome = result.outcome(one.setting)
    rows = []
    for name in BY_PHASE:
        found = [outcome.estimate(name, phase) for phase in phases]
        unit = METRICS[name].unit
        rows.append(tuple(interval(e.mean, e.low, e.high, unit) if e else UNDEFINED for e in found))
    return tuple(rows)
