"""`simcb compare`: variants on the same random streams, to which is best and how they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    Form,
    Overlays,
    PlotFile,
    Preset,
    Quiet,
    ReportFile,
    Sets,
    Workers,
    read_source,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command
from simcb.options import CompareOptions, JobOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.compare import Progress
    from simcb.studies.variants import Variant


@with_fields
def compare(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO",
            help="Files, shipped names, or directories that run --out wrote; after the first "
            "also none, a library, or PATH=VALUE.",
            show_default=False,
        ),
    ],
    *,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="[NAME:] CHANGE",
            help="The first one changed: none (no breaker), a library such as resilience4j, an "
            "overlay file, or PATH=VALUE; several parted by commas. Repeatable.",
            show_default=False,
        ),
    ] = None,
    overlays: Overlays = None,
    sets: Sets = None,
    preset: Preset = None,
    options: CompareOptions,
    workers: Workers = "auto",
    allow_large: Annotated[
        bool, typer.Option("--allow-large", help="Run even what is estimated to be huge.")
    ] = False,
    form: Form = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write summary.json, the figure, and each variant's run there.",
            show_default=False,
        ),
    ] = None,
    plot: PlotFile = None,
    report: ReportFile = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="Exit with 99 if this holds for a variant but the first, as in 'success < 99%', "
            "'NAME: p99{fault} > 1s' or 'change answered{fault} < -1%'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    details: Annotated[bool, typer.Option("--details", help="Print every table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run variants with the same random streams, and say how each differs from the first.

    Prints which answers most requests in time, a sentence for each variant, and the numbers;
    --details adds all tables. Differences are of pairs of runs, with 95% intervals. Exits with
    0, 99 if a --fail-if holds or is undefined, 2 if something is wrong, 130 if interrupted.
    """
    from simcb.studies.compare import StoppedError
    from simcb.studies.compare import compare as study
    from simcb.studies.conditions import conditions_on
    from simcb.studies.variants import check_variants
    from simcb.views.compare import answer_of, compare_document
    from simcb.views.formats import render
    from simcb.views.safe_text import one_line

    variants = _variants(scenarios, groups or (), overlays or (), sets or (), preset, quiet=quiet)
    check_variants(variants)
    conditions = conditions_on(fail_if or (), variants)
    check_outputs(out, plot, report)
    job = JobOptions(workers=worker_count(workers), allow_large=allow_large)
    with (
        interrupts(None, quiet=quiet) as stop,
        job_bar(_progress_words, quiet=quiet) as progress,
    ):
        try:
            comparison = study(variants, options, job, progress=progress, stop=stop)
        except StoppedError:
            leave_interrupted(None, "some of the runs")
    seed = comparison.results[0].seed if options.seed is None else options.seed
    repeat = repeat_command(context, seed=seed)
    answer = answer_of(comparison, conditions, repeat)
    document = compare_document(answer)
    if out is not None:
        from simcb.views.study_files import write_comparison

        write_comparison(answer, out)
    if plot is not None:
        from simcb.views import plots
        from simcb.views.plots.compare import overlay

        plots.save(overlay(comparison), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page(), details=details))
    if not answer.good:
        for each in answer.fail_if:
            if not each.good:
                name = one_line(comparison.names[each.variant])
                complain(f"fails with {name}: {one_line(each.condition.text)}")
        leave(Code.THRESHOLD_FAILED)


def _progress_words(now: Progress) -> str:
    return f"{now.done} of {now.total} runs"


def _variants(
    sources: Sequence[str],
    groups: Sequence[str],
    overlays: Sequence[Path],
    sets: Sequence[str],
    preset: str | None,
    *,
    quiet: bool,
) -> tuple[Variant, ...]:
    from simcb.studies.variants import read_variants
    from simcb.views.saved_runs import kept_runs

    kept = kept_runs(sources)
    if kept and (overlays or sets or preset):
        raise typer.BadParameter("-f, --set and --preset change no saved run; leave them out")

    def read(source: str, more: Sequence[str]) -> Scenario:
        again = source != sources[0] or bool(more)
        return read_source(source, (*overlays, *more), sets, preset, quiet=quiet or again)

    return read_variants(sources, groups, read, kept)


def check_outputs(out: Path | None, plot: Path | None, report: Path | None) -> None:
    """Check, before anything is run, that what is to be written can be."""
    if out is not None:
        from simcb.views.files import check_directory

        check_directory(out)
    if plot is not None:
        from simcb.views.plots import check_plot_path

        check_plot_path(plot)
    if report is not None:
        from simcb.views.page import check_page_path

        check_page_path(report)
