"""`simcb scenarios`, `check`, `init`, `schema`: scenario files, shipped ones and your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.sweep import SweepSize

Name = Annotated[str, typer.Argument(metavar="NAME", help="A shipped name.", show_default=False)]


def list_() -> None:
    """List the shipped scenarios with a line on each."""
    from simcb.scenario import shipped_abouts
    from simcb.views.lists import catalogue

    emit(catalogue(shipped_abouts(), page()))


def show(name: Name) -> None:
    """Print a shipped scenario's file."""
    from simcb.scenario import find_shipped

    emit(find_shipped(name).read_text(encoding="utf-8"))


def copy(
    name: Name,
    destination: Annotated[
        str | None,
        typer.Argument(
            metavar="DEST",
            help="A new file, a directory, or - for standard output; NAME.yaml here if left out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Copy a shipped scenario to a file of your own; nothing is overwritten."""
    from simcb.scenario import find_shipped
    from simcb.views.files import write_new_file
    from simcb.views.safe_text import one_line

    shipped = find_shipped(name)
    if destination == "-":
        show(name)
        return
    place = Path(shipped.name if destination is None else destination)
    if place.is_dir():
        place = place / shipped.name
    write_new_file(place, shipped.read_text(encoding="utf-8"))
    emit(f"{one_line(str(place))}\n")


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
    from simcb.studies.limits import TooLargeError, check_size, study_size
    from simcb.views.lists import checked_line
    from simcb.views.safe_text import one_line

    refused = 0
    for file in files:
        try:
            scenario = read(file)
            size = study_size(scenario)
            check_size(size)
            swept = _swept(scenario)
        except SimcbError as error:
            refused += 1
            # The problems of a scenario say themselves where they are.
            placed = isinstance(error, ScenarioError)
            complain(str(error) if placed else f"{one_line(file)}: {error}")
        else:
            emit(checked_line(file, scenario, size, swept))
            warnings = list(no_effect_warnings(scenario))
            try:
                check_size(study_size(scenario, baseline=True))
            except TooLargeError as error:
                warnings.append(f"`run --baseline none` is refused: {error}")
            for sentence in warnings:
                emit(f"    warning: {one_line(sentence, 1000)}\n")
    if refused:
        leave(Code.WRONG_INPUT)


def _swept(scenario: Scenario) -> SweepSize | None:
    """Return how large a scenario's own sweep is; without one, nothing that sweeps is loaded."""
    if scenario.sweep is None:
        return None
    from simcb.studies.sweep import check_block

    return check_block(scenario)


def init(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Where to write it, or - for standard output.")
    ] = "scenario.yaml",
) -> None:
    """Write a small commented scenario to start from; nothing is overwritten."""
    import shlex

    from simcb.scenario import template
    from simcb.views.files import write_new_file
    from simcb.views.safe_text import one_line

    if file == "-":
        emit(template())
        return
    write_new_file(file, template())
    emit(one_line(f"{file} is written; try it: simcb run {shlex.quote(file)}") + "\n")


def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors and other programs."""
    import json

    from simcb import scenario

    emit(json.dumps(scenario.schema(), indent=2) + "\n")
