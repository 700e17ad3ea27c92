"""What a study has left, opened: its document, its picture and its view. Nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from simcb.studies import StudyError
from simcb.views.document import Document
from simcb.views.saved_runs import Kind, kind_of, open_answer, open_comparison, repeat_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from simcb.views.compare_view import CompareView
    from simcb.views.league_view import LeagueView
    from simcb.views.run_view import RunView
    from simcb.views.sweep_view import SweepView
    from simcb.views.tune_view import TuneView


@dataclass(frozen=True)
class Saved:
    """A study that was read from its directory, or a run from its trace.

    Args:
        document: returns what it says.
        draw: returns its picture; only this loads matplotlib.
        picture: what the picture's file is called, without the ending.
        view: returns it as one looks at it in a notebook.
        warning: what is missing; "" if nothing is.
    """

    document: Callable[[], Document]
    draw: Callable[[], Figure]
    picture: str
    view: Callable[[], RunView | CompareView | LeagueView | SweepView | TuneView]
    warning: str = ""


def open_study(source: str | Path, by: str | None = None) -> Saved:
    """Read what a run, a comparison, a league, a sweep or a tune wrote.

    Args:
        source: the directory that `--out` named, or one trace of a run.
        by: what to rank a sweep by; what it was first ranked by if None.

    Raises:
        TraceFileError: there is nothing of the kind, or it is damaged.
        StoreError: the directory of a sweep or a tune is damaged.
        StudyError: there is no number `by` in the sweep, or it is no sweep.
        MissingExtraError: it is a tune, and Optuna is not installed.
    """
    path, kind = Path(source), kind_of(source)
    if kind is Kind.SWEEP:
        return _sweep(path, by)
    if by is not None:
        raise StudyError(f"by is {by!r}, and {source} is no sweep", "leave it out")
    openers = {
        Kind.RUN: _run,
        Kind.COMPARISON: _comparison,
        Kind.LEAGUE: _league,
        Kind.TUNE: _tune,
    }
    return openers[kind](path)


def _run(path: Path) -> Saved:
    from simcb.views.files import TIMELINE
    from simcb.views.run import run_document
    from simcb.views.run_view import RunView

    found = open_answer(path)
    view = RunView(found.result, found.fail_if, found.audits, found.tags)
    name = TIMELINE if path.is_dir() else path.stem
    return Saved(partial(run_document, found), view.plot, name, lambda: view)


def _comparison(path: Path) -> Saved:
    from simcb.views.compare import OVERLAY, compare_document
    from simcb.views.compare_view import CompareView

    found = open_comparison(path)
    view = CompareView(found.comparison, found.fail_if)
    return Saved(partial(compare_document, found), view.plot, OVERLAY, lambda: view)


def _league(path: Path) -> Saved:
    from simcb.views.league import CHART, Answer, league_document
    from simcb.views.league_files import open_league
    from simcb.views.league_view import LeagueView

    answer = Answer(open_league(path), repeat_of(path))
    view = LeagueView(answer.league)
    return Saved(partial(league_document, answer), view.plot, CHART, lambda: view)


def _sweep(path: Path, by: str | None) -> Saved:
    from simcb.studies.sweep import open_sweep
    from simcb.views.sweep import MAP, sweep_document
    from simcb.views.sweep_view import SweepView

    found = open_sweep(path, by=by)
    view, repeat = SweepView(found), repeat_of(path)
    known, all_ = int((found.table.verdicts >= 0).sum()), found.table.verdicts.size
    warning = "" if found.complete else f"the sweep is incomplete: {known} of {all_} runs"

    def draw() -> Figure:
        if not known:
            raise StudyError("no run of the sweep was finished", "go on with it, with --resume")
        return view.plot()

    return Saved(partial(sweep_document, found, repeat=repeat), draw, MAP, lambda: view, warning)


def _tune(path: Path) -> Saved:
    from simcb.studies.tune import open_tune
    from simcb.views.tune import PICTURE, tune_document
    from simcb.views.tune_view import TuneView

    found = open_tune(path)
    view, repeat = TuneView(found), repeat_of(path)
    warning = "the tune is incomplete, or was made with another Optuna"

    def draw() -> Figure:
        if found.winner is None:
            raise StudyError("no setting was run to the end", "go on with the tune, with --resume")
        return view.plot()

    document = partial(tune_document, found, repeat=repeat)
    return Saved(document, draw, PICTURE, lambda: view, "" if found.complete else warning)
