"""`simcb conformance`: the contract of a breaker, line by line."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import emit, page, progress_bar
from simcb.cli.exits import Code, leave
from simcb.cli.options import Form, ReportFile, check_files
from simcb.cli.repeat import repeat_command
from simcb.views.formats import Format


def conformance(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]",
            help="Breakers by the word that `breaker: {use: NAME}` takes, or simcb for its own.",
            show_default=False,
        ),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Every breaker that is installed, models left out.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="The history behind each ✗, of several breakers.")
    ] = False,
    form: Form = Format.TABLE,
    report: ReportFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Hold breakers against the contract, line by line, with the shortest history that breaks one.

    Every history of up to seven steps is tried in virtual time: calls ask, succeed, fail and are
    cancelled, and time passes. Locks, listeners, memory and functions are tried on the library's
    own objects. A line that a breaker says nothing of, or that could not be tried, says so.
    Interleavings inside one step, as threads make them, are not searched.

    Exits with 99 if a breaker that was named breaks a line, and with 0 for --all.
    """
    from simcb.conformance import chosen, conformity
    from simcb.views.conformance import conformance_document
    from simcb.views.formats import render

    if bool(names) == everyone:
        raise typer.BadParameter("name breakers, or give --all")
    check_files(None, report)
    found, missing = chosen(names or ())
    shown = []
    with progress_bar("breakers", len(found), quiet=quiet) as progress:
        for number, each in enumerate(found, 1):
            shown.append(conformity(each))
            if progress is not None:
                progress(number)
    document = conformance_document(shown, missing, repeat_command(context))
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page(), details=details))
    if names and any(each.violated for each in shown):
        leave(Code.THRESHOLD_FAILED)
