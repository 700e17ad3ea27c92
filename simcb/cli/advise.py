"""`simcb advise`: what to set, in five lines, and an overlay with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from simcb.cli.console import emit, page
from simcb.cli.long_jobs import check_kept, interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    DryRun,
    Form,
    Overlays,
    Quiet,
    ReportFile,
    Sets,
    Source,
    Tags,
    Workers,
    check_files,
    tags_of,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command, resume_command
from simcb.cli.tune import DayBudget, Tolerance, announce, leave_as, with_shares
from simcb.options import JobOptions, TuneOptions
from simcb.views.formats import Format


@with_fields
def advise(
    context: typer.Context,
    source: Source,
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
    report: ReportFile = None,
    quiet: Quiet = False,
) -> None:
    """Say what to set the guarded calls of a scenario to, in five lines.

    It tunes them over a family of storms, checks that on other random streams beside your own
    setting and no breaker, and moves what the file may have guessed, such as the workers of
    somebody else's service, to half and double. --out DIR writes best.yaml, an overlay for
    simcb run -f.

    Exits with 0, 1 if runs could not be made, 2 if something is wrong, 99 if no setting keeps
    the ordinary day whole or --subject-to, 130 if interrupted.
    """
    from simcb.studies import read
    from simcb.studies.tune.advise import advise as study
    from simcb.views.advise import advise_document
    from simcb.views.formats import render
    from simcb.views.progress import tune_progress

    job = replace(job, workers=worker_count(workers), tags=tags_of(tags))
    loaded = read(source, overlays=overlays or (), sets=sets or ())
    check_kept(job)
    check_files(None, report)
    options = with_shares(options, tolerance, day_budget)
    if dry_run:
        from simcb.studies import tune as tuning
        from simcb.views.progress import tune_size

        plan = tuning.plan_tune(loaded, replace(options, libraries=False))
        emit(tune_size(plan, *tuning.estimate_tune_time(plan, job.workers)))
        return
    announce([loaded], replace(options, libraries=False), job, quiet=quiet)
    repeat = repeat_command(context)
    resume_with = resume_command(repeat, job.out)
    with (
        interrupts(resume_with, quiet=quiet) as stop,
        job_bar(tune_progress, quiet=quiet) as progress,
    ):
        advice = study(loaded, options, job, progress=progress, stop=stop)
    result = advice.result
    if not result.complete:
        leave_interrupted(resume_with, f"{result.tally.ran + result.tally.reused} runs")
    document = advise_document(advice, repeat=repeat)
    if job.out is not None:
        from simcb.views.study_files import write_study

        write_study(document, Path(job.out))
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page()))
    leave_as(result)
