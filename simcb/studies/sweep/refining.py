"""Refinement: more settings where a border runs, and none where it does not.

The grid's boxes are halved in every direction wherever their known points lie on different
sides of the border, again and again, until the finest distance is reached. A border of a map
is a line, and a line needs few boxes: an 8 × 8 grid refined three times takes about a ninth of
the fine grid's settings, refined four times about an eighteenth, and the border is as sharp.
What lies in a box whose points are all on one side is not looked for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from simcb.options import DEEPEST
from simcb.scenario.axes import DIGITS, Axis, Span
from simcb.scenario.refusal import quoted
from simcb.scenario.sweep import Design, Kind
from simcb.scenario.units import Measuring, Value, quantity_of
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import Setting

MOST_AXES = 3

Point = tuple[int, ...]
"""A place of the fine grid, counted along each axis."""


@dataclass(frozen=True)
class Box:
    """A box of the grid: its lowest corner and the length of its edges, in fine steps."""

    corner: Point
    edge: int

    @property
    def corners(self) -> tuple[Point, ...]:
        """All corners of the box."""
        ends = [(low, low + self.edge) for low in self.corner]
        return tuple(product(*ends))

    @property
    def parts(self) -> tuple[Box, ...]:
        """The boxes of half the length that fill this one."""
        half = self.edge // 2
        starts = [(low, low + half) for low in self.corner]
        return tuple(Box(corner, half) for corner in product(*starts))


class Refinement:
    """The fine grid below a plan's coarse one, and which of its points are worth a look.

    Args:
        axes: the plan's axes.
        depth: how often the distance between neighbours is halved at most.
    """

    def __init__(self, axes: Sequence[Axis], depth: int) -> None:
        self._scale = 2**depth
        self._values = [_fine_values(axis, self._scale) for axis in axes]
        counts = [range(len(axis.values) - 1) for axis in axes]
        corners = [tuple(i * self._scale for i in place) for place in product(*counts)]
        self._boxes = [Box(corner, self._scale) for corner in corners]
        ranges = [range(0, len(values), self._scale) for values in self._values]
        self.points: tuple[Point, ...] = tuple(product(*ranges))
        """The points that have been asked for so far, those of the coarse grid first."""

    @property
    def fine_settings(self) -> int:
        """How many settings the fine grid has as a whole."""
        return math.prod(len(set(values)) for values in self._values)

    def setting_at(self, point: Point) -> Setting:
        """Return the setting at a point; points between two whole numbers share theirs."""
        pairs = zip(self._values, point, strict=True)
        return Setting(tuple(values[place] for values, place in pairs))

    def more(self, sides: Mapping[Point, object]) -> tuple[Point, ...]:
        """Halve the boxes that the border crosses, and return the points now missing.

        Args:
            sides: on which side of the border each of `points` lies.
        """
        while crossed := self._crossed(sides):
            halved = [part for box in self._boxes if box in crossed for part in box.parts]
            self._boxes = [box for box in self._boxes if box not in crossed] + halved
            corners = {corner for box in halved for corner in box.corners}
            missing = tuple(sorted(corners.difference(sides)))
            if missing:
                self.points += missing
                return missing
        return ()

    def _crossed(self, sides: Mapping[Point, object]) -> set[Box]:
        """Return the boxes, not yet the finest, that have points of several sides."""
        points = np.array(list(sides))
        kinds = {side: code for code, side in enumerate(dict.fromkeys(sides.values()))}
        codes = np.array([kinds[side] for side in sides.values()])
        crossed = set()
        for box in self._boxes:
            if box.edge == 1:
                continue
            low = np.array(box.corner)
            inside = codes[((points >= low) & (points <= low + box.edge)).all(axis=1)]
            if len(inside) and inside.min() != inside.max():
                crossed.add(box)
        return crossed


def check_refinable(axes: Sequence[Axis], design: Design, depth: int) -> None:
    """Check that there is something between the settings of a plan.

    Raises:
        StudyError: the plan is no grid, has too many axes, or an axis has words for values.
    """
    if design.kind is not Kind.GRID:
        raise StudyError(f"a {design.kind.value} cannot be refined", "refine a grid")
    if not 1 <= depth <= DEEPEST:
        raise StudyError(f"the depth is {depth}", f"give 1 to {DEEPEST}")
    if len(axes) > MOST_AXES:
        raise StudyError(f"{len(axes)} axes cannot be refined", f"vary at most {MOST_AXES}")
    for axis in axes:
        numbers = axis.numbers
        if numbers is None:
            raise StudyError(
                f"{quoted(axis.path)} has values that are no numbers, with nothing between them",
                "refine along numbers, durations, rates or shares",
            )
        if len(numbers) < 2 or list(numbers) != sorted(numbers):
            raise StudyError(
                f"{quoted(axis.path)} cannot be refined", "give two or more values, in order"
            )


def _fine_values(axis: Axis, scale: int) -> list[Value]:
    """Return an axis's values with `scale` − 1 further ones between any two of them."""
    log = axis.span is not None and axis.span.log
    quantities = [each for value in axis.values if (each := quantity_of(value)) is not None]
    mixed = len({each.measuring for each in quantities}) > 1
    measuring = Measuring.NUMBER if mixed else quantities[0].measuring
    values: list[Value] = [axis.values[0]]
    for index in range(len(quantities) - 1):
        low, high = quantities[index].number, quantities[index + 1].number
        # Neighbours come close: two digits more than a coarse axis has, or what it takes.
        steps = [step / scale for step in range(scale + 1)]
        values += Span(low, high, measuring, log).spread(steps, DIGITS + 2)[1:-1]
        values.append(axis.values[index + 1])
    return values
