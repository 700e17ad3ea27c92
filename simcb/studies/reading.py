"""Reading a scenario to be studied: as its room reads it, with its thresholds judged as well.

The scenario's room knows how a threshold is written, the metrics' what it may be about; whoever
studies a scenario wants to be told of all that is wrong in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from simcb.metrics import refusal_of
from simcb.scenario import Scenario, parse_scenario, read_scenario


def read(
    source: str | Path, *, overlays: Sequence[str | Path] = (), sets: Sequence[str] = ()
) -> Scenario:
    """Read a scenario; see `simcb.scenario.read_scenario`.

    Raises:
        ScenarioError: with every problem in it, those of its thresholds included.
    """
    return read_scenario(source, overlays=overlays, sets=sets, check_threshold=refusal_of)


def read_kept(text: str, file: str) -> Scenario:
    """Read a scenario that a saved run, sweep or tune holds, to be shown and not to be run.

    Args:
        text: the scenario.
        file: what messages call it.

    Raises:
        ScenarioError: with every problem in it, those of its thresholds included.
    """
    return parse_scenario(text, file, replays=False, check_threshold=refusal_of)
