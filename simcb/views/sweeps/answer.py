"""What `simcb sweep` has to say: the result, how to repeat it, and what to show of it.

Every format is a function of this one value. This module must not know any format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import ThresholdResult, judge
from simcb.metrics.phase import FAULT, WHOLE
from simcb.studies.sweep import Column, SweepResult
from simcb.views.answer import command_line, source_word

_KEY_METRICS = (
    Column("success", FAULT, ""),
    Column("p99", FAULT, ""),
    Column("time_to_recover", WHOLE, ""),
)


@dataclass(frozen=True)
class SweepAnswer:
    """A sweep as it is presented.

    Args:
        result: what came out.
        repeat: the command that gives the same answer.
        top: how many settings a table shows.
    """

    result: SweepResult
    repeat: str = ""
    top: int = 10


def asked_next(result: SweepResult) -> tuple[Column, ...]:
    """Return what people ask next of a setting, besides what it is ranked by."""
    known = result.table.index
    return tuple(c for c in _KEY_METRICS if c in known and c != result.objective.column)


def thresholds_of(result: SweepResult, setting: int) -> tuple[ThresholdResult, ...]:
    """Return how the scenario's thresholds fare in a setting."""
    return judge(result.scenario.thresholds, result.outcome(setting))


def sweep_command(
    scenario: str,
    *,
    overlays: Sequence[str] = (),
    sets: Sequence[str] = (),
    over: Sequence[str] = (),
    design: str | None = None,
    replicates: int | None = None,
    seed: int = 0,
    by: str | None = None,
    refine: str | None = None,
    depth: int | None = None,
    allow_large: bool = False,
) -> str:
    """Return the `simcb sweep` command with the arguments given, quoted for a POSIX shell.

    None is what was not given, and is left to the scenario's `sweep` again.
    Who runs the cells is not in it, for it changes no result.
    """
    words = ["simcb", "sweep", source_word(scenario)]
    for option, values in (("-f", overlays), ("--set", sets), ("--over", over)):
        for value in values:
            words += [option, value]
    if design == "zip":
        words.append("--zip")
    elif design is not None:
        words += ["--sample", design]
    given = (
        ("--replicates", replicates),
        ("--seed", seed),
        ("--by", by),
        ("--refine", refine),
        ("--depth", depth),
    )
    for option, one in given:
        if one is not None:
            words += [option, str(one)]
    if allow_large:
        words.append("--allow-large")
    return command_line(words, [scenario])
