"""The ranking: settings from best to worst, and which cannot be told from the best.

Settings share their luck, so a setting is compared with the best replicate by replicate: the
interval of the paired difference is much narrower than those of the two means, and a setting
whose difference may be zero cannot be told from the best. It is 95 % for each setting by
itself; among twenty that are as good as the best, one will wrongly be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate, difference
from simcb.studies.sweep.objective import Better, Objective
from simcb.studies.sweep.table import Table


@dataclass(frozen=True)
class Ranked:
    """A setting's place.

    Args:
        rank: from 1, the best.
        setting: its number.
        estimate: the objective, its mean and interval.
        behind: the paired difference to the best setting, this one minus the best; None for
            the best itself.
        tied: whether it cannot be told from the best; the best is tied with itself.
    """

    rank: int
    setting: int
    estimate: Estimate
    behind: Estimate | None
    tied: bool


def rank(table: Table, objective: Objective) -> tuple[Ranked, ...]:
    """Return the settings of which the objective is known, the best first, then the others.

    Equal means keep the order of the settings.
    """
    estimates = [table.estimate(number, objective) for number in range(len(table))]
    order = sorted(range(len(table)), key=lambda n: (_badness(estimates[n], objective), n))
    if not order:
        return ()
    best = table.series(order[0], objective)
    known = estimates[order[0]].mean is not None
    ranked = [Ranked(1, order[0], estimates[order[0]], None, known)]
    for place, number in enumerate(order[1:], 2):
        series = table.series(number, objective)
        behind = difference(best, series)
        tied = estimates[number].mean is not None and _is_tied(best, series, behind)
        ranked.append(Ranked(place, number, estimates[number], behind, tied))
    return tuple(ranked)


def _badness(found: Estimate, objective: Objective) -> float:
    """Return what is the larger the worse; what is undefined is worst."""
    if found.mean is None:
        return math.inf
    signed = -found.mean if objective.better is Better.HIGHER else found.mean
    # A time that never came is worse than any that did, and better than nothing known.
    return min(signed, 1e300)


def _is_tied(best: Sequence[float | None], other: Sequence[float | None], behind: Estimate) -> bool:
    if tuple(best) == tuple(other):
        return True
    if behind.low is None or behind.high is None:
        return behind.mean == 0.0
    return behind.low <= 0.0 <= behind.high
