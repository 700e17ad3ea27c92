"""What a sweep finds, in sentences: the best setting, what comes up to it, or why there is none.

A range says that all settings within it are as good: a box is named only if no other setting
lies inside. If they do not fill one, they are named by several, the best setting's first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.metrics import Estimate
from simcb.studies.sweep import TOLERANCE, Axis, Ranked, SweepResult, tolerance
from simcb.studies.sweep.axes import Value, quantity_of
from simcb.views.quantities import LONGEST, distinct_labels, interval, quantity

_NO_MATTER = "what is varied does not matter for this"
_ARE = ("is no policy but the world", "are no policies but the world")

MOST_WORLDS = 8
"""Worlds whose best setting is named."""

MOST_BOXES = 4
MOST_WORDS = 8

_Numbers = NDArray[np.int64]
_Mask = NDArray[np.bool_]


def findings(result: SweepResult) -> tuple[str, ...]:
    """Return the best setting, and where those are that cannot be told from it, line by line.

    Where there is no one best, the first line says why, and what the settings come to.
    """
    if not result.known:
        return (f"no setting has a value of {result.objective}",)
    known = sum(each.estimate.n > 0 for each in result.ranking)
    best = result.best
    if best is not None:
        lines = [best_line(result, best), *_apart(result, result.ranking)]
    elif result.bests:
        lines = _best_of_each(result)
    else:
        lines = [f"no best: {why_none(result)}", _from_to(result)]
    if known < len(result):
        lines.append(f"{len(result) - known} of {len(result)} settings have no value of it")
    return tuple(lines)


def why_none(result: SweepResult) -> str:
    """Say why a sweep has no best setting, one for all or one for each world."""
    given = [
        axis.label for axis, policy in zip(result.axes, result.policies, strict=True) if not policy
    ]
    names = " and ".join(given)
    if len(given) == len(result.axes):
        return f"{names} {_ARE[len(given) > 1]}, so nothing is ranked"
    if all(result.failures):
        causes = dict.fromkeys(failure for failure in result.failures if failure)
        return f"every setting {' or '.join(causes)}"
    if given:
        return f"{names} {_ARE[len(given) > 1]}, and no two settings to compare share it"
    return f"no setting that answers anything has a value of {result.objective}"


def _from_to(result: SweepResult) -> str:
    """Say between which values the objective lies, and in which settings."""
    means = {each.setting: each for each in result.ranking if each.estimate.mean is not None}
    if not means:
        return f"{result.objective} is undecided between never and -never"
    numbers = {setting: each.estimate.mean or 0.0 for setting, each in means.items()}
    ends = [means[pick(numbers, key=numbers.__getitem__)] for pick in (min, max)]
    # In the settings' order, a curve rises or falls.
    ends.sort(key=lambda each: each.setting)
    words = [f"{written(each.estimate, result)} at {_named(result, each.setting)}" for each in ends]
    return f"{result.objective} {' to '.join(dict.fromkeys(words))}"


def best_line(result: SweepResult, best: Ranked) -> str:
    """Return the best setting of all, or of its world, in a line."""
    world = ", ".join(map(str, result.world_of(best.setting)))
    head = f"best for {world}" if world else "best"
    return f"{head}: {_named(result, best.setting)}: {_worth(best, result)}"


def _best_of_each(result: SweepResult) -> list[str]:
    """Say which setting is the best in each world, line by line."""
    split = list(zip(result.axes, result.policies, strict=True))
    chosen = [axis for axis, policy in split if policy]
    given = [axis.label for axis, policy in split if not policy]
    lines = [f"best for each {' and '.join(given)}, which {_ARE[len(given) > 1]}:"]
    for best in result.bests[:MOST_WORLDS]:
        world = result.world_of(best.setting)
        rivals = [each for each in result.ranking if result.world_of(each.setting) == world]
        more = _apart(result, rivals, short=True)
        lines.append(
            f"{', '.join(map(str, world))}: {_named(result, best.setting, chosen)}: "
            + "; ".join([_worth(best, result), *more])
        )
    left = len(result.bests) - MOST_WORLDS
    if left > 0:
        lines.append(f"and {left} more; --format csv has all")
    worlds = {result.world_of(number) for number in range(len(result))}
    if len(result.bests) < len(worlds):
        lines.append(
            f"none for {len(worlds) - len(result.bests)} others, where every setting fails"
        )
    return lines


def _apart(result: SweepResult, rivals: Sequence[Ranked], *, short: bool = False) -> list[str]:
    """Say which of the settings that meet one world can be told from the best of them."""
    tied = [each for each in rivals if each.tied]
    known = sum(each.estimate.n > 0 for each in rivals)
    if known < 2:
        return []
    if result.replicates == 1:
        return ["one replicate tells nothing of how sure this is; give --replicates 10"]
    if len(tied) == known:
        return [_none_apart(result, tied)]
    if len(tied) == 1:
        return ["every other setting can be told from it"]
    head = f"{len(tied)} of {known} settings cannot be told from it within {TOLERANCE:.0%}"
    if short:
        return [head]
    where = regions(result, tied)
    return [f"{head}: {where[0]}"] if len(where) == 1 else [f"{head}:", *where]


def _named(result: SweepResult, setting: int, axes: Sequence[Axis] | None = None) -> str:
    """Write a setting's values on all axes, or on some, with their names."""
    return ", ".join(
        f"{axis.label} = {texts[setting]}"
        for axis, texts in zip(result.axes, texts_of(result, 60), strict=True)
        if axes is None or axis in axes
    )


def _worth(each: Ranked, result: SweepResult) -> str:
    return f"{result.objective} {written(each.estimate, result)}"


def _none_apart(result: SweepResult, tied: Sequence[Ranked]) -> str:
    """Say why no setting can be told from the best: because none differs, or nobody knows."""
    numbers = [each.setting for each in tied]
    if len({result.table.series(number, result.objective) for number in numbers}) == 1:
        return f"no setting differs from it in any replicate: {_NO_MATTER}"
    never = [each.estimate.never for each in tied]
    behind = [each.behind for each in tied if each.behind is not None]
    ends = [abs(end) for each in behind for end in (each.low, each.high) if end is not None]
    if max(never) > min(never) or len(ends) < 2 * len(behind):
        differ = f"never in {min(never)} to {max(never)} of {result.replicates} replicates"
    elif max(ends) <= tolerance(tied[0].estimate, result.objective):
        return f"no setting differs from it by {TOLERANCE:.0%}: {_NO_MATTER}"
    else:
        differ = f"differences up to {quantity(max(ends), result.objective.unit)}"
    return f"too few replicates to tell them apart ({differ})"


def texts_of(result: SweepResult, longest: int = LONGEST) -> list[tuple[str, ...]]:
    """Return, for each axis, every setting's value as text."""
    return [
        distinct_labels([str(setting.values[index]) for setting in result.settings], longest)
        for index in range(len(result.axes))
    ]


def written(found: Estimate, result: SweepResult) -> str:
    """Write the objective of a setting, with its interval."""
    unit = result.objective.unit
    if not found.never:
        return interval(found.mean, found.low, found.high, unit)
    others = f", else {quantity(found.finite, unit)}" if found.finite is not None else ""
    return f"never in {found.never}{others}"


def regions(result: SweepResult, tied: Sequence[Ranked]) -> tuple[str, ...]:
    """Return the boxes that the settings of `tied` fill, the first setting's first.

    Numbers are given as a range, `5s … 19.5s`, words are listed. Boxes along a single axis
    share one text.
    """
    scales = [_Scale.of(result, index) for index in range(len(result.axes))]
    places = np.array([scale.places for scale in scales], np.int64).T
    left = [each.setting for each in tied]
    others = np.delete(places, left, axis=0)
    boxes: list[list[str]] = []
    while left and len(boxes) < MOST_BOXES:
        box = _box(scales, places, left, others)
        inside = _inside(box, places)
        boxes.append([s.text(places[inside, i]) for i, s in enumerate(scales)])
        left = [setting for setting in left if not inside[setting]]
    if len(scales) == 1:
        more = [f"{len(left)} more"] if left else []
        return (f"{scales[0].label} {', '.join([text for (text,) in boxes] + more)}",)
    words = ["; ".join(f"{s.label} {t}" for s, t in zip(scales, box, strict=True)) for box in boxes]
    return (*words, f"and {len(left)} more") if left else tuple(words)


@dataclass(frozen=True, eq=False)
class _Scale:
    """An axis's values in order, and which of them each setting has.

    Args:
        label: the axis's name.
        values: its values as text, those that are numbers from the least to the largest.
        ordered: whether they are numbers.
        places: for each setting, the place of its value.
    """

    label: str
    values: tuple[str, ...]
    ordered: bool
    places: tuple[int, ...]

    @classmethod
    def of(cls, result: SweepResult, index: int) -> _Scale:
        found = [setting.values[index] for setting in result.settings]
        values: list[Value] = list(dict.fromkeys(found))
        amounts = {value: quantity_of(value) for value in values}
        numbers = {value: each.number for value, each in amounts.items() if each}
        ordered = len(numbers) == len(values)
        if ordered:
            values.sort(key=lambda value: numbers[value])
        place = {value: at for at, value in enumerate(values)}
        texts = distinct_labels([str(value) for value in values])
        return cls(result.axes[index].label, texts, ordered, tuple(place[each] for each in found))

    def chosen(self, places: _Numbers) -> _Mask:
        """Return which values a box has that is just large enough for these places."""
        mask = np.zeros(len(self.values), np.bool_)
        if self.ordered:
            mask[places.min() : places.max() + 1] = True
        else:
            mask[places] = True
        return mask

    def text(self, places: _Numbers) -> str:
        texts = [self.values[place] for place in np.unique(places).tolist()]
        if self.ordered and len(texts) > 1:
            return f"{texts[0]} … {texts[-1]}"
        return ", ".join(texts[:MOST_WORDS])


def _box(
    scales: Sequence[_Scale], places: _Numbers, left: Sequence[int], others: _Numbers
) -> list[_Mask]:
    """Return a box around the first of the settings that are left, and no other setting.

    It takes in as many of them as it can, the nearest first; what does not fit into a box fits
    into no larger one.
    """
    members = [left[0]]
    box = _around(scales, places[members])
    for setting in sorted(left[1:], key=lambda s: int(abs(places[s] - places[left[0]]).sum())):
        if _inside(box, places[setting : setting + 1])[0]:
            continue
        larger = _around(scales, places[[*members, setting]])
        if not _inside(larger, others).any():
            members.append(setting)
            box = larger
    return box


def _around(scales: Sequence[_Scale], places: _Numbers) -> list[_Mask]:
    return [scale.chosen(places[:, index]) for index, scale in enumerate(scales)]


def _inside(box: Sequence[_Mask], places: _Numbers) -> _Mask:
    """Return which of some places lie in a box."""
    found: _Mask = np.all([mask[places[:, index]] for index, mask in enumerate(box)], axis=0)
    return found
