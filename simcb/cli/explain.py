"""`simcb explain`: what can be known of a scenario before any run, from formulas."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import emit, page
from simcb.cli.options import Form, Overlays, ReportFile, Sets, check_files
from simcb.cli.repeat import repeat_command
from simcb.views.formats import Format


def explain(
    context: typer.Context,
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="SCENARIO",
            help="A shipped name, a file, or - for standard input.",
            show_default=False,
        ),
    ] = None,
    topic: Annotated[
        str | None,
        typer.Argument(
            metavar="[TOPIC]",
            help="A question, such as never-opens; --topics lists them.",
            show_default=False,
        ),
    ] = None,
    overlays: Overlays = None,
    sets: Sets = None,
    metric: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How this number comes about here.", show_default=False),
    ] = None,
    topics: Annotated[bool, typer.Option("--topics", help="List the questions.")] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Every number, what it supposes, and its lines.")
    ] = False,
    form: Form = Format.TABLE,
    report: ReportFile = None,
) -> None:
    """Say from formulas, before any run, what a scenario comes to.

    Load and waits by service, the most that retries can make of it, whether each breaker can
    open at its traffic and how often it does so by chance, how soon it sees each fault, and what
    an opening costs: each with its formula and the numbers in it. ≈ marks what is about right,
    ≤ and ≥ what is a bound.
    """
    from dataclasses import replace

    from simcb import studies
    from simcb.metrics import placed_warnings
    from simcb.predictions import TOPICS, predict
    from simcb.scenario import line_finder
    from simcb.views.explain import explain_document, topic_list
    from simcb.views.formats import render

    if topics:
        emit(topic_list(TOPICS, page()))
        return
    if scenario is None:
        raise typer.BadParameter("Missing argument 'SCENARIO'.")
    if topic is not None and metric is not None:
        raise typer.BadParameter("a topic and --metric are two questions; ask one at a time")
    check_files(None, report)
    over, changes = overlays or (), sets or ()
    found = predict(studies.read(scenario, overlays=over, sets=changes))
    line_of = line_finder(scenario, overlays=over, sets=changes)
    found = replace(found, warnings=placed_warnings(found.warnings, line_of))
    repeat = repeat_command(context)
    document = explain_document(found, topic, metric, source=scenario, repeat=repeat)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page(), details=details))
