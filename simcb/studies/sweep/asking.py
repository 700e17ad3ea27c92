"""What is asked for: what is given, else the scenario's `sweep`, else what is usual.

Whatever is given takes the place of one word of the scenario's `sweep`. Only axes take more with
them: a design, a border to refine and its depth were chosen for the block's own axes, and mean
nothing for others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.scenario.model import ROOT
from simcb.scenario.sweep import (
    DEPTH,
    DESIGN,
    MOST_REPLICATES,
    REPLICATES,
    Design,
    are_policies,
    misplaced,
)
from simcb.scenario.validation import tree_of
from simcb.studies import StudyError
from simcb.studies.sweep.axes import Over, axes_of
from simcb.studies.sweep.plan import parse_design


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Args:
        axes: what is varied.
        design: how settings are made of the axes.
        replicates: how many runs each has.
        by: what to rank by, as text; None for what is usual.
        refine: the border to refine along, as text; None for none.
        depth: how deep.
    """

    axes: tuple[Axis, ...]
    design: Design
    replicates: int
    by: str | None
    refine: str | None
    depth: int


def asked(
    scenario: Scenario,
    over: Over | None,
    *,
    design: str | None,
    replicates: int | None,
    by: str | None,
    refine: str | None,
    depth: int | None,
) -> Asked:
    """Return what is asked for, None being what nobody has given; see `sweep`.

    Raises:
        StudyError: nothing is varied, or a word of it makes no sense.
    """
    block = scenario.sweep
    if block is not None:
        usual = Asked(
            block.axes, block.design, block.replicates, block.by, block.refine, block.depth
        )
        if over is not None:
            usual = replace(usual, design=DESIGN, refine=None, depth=DEPTH)
    elif over is not None:
        usual = Asked((), DESIGN, REPLICATES, None, None, DEPTH)
    else:
        raise StudyError(
            "nothing is varied",
            "give an axis, as in --over breaker.failure_threshold=3,5,10, or write a `sweep:` "
            "block into the scenario",
        )
    found = Asked(
        axes=usual.axes if over is None else axes_of(over),
        design=usual.design if design is None else parse_design(design),
        replicates=usual.replicates if replicates is None else replicates,
        by=usual.by if by is None else by,
        refine=usual.refine if refine is None else refine,
        depth=usual.depth if depth is None else depth,
    )
    if not 1 <= found.replicates <= MOST_REPLICATES:
        raise StudyError(f"replicates is {found.replicates}", f"give 1 to {MOST_REPLICATES}")
    return found


def demand_places(scenario: Scenario, axes: Sequence[Axis]) -> None:
    """Check that each axis names one place of the scenario, and none the place of another.

    Raises:
        StudyError: one of them does not.
    """
    for _, refused in misplaced(tree_of(scenario), ROOT, axes):
        raise StudyError(refused.what, refused.remedy)


def policies(scenario: Scenario, axes: Sequence[Axis]) -> tuple[bool, ...]:
    """Return which axes vary a policy; the others vary the world."""
    return are_policies(tree_of(scenario), ROOT, axes)
