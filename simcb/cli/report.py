"""`simcb report`: a saved run, comparison, sweep or tune as a page, without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit

if TYPE_CHECKING:
    from simcb.views.document import Document


def report(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="A directory that --out of run, compare, sweep or tune wrote, or a trace file.",
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
    """Write a page about what a run, compare, sweep or tune has left in its directory.

    It is the page that --report would have written, in one file that needs no network: verdict,
    tables, figures, the scenario, and how to repeat it. Prints the file's name.
    """
    from simcb.views.files import REPORT
    from simcb.views.page import check_page_path, save_page
    from simcb.views.safe_text import one_line

    usual = source / REPORT if source.is_dir() else source.with_suffix(".html")
    if out is not None:
        check_page_path(out)
    path = save_page(_document(source), out or usual)
    emit(f"{one_line(str(path))}\n")


def _document(source: Path) -> Document:
    from simcb.studies.sweep import is_sweep, open_sweep
    from simcb.studies.tune import is_tune, open_tune
    from simcb.views.compare import compare_document
    from simcb.views.run import run_document
    from simcb.views.saved_runs import is_comparison, open_answer, open_comparison, repeat_of
    from simcb.views.sweep import sweep_document
    from simcb.views.tune import tune_document

    if not is_sweep(source):
        if is_comparison(source):
            return compare_document(open_comparison(source))
        return run_document(open_answer(source))
    if is_tune(source):
        tuned = open_tune(source)
        if not tuned.complete:
            complain("warning: the tune is incomplete, or was made with another Optuna")
        return tune_document(tuned, repeat=repeat_of(source))
    swept = open_sweep(source)
    if not swept.complete:
        complain("warning: the sweep is incomplete")
    return sweep_document(swept, repeat=repeat_of(source))
