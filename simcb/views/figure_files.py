"""Files of figures: a plot is called for a figure, which writes itself."""

from __future__ import annotations

from simcb.scenario.refusal import quoted
from simcb.studies import StudyError


def refuse_file(given: tuple[object, ...]) -> None:
    """Refuse what a plot is called with, if anything.

    Raises:
        StudyError: it is called with something, such as the name of a file.
    """
    if given:
        what = f"`plot()` takes no {quoted(given[0])}: it returns a figure"
        raise StudyError(what, 'write `.plot().savefig("plot.png")`')
