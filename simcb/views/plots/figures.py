"""Figures that show themselves once in a notebook, and become files: PNG, SVG or PDF.

pyplot keeps every figure it makes in a global list and a notebook shows what is on it, so a
figure that is both on the list and returned appears twice. These are on no list; a notebook
that has not been told about matplotlib asks them for a PNG, and one that has asks matplotlib.
"""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from simcb.views.files import OutputError, check_replaceable, replace_file
from simcb.views.plots.style import (
    FONT,
    FRAME,
    GRID,
    INK,
    PANEL_SIZE,
    PAPER,
    RESOLUTION,
    SCREEN_RESOLUTION,
    TICK_SIZE,
)

FORMATS = ("png", "svg", "pdf")
SUFFIXES = tuple(f".{form}" for form in FORMATS)

# Inches at the sides: letters are a little wider at one resolution than at another.
_PAD = 0.08

# What a file says of its making is left out: the date would make equal pictures differ.
_NO_METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


class Picture(Figure):
    """A figure that a notebook shows by itself."""

    def settle(self) -> None:
        """Arrange what is on the figure, for good.

        matplotlib would arrange it again at every drawing, each time starting from where it
        had ended, so that a figure saved twice would be two files.
        """
        engine = self.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine):
            engine.execute(self)
            self.set_layout_engine("none")

    def _repr_png_(self) -> bytes:
        return drawn(self, "png", SCREEN_RESOLUTION)


class PanelAxes(Axes):
    """Axes that fill a picture alone, and are shown as that picture."""

    def _repr_png_(self) -> bytes | None:
        figure = self.figure
        if not isinstance(figure, Picture):
            return None
        return drawn(figure, "png", SCREEN_RESOLUTION)


def new_picture(width: float, height: float, *, below: float = 1.0) -> Picture:
    """Return an empty picture of `width` by `height` inches that arranges what is put in it.

    Args:
        width: inches.
        height: inches.
        below: the part of the height, from the bottom, that axes may use.
    """
    arrangement = ConstrainedLayoutEngine(w_pad=_PAD, rect=(0.0, 0.0, 1.0, below))
    picture = Picture(
        figsize=(width, height), dpi=SCREEN_RESOLUTION, layout=arrangement, facecolor=PAPER
    )
    FigureCanvasAgg(picture)
    return picture


def axes_or_new(ax: Axes | None, height: float = PANEL_SIZE[1]) -> Axes:
    """Return `ax`, or axes that fill a new picture of `height` inches."""
    if ax is not None:
        return ax
    panel: Axes = new_picture(PANEL_SIZE[0], height).add_subplot(axes_class=PanelAxes)
    return panel


def dress(ax: Axes) -> None:
    """Give axes the house's background, frame, grid and ticks."""
    ax.set_facecolor(PAPER)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set(color=FRAME, linewidth=0.7)
    ax.tick_params(
        which="both",
        labelsize=TICK_SIZE,
        labelfontfamily=FONT,
        labelcolor=INK,
        color=FRAME,
        width=0.7,
        direction="out",
    )
    ax.tick_params(which="major", length=3.0)
    ax.tick_params(which="minor", length=1.5)
    ax.grid(visible=True, which="major", color=GRID, linewidth=0.6, linestyle="-", alpha=1.0)
    ax.set_axisbelow(True)


def drawn(figure: Figure, form: str, resolution: float = RESOLUTION) -> bytes:
    """Return the figure as a file of `form`: `png` (in dots per inch), `svg` or `pdf`.

    Equal figures give equal bytes: no dates, and in SVG no ids by chance.
    """
    if isinstance(figure, Picture):
        figure.settle()
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "simcb"}):
        figure.savefig(
            file,
            format=form,
            dpi=resolution,
            facecolor=PAPER,
            edgecolor="none",
            metadata=_NO_METADATA[form],
        )
    return file.getvalue()


class PlotFileError(OutputError):
    """A plot cannot be written where it should be."""


def check_plot_path(path: str | Path) -> Path:
    """Return `path` if a plot can be written there.

    Raises:
        PlotFileError: an ending that is no kind of plot, no such directory, or no permission.
    """
    return check_replaceable(path, SUFFIXES, "a kind of plot", PlotFileError)


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
