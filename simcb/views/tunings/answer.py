"""What `simcb tune` has to say: the result, how to repeat it, and the overlay with the winner.

Every format is a function of this one value. This module must not know any format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from simcb.studies.tune import BATCH, FRESH, REPLICATES, TOLERANCE, TRIALS, TuneResult
from simcb.views.answer import command_line, source_word
from simcb.views.safe_text import one_line

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class TuneAnswer:
    """A tune as it is presented.

    Args:
        result: what came out.
        repeat: the command that gives the same answer.
    """

    result: TuneResult
    repeat: str = ""


def overlay(answer: TuneAnswer) -> str:
    """Return the file that puts the winner's values over a scenario: `simcb run … -f` takes it.

    Places are named as they were in the space, which fits all scenarios of the tune.
    """
    result = answer.result
    names = ", ".join(one_line(storm.name, 80) for storm in result.storms)
    lines = [f"# The best of {len(result.trials)} settings for {names}."]
    if not result.feasible:
        limits = ", ".join(one_line(limit.text, 200) for limit in result.storms[0].limits)
        lines = [
            f"# Does not keep {limits}: of {len(result.trials)} settings for {names}",
            "# none does, and this one comes nearest.",
        ]
    if answer.repeat:
        lines.append(f"# Found by: {one_line(answer.repeat, 2000)}")
    for path, value in result.best.items():
        key = path if _PLAIN_KEY.fullmatch(path) else json.dumps(path)
        lines.append(f"{key}: {value}")
    return "\n".join(lines) + "\n"


def tune_command(
    scenarios: Sequence[str],
    *,
    overlays: Sequence[str] = (),
    sets: Sequence[str] = (),
    space: Sequence[str] = (),
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    subject_to: Sequence[str] = (),
    trials: int = TRIALS,
    batch: int = BATCH,
    replicates: int = REPLICATES,
    fresh: int = FRESH,
    seed: int = 0,
    tolerance: str = f"{TOLERANCE:.0%}",
    allow_large: bool = False,
) -> str:
    """Return the `simcb tune` command with these arguments, quoted for a POSIX shell.

    Who runs the cells is not in it, for it changes no result.
    """
    words = ["simcb", "tune", *map(source_word, scenarios)]
    options = (
        ("-f", overlays),
        ("--set", sets),
        ("--space", space),
        ("--minimize", minimize),
        ("--maximize", maximize),
        ("--subject-to", subject_to),
    )
    for option, values in options:
        for value in values:
            words += [option, value]
    numbers = (
        ("--trials", trials, TRIALS),
        ("--batch", batch, BATCH),
        ("--replicates", replicates, REPLICATES),
        ("--fresh", fresh, FRESH),
        ("--tolerance", tolerance, f"{TOLERANCE:.0%}"),
    )
    for option, given, usual in numbers:
        if given != usual:
            words += [option, str(given)]
    words += ["--seed", str(seed)]
    if allow_large:
        words.append("--allow-large")
    return command_line(words, scenarios)
