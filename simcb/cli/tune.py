"""`simcb tune`: many scenarios to the setting that holds in all of them, and an overlay with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import (
    Dask,
    Workers,
    interrupts,
    job_bar,
    leave_interrupted,
    worker_count,
)
from simcb.cli.options import Form, Overlays, Seed, Sets
from simcb.cli.repeat import repeat_command, resume_command
from simcb.cli.usage import whole
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.studies.tune import TuneResult


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
    overlays: Overlays = None,
    sets: Sets = None,
    space: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=SPEC",
            help="Where to look: lo..hi or lo..hi@log with units, or a,b,c. Repeatable.",
            show_default=False,
        ),
    ] = None,
    minimize: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="Make this small, as in p99{fault}, collapse or amplification. Repeatable.",
            show_default=False,
        ),
    ] = None,
    maximize: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="Make this large. Repeatable; goodput if nothing is named.",
            show_default=False,
        ),
    ] = None,
    subject_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="What has to hold in every scenario, as in 'success >= 99%'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            parser=whole(1, 10_000), metavar="1..10000", help="Settings that are tried at most."
        ),
    ] = 60,
    batch: Annotated[
        int,
        typer.Option(
            parser=whole(1, 1_000),
            metavar="1..1000",
            help="Settings tried at a time, before it learns.",
        ),
    ] = 8,
    replicates: Annotated[
        int,
        typer.Option(
            "--replicates",
            "-n",
            parser=whole(2, 10_000),
            metavar="2..10000",
            help="Runs of a good setting in each scenario; bad ones get fewer.",
        ),
    ] = 10,
    fresh: Annotated[
        int,
        typer.Option(
            parser=whole(2, 10_000),
            metavar="2..10000",
            help="Runs of the best and of its rivals, on other luck, at the end.",
        ),
    ] = 20,
    tolerance: Annotated[
        str, typer.Option(metavar="SHARE", help="The loss that does not matter.")
    ] = "1%",
    seed: Seed = 0,
    workers: Workers = "auto",
    dask: Dask = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep every finished run there, best.yaml, and all tables.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the tune that --out holds.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how much it would be.")
    ] = False,
    form: Form = Format.TABLE,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw it: .png, .svg or .pdf. An old one is replaced.",
            show_default=False,
        ),
    ] = None,
    allow_large: Annotated[
        bool, typer.Option("--allow-large", help="Run even what is estimated to be huge.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
) -> None:
    """Find the setting that holds in every scenario, and check it on fresh luck.

    A setting is as good as its worst regret: what it loses, in the scenario where it loses
    most, to the best setting for that scenario alone. The best is then run on other luck
    beside your own setting and the defaults of known libraries. --out DIR writes best.yaml,
    an overlay for simcb run -f.

    Exits with 0, 1 if runs could not be made, 2 if something is wrong, 99 if no setting keeps
    --subject-to, 130 if interrupted.
    """
    from simcb.studies import read
    from simcb.studies import tune as study
    from simcb.views.formats import render
    from simcb.views.tune import progress_words, size_lines, tune_document
    from simcb.views.tune_findings import findings

    count = worker_count(workers)
    loaded = [read(each, overlays=overlays or (), sets=sets or ()) for each in scenarios]
    _check_outputs(out, plot, resume=resume)
    plan = study.plan_tune(
        loaded,
        space or (),
        minimize=minimize or (),
        maximize=maximize or (),
        subject_to=subject_to or (),
        trials=trials,
        batch=batch,
        replicates=replicates,
        fresh=fresh,
        seed=seed,
        tolerance=_share(tolerance),
    )
    if dry_run:
        emit(size_lines(plan, *study.estimate_tune_time(plan, count)))
        return
    repeat = repeat_command(context)
    resume_with = resume_command(repeat, out)
    with (
        interrupts(resume_with, quiet=quiet) as stop,
        job_bar(progress_words, quiet=quiet) as progress,
    ):
        result = study.run_tune(
            plan,
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
        if result.winner is not None:
            complain(f"so far {findings(result)[0]}")
        leave_interrupted(resume_with, f"{result.tally.ran + result.tally.reused} runs")
    document = tune_document(result, repeat=repeat)
    if out is not None:
        from simcb.views.run_files import write_study

        write_study(document, out)
    if plot is not None and result.winner is not None:
        from simcb.views import plots
        from simcb.views.tunings.figure import tune_figure

        plots.save(tune_figure(result), plot)
    emit(render(document, form, page()))
    _leave_as(result)


def _check_outputs(out: Path | None, plot: Path | None, *, resume: bool) -> None:
    if out is None and resume:
        raise typer.BadParameter("--resume needs a directory; name it with --out DIR")
    if out is not None:
        from simcb.studies.sweep import check_store

        check_store(out, resume=resume)
    if plot is not None:
        from simcb.views.plots import check_plot_path

        check_plot_path(plot)


def _share(text: str) -> float:
    from simcb.scenario import units
    from simcb.scenario.refusal import Refused

    try:
        return units.parse_share(text)
    except Refused as refused:
        raise typer.BadParameter(f"--tolerance {refused.what}; {refused.remedy}") from None


def _leave_as(result: TuneResult) -> None:
    if result.lost:
        complain(f"{len(result.lost)} runs could not be made; the first: {result.lost[0].reason}")
        leave(Code.BUG)
    if not result.feasible:
        leave(Code.THRESHOLD_FAILED)
