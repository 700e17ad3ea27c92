"""Designs: how the settings of a sweep are made of its axes, and which axes suit which design.

This module must not know scenarios.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from simcb.scenario.axes import Axis
from simcb.scenario.refusal import Refused, quoted, shown

MOST_AXES = 20
"""The most places that one sweep varies."""

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


def parse_design(text: str) -> Design:
    """Read `grid`, `zip` or `lhs:N`.

    Raises:
        Refused: it is none of these.
    """
    kind, _, count = text.partition(":")
    if kind == Kind.LHS and count.isascii() and count.isdigit() and len(count) < 10:
        if not 1 <= int(count) <= MOST_SETTINGS:
            raise Refused(f"{quoted(text)} samples nothing", f"ask for 1 to {MOST_SETTINGS}")
        return Design(Kind.LHS, int(count))
    if not count and kind in (Kind.GRID, Kind.ZIP):
        return Design(Kind(kind))
    raise Refused(f"{quoted(text)} is no design", "write grid, zip or lhs:N, as in lhs:50")


def misfits(axes: Sequence[Axis], design: Design) -> Iterator[tuple[str, Refused]]:
    """Yield what keeps a design from making settings of axes: whose path it is, and why.

    The path is empty for what is wrong with all of them together.
    """
    if len(axes) > MOST_AXES:
        yield "", Refused(f"{len(axes)} places are varied", f"vary at most {MOST_AXES}")
    if design.kind is Kind.LHS:
        return
    for axis in axes:
        if not axis.values:
            yield (
                axis.path,
                Refused(
                    "is a range without values",
                    "say how many, as in 5s..120s/8, or sample it by lhs:N",
                ),
            )
    lengths = [len(axis.values) for axis in axes if axis.values]
    if design.kind is Kind.ZIP and len(set(lengths)) > 1:
        each = ", ".join(f"{shown(axis.path)} {len(axis.values)}" for axis in axes)
        yield "", Refused(f"zipped axes differ in length ({each})", "give all of them as many")
    elif design.kind is Kind.GRID and math.prod(lengths) > MOST_SETTINGS:
        yield (
            "",
            Refused(
                f"the grid has {math.prod(lengths):,} settings",
                f"keep it below {MOST_SETTINGS:,}, or sample it by lhs:N",
            ),
        )
