"""A tune in a notebook or a script: its card, its pictures, its tables, and its best setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simcb.scenario import Scenario
from simcb.scenario.refusal import choice_remedy, quoted
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import applied, changes_of
from simcb.studies.tune import Check, Contender, Reach, TuneResult
from simcb.views.data import frame
from simcb.views.document import Document
from simcb.views.saving import SavesPlot, SavesReport, refuse_file
from simcb.views.table_view import TableView
from simcb.views.tune import BEST, tune_document
from simcb.views.tune_data import changes_with, overlay
from simcb.views.tune_findings import findings
from simcb.views.tune_numbers import regret_table, standing_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False, eq=False)
class TunePlots:
    """The plots of a tune: call it for the whole picture, or take a panel by its name."""

    result: TuneResult

    def __call__(self, *file: object) -> Figure:
        """Return the whole picture.

        Raises:
            StudyError: a file is given, which is no matter of the figure.
        """
        from simcb.views.plots.tune import tune_figure

        refuse_file(file)
        return tune_figure(self.result)

    def reach(self, path: str, ax: Axes | None = None) -> Axes:
        """Draw what moving one value of the winner costs; `path` is as in the space."""
        from simcb.views.plots.tune import reach_panel

        return reach_panel(_reach(self.result, path), self.result, ax)

    def check(self, ax: Axes | None = None) -> Axes:
        """Draw how the winner does with fresh seeds beside all others."""
        from simcb.views.plots.tune import check_panel

        return check_panel(self.result, ax)

    def front(self, x: int = 0, y: int = 1, ax: Axes | None = None) -> Axes:
        """Draw two aims against each other, by their places, and the front none beats."""
        from simcb.views.plots.tune import front_panel

        most = len(self.result.aims) - 1
        if not 0 <= x <= most or not 0 <= y <= most or x == y:
            raise StudyError(
                f"aims {x} and {y} are no two of the {most + 1} there are",
                f"name two different ones of 0 to {most}",
            )
        return front_panel(self.result, x, y, ax)

    def __repr__(self) -> str:
        return "<plots: call for the whole picture; .reach .check .front for one>"


@dataclass(frozen=True, repr=False, eq=False)
class TuneView(SavesPlot, SavesReport):
    """A tune as one looks at it in a notebook.

    Args:
        result: what the tune came to.
    """

    result: TuneResult
    plot: TunePlots = field(init=False)
    """The plots: `t.plot()`, `t.plot.check()`, `t.plot.reach("breaker.recovery_timeout")`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plot", TunePlots(self.result))

    @property
    def best(self) -> dict[str, object]:
        """The winner's values by the space's paths; empty if there is no winner."""
        return changes_with(self.result.best)

    @property
    def check(self) -> Check | None:
        """The winner with fresh seeds, beside the others."""
        return self.result.check

    @property
    def overlay(self) -> str:
        """The overlay with the winner, as text: write it to a file for `simcb run -f`."""
        return overlay(self.result)

    def scenario(self, number: int = 0) -> Scenario:
        """Return one of the scenarios with the winner's values.

        Raises:
            StudyError: there is no winner, or no scenario of that number.
        """
        result = self.result
        if result.winner is None:
            raise StudyError("there is no winner", "give the tune more trials")
        if not 0 <= number < len(result.scenarios):
            raise StudyError(
                f"there is no scenario {number}", f"give 0 to {len(result.scenarios) - 1}"
            )
        setting = result.trials[result.winner].setting
        return applied(result.scenarios[number].base, changes_of(result.axes, setting))

    def reach(self, path: str) -> Reach:
        """Return how far the winner's value at a place can be moved.

        Raises:
            StudyError: nothing of that path was tuned.
        """
        return _reach(self.result, path)

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every setting tried as a row of a pandas frame.

        The columns are trial, one for each axis's path, replicates, `worst regret AIM` for each
        aim, violation, front and best.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        result = self.result
        rows = [
            [
                trial.number,
                *trial.setting.values,
                trial.replicates,
                *(trial.worst or [None] * len(result.aims)),
                trial.violation,
                trial.number in result.front,
                trial.number == result.winner,
            ]
            for trial in result.trials
        ]
        paths = [axis.path for axis in result.axes]
        regrets = [f"worst regret {aim}" for aim in result.aims]
        columns = ["trial", *paths, "replicates", *regrets, "violation", "front", "best"]
        return frame(rows, columns)

    @property
    def contenders(self) -> Any:  # pandas brings no types
        """Every contender in every scenario with fresh seeds, as rows of a pandas frame.

        The columns are contender, scenario, aim, replicates (0 where it was not run, as it was
        behind before), mean, low, high, regret (what is lost there to the best setting known for
        that scenario alone), behind (how much worse than the
        winner, paired), behind_low, behind_high, worst_regret over all scenarios, and differs
        (what the library of that name does otherwise; "" if nothing).

        Raises:
            MissingExtraError: pandas is not installed.
        """
        check = self.result.check
        rows = []
        for contender in check.contenders if check is not None else ():
            for scenario, found in zip(self.result.scenarios, contender.scenarios, strict=True):
                for index, aim in enumerate(scenario.aims):
                    mean, behind = found.aims[index], found.behind
                    paired = behind[index] if behind else None
                    ends = (paired.mean, paired.low, paired.high) if paired else (0.0, None, None)
                    row = [contender.name or "best", scenario.name, str(aim), found.replicates]
                    worst = contender.worst[index].mean
                    regret = found.regret[index].mean if found.regret else None
                    numbers = [mean.mean, mean.low, mean.high, regret, *ends, worst]
                    rows.append([*row, *numbers, contender.differs])
        columns = ["contender", "scenario", "aim", "replicates", "mean", "low", "high", "regret"]
        columns += ["behind", "behind_low", "behind_high", "worst_regret", "differs"]
        return frame(rows, columns)

    def standing(self, *names: str) -> TableView:
        """Return the worst regret of each contender with fresh seeds, as a table.

        Args:
            names: whose, such as `"best"`, `"yours"` or `"no breaker"`; everybody's if none is
                given.

        Raises:
            StudyError: there is nobody of that name, or nothing was checked.
        """
        return TableView(standing_table(self.result, self._contenders(names)))

    def by_scenario(self, *names: str) -> TableView:
        """Return what each contender loses in each scenario with fresh seeds, as a table.

        Args:
            names: as for `standing`.

        Raises:
            StudyError: there is nobody of that name, or nothing was checked.
        """
        return TableView(regret_table(self.result, self._contenders(names)))

    def _contenders(self, names: tuple[str, ...]) -> tuple[Contender, ...]:
        return self.result.standing(*("" if name == BEST else name for name in names))

    def __repr__(self) -> str:
        names = ", ".join(repr(scenario.name) for scenario in self.result.scenarios[:3])
        more = ", …" if len(self.result.scenarios) > 3 else ""
        return f"<tune of {names}{more}: {findings(self.result)[0]}>"

    def _document(self) -> Document:
        return tune_document(self.result)


def _reach(result: TuneResult, path: str) -> Reach:
    for each in result.reach:
        if path in (each.axis.path, each.axis.label, result.label_of(each.axis)):
            return each
    if not result.reach:
        what = "nothing around the winner was looked at: no breaker is as good, or it was stopped"
        raise StudyError(what, "see the storms one by one, with .by_scenario()")
    known = [each.axis.path for each in result.reach]
    raise StudyError(f"{quoted(path)} was not tuned", choice_remedy(path, known))
