"""`simcb sweep`: a scenario at many settings to a ranking, a map, and a directory that lasts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.alike import deliver
from simcb.cli.console import complain, emit
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import check_kept, interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    Clients,
    DryRun,
    Form,
    Overlays,
    PlotFile,
    Preset,
    Quiet,
    ReportFile,
    Sets,
    Source,
    Tags,
    Workers,
    check_files,
    clients_of,
    read_source,
    tags_of,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command, resume_command
from simcb.cli.usage import whole
from simcb.options import JobOptions, SweepOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.studies.sweep import SweepResult


@with_fields
def sweep(
    context: typer.Context,
    scenario: Source,
    *,
    overlays: Overlays = None,
    sets: Sets = None,
    preset: Preset = None,
    zipped: Annotated[
        bool, typer.Option("--zip", help="First values together, then the second, and so on.")
    ] = False,
    options: SweepOptions,
    client: Clients = None,
    workers: Workers = "auto",
    job: JobOptions,
    dry_run: DryRun = False,
    top: Annotated[
        int, typer.Option(parser=whole(1), metavar="N", help="Settings shown in the table.")
    ] = 10,
    form: Form = Format.TABLE,
    tags: Tags = None,
    plot: PlotFile = None,
    report: ReportFile = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write cells.parquet into --out as well.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario at many settings with the same random streams, and rank them.

    What is not given is as the scenario's sweep block has it, if it has one.

    Prints the best setting, and which cannot be told from it. Ctrl-C once finishes what runs
    and saves it; --resume goes on. Exits with 0, 1 if runs could not be made, 2 if something
    is wrong, in clients' code too, 130 if interrupted.
    """
    from simcb.studies import sweep as study
    from simcb.studies.sweep.plan import estimate_time
    from simcb.views.progress import sweep_progress, sweep_size
    from simcb.views.sweep import sweep_document
    from simcb.views.sweep_view import SweepView

    if zipped and options.design is not None:
        raise typer.BadParameter("--zip and --sample exclude each other; give one of them")
    options = replace(options, design="zip" if zipped else options.design)
    job = replace(job, workers=worker_count(workers), tags=tags_of(tags))
    clients = clients_of(client)
    loaded = read_source(scenario, overlays, sets, preset, clients=clients, quiet=quiet)
    _check_outputs(job, plot, report, parquet=parquet)
    if dry_run:
        plan = study.make_plan(loaded, options, clients)
        emit(sweep_size(plan, estimate_time(plan, job.workers)))
        return
    repeat = repeat_command(context)
    resume_with = resume_command(repeat, job.out)
    with (
        interrupts(resume_with, quiet=quiet) as stop,
        job_bar(sweep_progress, quiet=quiet) as progress,
    ):
        result = study.sweep(loaded, options, job, progress=progress, stop=stop, clients=clients)
    if result.tally.damaged and not quiet:
        complain(f"warning: {result.tally.damaged} damaged records; their runs were made again")
    if not result.complete:
        leave_interrupted(resume_with, f"{result.tally.ran + result.tally.reused} runs")
    document = sweep_document(result, repeat=repeat, top=top, parquet=parquet)
    if job.out is not None:
        from simcb.views.study_files import write_study

        write_study(document, Path(job.out))
    drawn = plot if result.known else None
    deliver(document, form, drawn, SweepView(result).plot, report)
    if not quiet:
        _tell_of_code(result)
    if lost := result.every_lost:
        complain(f"{len(lost)} runs could not be made; the first: {lost[0].reason}")
        leave(Code.WRONG_INPUT if all(each.asked for each in lost) else Code.BUG)


def _tell_of_code(result: SweepResult) -> None:
    """Say how clients' own code ran, each thing once."""
    from simcb.views.safe_text import one_line

    for each in result.told:
        values = result.values_of(each.cell.setting)
        where = ", ".join(f"{path}={value}" for path, value in values.items())
        runs = f"; in {each.runs:,} of {result.tally.ran:,} runs" if each.runs > 1 else ""
        complain(f"code: {one_line(where, 200)}: {one_line(each.text, 1000)}{runs}")


def _check_outputs(
    job: JobOptions, plot: Path | None, report: Path | None, *, parquet: bool
) -> None:
    check_kept(job, "--parquet" if parquet else "")
    if parquet:
        from simcb.views.sweep_data import demand_parquet

        demand_parquet()
    check_files(plot, report)
