"""Plots as files: PNG, SVG or PDF by the name's ending, written whole or not at all.

Whether a file can be written is asked before anything is run or drawn, because a run may
take minutes and its plot is what it was for.
"""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.figure import Figure

from simcb.errors import SimcbError
from simcb.views.files import replace_file
from simcb.views.plots.figures import FORMATS, drawn

SUFFIXES = tuple(f".{form}" for form in FORMATS)


class PlotFileError(SimcbError):
    """A plot cannot be written where it should be.

    Args:
        path: the file.
        why: what is wrong with it.
        remedy: what to give instead.
    """

    def __init__(self, path: str, why: str, remedy: str) -> None:
        super().__init__(path, why, remedy)
        self.path = path
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path}: {self.why}; {self.remedy}"


def check_plot_path(path: str | Path) -> Path:
    """Return `path` if a plot can be written there.

    Raises:
        PlotFileError: an ending that is no kind of plot, no such directory, or no permission.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        ending = f"{path.suffix!r} is not a kind of plot" if path.suffix else "has no ending"
        remedy = f"end it in one of {' '.join(SUFFIXES)}"
        raise PlotFileError(str(path), ending, remedy)
    if path.is_dir():
        raise PlotFileError(str(path), "is a directory", "name a file in it")
    if not path.parent.is_dir():
        why = f"there is no directory {str(path.parent)!r}"
        raise PlotFileError(str(path), why, "make it first, or name another")
    if not os.access(path.parent, os.W_OK):
        why = f"the directory {str(path.parent)!r} cannot be written to"
        raise PlotFileError(str(path), why, "name another")
    return path


def save(figure: Figure, path: str | Path) -> Path:
    """Write a figure as PNG, SVG or PDF, by the ending of `path`, and return the path.

    An existing file is replaced in one step. The same figure always gives the same bytes.

    Raises:
        PlotFileError: the file cannot be written.
    """
    path = check_plot_path(path)
    content = drawn(figure, path.suffix.lower().removeprefix("."))
    try:
        replace_file(path, lambda made: made.write_bytes(content))
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise PlotFileError(str(path), why, "name another file") from None
    return path
