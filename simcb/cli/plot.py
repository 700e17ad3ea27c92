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
            help="A directory that --out of any study wrote, or a trace file of a run.",
            show_default=False,
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="What to draw: .png, .svg or .pdf. An old one is replaced. "
            "[default: timeline, compare, league, map or tune.png in DIR]",
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
    """Draw what a study has left in its directory, without running it again.

    A run is drawn as its timeline, a comparison as its variants over each other, a league as
    what each answers, a sweep as its map or its lines, a tune as what moving each value costs,
    beside its other files unless FILE says otherwise. Prints the file's name.
    """
    from simcb.views import plots
    from simcb.views.safe_text import one_line
    from simcb.views.saved import open_study

    if file is not None:
        plots.check_plot_path(file)
    found = open_study(source, by)
    if found.warning:
        complain(f"warning: {found.warning}")
    usual = (source if source.is_dir() else source.parent) / f"{found.picture}.png"
    emit(f"{one_line(str(plots.save(found.draw(), file or usual)))}\n")
