"""`simcb fit`: what was measured of a real system, as the words of a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.options import Form, PlotFile, ReportFile, check_files
from simcb.cli.repeat import repeat_command
from simcb.cli.usage import duration
from simcb.views.formats import Format


def fit(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Results of a load test, a log, a scrape, or traces.",
            show_default=False,
        ),
    ],
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What the scenario calls the service that was measured; of traces, the only one "
            "that is meant.",
            show_default=False,
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What it calls the client group that asked.", show_default=False
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=PATTERN",
            help="Only these requests, as in path=/api/*; * and ? stand for anything. Repeatable.",
            show_default=False,
        ),
    ] = None,
    source_format: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="Their format, if it is not found out.",
            show_default=False,
        ),
    ] = None,
    between: Annotated[
        float | None,
        typer.Option(
            parser=duration,
            metavar="DURATION",
            help="Time from the first to the last of several scrapes of Prometheus, if they do not "
            "say so.",
            show_default=False,
        ),
    ] = None,
    arrivals: Annotated[
        str | None,
        typer.Option(
            metavar="open|closed",
            help="Whether those who ask wait for an answer before they ask again; found out by "
            "default.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the overlay there, a new file, and the arrivals to a CSV beside it; - "
            "prints the overlay alone.",
            show_default=False,
        ),
    ] = None,
    scenario: Annotated[
        bool,
        typer.Option("--scenario", help="A whole scenario to start from instead of an overlay."),
    ] = False,
    form: Form = Format.TABLE,
    plot: PlotFile = None,
    report: ReportFile = None,
) -> None:
    """Fit arrivals, work, errors and workers to what was measured.

    Reads k6 (summary, CSV), vegeta (JSON, CSV, reports), Locust (stats, history), wrk2 and
    HdrHistogram (.hgrm), Prometheus (text, query JSON), access logs of nginx and Envoy (text,
    JSON), a CSV with the header `timestamp,latency_ms,status`, and traces of OpenTelemetry and
    Jaeger, of which it makes services and calls. Prints how good the fit is: every measured
    percentile beside the fitted one. Several scrapes of Prometheus, the earlier first, are what
    happened between them.
    """
    from simcb.measurements import fit_files
    from simcb.scenario.units import format_duration
    from simcb.views.files import check_new_file
    from simcb.views.fit import fit_document, next_of, save_fit
    from simcb.views.formats import render

    check_files(plot, report)
    printed = out is not None and str(out) == "-"
    if out is not None and not printed:
        check_new_file(out)
    found = fit_files(
        files,
        service,
        where=where or (),
        client=client,
        form=source_format,
        between=between,
        arrivals=arrivals,
    )
    if printed:
        emit(found.scenario() if scenario else found.overlay())
        for sentence in (*(found.guesses if scenario else ()), *found.warnings):
            complain(f"warning: {sentence}")
        return
    written = save_fit(found, out, whole=scenario) if out is not None else ()
    written_time = None if between is None else format_duration(between)
    repeat = repeat_command(context, between=written_time)
    next_command = next_of(out, repeat, whole=scenario)
    beside = written[1].name if len(written) > 1 else ""
    document = fit_document(found, file=beside, repeat=repeat, next_command=next_command)
    if plot is not None:
        from simcb.views import plots
        from simcb.views.plots.fit import fit_figure

        plots.save(fit_figure(found), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page()))
    for sentence in found.guesses if out is not None and scenario else ():
        complain(f"warning: {sentence}")
    if len(written) > 1 and not scenario:
        complain(f"{written[1]} belongs beside the scenario over which the overlay lies")
