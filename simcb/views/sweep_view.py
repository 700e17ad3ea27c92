"""A sweep in a notebook or a script: its map, its lines, its table, and its best setting."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from simcb.scenario import Scenario
from simcb.scenario.sweep import Kind
from simcb.scenario.units import Value
from simcb.studies.evaluation.objective import Objective, parse_objective
from simcb.studies.evaluation.table import Outcome
from simcb.studies.sweep import Ranked, SweepResult
from simcb.views.data import frame
from simcb.views.document import Document
from simcb.views.html import card
from simcb.views.saving import SavesPlot, SavesReport
from simcb.views.sweep import ranking_table, sweep_document
from simcb.views.sweep_data import cell_columns
from simcb.views.sweep_findings import best_line, findings
from simcb.views.sweep_numbers import number_table
from simcb.views.table_view import TableView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = 8
"""Settings shown on the card."""


@dataclass(frozen=True, repr=False, eq=False)
class SweepPlots:
    """The plots of a sweep: call it for the figure that suits it, or take one by its name.

    Each takes the number to show, such as `"p99{fault}"`; what the sweep is ranked by if none.
    """

    result: SweepResult

    def __call__(self, metric: str | None = None) -> Figure:
        """Return the figure that suits the sweep: a map, lines, or small multiples."""
        from simcb.views.plots.sweep import sweep_figure

        return sweep_figure(self.result, self._objective(metric))

    def heatmap(self, metric: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw a number over the first two axes: tiles of a grid, a map of anything else."""
        from simcb.views.plots.maps import heatmap, scatter_map

        grid = self.result.design.kind is Kind.GRID and self.result.border is None
        return (heatmap if grid else scatter_map)(self.result, self._objective(metric), ax)

    def lines(self, metric: str | None = None, ax: Axes | None = None) -> Axes:
        """Draw a number over the first axis, its interval as a band, or as bars over words."""
        from simcb.views.plots.sweep import lines

        return lines(self.result, self._objective(metric), ax)

    def __repr__(self) -> str:
        return "<plots: call for the figure that suits; .heatmap .lines for one>"

    def _objective(self, metric: str | None) -> Objective:
        return shown_objective(self.result, metric)


def shown_objective(result: SweepResult, metric: str | None) -> Objective:
    """Return the number to show; what the sweep is ranked by if None.

    Raises:
        StudyError: there is no such number in the scenario.
    """
    if metric is None:
        return result.objective
    # What is only shown needs no better and worse, so any number of a run will do.
    text = metric if metric.partition(":")[0] in ("max", "min") else f"min:{metric}"
    found = parse_objective(text, result.scenario, result.table.columns)
    return result.objective if found.column == result.objective.column else found


@dataclass(frozen=True, repr=False)
class Best:
    """The best setting of a sweep, or of one of its worlds.

    Args:
        values: what stands at each axis's place.
        ranked: its place, its objective and interval.
        outcome: everything it came to.
        scenario: the scenario with its values.
        result: the sweep in which it is the best.
    """

    values: dict[str, Value]
    ranked: Ranked
    outcome: Outcome
    scenario: Scenario
    result: SweepResult

    def __repr__(self) -> str:
        return f"<{'; '.join(self._lines)}>"

    def _repr_html_(self) -> str:
        table = replace(ranking_table(self.result, [self.ranked]), notes=())
        return card(Document("", findings=self._lines, blocks=(table,)))

    @property
    def _lines(self) -> tuple[str, ...]:
        if self.ranked is self.result.best:
            return findings(self.result)
        return (best_line(self.result, self.ranked),)


@dataclass(frozen=True, repr=False, eq=False)
class SweepView(SavesPlot, SavesReport):
    """A sweep as one looks at it in a notebook.

    Args:
        result: what the sweep came to.
    """

    result: SweepResult
    plot: SweepPlots = field(init=False)
    """The plots: `sw.plot.heatmap("goodput")`, `sw.plot.lines()`, or `sw.plot()`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plot", SweepPlots(self.result))

    @property
    def ranking(self) -> tuple[Ranked, ...]:
        """The settings, the best of each world first; those that are not ranked have no rank."""
        return self.result.ranking

    def best(self) -> Best | None:
        """Return the best setting.

        None if every setting fails or the objective is undefined for all, and where an axis is
        no policy but the world: then there is nothing to choose, or `bests` has one for each
        world.
        """
        return self._best(self.result.best) if self.result.best is not None else None

    def bests(self) -> tuple[Best, ...]:
        """Return the best setting of each world: of each combination of what is no policy."""
        return tuple(self._best(each) for each in self.result.bests)

    def _best(self, found: Ranked) -> Best:
        number = found.setting
        values = self.result.values_of(number)
        outcome, scenario = self.result.outcome(number), self.result.scenario_of(number)
        return Best(values, found, outcome, scenario, self.result)

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every run as a row of a pandas frame.

        The columns are setting, one for each axis's path, replicate, verdict, and every number
        measured, such as `goodput` or `p99{fault}`: nan if undefined, infinite for a time that
        never came.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(cell_columns(self.result))

    def table(self, metric: str | None = None) -> TableView:
        """Return a number of every setting as a table, a grid of two axes as a grid.

        Args:
            metric: such as `"p99{fault}"`; what the sweep is ranked by if None.

        Raises:
            StudyError: there is no such number in this scenario.
        """
        return TableView(number_table(self.result, shown_objective(self.result, metric)))

    def loss(self, metric: str | None = None) -> Any:  # pandas brings no types
        """Return what each setting loses to the best, as a pandas series by their values.

        Of shares, counts and ratios a loss is in their own unit (0.2 from 99 % to 79 %), of all
        others a share of the best's mean; nan for a setting that is not ranked.

        Args:
            metric: such as `"p99{fault}"`; what the sweep is ranked by if None. Where more is
                neither better nor worse, `"max:"` or `"min:"` stands before it.

        Raises:
            StudyError: there is no such number in this scenario.
            MissingExtraError: pandas is not installed.
        """
        result = self.result
        objective = result.objective
        if metric is not None:
            objective = parse_objective(metric, result.scenario, result.table.columns)
        paths = [axis.path for axis in result.axes]
        rows = [
            (*setting.values, None if found is None else found.mean)
            for setting, found in zip(result.settings, result.losses(objective), strict=True)
        ]
        return frame(rows, [*paths, "loss"]).set_index(paths)["loss"].astype(float)

    def __repr__(self) -> str:
        return f"<sweep of {self.result.scenario.name!r}: {findings(self.result)[0]}>"

    def _document(self) -> Document:
        return sweep_document(self.result)

    def _repr_html_(self) -> str:
        return card(sweep_document(self.result, top=ROWS))
