"""`simcb plot`: the timeline of a saved run, drawn again without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import emit


def plot(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="A directory that --out wrote, or a trace file.", show_default=False
        ),
    ],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What to draw: .png, .svg or .pdf.")
    ] = Path("timeline.png"),
) -> None:
    """Draw the timeline of a saved run, without running it again.

    An existing FILE is replaced.
    """
    from simcb.views import plots
    from simcb.views.files.reading import open_run
    from simcb.views.safe_text import one_line

    plots.check_plot_path(file)
    plots.save(plots.timeline(open_run(source)), file)
    emit(f"{one_line(str(file))}\n")
