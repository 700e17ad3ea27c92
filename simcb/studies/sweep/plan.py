"""The plan: which settings a sweep tries, each a combination of the axes' values.

Settings are numbered in a fixed order, so a plan made twice is the same plan. Nothing is run
here.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from simcb.scenario import Scenario, ScenarioError, designs
from simcb.scenario.amounts import Measuring, Value
from simcb.scenario.axes import Axis, to_plain
from simcb.scenario.designs import Design, Kind, misfits
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.studies import StudyError
from simcb.studies.run import checked_seed

__all__ = ["Design", "Kind", "Setting", "applied", "changes_of", "make_settings", "parse_design"]


@dataclass(frozen=True)
class Setting:
    """One combination of the axes' values.

    Args:
        values: a value for each axis, in their order.
    """

    values: tuple[Value, ...]


def parse_design(text: str) -> Design:
    """Read `grid`, `zip` or `lhs:N`.

    Raises:
        StudyError: it is none of these.
    """
    try:
        return designs.parse_design(text)
    except Refused as refused:
        raise StudyError(refused.what, refused.remedy) from None


def make_settings(axes: Sequence[Axis], design: Design, seed: int) -> tuple[Setting, ...]:
    """Return the settings of a plan, in order.

    A grid counts the last axis fastest. A Latin hypercube of N settings cuts each axis into N
    strata of equal width (equal factor with `@log`), and has one setting in each of them,
    drawn by the seed; an axis given as a list has its values equally often, as far as possible.

    Raises:
        StudyError: there are no axes, a place is varied twice, an axis does not suit, or the
            seed is no whole number.
    """
    checked_seed(seed)
    if not axes:
        raise StudyError("nothing is varied", "give an axis, like breaker.failure_threshold=3,5,10")
    for index, axis in enumerate(axes):
        if axis.path in {other.path for other in axes[:index]}:
            raise StudyError(f"{quoted(axis.path)} is varied twice", "give one axis for it")
    if design.kind is Kind.LHS:
        return _sampled(axes, design.samples, seed)
    for path, refused in misfits(axes, design):
        what = f"{quoted(path)} {refused.what}" if path else refused.what
        raise StudyError(what, refused.remedy)
    if design.kind is Kind.ZIP:
        return tuple(Setting(values) for values in zip(*(a.values for a in axes), strict=True))
    return tuple(Setting(values) for values in product(*(axis.values for axis in axes)))


def _sampled(axes: Sequence[Axis], count: int, seed: int) -> tuple[Setting, ...]:
    columns = [_column(axis, count, seed) for axis in axes]
    # Whole numbers and lists can give one combination twice; it would be run for nothing.
    return tuple(dict.fromkeys(Setting(values) for values in zip(*columns, strict=True)))


def _column(axis: Axis, count: int, seed: int) -> list[Value]:
    # A stream of its own for every axis: another axis beside it moves nothing.
    stream = random.Random(f"simcb latin hypercube/{seed}/{count}/{axis.path}")
    strata = list(range(count))
    stream.shuffle(strata)
    shares = [(stratum + stream.random()) / count for stratum in strata]
    span = axis.span
    if span is None:
        return [axis.values[int(share * len(axis.values))] for share in shares]
    if span.measuring is Measuring.INTEGER and not span.log:
        low, width = round(span.low), round(span.high) - round(span.low) + 1
        return [low + int(share * width) for share in shares]
    return [span.at(share) for share in shares]


def changes_of(axes: Sequence[Axis], setting: Setting) -> dict[str, object]:
    """Return a setting as the changes that `Scenario.with_` takes."""
    return {axis.path: to_plain(value) for axis, value in zip(axes, setting.values, strict=True)}


def applied(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """Return a scenario with a setting's changes.

    Raises:
        StudyError: the scenario refuses one of them.
    """
    try:
        return scenario.with_(changes)
    except ScenarioError as error:
        words = " ".join(
            f"{shown(path)}={shown(str(value), 60)}" for path, value in changes.items()
        )
        found = error.problems[0]
        place = f"{found.path}: " if found.path else ""
        raise StudyError(f"with {words}: {place}{found.what}", found.remedy) from None
