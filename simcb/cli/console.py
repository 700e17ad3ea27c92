"""Standard output and standard error: the payload on one, everything else on the other.

Text from a scenario is made harmless by the views; here is decided whether there are
colours, how wide a page is, and what happens if nobody reads on.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from simcb.errors import SimcbError

if TYPE_CHECKING:
    from rich.text import Text

    from simcb.views.answer import Page

PLAIN_WIDTH = 100
"""Columns of a terminal that does not say how many it has."""

ENDLESS = 1_000_000
"""Columns of a page that is no terminal: whatever reads it breaks no lines."""


class StreamError(SimcbError):
    """Standard output takes no more.

    Args:
        why: what the system says.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"standard output cannot be written ({self.why}); make room, or write elsewhere"


def open_streams() -> None:
    """Give a process that was started without an output one that leads nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # It stays open as long as the process lives.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def emit(text: Text | str) -> None:
    """Write payload to standard output, coloured if that is a terminal that has colours.

    A reader that has gone (`| head`) is no error: the command goes on and ends with the code
    it would have ended with.
    """
    written = text if isinstance(text, str) else _styled(text, sys.stdout)
    try:
        sys.stdout.write(_encodable(written, sys.stdout))
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as error:
        _silence(sys.stdout)
        raise StreamError(error.strerror or str(error)) from None


def _silence(stream: TextIO) -> None:
    """Throw away what is still to be written: Python flushes at its end, and would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def complain(message: str) -> None:
    """Write a message to standard error."""
    text = "".join(f"{line}\n" for line in message.splitlines())
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(_encodable(_harmless(text), sys.stderr))
        sys.stderr.flush()


def page() -> Page:
    """Return what standard output can show."""
    from simcb.views.answer import Page

    ascii_only = not _speaks_unicode(sys.stdout)
    if not sys.stdout.isatty():
        return Page(ENDLESS, ascii_only)
    return Page(max(40, shutil.get_terminal_size((PLAIN_WIDTH, 40)).columns), ascii_only)


@contextlib.contextmanager
def progress_bar(
    what: str, total: float, *, quiet: bool
) -> Iterator[Callable[[float], None] | None]:
    """Show how far a long job is, on standard error if that is a terminal.

    Args:
        what: the unit of `total`, such as "requests".
        total: how much there is to do.
        quiet: show nothing.

    Yields:
        What to call with the share that is done, or None if there is nobody to show it to.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0, rate="")

        def advance(share: float) -> None:
            elapsed = bar.tasks[0].elapsed
            rate = f"{share * total / elapsed:,.0f} {what}/s" if elapsed else ""
            bar.update(task, completed=share, rate=rate)

        yield advance


def _styled(text: Text, stream: TextIO) -> str:
    from rich.console import Console

    if not stream.isatty():
        return text.plain
    buffer = io.StringIO()
    # The console decides about colours by the environment (NO_COLOR, TERM), not by the buffer.
    console = Console(file=buffer, force_terminal=True, highlight=False, markup=False, emoji=False)
    console.print(text, end="", soft_wrap=True)
    return buffer.getvalue()


def _harmless(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _speaks_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "ascii").lower().replace("-", "").startswith("utf")


def _encodable(text: str, stream: TextIO) -> str:
    if _speaks_unicode(stream):
        # A lone surrogate, from a file name that is not UTF-8, cannot be written either.
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    encoding = stream.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)
