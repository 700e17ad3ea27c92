"""Where the best setting of a sweep lies at the end of what was tried, and more lies beyond."""

from __future__ import annotations

from simcb.scenario.sweep import Kind
from simcb.scenario.units import Amount, Measuring, Value, quantity_of, written
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import Setting, applied, changes_of
from simcb.studies.sweep import Ranked, SweepResult

FEWEST = 3
"""Values of an axis from which on one can lie at an end and not just be one of two."""


def edges(result: SweepResult, best: Ranked) -> list[str]:
    """Say of which axes the best has the least or the largest number that was tried, line by line.

    Nothing is said where all values of the axis are as good, where the scenario takes no number
    beyond, and of a sample, which has no ends.
    """
    if result.design.kind is Kind.LHS:
        return []
    found = [_edge(result, best, index) for index in range(len(result.axes))]
    return [each for each in found if each]


def _edge(result: SweepResult, best: Ranked, index: int) -> str:
    values = dict.fromkeys(setting.values[index] for setting in result.settings)
    amounts = {value: quantity_of(value) for value in values}
    numbers = [each.number for each in amounts.values() if each]
    own = result.settings[best.setting].values[index]
    amount = amounts[own]
    as_good = {result.settings[each.setting].values[index] for each in result.tied}
    if amount is None or not FEWEST <= len(values) == len(numbers) > len(as_good):
        return ""
    if amount.number not in (min(numbers), max(numbers)):
        return ""
    below = amount.number == min(numbers)
    if not _taken(result, best, index, _beyond(amount, below=below)):
        return ""
    label, side = result.labels[index], "below" if below else "above"
    return f"{label} = {own} is at the edge of its range: look {side} {own}"


def _beyond(amount: Amount, *, below: bool) -> Value:
    """Return a number beyond one: the next whole one, or half or twice as much."""
    if amount.measuring is Measuring.INTEGER:
        return written(amount.number + (-1 if below else 1), amount.measuring)
    return written(amount.number * (0.5 if below else 2.0), amount.measuring)


def _taken(result: SweepResult, best: Ranked, index: int, value: Value) -> bool:
    """Return whether the scenario takes a value in place of the best setting's."""
    values = result.settings[best.setting].values
    setting = Setting((*values[:index], value, *values[index + 1 :]))
    try:
        applied(result.scenario, changes_of(result.axes, setting))
    except StudyError:
        return False
    return True
