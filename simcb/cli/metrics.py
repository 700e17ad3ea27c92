"""`simcb metrics`: what every number means that simcb reports."""

from __future__ import annotations

from typing import Annotated

import typer

from simcb.cli.console import emit, page
from simcb.cli.usage import one_of
from simcb.views.formats import ListFormat


def metrics(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="A metric, for its whole definition.", show_default=False
        ),
    ] = None,
    form: Annotated[
        ListFormat,
        typer.Option(
            "--format", metavar="table|json", parser=one_of(ListFormat), help="What to print."
        ),
    ] = ListFormat.TABLE,
) -> None:
    """List every metric with its unit and the sentence that defines it, or explain one."""
    from simcb.metrics import METRICS, metric_named
    from simcb.views.lists import definition, definition_list, definitions_json

    if form is ListFormat.JSON:
        emit(definitions_json(METRICS.values() if name is None else [metric_named(name)]))
    elif name is None:
        emit(definition_list(METRICS.values(), page()))
    else:
        emit(definition(metric_named(name), page()))
