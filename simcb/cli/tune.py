"""`simcb tune`: many scenarios to the setting that holds in all of them, and an overlay with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import check_kept, interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    DryRun,
    Form,
    Overlays,
    PlotFile,
    Quiet,
    ReportFile,
    Sets,
    Tags,
    Workers,
    check_files,
    tags_of,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command, resume_command
from simcb.options import JobOptions, TuneOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.tune import TuneResult


Tolerance = Annotated[str, typer.Option(metavar="SHARE", help="The loss that does not matter.")]

DayBudget = Annotated[
    str,
    typer.Option(
        metavar="SHARE", help="What may be lost needlessly of an ordinary day's requests."
    ),
]


@with_fields
def tune(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO",
            help="Shipped names or files; the setting has to hold in all of them.",
            show_default=False,
        ),
    ],
    *,
    overlays: Overlays = None,
    sets: Sets = None,
    options: TuneOptions,
    tolerance: Tolerance = "1%",
    day_budget: DayBudget = "0.1%",
    workers: Workers = "auto",
    job: JobOptions,
    dry_run: DryRun = False,
    form: Form = Format.TABLE,
    tags: Tags = None,
    plot: PlotFile = None,
    report: ReportFile = None,
    quiet: Quiet = False,
) -> None:
    """Find the setting that holds in every scenario, and check it on fresh random streams.

    The scenarios are a family of storms made of those given: an ordinary day, which has to stay
    whole, a blip, a partial failure, refused, hung, slow, flapping, and their own faults.
    Without --space the rule, the opening and the timeout of the guarded calls are varied.

    A setting is as good as its worst regret: what it loses, in the scenario where it loses
    most, to the best setting for that scenario alone. Of those that are as good the calmest is
    then run on other streams beside your own, no breaker and the defaults of known libraries.
    --out DIR writes best.yaml, an overlay for simcb run -f.

    Exits with 0, 1 if runs could not be made, 2 if something is wrong, 99 if no setting keeps
    --subject-to, 130 if interrupted.
    """
    from simcb.studies import read
    from simcb.studies import tune as study
    from simcb.views.formats import render
    from simcb.views.progress import tune_progress, tune_size
    from simcb.views.tune import findings, tune_document

    job = replace(job, workers=worker_count(workers), tags=tags_of(tags))
    loaded = [read(each, overlays=overlays or (), sets=sets or ()) for each in scenarios]
    check_kept(job)
    check_files(plot, report)
    options = with_shares(options, tolerance, day_budget)
    if dry_run:
        plan = study.plan_tune(loaded, options)
        emit(tune_size(plan, *study.estimate_tune_time(plan, job.workers)))
        return
    announce(loaded, options, job, quiet=quiet)
    repeat = repeat_command(context)
    resume_with = resume_command(repeat, job.out)
    with (
        interrupts(resume_with, quiet=quiet) as stop,
        job_bar(tune_progress, quiet=quiet) as progress,
    ):
        result = study.tune(loaded, options, job, progress=progress, stop=stop)
    if result.tally.damaged and not quiet:
        complain(f"warning: {result.tally.damaged} damaged records; their runs were made again")
    if not result.complete:
        if result.winner is not None:
            complain(f"so far {findings(result)[0]}")
        leave_interrupted(resume_with, f"{result.tally.ran + result.tally.reused} runs")
    document = tune_document(result, repeat=repeat)
    if job.out is not None:
        from simcb.views.study_files import write_study

        write_study(document, Path(job.out))
    if plot is not None and result.winner is not None:
        from simcb.views import plots
        from simcb.views.plots.tune import tune_figure

        plots.save(tune_figure(result), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page()))
    leave_as(result)


def announce(loaded: list[Scenario], options: TuneOptions, job: JobOptions, *, quiet: bool) -> None:
    """Say on a terminal, before anything is run, how much it will be at most."""
    if quiet or not sys.stderr.isatty():
        return
    from simcb.studies import tune as study
    from simcb.views.progress import tune_size

    plan = study.plan_tune(loaded, options)
    complain(tune_size(plan, *study.estimate_tune_time(plan, job.workers)).rstrip())


def with_shares(options: TuneOptions, tolerance: str, day_budget: str) -> TuneOptions:
    """Return the options with shares that are read.

    Raises:
        typer.BadParameter: one of them is none.
    """
    return replace(
        options,
        tolerance=_share("--tolerance", tolerance),
        day_budget=_share("--day-budget", day_budget),
    )


def _share(option: str, text: str) -> float:
    from simcb.scenario import units
    from simcb.scenario.refusal import Refused

    try:
        return units.parse_share(text)
    except Refused as refused:
        raise typer.BadParameter(f"{option} {refused.what}; {refused.remedy}") from None


def leave_as(result: TuneResult) -> None:
    """End the command with its code: 1 if runs could not be made, 99 if nothing holds."""
    if result.lost:
        complain(f"{len(result.lost)} runs could not be made; the first: {result.lost[0].reason}")
        leave(Code.BUG)
    if not result.feasible:
        leave(Code.THRESHOLD_FAILED)
