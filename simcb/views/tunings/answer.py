"""What `simcb tune` has to say: the result, how to repeat it, and the overlay with the winner.

Every format is a function of this one value. This module must not know any format.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from simcb.studies.tune import TuneResult
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
