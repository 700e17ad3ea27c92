"""What `simcb sweep` has to say: the result, how to repeat it, and what to show of it.

Every format is a function of this one value. This module must not know any format.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from simcb.metrics import ThresholdResult, judge
from simcb.metrics.phase import FAULT, WHOLE
from simcb.studies.sweep import Ranked, SweepResult
from simcb.studies.sweep.axes import quantity_of
from simcb.views.answer import source_word

KEY_METRICS = (("success", FAULT), ("p99", FAULT), ("time_to_recover", WHOLE))
"""What people ask next of a setting, besides what it is ranked by."""


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

    def thresholds(self, setting: int) -> tuple[ThresholdResult, ...]:
        """Return how the scenario's thresholds fare in a setting."""
        return judge(self.result.scenario.thresholds, self.result.outcome(setting))


def region(result: SweepResult, tied: Sequence[Ranked]) -> tuple[str, ...]:
    """Return what the settings that are as good as the best have on each axis, in words.

    Numbers are given as a range, `5s … 19.5s`, words are listed.
    """
    words = []
    for index, axis in enumerate(result.axes):
        values = list(dict.fromkeys(result.settings[each.setting].values[index] for each in tied))
        quantities = [quantity_of(value) for value in values]
        known = [
            (each.number, value) for each, value in zip(quantities, values, strict=True) if each
        ]
        if len(known) == len(values) and len(values) > 1:
            known.sort(key=lambda pair: pair[0])
            words.append(f"{axis.label} {known[0][1]} … {known[-1][1]}")
        else:
            words.append(f"{axis.label} {', '.join(str(value) for value in values[:8])}")
    return tuple(words)


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
    return shlex.join(words)
