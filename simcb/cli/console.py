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
from typing import TYPE_CHECKING, NoReturn, TextIO

from simcb.errors import FieldsError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer
    from rich.text import Text

    from simcb.studies.run import Run
    from simcb.views.document import Page

PLAIN_WIDTH = 100
"""Columns of a terminal that does not say how many it has."""

ENDLESS = 1_000_000
"""Columns of a page that is no terminal: whatever reads it breaks no lines."""


class StreamError(FieldsError):
    """Standard output takes no more.

    Args:
        why: what the system says.
    """

    why: str

    def __str__(self) -> str:
        return f"standard output cannot be written ({self.why}); make room, or write elsewhere"


class _Outlet(io.RawIOBase):
    """The lowest layer of an output, which ends quietly: after one failure it takes everything.

    Python flushes at its end whatever is left, and would complain of the same failure again.

    Args:
        stream: where bytes go as long as that works.
        failed: told why it does not, once; a reader that has gone is no failure.
    """

    def __init__(self, stream: TextIO, failed: Callable[[str], None]) -> None:
        # It is kept, for what nobody has any more is closed with all below it.
        self._stream = stream
        # Unbuffered streams (`python -u`) have no layer between.
        self._raw: io.RawIOBase = getattr(stream.buffer, "raw", stream.buffer)  # type: ignore[arg-type]
        self._failed = failed
        self._ended = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: Buffer, /) -> int:
        if self._ended:
            return memoryview(data).nbytes
        why = "it is not ready"
        try:
            written = self._raw.write(data)
            if written is not None:
                return written
        except OSError as error:
            why = "" if isinstance(error, BrokenPipeError) else error.strerror or str(error)
        self._ended = True
        if why:
            self._failed(why)
        return memoryview(data).nbytes


def open_streams() -> None:
    """Make sure that there are three streams, and that none of them ends the process.

    One that was closed leads nowhere. A reader that has gone (`| head`) and a standard error
    that cannot be written change nothing; a standard output that cannot raises `StreamError`.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            # The number is taken as well, lest a file that is opened later gets it.
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stdout = _quiet(sys.stdout, _refuse)
    sys.stderr = _quiet(sys.stderr, lambda why: None)


def _refuse(why: str) -> NoReturn:
    raise StreamError(why)


def _quiet(stream: TextIO, failed: Callable[[str], None]) -> TextIO:
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(stream, failed)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=bool(stream.line_buffering),
    )


def emit(text: Text | str) -> None:
    """Write payload to standard output, coloured if that is a terminal that has colours."""
    written = text if isinstance(text, str) else _styled(text, sys.stdout)
    sys.stdout.write(_encodable(written, sys.stdout))
    sys.stdout.flush()


def complain(message: str) -> None:
    """Write a message to standard error."""
    text = "".join(f"{line}\n" for line in message.splitlines())
    sys.stderr.write(_encodable(_harmless(text), sys.stderr))
    sys.stderr.flush()


def page() -> Page:
    """Return what standard output can show."""
    from simcb.views.document import Page

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


def tell_of_code(run: Run) -> None:
    """Say how clients' own code ran."""
    from simcb.views.safe_text import one_line

    for note in run.notes:
        complain(f"code: {one_line(str(note), 1000)}")
