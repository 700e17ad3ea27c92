"""The plan: which settings a sweep tries, each a combination of the axes' values.

Settings are numbered in a fixed order, so a plan made twice is the same plan. Nothing is run
here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from simcb.scenario import Scenario, ScenarioError, parse_value
from simcb.scenario.refusal import quoted, shown
from simcb.studies import StudyError
from simcb.studies.run import checked_seed
from simcb.studies.sweep.axes import Axis, Measuring, Value

MOST_SETTINGS = 1_000_000
"""The most settings that are ever listed."""


class Kind(StrEnum):
    """How settings are made of axes: every combination, the n-th with the n-th, or by lot."""

    GRID = "grid"
    ZIP = "zip"
    LHS = "lhs"


@dataclass(frozen=True)
class Design:
    """How settings are made of axes.

    Args:
        kind: grid, zip or Latin hypercube.
        samples: how many settings a Latin hypercube has.
    """

    kind: Kind = Kind.GRID
    samples: int = 0

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.samples}" if self.samples else self.kind.value


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
    kind, _, count = text.partition(":")
    if kind == Kind.LHS and count.isascii() and count.isdigit():
        if not 1 <= int(count) <= MOST_SETTINGS:
            raise StudyError(f"--sample {quoted(text)}", f"ask for 1 to {MOST_SETTINGS} settings")
        return Design(Kind.LHS, int(count))
    if not count and kind in (Kind.GRID, Kind.ZIP):
        return Design(Kind(kind))
    raise StudyError(f"there is no design {quoted(text)}", "write grid, zip or lhs:N, as in lhs:50")


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
    for axis in axes:
        if not axis.values:
            raise StudyError(
                f"{quoted(axis.path)} is a range without values",
                "say how many, as in 5s..120s/8, or sample with --sample lhs:N",
            )
    lengths = [len(axis.values) for axis in axes]
    if design.kind is Kind.ZIP:
        if len(set(lengths)) > 1:
            each = ", ".join(f"{shown(axis.path)} {len(axis.values)}" for axis in axes)
            raise StudyError(f"zipped axes differ in length ({each})", "give all of them as many")
        return tuple(Setting(values) for values in zip(*(a.values for a in axes), strict=True))
    if math.prod(lengths) > MOST_SETTINGS:
        raise StudyError(
            f"the grid has {math.prod(lengths):,} settings",
            f"keep it below {MOST_SETTINGS:,}, or sample it with --sample lhs:N",
        )
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
    return {
        axis.path: parse_value(value, axis.path) if isinstance(value, str) else value
        for axis, value in zip(axes, setting.values, strict=True)
    }


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
