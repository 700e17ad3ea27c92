"""A league in a notebook or a script: its card, its chart, its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcb import studies
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import Scenario
from simcb.studies.comparison import Comparison
from simcb.studies.league import League
from simcb.studies.league import league as run_league
from simcb.views.compare_findings import verdicts
from simcb.views.data import frame
from simcb.views.document import Document
from simcb.views.league import HEADER, Answer, league_document, league_rows
from simcb.views.saving import SavesReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False, eq=False)
class LeagueView(SavesReport):
    """A league as one looks at it in a notebook.

    Args:
        league: what was run.
    """

    league: League

    @property
    def names(self) -> tuple[str, ...]:
        """What the breakers are called, the best of the first scenario first."""
        return tuple(each.name for each in self.league.ranked())

    def comparison(self, scenario: int = 0, *, alike: bool = True) -> Comparison:
        """Return a scenario's breakers at comparable settings, or at their own defaults.

        Args:
            scenario: its place among the scenarios.
            alike: whether at comparable settings.
        """
        return self.league.only(scenario, alike=alike)

    @property
    def headline(self) -> str:
        """Which breakers are best in the first scenario, at comparable settings."""
        return verdicts(self.comparison())[0].words

    def plot(self) -> Figure:
        """Draw what each answers, a panel for each scenario."""
        from simcb.views.plots.league import chart

        return chart(self.league)

    def panel(self, scenario: int = 0, ax: Axes | None = None) -> Axes:
        """Draw one scenario's panel into `ax`, or into axes of a figure of its own."""
        from simcb.views.plots.league import answered

        return answered(self.league, scenario, ax)

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every number of every breaker as a tidy pandas frame, with its change and intervals.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(list(league_rows(self.league))[1:], HEADER)

    def __repr__(self) -> str:
        return f"<league of {len(self.names)} breakers: {self.headline}>"

    def _document(self) -> Document:
        return league_document(Answer(self.league))


def league(
    *scenarios: Scenario | str | Path,
    only: Sequence[str] = (),
    models: bool = False,
    replicates: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
) -> LeagueView:
    """Put every breaker that is installed in the place of the scenarios' own; return a view.

    A script, unlike a notebook, has to call this below `if __name__ == "__main__":`, or with
    `workers=0`.

    Args:
        scenarios: scenarios, or what `load` makes one of; each has a breaker.
        only: the breakers that are wanted, by the names that a scenario may use.
        models: whether models of breakers of other languages come too.
        replicates: runs of each, 10 if None.
        seed: the random seed, which all share; 0 if None.
        workers: processes on this machine; 0 runs everything in this one, None takes every core
            where it would take long.
        executor: makes the runs instead: any `concurrent.futures.Executor`.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.

    Raises:
        ScenarioError: a scenario cannot be read.
        StudyError: an argument makes no sense.
        MissingExtraError: a breaker that is named is not installed.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
    """
    if not scenarios:
        raise studies.StudyError("there is no scenario", "give one, such as `flaky-payments`")
    read = [each if isinstance(each, Scenario) else studies.read(each) for each in scenarios]
    job = JobOptions(workers, dask, allow_large=allow_large, executor=executor)
    options = CompareOptions(replicates, seed)
    return LeagueView(run_league(read, options, job, only=only, models=models))
