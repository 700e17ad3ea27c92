"""`simcb report`: what a study has left as a page, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.console import complain, emit


def report(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A directory that --out of any study wrote, or a trace file of a run.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page: .html. An old one is replaced. [default: report.html in DIR]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a page about what a run, compare, league, sweep or tune has left in its directory.

    It is the page that --report would have written, in one file that needs no network: verdict,
    tables, figures, the scenario, and how to repeat it. Prints the file's name.
    """
    from simcb.views.files import REPORT
    from simcb.views.page import check_page_path, save_page
    from simcb.views.safe_text import one_line
    from simcb.views.saved import open_study

    usual = source / REPORT if source.is_dir() else source.with_suffix(".html")
    if out is not None:
        check_page_path(out)
    found = open_study(source)
    if found.warning:
        complain(f"warning: {found.warning}")
    emit(f"{one_line(str(save_page(found.document(), out or usual)))}\n")
