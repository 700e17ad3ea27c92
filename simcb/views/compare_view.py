"""A comparison in a notebook or a script: its card, its plots, its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simcb.metrics import Summary
from simcb.scenario.refusal import choice_remedy, quoted
from simcb.studies import Result, StudyError
from simcb.studies.comparison import Comparison
from simcb.studies.conditions import Judged
from simcb.studies.evaluation.objective import parse_number
from simcb.views.compare import HEADER, Answer, compare_document, compare_rows
from simcb.views.compare_findings import sentence, verdicts
from simcb.views.compare_numbers import variant_table
from simcb.views.data import frame
from simcb.views.html import card
from simcb.views.saving import SavesPlot, refuse_file
from simcb.views.table_view import TableView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False, eq=False)
class ComparePlots:
    """The plots of a comparison: call it for all of them, or take a panel by its name.

    A panel is drawn into `ax`, or into axes of a figure of its own, and returns the axes.
    """

    comparison: Comparison

    def __call__(self, *file: object) -> Figure:
        """Return what is answered, sent and open over time, the variants over each other.

        Raises:
            StudyError: a file is given, which is no matter of the figure.
        """
        from simcb.views.plots.compare import overlay

        refuse_file(file)
        return overlay(self.comparison)

    def answered(self, ax: Axes | None = None) -> Axes:
        """Draw the requests that are answered over time."""
        from simcb.views.plots.compare import answered

        return answered(self.comparison, ax)

    def load(self, ax: Axes | None = None) -> Axes:
        """Draw the calls that are sent to services over time."""
        from simcb.views.plots.compare import load

        return load(self.comparison, ax)

    def opened(self, ax: Axes | None = None) -> Axes:
        """Draw the share of breakers that are open over time."""
        from simcb.views.plots.compare import opened

        return opened(self.comparison, ax)

    def beside(self, *panels: str) -> Figure:
        """Return panels of a run's timeline, each variant's below its name, on the same scales.

        Args:
            panels: which, from the top: `states`, `latency`, `load`, `outcomes`, `workers`, `lag`.

        Raises:
            StudyError: there is no such panel, or none is named.
        """
        from simcb.views.plots import PANELS
        from simcb.views.plots.beside import beside

        for name in panels or ("",):
            if name not in PANELS:
                raise StudyError(f"{quoted(name)} is no panel", choice_remedy(name, PANELS))
        return beside(self.comparison, panels)

    def __repr__(self) -> str:
        return "<plots: call for the overlay; .answered .load .opened for one; .beside for panels>"


@dataclass(frozen=True, repr=False, eq=False)
class CompareView(SavesPlot):
    """A comparison as one looks at it in a notebook.

    Args:
        comparison: what was compared.
        fail_if: the conditions under which it was to count as failed, each held against each
            variant it is about.
    """

    comparison: Comparison
    fail_if: tuple[Judged, ...] = ()
    plot: ComparePlots = field(init=False)
    """The plots: `c.plot()` is the overlay, `c.plot.answered(ax=ax)` one panel of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plot", ComparePlots(self.comparison))

    @property
    def names(self) -> tuple[str, ...]:
        """What the variants are called; the others are held against the first."""
        return self.comparison.names

    @property
    def results(self) -> dict[str, Result]:
        """What came of each variant."""
        return dict(zip(self.names, self.comparison.results, strict=True))

    @property
    def best(self) -> tuple[str, ...]:
        """The variants that answer most requests in time; several if they are alike."""
        return tuple(self.names[each] for each in self.comparison.as_good)

    @property
    def headline(self) -> str:
        """Which variant is best, or that they cannot be told apart."""
        return verdicts(self.comparison)[0].words

    def sentence(self, name: str) -> str:
        """Return how a variant differs from the first, in words.

        Raises:
            StudyError: there is no such variant, or it is the first.
        """
        return sentence(self.comparison, self._other(name))

    def difference(self, name: str) -> Summary:
        """Return every number of a variant minus that of the first, with its interval.

        Raises:
            StudyError: there is no such variant, or it is the first.
        """
        return self.comparison.difference(self._other(name))

    def table(self, *numbers: str) -> TableView:
        """Return numbers of every variant as a table, a variant a line.

        Args:
            numbers: such as `"success{fault}"`, or `"utilisation{database}"` of one service.

        Raises:
            StudyError: there is no such number in the first variant's scenario.
        """
        scenario = self.comparison.variants[0].scenario
        columns = [parse_number(each, scenario) for each in numbers]
        return TableView(variant_table(self.comparison, columns))

    @property
    def good(self) -> bool:
        """True if every condition of `fail_if` is shown not to hold."""
        return self._answer.good

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every number of every variant as a tidy pandas frame, with its change and intervals.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        numbers = dict.fromkeys(HEADER[5:8] + HEADER[9:], float)
        return frame(list(compare_rows(self.comparison))[1:], HEADER).astype(numbers)

    def __repr__(self) -> str:
        return f"<comparison of {', '.join(map(repr, self.names))}: {self.headline}>"

    def _repr_html_(self) -> str:
        return card(compare_document(self._answer))

    def _other(self, name: str) -> int:
        if name not in self.names[1:]:
            what = f"{quoted(name)} is no variant that is held against {quoted(self.names[0])}"
            raise StudyError(what, choice_remedy(name, self.names[1:]))
        return self.names.index(name)

    @property
    def _answer(self) -> Answer:
        return Answer(self.comparison, self.fail_if)
