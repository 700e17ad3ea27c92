"""`simcb plot`: a saved run, sweep or tune as a picture, drawn without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import complain, emit

RUN_PICTURE = "timeline.png"
SWEEP_PICTURE = "sweep.png"
TUNE_PICTURE = "tune.png"


def plot(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A directory that --out of run, sweep or tune wrote, or a trace file.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="What to draw: .png, .svg or .pdf. "
            f"[default: {RUN_PICTURE}, {SWEEP_PICTURE} or {TUNE_PICTURE}]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="The number of a sweep to show and rank by, as in p99{fault}.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Let FILE be replaced.")] = False,
) -> None:
    """Draw what a run, a sweep or a tune has left in its directory, without running it again.

    A run is drawn as its timeline, a sweep as its map or its lines, a tune as what moving each
    value costs. Prints the file's name.
    """
    from simcb.studies.sweep import is_sweep
    from simcb.studies.tune import is_tune
    from simcb.views import plots
    from simcb.views.files.outputs import check_new_file
    from simcb.views.safe_text import one_line

    draw, picture = _draw_run, RUN_PICTURE
    if is_sweep(source):
        draw, picture = _draw_sweep, SWEEP_PICTURE
        if is_tune(source):
            draw, picture = _draw_tune, TUNE_PICTURE
    target = file or Path(picture)
    plots.check_plot_path(target)
    if not force:
        check_new_file(target, "add --force")
    draw(source, by, target)
    emit(f"{one_line(str(target))}\n")


def _draw_sweep(source: Path, by: str | None, target: Path) -> None:
    from simcb.studies.sweep import open_sweep
    from simcb.views import plots
    from simcb.views.sweeps.figure import sweep_figure

    result = open_sweep(source, by=by)
    if not result.complete:
        known = int((result.table.verdicts >= 0).sum())
        complain(f"warning: the sweep is incomplete: {known} of {result.table.verdicts.size} runs")
    plots.save(sweep_figure(result), target)


def _draw_tune(source: Path, by: str | None, target: Path) -> None:
    from simcb.studies import StudyError
    from simcb.studies.tune import open_tune
    from simcb.views import plots
    from simcb.views.tunings.figure import tune_figure

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a tune; leave it out")
    result = open_tune(source)
    if result.winner is None:
        raise StudyError("no setting was run to the end", "go on with the tune, with --resume")
    if not result.complete:
        complain("warning: the tune is incomplete, or was made with another Optuna")
    plots.save(tune_figure(result), target)


def _draw_run(source: Path, by: str | None, target: Path) -> None:
    from simcb.views import plots
    from simcb.views.files.reading import open_run

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a run; leave it out")
    plots.save(plots.timeline(open_run(source)), target)
