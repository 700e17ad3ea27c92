"""What several views of a notebook do alike: show a card, write a page, write the figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from simcb.scenario.refusal import quoted
from simcb.studies import StudyError
from simcb.views.document import Document
from simcb.views.html import card
from simcb.views.page import save_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def refuse_file(given: tuple[object, ...]) -> None:
    """Refuse what a plot is called with, if anything.

    Raises:
        StudyError: it is called with something, such as the name of a file.
    """
    if given:
        what = f"`plot()` takes no {quoted(given[0])}: it returns a figure"
        raise StudyError(what, f"write `.save_plot({str(given[0])!r})`")


class SavesPlot:
    """A view with a figure, which is what `plot()` draws."""

    if TYPE_CHECKING:
        plot: Callable[[], Figure]

    def save_plot(self, path: str | Path) -> Path:
        """Draw what `plot()` does into a PNG, SVG or PDF file, by the ending of `path`.

        Raises:
            PlotFileError: another ending, or the file cannot be written; nothing was drawn.
        """
        from simcb.views.plots import check_plot_path, save

        path = check_plot_path(path)
        return save(self.plot(), path)


class SavesReport:
    """A view with a document, which is its card and its page."""

    def _document(self) -> Document:
        raise NotImplementedError

    def save_report(self, path: str | Path) -> Path:
        """Write a page of HTML that needs no network; an old file is replaced.

        Raises:
            OutputError: another ending than .html, or the file cannot be written.
        """
        return save_page(self._document(), path)

    def _repr_html_(self) -> str:
        return card(self._document())
