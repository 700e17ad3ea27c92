"""The ranking: settings from best to worst, and which cannot be told from the best.

Only settings that meet the same world are ranked, each world's by themselves: a breaker cannot
choose how many requests come. Nothing is ranked where only the world is varied, and where every
setting fails.

A setting is the better the fewer of its replicates are `never`, and among equals the better
its mean over the others; so a time that never came outweighs any that did.

Settings share their random streams, so a setting is compared with the best replicate by
replicate: the interval of the paired difference is much narrower than those of the two means. It
is told from the best only if it is shown to be worse, by more than `TOLERANCE`; what has no
interval shows nothing. Each setting is tested by itself, at 95 %; among twenty that are as good
as the best, one will wrongly be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate, Unit, bounds_of, difference, estimate
from simcb.metrics.intervals import CONFIDENCE
from simcb.scenario.units import Value
from simcb.studies.evaluation.objective import Better, Objective
from simcb.studies.evaluation.settings import Setting
from simcb.studies.evaluation.table import Failure, Table

TOLERANCE = 0.01
"""The part of the best setting's number by which another may be worse and still be as good."""

ROUNDING = 1e-9
"""Part of a difference below which another one is the same, but for sums of floats."""


@dataclass(frozen=True)
class Ranked:
    """A setting's place.

    Args:
        rank: from 1, the best of those that meet the same world; None if those are not ranked.
        setting: its number.
        estimate: the objective, its mean and interval.
        behind: the paired difference to that best setting, this one minus the best; None for
            the best itself, and without a rank.
        tied: whether it cannot be told from that best; the best is tied with itself, and a
            setting without a value or a rank with none.
    """

    rank: int | None
    setting: int
    estimate: Estimate
    behind: Estimate | None
    tied: bool


World = tuple[Value, ...]
"""The values of the axes that vary the world."""


def world_of(setting: Setting, policies: Sequence[bool]) -> World:
    """Return the world that a setting meets: its values of the axes that are no policy."""
    pairs = zip(setting.values, policies, strict=True)
    return tuple(value for value, policy in pairs if not policy)


def rank(
    table: Table,
    objective: Objective,
    worlds: Sequence[World],
    failures: Sequence[Failure | None],
    *,
    chosen: bool = True,
) -> tuple[Ranked, ...]:
    """Return the settings of which the objective is known, the best first, then the others.

    Of several worlds the best of each come first, in the worlds' order, then the second ones.
    Equals keep the order of the settings. A setting that answers nothing comes after all that
    answer something, whatever its number.

    Args:
        table: the numbers.
        objective: what settings are judged by.
        worlds: which world each setting meets.
        failures: why each setting has failed as a whole, if it has.
        chosen: whether a policy is varied at all.
    """
    estimates = [table.estimate(number, objective) for number in range(len(table))]
    members: dict[World, list[int]] = {}
    for number, world in enumerate(worlds):
        members.setdefault(world, []).append(number)
    placed = []
    for order, numbers in enumerate(members.values()):
        comparable = chosen and (len(numbers) > 1 or len(members) == 1)
        if comparable:
            numbers.sort(
                key=lambda n: (
                    failures[n] is Failure.UNANSWERED,
                    badness(estimates[n], objective),
                    n,
                )
            )
        crowned = comparable and not all(failures[number] for number in numbers)
        found = _ranked(table, objective, estimates, numbers, crowned=crowned)
        placed += [(place, order, each) for place, each in enumerate(found)]
    return tuple(each for _, _, each in sorted(placed, key=lambda each: each[:2]))


def _ranked(
    table: Table,
    objective: Objective,
    estimates: Sequence[Estimate],
    order: Sequence[int],
    *,
    crowned: bool,
) -> list[Ranked]:
    """Return the settings of one world, in order, held against the first if that is the best."""
    if not crowned:
        return [Ranked(None, number, estimates[number], None, False) for number in order]
    first = estimates[order[0]]
    best, least = table.series(order[0], objective), tolerance(first, objective)
    ranked = [Ranked(1, order[0], first, None, first.n > 0)]
    for place, number in enumerate(order[1:], 2):
        series = table.series(number, objective)
        tied = estimates[number].n > 0 and not is_worse(best, series, objective, least)
        behind = difference(best, series, bounds_of(objective.unit))
        ranked.append(Ranked(place, number, estimates[number], behind, tied))
    return ranked


def badness(found: Estimate, objective: Objective) -> tuple[bool, float, float]:
    """Return what is the larger the worse; what is undefined is worst."""
    if not found.n:
        return True, 0.0, 0.0
    sign = _sign(objective)
    return False, sign * found.never / found.n, sign * (found.finite or 0.0)


def tolerance(best: Estimate, objective: Objective) -> float:
    """Return by how much a setting may be worse than the best and still be as good.

    A share is measured by itself or by what it lacks of the whole, whichever is less: 99 %
    available is not as good as 99.99 %.
    """
    size = best.finite or 0.0
    if objective.unit is Unit.SHARE:
        size = min(size, 1.0 - size)
    return TOLERANCE * max(size, 0.0)


def _sign(objective: Objective) -> float:
    return -1.0 if objective.better is Better.HIGHER else 1.0


def is_worse(
    best: Sequence[float | None],
    other: Sequence[float | None],
    objective: Objective,
    least: float,
) -> bool:
    """Return whether the other is shown to be worse: more often `never`, or by its numbers."""
    pairs = [(a, b) for a, b in zip(best, other, strict=True) if a is not None and b is not None]
    never = [float(math.isinf(b)) - float(math.isinf(a)) for a, b in pairs]
    numbers = [b - a for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    sign = _sign(objective)
    tests = (never, 0.0), (numbers, least)
    return any(_exceed([sign * each for each in found], by) for found, by in tests)


def _exceed(differences: Sequence[float], least: float) -> bool:
    """Return whether paired differences show more than chance, and a mean of more than `least`.

    Where all that are not zero have one size, as yes and no have, their spread says nothing of
    chance, and the exact test of their signs decides (McNemar's, for yes and no).
    """
    found = estimate(differences)
    if found.mean is None or found.mean <= least:
        return False
    sizes = [abs(each) for each in differences if each]
    if max(sizes) - min(sizes) <= ROUNDING * max(sizes):
        worse = sum(each > 0.0 for each in differences)
        return _chance(worse, len(sizes)) <= 1.0 - CONFIDENCE
    return found.low is not None and found.low > least


def _chance(hits: int, n: int) -> float:
    """Return how likely n tosses of a coin fall at least as unevenly as `hits` of them."""
    tails = sum(math.comb(n, k) for k in range(max(hits, n - hits), n + 1))
    return min(1.0, 2 * tails / (1 << n))
