"""`simcb plot`: what a study has left as a picture, drawn without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import complain, emit


def plot(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A directory that --out of run, compare, sweep or tune wrote, or a trace file.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="What to draw: .png, .svg or .pdf. An old one is replaced. "
            "[default: timeline.png, compare.png, map.png or tune.png in DIR]",
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
) -> None:
    """Draw what a run, compare, sweep or tune has left in its directory, without running it again.

    A run is drawn as its timeline, a comparison as its variants over each other, a sweep as its
    map or its lines, a tune as what moving each value costs, beside its other files unless FILE
    says otherwise. Prints the file's name.
    """
    from simcb.studies.sweep import is_sweep
    from simcb.studies.tune import is_tune
    from simcb.views.plots import check_plot_path
    from simcb.views.safe_text import one_line
    from simcb.views.saved_runs import is_comparison

    if file is not None:
        check_plot_path(file)
    if is_sweep(source):
        draw = _draw_tune if is_tune(source) else _draw_sweep
    else:
        draw = _draw_comparison if is_comparison(source) else _draw_run
    target = draw(source, by, file)
    emit(f"{one_line(str(target))}\n")


def _draw_sweep(source: Path, by: str | None, file: Path | None) -> Path:
    from simcb.studies import StudyError
    from simcb.studies.sweep import open_sweep
    from simcb.views import plots
    from simcb.views.plots.sweep import sweep_figure
    from simcb.views.sweep import MAP

    result = open_sweep(source, by=by)
    known = int((result.table.verdicts >= 0).sum())
    if not known:
        raise StudyError("no run of the sweep was finished", "go on with it, with --resume")
    if not result.complete:
        complain(f"warning: the sweep is incomplete: {known} of {result.table.verdicts.size} runs")
    return plots.save(sweep_figure(result), file or source / f"{MAP}.png")


def _draw_tune(source: Path, by: str | None, file: Path | None) -> Path:
    from simcb.studies import StudyError
    from simcb.studies.tune import open_tune
    from simcb.views import plots
    from simcb.views.plots.tune import tune_figure
    from simcb.views.tune import PICTURE

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a tune; leave it out")
    result = open_tune(source)
    if result.winner is None:
        raise StudyError("no setting was run to the end", "go on with the tune, with --resume")
    if not result.complete:
        complain("warning: the tune is incomplete, or was made with another Optuna")
    return plots.save(tune_figure(result), file or source / f"{PICTURE}.png")


def _draw_comparison(source: Path, by: str | None, file: Path | None) -> Path:
    from simcb.views import plots
    from simcb.views.compare import OVERLAY
    from simcb.views.plots.compare import overlay
    from simcb.views.saved_runs import open_comparison

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a comparison; leave it out")
    return plots.save(
        overlay(open_comparison(source).comparison), file or source / f"{OVERLAY}.png"
    )


def _draw_run(source: Path, by: str | None, file: Path | None) -> Path:
    from simcb.views import plots
    from simcb.views.files import TIMELINE
    from simcb.views.saved_runs import open_run

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a run; leave it out")
    usual = source / f"{TIMELINE}.png" if source.is_dir() else source.with_suffix(".png")
    return plots.save(plots.timeline(open_run(source)), file or usual)
