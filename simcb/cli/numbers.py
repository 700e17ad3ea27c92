"""`simcb metrics` and `validate`: what every number means, and whether it is right."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import complain, emit, page, progress_bar
from simcb.cli.exits import Code, leave
from simcb.cli.options import Form, ListForm, ReportFile, check_files
from simcb.views.formats import Format, ListFormat


def metrics(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A metric, for its whole definition.", show_default=False
        ),
    ] = None,
    form: ListForm = ListFormat.TABLE,
) -> None:
    """List every metric with its unit and the sentence that defines it, or explain one."""
    from simcb.metrics import METRICS, number_named
    from simcb.views.lists import as_list, definition, definition_data, definition_list

    if form is ListFormat.JSON:
        known = METRICS.values() if name is None else [number_named(name)]
        emit(as_list(map(definition_data, known)))
    elif name is None:
        emit(definition_list(METRICS.values(), page()))
    else:
        emit(definition(number_named(name), page()))


def validate(
    full: Annotated[
        bool, typer.Option("--full", help="All cases, and four times the replicates.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME", help="This case only. Repeatable.", show_default=False
        ),
    ] = None,
    names: Annotated[
        bool, typer.Option("--list", help="Say which cases there are; run nothing.")
    ] = False,
    form: Form = Format.TABLE,
    report: ReportFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Run systems whose numbers are known and hold every number against theory.

    Closed forms of queueing theory, published experiments, and pairs of runs that must be
    alike. Each number is shown with what was expected and an interval of four standard errors
    over replicates, widened as Student's t asks for few; seeds are fixed, so the same version
    always finds the same. The quick set takes less than a minute.

    Exits with 0 if every number holds and with 1 if one does not: that is a bug.
    """
    from simcb.evidence import chosen
    from simcb.evidence import validate as examine_all
    from simcb.views.formats import render
    from simcb.views.validate import case_list, evidence_document, summary_line

    cases = chosen(only or (), full=full or (names and not only))
    if names:
        emit(case_list(cases, page()))
        return
    check_files(None, report)
    with progress_bar("cases", len(cases), quiet=quiet) as progress:
        evidence = examine_all(cases, full=full, progress=progress)
    document = evidence_document(evidence)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page()))
    if not evidence.holds:
        complain(f"{summary_line(evidence)}; a wrong number is a bug in simcb: please report it")
        leave(Code.BUG)
