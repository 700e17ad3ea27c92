"""`simcb init`: a first scenario to edit."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import emit


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
