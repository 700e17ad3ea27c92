"""`simcb sweep`: a scenario at many settings to a ranking, a map, and a directory that lasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import interrupts, job_bar, leave_interrupted, worker_count
from simcb.cli.options import Form, Overlays, Seed, Sets, Source
from simcb.cli.repeat import repeat_command, resume_command
from simcb.cli.usage import whole
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.studies.sweep import Plan


def sweep(
    context: typer.Context,
    scenario: Source,
    overlays: Overlays = None,
    sets: Sets = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=SPEC",
            help="Vary one place: a,b,c or lo:hi:step or lo..hi/N or lo..hi/N@log. Repeatable. "
            "Takes the place of all axes in the scenario's sweep block.",
            show_default=False,
        ),
    ] = None,
    zipped: Annotated[
        bool, typer.Option("--zip", help="First values together, then the second, and so on.")
    ] = False,
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="lhs:N",
            help="N settings by Latin hypercube sampling; or grid, for every combination.",
            show_default=False,
        ),
    ] = None,
    replicates: Annotated[
        int | None,
        typer.Option(
            "--replicates",
            "-n",
            parser=whole(1, 10_000),
            metavar="1..10000",
            help="Runs of each setting, 10 if nothing else is said.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="Rank by this, as in p99{fault}, collapse or max:utilisation{db}. "
            "Without it by goodput, or by what --refine names; success where only the world "
            "(arrivals, work, capacity, faults) is varied, which is shown and not ranked.",
            show_default=False,
        ),
    ] = None,
    refine: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC=VALUE",
            help="Add settings along this border, as in collapse=50%.",
            show_default=False,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            parser=whole(1, 8),
            metavar="1..8",
            help="How often --refine halves the distances, 3 times if nothing else is said.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        str, typer.Option(metavar="N|auto", help="Processes; 0 runs everything in this one.")
    ] = "auto",
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster: tcp://host:port, or local.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep every finished run there, and all tables.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the sweep that --out holds.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much it would be.")
    ] = False,
    top: Annotated[
        int, typer.Option(parser=whole(1), metavar="N", help="Settings shown in the table.")
    ] = 10,
    form: Form = Format.TABLE,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw it: .png, .svg or .pdf. An old one is replaced.",
            show_default=False,
        ),
    ] = None,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write cells.parquet into --out as well.")
    ] = False,
    allow_large: Annotated[
        bool, typer.Option("--allow-large", help="Run even what is estimated to be huge.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
) -> None:
    """Run a scenario at many settings with the same luck, and rank them.

    What is not given is as the scenario's sweep block has it, if it has one.

    Prints the best setting, and which cannot be told from it. Ctrl-C once finishes what runs
    and saves it; --resume goes on. Exits with 0, 1 if runs could not be made, 2 if something
    is wrong, 130 if interrupted.
    """
    from simcb.studies import read
    from simcb.studies import sweep as study
    from simcb.views.formats import render
    from simcb.views.sweep import progress_words, sweep_document

    design = _design(zipped, sample)
    count = worker_count(workers)
    loaded = read(scenario, overlays=overlays or (), sets=sets or ())
    _check_outputs(out, plot, parquet=parquet, resume=resume)
    plan = study.make_plan(
        loaded,
        over or None,
        design=design,
        replicates=replicates,
        seed=seed,
        by=by,
        refine=refine,
        depth=depth,
    )
    if dry_run:
        emit(_estimated(plan, count))
        return
    repeat = repeat_command(context)
    resume_with = resume_command(repeat, out)
    with (
        interrupts(resume_with, quiet=quiet) as stop,
        job_bar(progress_words, quiet=quiet) as progress,
    ):
        result = study.sweep(
            loaded,
            over or None,
            design=design,
            replicates=replicates,
            seed=seed,
            by=by,
            refine=refine,
            depth=depth,
            out=out,
            resume=resume,
            workers=count,
            dask=dask,
            allow_large=allow_large,
            progress=progress,
            stop=stop,
        )
    if result.tally.damaged and not quiet:
        complain(f"warning: {result.tally.damaged} damaged records; their runs were made again")
    if not result.complete:
        leave_interrupted(resume_with, f"{result.tally.ran + result.tally.reused} runs")
    document = sweep_document(result, repeat=repeat, top=top, parquet=parquet)
    if out is not None:
        from simcb.views.run_files import write_study

        write_study(document, out)
    if plot is not None and result.known:
        from simcb.views import plots
        from simcb.views.sweeps.figure import sweep_figure

        plots.save(sweep_figure(result), plot)
    emit(render(document, form, page()))
    if result.lost:
        complain(f"{len(result.lost)} runs could not be made; the first: {result.lost[0].reason}")
        leave(Code.BUG)


def _design(zipped: bool, sample: str | None) -> str | None:
    if zipped and sample is not None:
        raise typer.BadParameter("--zip and --sample exclude each other; give one of them")
    return "zip" if zipped else sample


def _check_outputs(out: Path | None, plot: Path | None, *, parquet: bool, resume: bool) -> None:
    if out is None and (resume or parquet):
        option = "--resume" if resume else "--parquet"
        raise typer.BadParameter(f"{option} needs a directory; name it with --out DIR")
    if out is not None:
        from simcb.studies.sweep import check_store

        check_store(out, resume=resume)
    if parquet:
        from simcb.views.sweep_data import demand_parquet

        demand_parquet()
    if plot is not None:
        from simcb.views.plots import check_plot_path

        check_plot_path(plot)


def _estimated(plan: Plan, workers: int | None) -> str:
    from simcb.studies.sweep.calibration import estimate_time
    from simcb.views.sweep import size_lines

    return size_lines(plan, estimate_time(plan, workers))
