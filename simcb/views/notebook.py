"""simcb in a notebook or a script: load a scenario, run it, look at what came out.

`run` returns a view of a result: it shows itself as a card, draws itself, and becomes a
table. Everything heavy is loaded when it is asked for: matplotlib by a plot, pandas by `df`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcb import studies
from simcb.errors import MissingExtraError
from simcb.metrics import Judgement, Law, Measures, Summary, ThresholdResult
from simcb.metrics.phase import WHOLE
from simcb.scenario import Scenario
from simcb.studies import Baseline, Result, Run
from simcb.trace import Trace
from simcb.views.answer import Answer, answer_of, conditions_of
from simcb.views.files.reading import open_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simcb.views.plots import Curves
    from simcb.views.sweeps.view import SweepView
    from simcb.views.tunings.view import TuneView

EXTRA = "notebook"
"""The extra of simcb that brings pandas."""


@dataclass(frozen=True, repr=False, eq=False)
class Plots:
    """The plots of a result: call it for the timeline, or take a panel by its name.

    A panel is drawn into `ax`, or into axes of a figure of its own, and returns the axes.
    """

    result: Result

    @cached_property
    def curves(self) -> Curves:
        """What the plots show, as arrays."""
        from simcb.views.plots import curves_of

        return curves_of(self.result)

    def __call__(self) -> Figure:
        """Return the timeline: states, latency, load and outcomes above each other."""
        from simcb.views.plots import timeline

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

    def __repr__(self) -> str:
        return "<plots: call for the timeline; .states .latency .load .outcomes .workers for one>"

    def _panel(self, name: str, ax: Axes | None) -> Axes:
        from simcb.views.plots import PANELS

        return PANELS[name](self.curves, ax)


@dataclass(frozen=True, repr=False, eq=False)
class RunView:
    """A result as one looks at it in a notebook.

    Args:
        result: what a run came to; its parts are attributes of the view, too.
        fail_if: the conditions under which the run was to count as failed; each that is
            not shown to be false (`fails`) is the bad case.
        audits: the laws held against each run, the baseline's after the scenario's; empty if
            that was not asked for.
    """

    result: Result
    fail_if: tuple[ThresholdResult, ...] = ()
    audits: tuple[tuple[Law, ...], ...] = ()
    plot: Plots = field(init=False)
    """The plots: `r.plot()` is the timeline, `r.plot.latency(ax=ax)` one panel of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "plot", Plots(self.result))

    @property
    def scenario(self) -> Scenario:
        """What was run."""
        return self.result.scenario

    @property
    def seed(self) -> int:
        """The seed that names the luck."""
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
    def measures(self) -> Measures:
        """The first replicate's measures; for all replicates together see `value`."""
        return self.result.measures

    def value(self, name: str, phase: str = WHOLE, of: str = "") -> float | None:
        """Return a metric's mean over the replicates; None if it is undefined.

        `summary.estimate` has its interval as well.

        Args:
            name: the metric, as in `simcb metrics`.
            phase: `whole`, `healthy`, `fault`, `fault:NAME`, `between` or `recovery`.
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

    @property
    def df(self) -> Any:  # pandas brings no types
        """Every number measured, as a tidy pandas frame: a row for each replicate and metric.

        The columns are variant (`scenario`, or `baseline` for the run without breakers),
        replicate, metric, unit, phase, of (the service, or nothing) and value: nan if
        undefined, infinite for a time that never came.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            from pandas import DataFrame  # type: ignore[import, unused-ignore]
        except ImportError:
            raise MissingExtraError("pandas", EXTRA) from None
        return DataFrame(_rows(self.result), columns=list(_COLUMNS)).astype({"value": float})

    def save_plot(self, path: str | Path) -> Path:
        """Draw the timeline into a PNG, SVG or PDF file, by the ending of `path`.

        Raises:
            PlotFileError: another ending, or the file cannot be written; nothing was drawn.
        """
        from simcb.views.plots import check_plot_path, save

        path = check_plot_path(path)
        return save(self.plot(), path)

    def __repr__(self) -> str:
        replicates = f", {len(self.runs)} replicates" if len(self.runs) > 1 else ""
        verdict = self.judgement.verdict.value
        return f"<run of {self.scenario.name!r}, seed {self.seed}{replicates}: {verdict}>"

    def _repr_html_(self) -> str:
        from simcb.views.card import card

        return card(self._answer)

    @property
    def _answer(self) -> Answer:
        return Answer(self.result, self.fail_if, audits=self.audits)


def load(
    source: str | Path, *, overlays: Sequence[str | Path] = (), sets: Sequence[str] = ()
) -> Scenario:
    """Read a scenario: a file, or the name of a shipped one.

    Args:
        source: path or shipped name.
        overlays: files merged over it, in order.
        sets: changes like `breaker.recovery_timeout=30s`, after the overlays.

    Raises:
        ScenarioError: with every problem there is in the files.
    """
    return studies.read(source, overlays=overlays, sets=sets)


def run(
    scenario: Scenario | str | Path,
    *,
    seed: int = 0,
    replicates: int = 1,
    baseline: Baseline | None = None,
    fail_if: Sequence[str] = (),
    audit: bool = False,
    allow_large: bool = False,
    max_events: int | None = None,
) -> RunView:
    """Run a scenario and return a view of what came out.

    Args:
        scenario: a scenario, or what `load` makes one of.
        seed: names the luck; the same seed gives the same run.
        replicates: how many runs with other luck; intervals need at least two.
        baseline: "none" also runs the scenario without any breaker on the same luck.
        fail_if: conditions under which the run counts as failed, as in `p99{fault} > 1s`.
        audit: hold the laws that every run must obey against each run.
        allow_large: run even what is estimated to be huge.
        max_events: events each run may have; if None 200 million, and any number with
            `allow_large`.

    Raises:
        ScenarioError: the scenario cannot be read.
        StudyError: an argument makes no sense.
        ThresholdError: a threshold names what does not exist.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
        EventBudgetError: a run is not over after `max_events`.
        RowBudgetError: a run is not over after 30 million requests and attempts.
    """
    read = scenario if isinstance(scenario, Scenario) else load(scenario)
    conditions = conditions_of(fail_if, read)
    result = studies.run(
        read,
        seed=seed,
        replicates=replicates,
        baseline=baseline,
        allow_large=allow_large,
        max_events=max_events,
    )
    answer = answer_of(result, conditions, laws=audit)
    return RunView(result, answer.fail_if, answer.audits)


def open(source: str | Path, *, by: str | None = None) -> RunView | SweepView | TuneView:
    """Read what the command line wrote: a directory of `simcb run`, `sweep` or `tune`, or a trace.

    Nothing is run. What was interrupted opens as far as it came, and says so.

    Args:
        source: the directory that `--out` named, or one trace of a run.
        by: what to rank a sweep by; what it was first ranked by if None.

    Raises:
        TraceFileError: there is nothing of the kind, or it is damaged.
        StoreError: the directory of a sweep or a tune is damaged.
        StudyError: there is no number `by` in the sweep, or it is no sweep.
        MissingExtraError: it is a tune, and Optuna is not installed.
    """
    from simcb.studies.sweep import is_sweep, open_sweep
    from simcb.studies.tune import is_tune, open_tune
    from simcb.views.sweeps.view import SweepView
    from simcb.views.tunings.view import TuneView

    studied = is_sweep(source)
    if studied and not is_tune(source):
        return SweepView(open_sweep(source, by=by))
    if by is not None:
        raise studies.StudyError(f"by is {by!r}, and {source} is no sweep", "leave it out")
    if studied:
        return TuneView(open_tune(source))
    return RunView(open_run(source))


_COLUMNS = ("variant", "replicate", "metric", "unit", "phase", "of", "value")


def _rows(result: Result) -> list[tuple[str, int, str, str, str, str, float | None]]:
    variants = {"scenario": result, "baseline": result.baseline}
    return [
        (variant, run.replicate, each.name, each.unit.value, each.phase, each.of, each.value)
        for variant, one in variants.items()
        if one is not None
        for run in one.runs
        for each in run.measures
    ]
