"""`simcb league`: every breaker that is installed, through the same scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.compare import check_outputs
from simcb.cli.console import emit, page
from simcb.cli.long_jobs import interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    Form,
    Overlays,
    PlotFile,
    Quiet,
    ReportFile,
    Sets,
    Workers,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command
from simcb.options import CompareOptions, JobOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.studies.compare import Progress


@with_fields
def league(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO", help="Files or shipped names.", show_default=False),
    ],
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this breaker, as in pybreaker; beside ours and none. Repeatable.",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        bool,
        typer.Option("--models", help="Also models of breakers of other languages."),
    ] = False,
    overlays: Overlays = None,
    sets: Sets = None,
    options: CompareOptions,
    workers: Workers = "auto",
    allow_large: Annotated[
        bool, typer.Option("--allow-large", help="Run even what is estimated to be huge.")
    ] = False,
    form: Form = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write summary.json and the figure there.", show_default=False
        ),
    ] = None,
    plot: PlotFile = None,
    report: ReportFile = None,
    details: Annotated[bool, typer.Option("--details", help="Print every table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Put every breaker that is installed in the place of the scenario's own.

    Each runs with the same random streams, at settings that mean the same for all (the scenario's
    failures in a row and its timeout) and at its own defaults. Prints a table with 95% intervals
    and a sentence for each on why it fared so. What a scenario guards, and what counts as a
    failure, stay as they are.
    """
    from simcb import studies
    from simcb.studies.compare import StoppedError
    from simcb.studies.league import league as study
    from simcb.views.formats import render
    from simcb.views.league import Answer, league_document

    read = [studies.read(each, overlays=overlays or (), sets=sets or ()) for each in scenarios]
    check_outputs(out, plot, report)
    job = JobOptions(workers=worker_count(workers), allow_large=allow_large)
    with (
        interrupts(None, quiet=quiet) as stop,
        job_bar(_progress_words, quiet=quiet) as progress,
    ):
        try:
            found = study(
                read,
                options,
                job,
                only=only or (),
                models=models,
                progress=progress,
                stop=stop,
            )
        except StoppedError:
            leave_interrupted(None, "some of the runs")
    seed = found.comparisons[0].results[0].seed
    document = league_document(Answer(found, repeat_command(context, seed=seed)))
    if out is not None:
        from simcb.views.study_files import write_document

        write_document(document, out)
    if plot is not None:
        from simcb.views import plots
        from simcb.views.plots.league import chart

        plots.save(chart(found), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page(), details=details))


def _progress_words(now: Progress) -> str:
    return f"{now.done} of {now.total} runs"
