"""Where files may go: checked before anything is run, replaced in one step.

Nothing here loads a simulator, so that a small text file is written at once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from simcb.errors import FieldsError

SUMMARY = "summary.json"
SCENARIO = "scenario.yaml"
SERIES = "series.csv"
EVENTS = "events.jsonl"
TIMELINE = "timeline"
REPORT = "report.html"
TRACE = "trace"

_TRACE_FILE = re.compile(
    rf"(?:(?:ordinary-day-)?(?:baseline-)?){TRACE}(?:-(?:0|[1-9]\d*))?\.(?:npz|png)", re.ASCII
)
_DATA_FILE = re.compile(r"(?:arrivals|data)-(?:0|[1-9]\d*)\.csv", re.ASCII)
_FILES = frozenset({SUMMARY, SCENARIO, SERIES, EVENTS, REPORT, f"{TIMELINE}.png"})


class OutputError(FieldsError):
    """Something cannot be written where it should be.

    Args:
        path: the file or directory.
        why: what is wrong with it.
        remedy: what to give instead.
    """

    path: str
    why: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}; {self.remedy}"


def check_directory(directory: str | Path, *, force: bool = False) -> Path:
    """Return where a run's files may be put: `directory`, symbolic links followed.

    Args:
        directory: a directory that does not exist yet, is empty, or, with `force`, holds the
            files of an earlier run and nothing else.
        force: replace those.

    Raises:
        OutputError: it is something else, or cannot be written to.
    """
    try:
        path = Path(directory).resolve()
        if path.exists():
            _check_content(path, str(directory), force=force)
        _check_writable(path, str(directory))
    except (OSError, ValueError, RuntimeError) as error:
        raise _cannot(str(directory), error) from None
    return path


def _check_content(path: Path, shown: str, *, force: bool) -> None:
    if not path.is_dir():
        raise OutputError(shown, "is not a directory", "name another, or move the file away")
    names = sorted(entry.name for entry in path.iterdir())
    if not names:
        return
    if not force:
        raise OutputError(shown, "is not empty", "name another directory, or add --force")
    foreign = [name for name in names if not written_by_a_run(name)]
    if SUMMARY not in names or foreign:
        what = f"holds {foreign[0]!r}, which no run wrote" if foreign else f"has no {SUMMARY}"
        raise OutputError(
            shown, f"{what}; --force replaces nothing but a run's own files", "name another"
        )


def written_by_a_run(name: str) -> bool:
    """Return True if a run, or a plot of one of its traces, writes a file of this name."""
    patterns = (_TRACE_FILE, _DATA_FILE)
    return name in _FILES or any(pattern.fullmatch(name) for pattern in patterns)


def data_file_name(number: int) -> str:
    """Return the name of the copy of data file `number` of a scenario."""
    return f"data-{number}.csv"


def _check_writable(path: Path, shown: str) -> None:
    """Try to write beside `path`, in the nearest directory that exists."""
    parent = next(each for each in path.parents if each.exists())
    if not parent.is_dir():
        raise OutputError(shown, f"{str(parent)!r} is not a directory", "name another")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(shown, "cannot be written to", "name another")
    # Only trying tells: permissions mean nothing to the superuser or a read-only disk.
    with tempfile.NamedTemporaryFile(dir=parent, prefix=".simcb-"):
        pass


def check_new_file(path: str | Path) -> Path:
    """Return `path` if a new file can be made there.

    Raises:
        OutputError: something is there already, or the directory cannot be written to.
    """
    path = Path(path)
    try:
        if _is_there(path):
            raise OutputError(str(path), "exists already", "name another file, or move it away")
        if not path.parent.is_dir():
            why = f"there is no directory {str(path.parent)!r}"
            raise OutputError(str(path), why, "make it first, or name another")
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".simcb-"):
            pass
    except (OSError, ValueError) as error:
        raise _cannot(str(path), error) from None
    return path


def check_replaceable(
    path: str | Path,
    endings: Sequence[str],
    kind: str,
    error: type[OutputError] = OutputError,
) -> Path:
    """Return `path` if a file can be put there, in the place of an old one if there is one.

    Args:
        path: where.
        endings: what its name may end with.
        kind: what it is to be, as in `a page`.
        error: what is raised.

    Raises:
        OutputError: another ending, no such directory, or no permission.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        ending = f"{path.suffix!r} is not {kind}" if path.suffix else "has no ending"
        remedy = f"end it in {'one of ' if len(endings) > 1 else ''}{' '.join(endings)}"
        raise error(str(path), ending, remedy)
    if path.is_dir():
        raise error(str(path), "is a directory", "name a file in it")
    if not path.parent.is_dir():
        why = f"there is no directory {str(path.parent)!r}"
        raise error(str(path), why, "make it first, or name another")
    if not os.access(path.parent, os.W_OK):
        why = f"the directory {str(path.parent)!r} cannot be written to"
        raise error(str(path), why, "name another")
    return path


def _is_there(path: Path) -> bool:
    """Return True if anything has this name, a link that points nowhere included."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def write_new_file(path: str | Path, text: str) -> Path:
    """Write a new text file, and return its path; nothing that exists is overwritten.

    Raises:
        OutputError: something is there already, or the file cannot be written.
    """
    path = check_new_file(path)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise _cannot(str(path), error) from None
    return path


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write text into a file that does not exist yet."""
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Put a file in its place in one step: there is the old one or the new one, never half.

    Args:
        path: its place.
        write: writes it, into a new directory beside that.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".simcb-") as folder:
        made = Path(folder) / path.name
        write(made)
        os.replace(made, path)


def _cannot(path: str, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return OutputError(path, f"cannot be written ({reason})", "name another place")
