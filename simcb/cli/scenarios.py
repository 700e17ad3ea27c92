"""`simcb scenarios`: the scenarios that come with simcb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import emit, page

Name = Annotated[str, typer.Argument(metavar="NAME", help="A shipped name.", show_default=False)]


def list_() -> None:
    """List the shipped scenarios with a line on each."""
    from simcb.scenario import list_shipped, read_scenario
    from simcb.views.lists import catalogue

    shipped = {name: read_scenario(name) for name in list_shipped()}
    emit(catalogue(shipped, page()))


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
