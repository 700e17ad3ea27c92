"""`simcb plot`: a saved run's timeline or a saved sweep's map, drawn without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import complain, emit

RUN_PICTURE = "timeline.png"
SWEEP_PICTURE = "sweep.png"


def plot(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A directory that --out of run or sweep wrote, or a trace file.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help=f"What to draw: .png, .svg or .pdf. [default: {RUN_PICTURE} or {SWEEP_PICTURE}]",
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
    """Draw what a run or a sweep has left in its directory, without running it again.

    A run is drawn as its timeline, a sweep as its map or its lines. Prints the file's name.
    """
    from simcb.studies.sweep import is_sweep
    from simcb.views import plots
    from simcb.views.files.outputs import check_new_file
    from simcb.views.safe_text import one_line

    swept = is_sweep(source)
    target = file or Path(SWEEP_PICTURE if swept else RUN_PICTURE)
    plots.check_plot_path(target)
    if not force:
        check_new_file(target, "add --force")
    draw = _draw_sweep if swept else _draw_run
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


def _draw_run(source: Path, by: str | None, target: Path) -> None:
    from simcb.views import plots
    from simcb.views.files.reading import open_run

    if by is not None:
        raise typer.BadParameter("--by is for sweeps, and this is a run; leave it out")
    plots.save(plots.timeline(open_run(source)), target)
