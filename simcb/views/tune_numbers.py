"""How those that a tune held against each other did, with fresh seeds, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.studies.tune import Contender, TuneResult
from simcb.views.document import Table
from simcb.views.quantities import UNDEFINED
from simcb.views.safe_text import one_line
from simcb.views.tune import BEST
from simcb.views.tune_data import at_least, readings
from simcb.views.tune_family import day_cells

_LONGEST = 40


def standing_table(result: TuneResult, contenders: Sequence[Contender]) -> Table:
    """Return the worst regret of each contender, and how far it is behind the best, paired."""
    header = ["contender"]
    for aim in map(str, result.aims):
        about = f" {aim}" if len(result.aims) > 1 else ""
        header += [f"worst regret{about}", f"behind the best{about}"]
    rows = []
    for each in contenders:
        row = [_name(each)]
        for place, read in enumerate(readings(result)):
            behind = each.behind[place] if each.behind else None
            row.append(at_least(each) + read.words(each.worst[place]))
            row.append(at_least(each) + read.words(behind) if behind else BEST)
        rows.append(tuple(row))
    return Table(tuple(one_line(each, _LONGEST) for each in header), tuple(rows))


def regret_table(result: TuneResult, contenders: Sequence[Contender]) -> Table:
    """Return what each contender loses in each scenario, by aim where there are several."""
    rows = []
    for place, scenario in enumerate(result.scenarios):
        if scenario.is_day:
            # It is no storm: what counts there is what is lost needlessly.
            lost = [day_cells(each)[0] for each in contenders]
            rows.append((one_line(f"{scenario.name}, lost needlessly", 60), *lost))
            continue
        for number, (aim, read) in enumerate(zip(scenario.aims, readings(result), strict=True)):
            about = f" {aim}" if len(scenario.aims) > 1 else ""
            found = [each.scenarios[place].regret for each in contenders]
            cells = (read.words(each[number]) if each else UNDEFINED for each in found)
            rows.append((one_line(f"{scenario.name}{about}", 60), *cells))
    header = ("regret", *map(_name, contenders))
    return Table(header, tuple(rows), breakable=True)


def _name(contender: Contender) -> str:
    return one_line(contender.marked_name, _LONGEST) or BEST
