"""Files of other programs' settings that are given where a scenario or an overlay is meant."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from simcb.errors import SimcbError
from simcb.scenario import ScenarioError
from simcb.scenario.problems import Problem

if TYPE_CHECKING:
    from simcb.exchange import Imported


def told_of_imports(
    error: ScenarioError, source: str | Path, overlays: Sequence[str | Path]
) -> ScenarioError:
    """Return the error, in which a file that `simcb import` reads has one problem, that it is so.

    Args:
        error: what is wrong with a scenario.
        source: what it was read from.
        overlays: what was merged over it.
    """
    # Other programs' formats take time to load, and only what is refused needs them.
    from simcb.exchange.formats import FORMATS

    problems = list(error.problems)
    for file in map(str, (source, *overlays)):
        own = [each for each in problems if each.file == file]
        found = _imported(file) if own else None
        if found is None:
            continue
        command = f"simcb import {shlex.quote(file)} --out imported.yaml"
        if file == str(source):
            command += f" --service {shlex.quote(found.names[0])}"
        title = FORMATS[found.format].title
        what, remedy = f"holds settings of {title}, no words of a scenario", f"write `{command}`"
        place = problems.index(own[0])
        problems = [each for each in problems if each not in own]
        problems.insert(place, Problem(file, None, None, "", what, remedy))
    return error if problems == list(error.problems) else ScenarioError(tuple(problems), 0)


def _imported(file: str) -> Imported | None:
    """Return another program's settings in a file, as `simcb import` reads them; None if none."""
    from simcb.exchange import import_settings

    if not Path(file).is_file():
        return None
    try:
        return import_settings(file)
    except SimcbError:
        return None
