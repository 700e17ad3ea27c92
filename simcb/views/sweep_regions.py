"""Where the settings of a sweep that are as good as the best lie: boxes of its axes' values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simcb.scenario.units import Value, quantity_of
from simcb.studies.sweep import Ranked, SweepResult
from simcb.views.quantities import distinct_labels

MOST_BOXES = 4
MOST_WORDS = 8

_Numbers = NDArray[np.int64]
_Mask = NDArray[np.bool_]


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
        return cls(result.labels[index], texts, ordered, tuple(place[each] for each in found))

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
