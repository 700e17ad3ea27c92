"""A run in a notebook or a script: its card, its plots, its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from simcb.metrics import Judgement, Law, Measures, Summary, ThresholdResult
from simcb.metrics.phase import WHOLE
from simcb.scenario import Scenario
from simcb.studies import Result, Run
from simcb.trace import Trace
from simcb.views.data import frame
from simcb.views.document import Document
from simcb.views.run import Answer, run_document
from simcb.views.run_data import variants_of
from simcb.views.saving import SavesPlot, SavesReport, refuse_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simcb.views.plots import Curves


@dataclass(frozen=True, repr=False, eq=False)
class RunPlots:
    """The plots of a result: call it for the timeline, or take a panel by its name.

    A panel is drawn into `ax`, or into axes of a figure of its own, and returns the axes.
    """

    result: Result

    @cached_property
    def curves(self) -> Curves:
        """What the plots show, as arrays."""
        from simcb.views.plots import curves_of

        return curves_of(self.result)

    def __call__(self, *file: object) -> Figure:
        """Return the timeline: states, latency, load and outcomes above each other.

        Raises:
            StudyError: a file is given, which is no matter of the figure.
        """
        from simcb.views.plots import timeline

        refuse_file(file)
        return timeline(self.curves)

    def states(self, ax: Axes | None = None) -> Axes:
        """Draw when each breaker was closed, half-open or open."""
        return self._panel("states", ax)

    def latency(self, ax: Axes | None = None) -> Axes:
        """Draw the latency of the requests that ended ok."""
        return self._panel("latency", ax)

    def load(self, ax: Axes | None = None) -> Axes:
        """Draw what users asked for, what reached the services, and what they could serve."""
        return self._panel("load", ax)

    def outcomes(self, ax: Axes | None = None) -> Axes:
        """Draw what became of the requests."""
        return self._panel("outcomes", ax)

    def workers(self, ax: Axes | None = None) -> Axes:
        """Draw how many of each service's workers were busy."""
        return self._panel("workers", ax)

    def lag(self, ax: Axes | None = None) -> Axes:
        """Draw how many messages of a queue were not over."""
        return self._panel("lag", ax)

    def __repr__(self) -> str:
        return (
            "<plots: call for the timeline; .states .latency .load .outcomes .workers .lag for one>"
        )

    def _panel(self, name: str, ax: Axes | None) -> Axes:
        from simcb.views.plots import PANELS

        return PANELS[name](self.curves, ax)


@dataclass(frozen=True, repr=False, eq=False)
class RunView(SavesPlot, SavesReport):
    """A result as one looks at it in a notebook.

    Args:
        result: what a run came to; its parts are attributes of the view, too.
        fail_if: the conditions under which the run was to count as failed; each that is
            not shown to be false (`fails`) is the bad case.
        audits: the laws held against each run, the baseline's after the scenario's; empty if
            that was not asked for.
        tags: what the user calls it, key to value.
    """

    result: Result
    fail_if: tuple[ThresholdResult, ...] = ()
    audits: tuple[tuple[Law, ...], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    plot: RunPlots = field(init=False)
    """The plots: `r.plot()` is the timeline, `r.plot.latency(ax=ax)` one panel of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plot", RunPlots(self.result))

    @property
    def scenario(self) -> Scenario:
        """What was run."""
        return self.result.scenario

    @property
    def seed(self) -> int:
        """The random seed."""
        return self.result.seed

    @property
    def runs(self) -> tuple[Run, ...]:
        """The replicates."""
        return self.result.runs

    @property
    def trace(self) -> Trace:
        """The first replicate's trace; `runs` has all of them."""
        return self.result.trace

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth telling of how clients' own code ran in the first replicate."""
        return tuple(map(str, self.result.runs[0].notes))

    @property
    def measures(self) -> Measures:
        """The first replicate's measures; for all replicates together see `value`."""
        return self.result.measures

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return a metric's mean over the replicates; None if it is undefined.

        `summary.estimate` has its interval as well.

        Args:
            name: the metric, as in `simcb metrics`.
            phase: `whole`, `healthy`, `fault`, `fault:NAME`, `between`, `recovery` or
                `change:NAME`.
            of: the service or the client group, for what is measured of each.

        Raises:
            UnknownNumberError: there is no such metric, phase or service.
        """
        return self.summary.value(name, phase, of)

    @property
    def summary(self) -> Summary:
        """Every metric's mean over the replicates, with its interval."""
        return self.result.summary

    @property
    def thresholds(self) -> tuple[ThresholdResult, ...]:
        """The scenario's thresholds, and how each fares."""
        return self.result.thresholds

    @property
    def passed(self) -> bool:
        """True if every threshold holds."""
        return self.result.passed

    @property
    def good(self) -> bool:
        """True if every threshold holds and every condition of `fail_if` is shown not to."""
        return self._answer.good

    @property
    def broken_laws(self) -> tuple[Law, ...]:
        """The laws that a run breaks, if it was audited: a mistake of the simulator."""
        return self._answer.broken_laws

    @property
    def judgement(self) -> Judgement:
        """The commonest verdict and its reason."""
        return self.result.judgement

    @property
    def digest(self) -> str:
        """What identifies the result: equal digests, equal happenings."""
        return self.result.digest

    @cached_property
    def baseline(self) -> RunView | None:
        """The same without breakers; None if that was not run."""
        return RunView(self.result.baseline) if self.result.baseline is not None else None

    @cached_property
    def ordinary_day(self) -> RunView | None:
        """The same without the faults; None if that was not run."""
        day = self.result.ordinary_day
        return RunView(day) if day is not None else None

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every number measured, as a tidy pandas frame: a row for each replicate and metric.

        The columns are variant (`scenario`, `baseline` for the run without breakers, `ordinary-day`
        for the one without faults),
        replicate, metric, unit, phase, of (the service, or nothing) and value: nan if
        undefined, infinite for a time that never came.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return frame(_rows(self.result), _COLUMNS).astype({"value": float})

    def __repr__(self) -> str:
        replicates = f", {len(self.runs)} replicates" if len(self.runs) > 1 else ""
        verdict = self.judgement.verdict.value
        return f"<run of {self.scenario.name!r}, seed {self.seed}{replicates}: {verdict}>"

    def _document(self) -> Document:
        return run_document(self._answer)

    @property
    def _answer(self) -> Answer:
        return Answer(self.result, self.fail_if, audits=self.audits, tags=self.tags)


_COLUMNS = ("variant", "replicate", "metric", "unit", "phase", "of", "value")


def _rows(result: Result) -> list[tuple[str, int, str, str, str, str, float | None]]:
    return [
        (variant, run.replicate, each.name, each.unit.value, each.phase, each.of, each.value)
        for variant, one in variants_of(result)
        for run in one.runs
        for each in run.measures
    ]
