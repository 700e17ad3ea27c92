"""`simcb scenarios`, `check`, `init`, `schema`: scenario files, shipped ones and your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave
from simcb.cli.options import ListForm
from simcb.views.formats import ListFormat

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.sweep import SweepSize

Name = Annotated[str, typer.Argument(metavar="NAME", help="A shipped name.", show_default=False)]


def list_(form: ListForm = ListFormat.TABLE) -> None:
    """List the shipped scenarios with a line on each."""
    from simcb.scenario import shipped_abouts
    from simcb.views.lists import as_list, catalogue

    abouts = shipped_abouts()
    if form is ListFormat.JSON:
        emit(as_list({"name": name, "about": about} for name, about in abouts.items()))
    else:
        emit(catalogue(abouts, page()))


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
    form: ListForm = ListFormat.TABLE,
) -> None:
    """Read scenarios and report every problem in them, without running anything.

    Prints a line for each good one, and below it what in it can never matter; problems go to
    standard error. As JSON, an object for each has either. Exits with 2 if any has a problem.
    """
    from simcb.errors import SimcbError
    from simcb.scenario import ScenarioError
    from simcb.studies import read
    from simcb.studies.limits import check_size, estimate_size
    from simcb.views.lists import as_list, checked_data, checked_line, refused_data
    from simcb.views.safe_text import one_line

    found: list[dict[str, Any]] = []
    as_json = form is ListFormat.JSON
    for file in files:
        try:
            scenario = read(file)
            size = estimate_size(scenario)
            check_size(size)
            swept = _swept(scenario)
        except SimcbError as error:
            found.append(refused_data(file, error))
            if not as_json:
                # The problems of a scenario say themselves where they are.
                placed = isinstance(error, ScenarioError)
                complain(str(error) if placed else f"{one_line(file)}: {error}")
            continue
        warnings = _warnings(scenario, file)
        found.append({**checked_data(file, scenario, size, swept), "warnings": warnings})
        if not as_json:
            emit(checked_line(file, scenario, size, swept))
            for sentence in warnings:
                emit(f"    warning: {one_line(sentence, 1000)}\n")
    if as_json:
        emit(as_list(found))
    if not all(each["ok"] for each in found):
        leave(Code.WRONG_INPUT)


def _warnings(scenario: Scenario, file: str) -> list[str]:
    """Return what a scenario asks for in vain, and what is refused of it."""
    from simcb.metrics import no_effect_warnings, placed_warnings
    from simcb.scenario import line_finder
    from simcb.studies.limits import TooLargeError, check_size, estimate_size

    warnings = [*placed_warnings(no_effect_warnings(scenario), line_finder(file))]
    try:
        check_size(estimate_size(scenario, runs=2))
    except TooLargeError as error:
        warnings.append(f"`run --baseline none` is refused: {error}")
    return warnings


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
