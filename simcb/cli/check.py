"""`simcb check`: whether scenarios can be run, and how large they are."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import complain, emit
from simcb.cli.exits import Code, leave


def check(
    files: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO", help="Files, shipped names, or -.", show_default=False),
    ],
) -> None:
    """Read scenarios and report every problem in them, without running anything.

    Prints a line for each good one, and below it what in it can never matter. Exits with 2 if
    any has a problem.
    """
    from simcb.errors import SimcbError
    from simcb.metrics import no_effect_warnings
    from simcb.scenario import ScenarioError
    from simcb.studies import read
    from simcb.studies.limits import TooLargeError, demand_size, study_size
    from simcb.studies.sweep import examine_block
    from simcb.views.lists import checked_line
    from simcb.views.safe_text import one_line

    refused = 0
    for file in files:
        try:
            scenario = read(file)
            size = study_size(scenario)
            demand_size(size)
            swept = examine_block(scenario)
        except SimcbError as error:
            refused += 1
            # The problems of a scenario say themselves where they are.
            placed = isinstance(error, ScenarioError)
            complain(str(error) if placed else f"{one_line(file)}: {error}")
        else:
            emit(checked_line(file, scenario, size, swept))
            warnings = list(no_effect_warnings(scenario))
            try:
                demand_size(study_size(scenario, baseline=True))
            except TooLargeError as error:
                warnings.append(f"`run --baseline none` is refused: {error}")
            for sentence in warnings:
                emit(f"    warning: {one_line(sentence, 1000)}\n")
    if refused:
        leave(Code.WRONG_INPUT)
