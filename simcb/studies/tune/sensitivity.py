"""Sensitivity: how far each value of the winner can be moved before it matters.

One axis after the other is walked from end to end with all others kept at the winner's. What
loses no more than the tolerance, by its mean over the runs, is as good; the stretch of such
values around the winner's is its reach, and the largest loss along the axis is `at_stake`.

The mean decides, and not an end of its interval. "Not shown to be worse" holds for nearly
everything after few runs, however bad; "shown to be as good" holds for nearly nothing. The
winner was chosen on the same streams, so the means of its neighbours err on the side of worse. How
far the winner's value could be moved without it being shown to matter is told beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import Estimate
from simcb.scenario.axes import Axis
from simcb.scenario.units import Measuring, Value, quantity_of, written
from simcb.studies.evaluation.settings import Setting
from simcb.studies.tune.regret import Evaluation

STEPS = 9
"""Values along a range, the winner's own not counted."""

MOST_OF_LIST = 6
"""Values of a list, the winner's own not counted; of a longer one both ends and some between."""

CLOSE = 0.4
"""The part of a step within which a value of the range gives way to the winner's."""


@dataclass(frozen=True)
class Step:
    """One value of an axis, with all others as the winner has them.

    Args:
        value: the value.
        excess: by how much the worst regret is above the winner's, for each aim, over as many
            replicates as were run before it was clear.
        replicates: how many those are.
        as_good: whether its mean excess is within the tolerance for each aim, and it keeps the
            limits.
        not_worse: whether it cannot be shown to be worse by more than the tolerance, nor to miss
            a limit: every setting that is as good, and those of which too little is known.
        feasible: whether it keeps the limits.
        stopped: whether it was behind beyond doubt before it was run in every scenario: its
            excess is then at least so much.
    """

    value: Value
    excess: tuple[Estimate, ...]
    replicates: int
    as_good: bool
    not_worse: bool
    feasible: bool
    stopped: bool = False


@dataclass(frozen=True)
class Reach:
    """How far one value of the winner can be moved.

    Args:
        axis: the axis.
        value: the winner's value.
        steps: the values tried, in the axis's order, the winner's among them.
        low: the lowest value of the stretch around the winner's that is as good; of words,
            the first.
        high: the highest.
        lowest: the lowest value of the stretch that is not shown to be worse.
        highest: the highest.
        beyond: `below` or `above` if the winner's value is at that end of what was looked at,
            what lies beyond makes sense, and not all values are as good; else "".
    """

    axis: Axis
    value: Value
    steps: tuple[Step, ...]
    low: Value
    high: Value
    lowest: Value
    highest: Value
    beyond: str = ""

    @property
    def stakes(self) -> tuple[float, ...]:
        """The largest loss of worst regret along the axis, for each aim."""
        means = ([each.mean or 0.0 for each in step.excess] for step in self.steps)
        return tuple(map(max, zip(*means, strict=True)))

    @property
    def average_loss(self) -> float:
        """What a value of the axis loses on average, of the first aim."""
        return sum(max(step.excess[0].mean or 0.0, 0.0) for step in self.steps) / len(self.steps)

    @property
    def at_stake(self) -> float:
        """The largest of them."""
        return max(self.stakes)


def grid_of(axis: Axis, winner: Value) -> tuple[Value, ...]:
    """Return the values of an axis to try, in order: all of a short list, or some."""
    if axis.values:
        last, steps = len(axis.values) - 1, MOST_OF_LIST - 1
        kept = {round(step * last / steps) for step in range(MOST_OF_LIST)}
        kept |= {axis.values.index(winner)}
        return tuple(value for place, value in enumerate(axis.values) if place in kept)
    assert axis.span is not None
    span = axis.span
    values = [span.at(step / (STEPS - 1)) for step in range(STEPS)]
    # A value close beside the winner's tells nothing that the winner does not.
    near = CLOSE / (STEPS - 1)
    place = span.share(_number(winner))
    apart = [value for value in values if abs(span.share(_number(value)) - place) >= near]
    return tuple(sorted(dict.fromkeys((*apart, winner)), key=_number))


def next_beyond(axis: Axis, winner: Value) -> tuple[str, Value] | None:
    """Return at which end of an axis a value is, and a value beyond it; None if at neither.

    Between the end of a range and a value close to it the walk does not look.
    """
    amount = quantity_of(winner)
    numbers = axis.numbers
    if amount is None or numbers is None:
        return None
    if axis.values:
        low, high, place = min(numbers), max(numbers), amount.number
        at_low, at_high = place == low, place == high
    else:
        assert axis.span is not None
        low, high, share = axis.span.low, axis.span.high, axis.span.share(amount.number)
        near = CLOSE / (STEPS - 1)
        at_low, at_high = share < near, share > 1.0 - near
    if at_low == at_high:
        return None
    whole = amount.measuring is Measuring.INTEGER
    number = (low - 1 if whole else low / 2.0) if at_low else (high + 1 if whole else high * 2.0)
    return ("below" if at_low else "above"), written(number, amount.measuring)


def neighbours(axes: Sequence[Axis], winner: Setting, index: int) -> dict[Value, Setting]:
    """Return the settings that differ from the winner in one axis, by the value there."""
    found = {}
    for value in grid_of(axes[index], winner.values[index]):
        values = (*winner.values[:index], value, *winner.values[index + 1 :])
        found[value] = Setting(values)
    return found


def reach_of(
    axis: Axis,
    winner: Value,
    candidates: dict[Value, int],
    evaluation: Evaluation,
    best: int,
    tolerance: float,
) -> Reach:
    """Return the reach along an axis whose values have been run.

    Args:
        axis: the axis.
        winner: the winner's value.
        candidates: the candidate of each value, in order; what was refused is missing.
        evaluation: what is known of them.
        best: the winner's candidate.
        tolerance: the loss of worst regret that does not matter.
    """
    steps = []
    for value, candidate in candidates.items():
        count = int(evaluation.seen[candidate])
        if not count:
            continue
        excess = evaluation.leads(candidate, best, count)
        feasible = bool(evaluation.feasible[candidate])
        # What was eliminated before it was run everywhere is worse than what is known of it.
        whole = count == int(evaluation.counts[candidate])
        near = whole and all(each.mean is None or each.mean <= tolerance for each in excess)
        perhaps = all(each.low is None or each.low <= tolerance for each in excess)
        good = near and feasible
        unshown = good or (count == evaluation.losses.shape[3] and perhaps and feasible)
        steps.append(Step(value, excess, count, good, unshown, feasible, not whole))
    place = next(index for index, step in enumerate(steps) if step.value == winner)
    low, high = _stretch(steps, [step.as_good for step in steps], place)
    lowest, highest = _stretch(steps, [step.not_worse for step in steps], place)
    return Reach(axis, winner, tuple(steps), low, high, lowest, highest)


def _stretch(steps: Sequence[Step], held: Sequence[bool], place: int) -> tuple[Value, Value]:
    """Return the first and the last value around a place between which all hold."""
    first = last = place
    while first > 0 and held[first - 1]:
        first -= 1
    while last + 1 < len(steps) and held[last + 1]:
        last += 1
    return steps[first].value, steps[last].value


def _number(value: Value) -> float:
    quantity = quantity_of(value)
    assert quantity is not None
    return quantity.number
