"""What verbs that run for long have in common: Ctrl-C, a progress bar, and workers."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn, Protocol, TypeVar

import typer

from simcb.cli.console import complain
from simcb.cli.exits import Code, leave
from simcb.options import JobOptions


class Progress(Protocol):
    """How far a job is: some of its parts are done."""

    @property
    def done(self) -> int:
        """How many parts are done."""

    @property
    def total(self) -> int:
        """How many parts there are."""


Now = TypeVar("Now", bound=Progress)


def check_kept(job: JobOptions, needs: str = "") -> None:
    """Check that the directory of a job can hold it, and is named where an option needs it.

    Args:
        job: what is asked for.
        needs: another option that needs a directory, or "".
    """
    option = "--resume" if job.resume else needs
    if job.out is None:
        if option:
            raise typer.BadParameter(f"{option} needs a directory; name it with --out DIR")
        return
    from simcb.studies.evaluation.store import check_store

    check_store(job.out, resume=job.resume)


def leave_interrupted(resume: str | None, runs: str) -> NoReturn:
    """End the command as one that was interrupted, and say what is kept and how to go on.

    Args:
        resume: the command that goes on; None if nothing is kept.
        runs: what was done, as in `12 runs`.
    """
    if resume is None:
        complain(f"interrupted after {runs}; nothing is kept without --out DIR")
    else:
        complain(f"interrupted; {runs} are saved\nresume: {resume}")
    leave(Code.INTERRUPTED)


@contextlib.contextmanager
def interrupts(resume: str | None, *, quiet: bool) -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a wish to stop, and let the second one end the command at once.

    Where the job ends because nobody is left to run it, what was finished is kept, and how to go
    on is said as well.

    Args:
        resume: the command that goes on with the job; None if nothing of it is kept.
        quiet: say nothing of the wish.
    """
    wished = False

    def wish(number: int, frame: FrameType | None) -> None:
        nonlocal wished
        wished = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not quiet:
            why = "" if resume is None else ", to save it"
            complain(f"\nfinishing what runs{why}; press Ctrl-C again to stop now")

    try:
        before = signal.signal(signal.SIGINT, wish)
    except ValueError:
        # Only the main thread hears of signals; elsewhere nobody presses Ctrl-C.
        yield lambda: False
        return
    from simcb.studies.evaluation.backends import WorkersLostError

    try:
        yield lambda: wished
    except KeyboardInterrupt:
        leave_interrupted(resume, "the runs that were finished")
    except WorkersLostError as error:
        complain(f"{error}" if resume is None else f"{error}\nresume: {resume}")
        leave(Code.BUG)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def job_bar(words: Callable[[Now], str], *, quiet: bool) -> Iterator[Callable[[Now], None] | None]:
    """Show how far a job is, on standard error if that is a terminal.

    Args:
        words: returns what goes beside the bar.
        quiet: show nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, words="starting workers")

        def advance(now: Now) -> None:
            bar.update(task, total=now.total, completed=now.done, words=words(now))

        yield advance
