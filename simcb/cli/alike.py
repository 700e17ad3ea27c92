"""What verbs are asked for alike, as groups of options, and what becomes of what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

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
    check_files,
    worker_count,
)
from simcb.options import JobOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.studies.compare import Progress
    from simcb.views.document import Document

T = TypeVar("T")


@dataclass(frozen=True)
class Changed:
    """How what a command line names is changed."""

    overlays: Overlays = None
    sets: Sets = None


@dataclass(frozen=True)
class Together:
    """What is asked of runs that are held against each other: who makes them, and what is shown."""

    workers: Workers = "auto"
    allow_large: Annotated[
        bool, typer.Option("--allow-large", help="Run even what is estimated to be huge.")
    ] = False
    form: Form = Format.TABLE
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write summary.json, the figure, and everyone's runs there.",
            show_default=False,
        ),
    ] = None
    plot: PlotFile = None
    report: ReportFile = None
    details: Annotated[bool, typer.Option("--details", help="Print every table.")] = False
    quiet: Quiet = False

    def check(self) -> None:
        """Check, before anything is run, that what is to be written can be."""
        if self.out is not None:
            from simcb.views.files import check_directory

            check_directory(self.out)
        check_files(self.plot, self.report)

    def run(self, study: Callable[..., T]) -> T:
        """Return what a study comes to that takes a job, `progress` and `stop`."""
        from simcb.studies.compare import StoppedError

        job = JobOptions(workers=worker_count(self.workers), allow_large=self.allow_large)
        with (
            interrupts(None, quiet=self.quiet) as stop,
            job_bar(_progress_words, quiet=self.quiet) as progress,
        ):
            try:
                return study(job=job, progress=progress, stop=stop)
            except StoppedError:
                leave_interrupted(None, "some of the runs")

    def show(self, document: Document, draw: Callable[[], Any]) -> None:
        """Draw, write and print what is asked for."""
        deliver(document, self.form, self.plot, draw, self.report, details=self.details)


def deliver(
    document: Document,
    form: Format,
    plot: Path | None,
    draw: Callable[[], Any],
    report: Path | None,
    *,
    details: bool = False,
) -> None:
    """Draw a picture and write a page where they are asked for, and print a document."""
    from simcb.views.formats import render

    if plot is not None:
        from simcb.views import plots

        plots.save(draw(), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page(), details=details))


def _progress_words(now: Progress) -> str:
    return f"{now.done} of {now.total} runs"
