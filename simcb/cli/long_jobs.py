"""What verbs that run for long have in common: Ctrl-C, a progress bar, and workers."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Annotated, Protocol, TypeVar

import typer

from simcb.cli.console import complain

Workers = Annotated[
    str, typer.Option(metavar="N|auto", help="Processes; 0 runs everything in this one.")
]

Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on a Dask cluster: tcp://host:port, or local.",
        show_default=False,
    ),
]


class Told(Protocol):
    """How far a job is: some of its parts are done."""

    @property
    def done(self) -> int:
        """How many parts are done."""

    @property
    def total(self) -> int:
        """How many parts there are."""


Now = TypeVar("Now", bound=Told)


def worker_count(text: str) -> int | None:
    """Return how many workers are asked for; None for every core."""
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(f"--workers {text!r} is neither a number nor auto")
    return int(text)


@contextlib.contextmanager
def interrupts(*, quiet: bool) -> Iterator[Callable[[], bool]]:
    """Make the first Ctrl-C a wish to stop, and the second one an interrupt as usual."""
    wished = False

    def wish(number: int, frame: FrameType | None) -> None:
        nonlocal wished
        wished = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not quiet:
            complain("\nfinishing what runs, to save it; press Ctrl-C again to stop now")

    try:
        before = signal.signal(signal.SIGINT, wish)
    except ValueError:
        # Only the main thread hears of signals; elsewhere nobody presses Ctrl-C.
        yield lambda: False
        return
    try:
        yield lambda: wished
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
